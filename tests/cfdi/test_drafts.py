"""Stored drafts of the shapes that `test_stored.py` does not make, and what is not one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emite.cfdi.comprobante import Comprobante
from emite.cfdi.rfc import Rfc
from emite.cfdi.stored import from_json, to_json
from tests.cfdi import make


@pytest.mark.parametrize("c", [make.pago(), make.factura_global(), make.comprobante()], ids=["P", "global", "I"])
def test_every_shape_comes_back(c: Comprobante) -> None:
    assert from_json(json.loads(json.dumps(to_json(c)))) == c


def test_what_is_absent_is_not_stored() -> None:
    stored = to_json(make.comprobante())
    assert "pagos" not in stored
    assert "relacionados" not in stored
    assert stored["conceptos"][0]["importe"] == "1000.00"


def test_an_rfc_is_stored_as_text() -> None:
    emisor = make.HOSPITAL.__class__(Rfc.parse("HST150101AA6"), "X", "601")
    assert type(to_json(make.comprobante(emisor=emisor))["emisor"]["rfc"]) is str


@pytest.mark.parametrize(
    "spoil",
    [
        {"nada": 1},
        {"fecha": "ayer"},
        {"conceptos": [{"importe": "diez"}]},
        {"conceptos": 5},
        {"emisor": "EKU9003173C9"},
        {"serie": 5},
        {"tipo_cambio": []},
    ],
)
def test_anything_else_is_refused(spoil: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        from_json(to_json(make.comprobante()) | spoil)

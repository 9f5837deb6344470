"""Our own avisos (EMI…): they speak where they should, stay silent elsewhere, and never block."""

from __future__ import annotations

import pytest

from emite.cfdi import rules
from emite.cfdi.faults import Severity
from tests.cfdi.rules.cases import EMISOR, GLOBAL, LOCALES, RECEPTOR, C
from tests.cfdi.rules.documents import Spoil, add, both, document, drop, put

_GLOBAL_NODE = '<cfdi:InformacionGlobal Periodicidad="04" Meses="01" Año="2026"/>'
_SPEAK: list[tuple[str, str, Spoil]] = [
    ("EMI101", "factura", put(RECEPTOR, Rfc="EKU9003173C8")),
    ("EMI101", "factura", put(EMISOR, Rfc="CACX7605101P7")),
    *[
        ("EMI102", "factura", put(RECEPTOR, Nombre=f"ESCUELA KEMPER URGATE{suffix}"))
        for suffix in (
            " SA DE CV", ", S.A. DE C.V.", " S A DE C V", " SAPI DE CV", " S DE RL DE CV", " S. DE R.L. DE C.V.",
            " SAB DE CV", " SAS DE CV", " SC", " S.C.", " AC", " A.C.", " SA", " S DE RL", " S DE RL MI",
        )
    ],
    ("EMI102", "egreso", put(EMISOR, Nombre="ESCUELA KEMPER URGATE SA DE CV")),
    ("EMI103", "paciente", put(RECEPTOR, Nombre="Cecilia Miranda Sánchez")),
    ("EMI103", "factura", put(EMISOR, Nombre="XOCHILT casas CHAVEZ")),
    ("EMI104", "global", both(drop(GLOBAL), put(RECEPTOR, Nombre="PÚBLICO EN GENERAL"))),
    ("EMI104", "global", both(drop(GLOBAL), put(RECEPTOR, Nombre="Publico  en general"))),
    ("EMI105", "paciente", add(".", _GLOBAL_NODE, at=0)),
    ("EMI105", "egreso", add(".", _GLOBAL_NODE, at=0)),
    ("EMI106", "paciente", put(".", FormaPago="99")),
    ("EMI107", "paciente", put(".", FormaPago=None)),
    ("EMI107", "paciente", put(".", MetodoPago=None)),
    ("EMI107", "egreso", put(".", MetodoPago=None, FormaPago=None)),
    ("EMI108", "paciente", put(C, ValorUnitario="790.00")),
    ("EMI109", "factura", drop("cfdi:Impuestos/cfdi:Traslados/cfdi:Traslado[3]")),
    ("EMI110", "egreso", put("cfdi:CfdiRelacionados", TipoRelacion="05")),
]  # fmt: skip
_SILENT: list[tuple[str, str, Spoil]] = [
    ("EMI101", "global", put(RECEPTOR, Rfc="XAXX010101000")),
    ("EMI101", "factura", put(RECEPTOR, Rfc="no es un RFC")),
    ("EMI102", "factura", put(RECEPTOR, Nombre="LA CASA")),
    ("EMI102", "factura", put(RECEPTOR, Nombre="HOSPITAL MAC")),
    ("EMI102", "paciente", put(RECEPTOR, Nombre="MARIA SA")),
    ("EMI103", "global", put(RECEPTOR, Nombre="Cecilia Miranda")),
    ("EMI104", "paciente", put(RECEPTOR, Nombre="PÚBLICO EN GENERAL")),
    ("EMI105", "global", add(".", LOCALES)),
    ("EMI106", "paciente", put(".", MetodoPago="PPD", FormaPago="99")),
    ("EMI107", "pago", put(".", Serie="P")),
    ("EMI107", "traslado", put(".", Serie="T")),
    ("EMI108", "paciente", put(C, ValorUnitario="800.004")),
    ("EMI108", "paciente", put(C, Cantidad="3", ValorUnitario="266.67")),
    ("EMI108", "factura", put(C, ValorUnitario="100.08")),
    ("EMI109", "paciente", put(".", Serie="A")),
    ("EMI110", "egreso", put("cfdi:CfdiRelacionados", TipoRelacion="03")),
    ("EMI110", "egreso", put("cfdi:CfdiRelacionados", TipoRelacion="04")),
]


def _avisos(name: str, spoil: Spoil) -> set[str]:
    root = document(name)
    spoil(root)
    return {fault.code for fault in rules.check(root) if fault.severity is Severity.AVISO}


@pytest.mark.parametrize(("code", "name", "spoil"), _SPEAK)
def test_speaks(code: str, name: str, spoil: Spoil) -> None:
    assert _avisos(name, spoil) == {code}


@pytest.mark.parametrize(("code", "name", "spoil"), _SILENT)
def test_stays_silent(code: str, name: str, spoil: Spoil) -> None:
    assert code not in _avisos(name, spoil)


def test_each_has_both() -> None:
    own = {code for code in rules.RULES if code.startswith("EMI")}

    assert {code for code, _, _ in _SPEAK} == {code for code, _, _ in _SILENT} == own

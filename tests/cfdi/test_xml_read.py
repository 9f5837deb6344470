"""What `xml.build` writes, read back: the same Comprobante, and the same document whatever its seal and stamp."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from lxml import etree

from emite.cfdi import timbre
from emite.cfdi.xml import build, parse, to_bytes
from emite.cfdi.xml_read import comprobante, same_document
from tests.golden.invoices import document


@pytest.mark.parametrize("number", range(60))
def test_reading_undoes_writing(number: int) -> None:
    content = document(number)
    root = parse(to_bytes(build(content)))

    found = comprobante(root)

    assert found == content
    assert to_bytes(build(found)) == to_bytes(root)


@pytest.mark.parametrize("number", range(12))
def test_seal_stamp_folio_and_date_do_not_make_another_document(number: int) -> None:
    content = document(number)
    sealed = build(replace(content, serie="R", folio="77"))
    for name in ("Sello", "NoCertificado", "Certificado"):
        sealed.set(name, "AA==")
    folio, day = "0" * 8 + "-0000-0000-0000-" + "0" * 12, dt.datetime(2026, 1, 2)
    stamp = timbre.Timbre(folio, day, "SPR190613I52", None, "AA==", "00001000000504465028", "AA==")
    stamped = timbre.attach(to_bytes(sealed), stamp)

    assert same_document(content, parse(stamped))
    assert timbre.without_stamp(parse(timbre.detach(stamped))) == timbre.without_stamp(sealed)
    other = replace(content.receptor, nombre=content.receptor.nombre + " X")
    assert not same_document(replace(content, receptor=other), parse(stamped))
    if content.tipo != "P":
        line = replace(content.conceptos[0], importe=content.conceptos[0].importe + Decimal("0.01"))
        assert not same_document(replace(content, conceptos=(line, *content.conceptos[1:])), parse(stamped))


def test_what_is_not_whole_is_refused() -> None:
    root = build(document(1))
    receptor = root.find("{*}Receptor")
    assert receptor is not None
    root.remove(receptor)
    with pytest.raises(ValueError, match="Receptor"):
        comprobante(root)
    with pytest.raises(ValueError, match="not a whole CFDI"):
        comprobante(etree.fromstring("<x/>"))

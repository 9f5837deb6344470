"""Stamps: a true one is proved, and every way of not being one is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from emite.cfdi.certificates import Certificate
from emite.cfdi.timbre import StampInvalid, attach, build, read, verify_stamp
from emite.cfdi.xml import TFD, parse, to_bytes
from emite.cfdi.xml import build as build_xml
from tests.cfdi import make


def _trusted() -> dict[str, Certificate]:
    return {make.stamp_signer().no_certificado: make.stamp_signer()}


def test_a_true_stamp() -> None:
    document = make.sealed()
    stamp = verify_stamp(make.stamped(document), document.xml, _trusted())
    assert stamp == make.stamp(document)
    assert (stamp.uuid, stamp.sello_cfd) == (make.UUID, document.sello)


@pytest.mark.parametrize("c", [make.factura_global(), make.pago()], ids=["global", "P"])
def test_a_true_stamp_of_other_types(c: object) -> None:
    document = make.sealed(c)  # type: ignore[arg-type]
    assert verify_stamp(make.stamped(document), document.xml, _trusted()).uuid == make.UUID


def test_uuid_is_read_in_capitals() -> None:
    document = make.sealed()
    xml = attach(document.xml, replace(make.stamp(document), uuid=make.UUID.lower()))
    with pytest.raises(StampInvalid, match="SelloSAT"):  # the cadena signs the letters as they are written
        verify_stamp(xml, document.xml, _trusted())
    stamp = read(parse(xml))
    assert stamp is not None
    assert stamp.uuid == make.UUID


def test_the_rest_of_the_document_keeps_its_bytes() -> None:
    document = make.sealed()
    stamped = make.stamped(document)
    start = stamped.index(b"<cfdi:Complemento>")
    end = stamped.index(b"</cfdi:Complemento>") + len(b"</cfdi:Complemento>")
    assert stamped[:start] + stamped[end:] == document.xml


def test_the_stamp_joins_a_complement_that_is_there() -> None:
    document = make.sealed(make.pago())
    root = parse(make.stamped(document))
    assert [len(node) for node in root.iterchildren("{*}Complemento")] == [2]


def test_the_stamp_goes_before_the_addenda() -> None:
    xml = make.sealed().xml.replace(b"</cfdi:Comprobante>", b"<cfdi:Addenda><a/></cfdi:Addenda></cfdi:Comprobante>")
    root = parse(attach(xml, make.stamp(make.sealed())))
    assert [str(node.tag).split("}")[1] for node in root][-2:] == ["Complemento", "Addenda"]


def test_harmless_rewriting_by_the_pac_is_accepted() -> None:
    document = make.sealed()
    rewritten = (
        make.stamped(document)
        .replace(b"><", b">\n  <")
        .replace(b"/cfdv40.xsd", f"/cfdv40.xsd {TFD} http://example.com/TimbreFiscalDigitalv11.xsd".encode(), 1)
        .replace(b"<cfdi:Comprobante ", f'<cfdi:Comprobante xmlns:tfd="{TFD}" '.encode(), 1)
        .replace(b"<cfdi:Emisor", b"<!-- PAC --><cfdi:Emisor")
    )
    assert verify_stamp(rewritten, document.xml, _trusted()).uuid == make.UUID


def _swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def spoil(xml: bytes) -> bytes:
        assert old in xml
        return xml.replace(old, new)

    return spoil


def _twice(xml: bytes) -> bytes:
    start, end = xml.index(b"<tfd:"), xml.index(b"</cfdi:Complemento>")
    return xml[:end] + xml[start:end] + xml[end:]


def _moved(xml: bytes) -> bytes:
    return xml.replace(b"cfdi:Complemento>", b"cfdi:Addenda>")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda xml: b"<html>502</html>", "no TimbreFiscalDigital"),
        (lambda xml: b"garbage", "cannot be read"),
        (lambda xml: make.sealed().xml, "no TimbreFiscalDigital"),
        (_twice, "more than one"),
        (_moved, "not in the document's Complemento"),
        (_swap(b'UUID="5FB2822E', b'UUID="6FB2822E'), "SelloSAT does not verify"),
        (_swap(b'UUID="5FB2822E', b'UUID="?FB2822E'), "no UUID"),
        (_swap(b'FechaTimbrado="2026', b'FechaTimbrado="2027'), "SelloSAT does not verify"),
        (_swap(b'FechaTimbrado="2026-11-22T12:00:05"', b'FechaTimbrado="hoy"'), "incomplete"),
        (_swap(b'FechaTimbrado="2026-11-22T12:00:05"', b'FechaTimbrado="2026-11-22T12:00:05Z"'), "zone"),
        (_swap(b' SelloSAT="', b' SelloSat="'), "incomplete"),
        (_swap(b' SelloSAT="', b' SelloSAT="*'), "SelloSAT does not verify"),
        (_swap(b' SelloCFD="', b' SelloCFD="A'), "SelloCFD is not"),
        (_swap(b'Version="1.1"', b'Version="1.0"'), "version 1.1"),
        (_swap(b'NoCertificadoSAT="9', b'NoCertificadoSAT="8'), "no trusted stamp certificate"),
        (_swap(b'Total="1160.00"', b'Total="1160.01"'), "something besides the stamp differs"),
        (_swap(b"<cfdi:Complemento>", b'<cfdi:Complemento xmlns:x="urn:x"><x:y/>'), "something besides"),
        (_swap(b"</cfdi:Comprobante>", b"<cfdi:Addenda><a/></cfdi:Addenda></cfdi:Comprobante>"), "something besides"),
        (_swap(b"<cfdi:Emisor", b"x<cfdi:Emisor"), "something besides"),
    ],
)
def test_what_is_not_a_true_stamp(spoil: Callable[[bytes], bytes], reason: str) -> None:
    document = make.sealed()
    with pytest.raises(StampInvalid, match=reason):
        verify_stamp(spoil(make.stamped(document)), document.xml, _trusted())


def test_a_stamp_of_another_document_of_ours() -> None:
    ours, other = make.sealed(), make.sealed(make.comprobante(folio="2"))
    with pytest.raises(StampInvalid, match="SelloCFD is not"):
        verify_stamp(make.stamped(other), ours.xml, _trusted())


def test_a_stamp_moved_to_another_document() -> None:
    ours, other = make.sealed(), make.sealed(make.comprobante(folio="2"))
    with pytest.raises(StampInvalid, match="something besides the stamp differs"):
        verify_stamp(attach(other.xml, make.stamp(ours)), ours.xml, _trusted())


def test_an_unsealed_document_has_no_stamp() -> None:
    unsealed = to_bytes(build_xml(make.comprobante()))
    document = make.sealed()
    with pytest.raises(StampInvalid, match="SelloCFD is not"):
        verify_stamp(attach(unsealed, replace(make.stamp(document), sello_cfd="")), unsealed, _trusted())


@pytest.mark.parametrize("uuid", ["", "5FB2822E", "5FB2822E-396D-4725-8521-CDC4BDD20CCG"])
def test_only_a_uuid_makes_a_stamp(uuid: str) -> None:
    with pytest.raises(ValueError, match="UUID"):
        make.stamp(make.sealed(), uuid=uuid)


def test_a_stamp_carries_no_zone() -> None:
    with pytest.raises(ValueError, match="without zone"):
        build(
            uuid=make.UUID,
            fecha_timbrado=datetime(2026, 1, 1, tzinfo=UTC),
            rfc_prov_certif="SPR190613I52",
            sello_cfd="x",
            no_certificado_sat="1" * 20,
            sign=lambda data: data,
        )

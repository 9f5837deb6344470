"""The strict reader against what people and attackers send, and the builder's shape and bytes."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from emite.cfdi.comprobante import Comprobante, Relacionados
from emite.cfdi.faults import CfdiInvalid
from emite.cfdi.taxes import ISR_HONORARIOS, Treatment
from emite.cfdi.xml import CFDI, XmlRefused, build, parse, to_bytes
from tests.cfdi import make

BOMB = b"""<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;">]><a x="&d;">&d;</a>"""
XXE = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'


def test_reads_a_cfdi() -> None:
    assert parse(make.stamped()).tag == f"{{{CFDI}}}Comprobante"


def test_reads_a_byte_order_mark_and_comments_before_the_root() -> None:
    assert parse(b"\xef\xbb\xbf<!-- uno --><?a b?>\n<a/>").tag == "a"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "vacío"),
        (b"   \n", "vacío"),
        (b"%PDF-1.7", "no es XML"),
        (b"{}", "no es XML"),
        (BOMB, "DOCTYPE"),
        (XXE, "DOCTYPE"),
        (b"<!-- a --><!DOCTYPE a><a/>", "DOCTYPE"),
        (XXE.decode().encode("utf-16"), "UTF-8"),
        (XXE.decode().encode("utf-16-le"), "UTF-8"),
        (XXE.decode().encode("utf-32"), "UTF-8"),
        (b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE', "UTF-7"),
        (b"<?xml version='1.0' encoding='ISO-8859-1'?><a/>", "ISO-8859-1"),
        (b'<?xml version="1.0" encoding="utf-16"?><a/>', "utf-16"),
        ('<?xml version="1.0"?><a b="ñ"/>'.encode("latin-1"), "UTF-8"),
        (b"<a><b></a>", "bien formado"),
        (b"<a", "bien formado"),
        (b"<!-- <a/>", "incompleto"),
        (b'<a b="1" b="2"/>', "bien formado"),
        (b'<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>', "bien formado"),
        (b"<a>&nada;</a>", "bien formado"),
        (b'<a b="&nada;"/>', "bien formado"),
        (b"<a/><b/>", "bien formado"),
        (b"<a>\x00</a>", "UTF-8"),
        (b"<a>" * 200_000, "demasiados"),
        (b"<a>" * 5_000 + b"</a>" * 5_000, "bien formado"),
        (b"<a>" + b"<b/>" * 30_000 + b"</a>", "demasiados"),
        (b"<a>" + b" " * 2_000_001 + b"</a>", "demasiado grande"),
    ],
)
def test_refuses_in_words_and_at_once(data: bytes, said: str) -> None:
    started = time.process_time()
    with pytest.raises(XmlRefused, match=said):
        parse(data)
    assert time.process_time() - started < 1  # a bomb would take minutes


def test_depth_has_a_bound_of_its_own() -> None:
    deep = b"<a>" * 200_000 + b"</a>" * 200_000
    with pytest.raises(XmlRefused, match="bien formado"):
        parse(deep, max_nodes=10**6)


def test_bounds_are_arguments() -> None:
    assert len(parse(b"<a>" + b"<b/>" * 30_000 + b"</a>", max_nodes=40_000)) == 30_000


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        root = parse(data)
    except XmlRefused:
        return
    assert isinstance(root.tag, str)


def test_the_same_document_gives_the_same_bytes() -> None:
    assert to_bytes(build(make.comprobante())) == to_bytes(build(make.comprobante()))


def test_bytes_are_utf8_and_survive_reading() -> None:
    c = make.comprobante(conceptos=(make.concepto(descripcion="Ñandú & «piñón» <b> \"x\" 'y' 😀"),))
    data = to_bytes(build(c))
    assert data.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<cfdi:Comprobante ')
    assert "Ñandú &amp; «piñón» &lt;b&gt; &quot;x&quot; 'y' 😀".encode() in data
    assert to_bytes(parse(data)) == data


def test_what_is_absent_is_not_written() -> None:
    root = build(make.comprobante(serie=None, folio=None))
    assert "" not in {value for name, value in root.items() if name not in ("Sello", "NoCertificado", "Certificado")}
    assert "Serie" not in root.attrib


def test_order_of_nodes_in_a_concepto_and_in_the_summary() -> None:
    root = build(make.comprobante(conceptos=(make.concepto(retenciones=[ISR_HONORARIOS]),)))
    line = root.find(f".//{{{CFDI}}}Concepto/{{{CFDI}}}Impuestos")
    summary = root.find(f"{{{CFDI}}}Impuestos")
    assert line is not None
    assert summary is not None
    assert [etree.QName(node).localname for node in line] == ["Traslados", "Retenciones"]
    assert [etree.QName(node).localname for node in summary] == ["Retenciones", "Traslados"]


def test_amounts_of_the_whole_have_the_decimals_of_the_currency() -> None:
    root = build(make.comprobante(conceptos=(make.concepto(valor_unitario=Decimal("0.123456")),)))
    assert (root.get("SubTotal"), root.get("Total")) == ("0.12", "0.14")
    yen = build(make.comprobante(moneda="JPY", tipo_cambio=Decimal("0.12")))
    assert (yen.get("SubTotal"), yen.get("Total"), yen.get("TipoCambio")) == ("1000", "1160", "0.12")


def test_rates_have_six_decimals() -> None:
    line = make.concepto(treatment=Treatment.IVA8)
    data = to_bytes(build(make.comprobante(conceptos=(line,))))
    assert data.count(b'TasaOCuota="0.080000"') == 2


def test_a_global_invoice_carries_its_period() -> None:
    information = build(make.factura_global())[0]
    assert etree.QName(information).localname == "InformacionGlobal"
    assert dict(information.attrib) == {"Periodicidad": "04", "Meses": "10", "Año": "2026"}


def test_related_documents_are_one_node_per_relation() -> None:
    other = make.UUID.replace("5FB2", "6FB2")
    related = (Relacionados("01", (make.UUID, other)), Relacionados("04", (make.UUID,)))
    root = build(make.comprobante(relacionados=related))
    found = [(node.get("TipoRelacion"), len(node)) for node in root.iter(f"{{{CFDI}}}CfdiRelacionados")]
    assert found == [("01", 2), ("04", 1)]


def test_a_payment_declares_its_complement_at_the_root() -> None:
    root = build(make.pago())
    assert root.nsmap["pago20"] == "http://www.sat.gob.mx/Pagos20"
    assert (root.get("SubTotal"), root.get("Total")) == ("0", "0")
    assert root.find(f"{{{CFDI}}}Impuestos") is None
    assert b'<pago20:TrasladoDR BaseDR="4310.344828" ImpuestoDR="002" TipoFactorDR="Tasa"' in to_bytes(root)


def test_an_invoice_does_not_declare_what_it_does_not_use() -> None:
    assert set(build(make.comprobante()).nsmap) == {"cfdi", "xsi"}


@pytest.mark.parametrize("text", ["a\x00b", "a\x0bb", "a\ufffeb", "a\ud800b"])
@pytest.mark.parametrize("where", ["Descripcion", "Serie"])
def test_characters_that_xml_cannot_carry_are_a_fault_of_that_field(text: str, where: str) -> None:
    over = {"serie": text} if where == "Serie" else {"conceptos": (make.concepto(descripcion=text),)}
    with pytest.raises(CfdiInvalid) as caught:
        build(make.comprobante(**over))
    assert [(fault.code, where in fault.message) for fault in caught.value.faults] == [("EMI001", True)]


@pytest.mark.parametrize("fecha", [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 0, 1)])
def test_a_date_with_zone_or_fractions_is_an_error_of_the_program(fecha: datetime) -> None:
    with pytest.raises(ValueError, match="whole seconds"):
        build(make.comprobante(fecha=fecha))


def test_a_float_never_gets_into_a_document() -> None:
    c: Comprobante = make.comprobante(tipo_cambio=1.5)
    with pytest.raises(TypeError):
        build(c)

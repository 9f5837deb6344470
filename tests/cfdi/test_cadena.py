"""The cadena original by three ways: our walk, SAT's sheet by libxslt and SAT's sheet by Saxon (XSLT 3.0)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lxml import etree
from saxonche import PySaxonProcessor

from emite.cfdi import codes
from emite.cfdi.cadena import cadena_by_xslt, cadena_original, cadena_tfd, cadena_tfd_by_xslt
from emite.cfdi.comprobante import Comprobante, Receptor, Relacionados
from emite.cfdi.taxes import ISR_HONORARIOS, Treatment
from emite.cfdi.xml import CFDI, TFD, build, parse, to_bytes
from tests.cfdi import make

_SHEET = codes.FOLDER / "xslt" / "4" / "cadenaoriginal_4_0" / "cadenaoriginal_4_0.xslt"

DOCUMENTS: dict[str, Comprobante] = {
    "plain": make.comprobante(),
    "exempt and withheld": make.comprobante(
        conceptos=(make.concepto(treatment=Treatment.EXENTO, retenciones=[ISR_HONORARIOS]), make.concepto())
    ),
    "global": make.factura_global(),
    "payment": make.pago(),
    "related": make.comprobante(relacionados=(Relacionados("04", (make.UUID, make.UUID)),)),
    "foreign": make.comprobante(
        receptor=Receptor("XEXX010101000", "JOHN DOE", "06700", "616", "S01", residencia_fiscal="USA")
    ),
    "odd texts": make.comprobante(
        condiciones_de_pago="  Pago   a 30 \t días\r\n ",
        emisor=replace(make.HOSPITAL, nombre="PEÑA & HIJOS «S»  DE\u00a0ORO"),
        conceptos=(make.concepto(descripcion="<b>\u2003\u00a0Ñ  'x' \"y\" 😀 \u2028\n z"),),
    ),
}


@pytest.fixture(scope="module")
def saxon() -> PySaxonProcessor:
    with PySaxonProcessor(license=False) as processor:
        yield processor


@pytest.mark.parametrize("name", DOCUMENTS)
def test_three_ways_agree(name: str, saxon: PySaxonProcessor) -> None:
    root = parse(to_bytes(build(DOCUMENTS[name])))
    executable = saxon.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(_SHEET))
    by_saxon = executable.transform_to_string(
        xdm_node=saxon.parse_xml(xml_text=etree.tostring(root, encoding="unicode"))
    )
    assert cadena_original(root) == cadena_by_xslt(root) == by_saxon


def test_a_known_cadena() -> None:
    assert cadena_original(build(make.comprobante())) == (
        "||4.0|R|1|2026-11-22T12:00:00|04||1000.00|MXN|1160.00|I|01|PUE|06700|HST150101AA6|HOSPITAL SAN TELMO|601|"
        "MISC491214B86|CECILIA MIRANDA SANCHEZ|01010|612|D01|85121600|1|E48|Consulta de especialidad|1000.00|1000.00|"
        "02|1000.00|002|Tasa|0.160000|160.00|1000.00|002|Tasa|0.160000|160.00|160.00||"
    )


def _with(fragment: str, place: str) -> etree._Element:
    root = build(make.comprobante())
    parent = root.find(f".//{{{CFDI}}}{place}") if place != "Comprobante" else root
    assert parent is not None
    parent.append(etree.fromstring(fragment))
    return root


@pytest.mark.parametrize(
    ("fragment", "place"),
    [
        (f'<ACuentaTerceros xmlns="{CFDI}" RfcACuentaTerceros="A" NombreACuentaTerceros="B"/>', "Concepto"),
        (f'<InformacionAduanera xmlns="{CFDI}" NumeroPedimento="10  47  3807  8003832"/>', "Concepto"),
        (f'<CuentaPredial xmlns="{CFDI}" Numero="15956011002"/>', "Concepto"),
        (f'<Parte xmlns="{CFDI}" ClaveProdServ="51101500" Cantidad="1" Descripcion="x"/>', "Concepto"),
        (
            f'<ComplementoConcepto xmlns="{CFDI}"><i:instEducativas xmlns:i="http://www.sat.gob.mx/iedu" version="1.0" '
            'nombreAlumno="A" CURP="B" nivelEducativo="Primaria" autRVOE="1"/></ComplementoConcepto>',
            "Concepto",
        ),
        (
            f'<Complemento xmlns="{CFDI}"><l:LeyendasFiscales xmlns:l="http://www.sat.gob.mx/leyendasFiscales" '
            'version="1.0"><l:Leyenda textoLeyenda="Hola"/></l:LeyendasFiscales></Complemento>',
            "Comprobante",
        ),
        (f'<Complemento xmlns="{CFDI}"><x:y xmlns:x="urn:x">texto</x:y></Complemento>', "Comprobante"),
        (f'<Complemento xmlns="{CFDI}"><!-- nada --></Complemento>', "Comprobante"),
        (f'<Addenda xmlns="{CFDI}"><x:y xmlns:x="urn:x">texto</x:y></Addenda>', "Comprobante"),
    ],
)
def test_what_the_walk_cannot_read_goes_by_the_sheet(fragment: str, place: str) -> None:
    root = _with(fragment, place)
    assert cadena_original(root) == cadena_by_xslt(root)


def test_empty_and_absent_attributes_differ_as_the_sheet_says() -> None:
    root = build(make.comprobante())
    root.set("Serie", "")
    del root.attrib["Moneda"]
    assert cadena_original(root) == cadena_by_xslt(root)


def test_the_stamp_and_the_seal_are_no_part_of_it() -> None:
    document = make.sealed()
    assert cadena_original(parse(make.stamped(document))) == document.cadena


def test_the_cadena_of_the_stamp() -> None:
    node = next(parse(make.stamped()).iter(f"{{{TFD}}}TimbreFiscalDigital"))
    assert cadena_tfd(node) == cadena_tfd_by_xslt(node)
    assert cadena_tfd(node).startswith(f"||1.1|{make.UUID}|2026-11-22T12:00:05|")


def test_only_a_comprobante_has_one() -> None:
    for function in (cadena_original, cadena_by_xslt, cadena_tfd):
        with pytest.raises(ValueError, match="not a"):
            function(etree.Element("a"))

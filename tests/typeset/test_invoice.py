"""The page of a CFDI: everything the law asks is on it, the XML is inside, and no text breaks out of it."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from decimal import Decimal
from functools import cache

import pytest

from emite.cfdi.comprobante import InformacionGlobal, Receptor, Relacionados
from emite.cfdi.representation import draft_representation
from emite.cfdi.taxes import ISR_HONORARIOS, IVA_DOS_TERCIOS, Treatment
from emite.cfdi.xml import build
from emite.typeset import Branding, InvoicePrint, invoice_pdf, qr_png, typesetter
from emite.typeset.brand_page import WHITE, contrast, readable
from tests.typeset import make
from tests.typeset.reading import Pdf


def drawn(*args: object, **over: object) -> Pdf:
    return Pdf(invoice_pdf(*make.invoice(*args, **over)))  # type: ignore[arg-type]


REQUIRED = (
    "Este documento es una representación impresa de un CFDI",
    make.UUID,
    "30001000000500003416",
    "30001000000400002495",
    "SPR190613I52",
    "22 nov 2026, 14:05:33",
    "22 nov 2026, 14:05:41",
    "HOSPITAL SAN TELMO",
    "HST150101AA6",
    "601 General de Ley Personas Morales",
    "C.P. 44160",
    "A-1024",
    "CECILIA MIRANDA SANCHEZ",
    "MISC491214B86",
    "C.P. 01010",
    "612 Personas Físicas con Actividades Empresariales y Profesionales",
    "D01 Honorarios médicos, dentales y gastos hospitalarios",
    "04 Tarjeta de crédito",
    "PUE Pago en una sola exhibición",
    "MXN Peso Mexicano",
    "01 No aplica",
    "Habitación privada estándar, cargo por día",
    "Unidad de servicio (E48)",
    "Clave 85101500",
    "No. ST-001",
    "Subtotal $9,538.60",
    "Descuento −$320.00",
    "IVA 16 % sobre $7,373.10 $1,179.70",
    "IVA 0 % sobre $145.50 $0.00",
    "IVA exento sobre $1,700.00 —",
    "Total $10,398.30",
    "DIEZ MIL TRESCIENTOS NOVENTA Y OCHO PESOS 30/100 M.N.",
    f"CFDI relacionados: 04 Sustitución de los CFDI previos {make.EARLIER}",
    "Página 1 de 1",
)


@cache
def words_of_the_page() -> str:
    return drawn(4).text().replace("\u00a0", " ")


@pytest.mark.parametrize("item", REQUIRED)
def test_page_shows(item: str) -> None:
    assert item in words_of_the_page()


def test_page_shows_seals_and_cadena_for_copying() -> None:
    data, xml = make.invoice()
    fiscal = data.representation.fiscal
    solid = Pdf(invoice_pdf(data, xml)).solid()
    for text in (fiscal.sello, fiscal.sello_sat, fiscal.cadena_tfd):
        assert text in solid


def test_uuid_is_copied_without_break_opportunities() -> None:
    assert "\u200b" not in drawn(4).text()


def test_qr_of_the_page_opens_sats_verification() -> None:
    data, xml = make.invoice(12)
    text, side = Pdf(invoice_pdf(data, xml)).qr()
    assert text == data.representation.fiscal.qr_url
    assert side >= 27.5


def test_xml_travels_inside_byte_for_byte() -> None:
    data, xml = make.invoice(3)
    assert Pdf(invoice_pdf(data, xml)).attachments() == {f"{make.UUID}.xml": xml}


def test_file_claims_pdf_a3_and_ua() -> None:
    pdf = drawn(1).data
    assert re.search(rb"<pdfaid:part>3</pdfaid:part>", pdf)
    assert re.search(rb"<pdfaid:conformance>A</pdfaid:conformance>", pdf)
    assert re.search(rb"<pdfuaid:part>1</pdfuaid:part>", pdf)
    assert b"/GTS_PDFA1" in pdf
    assert re.search(rb"/AF\s*\[", pdf)
    assert re.search(rb"/AFRelationship\s*/Source", pdf)


def test_long_invoice_drops_the_tags_and_stays_pdf_a3_with_its_xml() -> None:
    data, xml = make.invoice(230)
    pdf = invoice_pdf(data, xml)
    assert b"<pdfaid:part>3</pdfaid:part>" in pdf
    assert b"<pdfaid:conformance>B</pdfaid:conformance>" in pdf
    assert b"/StructTreeRoot" not in pdf
    assert Pdf(pdf).attachments() == {f"{make.UUID}.xml": xml}
    assert "No. ST-230" in Pdf(pdf).text()


@pytest.mark.parametrize("lines", [1, 8, 15])
def test_normal_invoice_takes_one_page(lines: int) -> None:
    assert len(drawn(lines).pages()) == 1


def test_long_table_repeats_its_head_numbers_its_pages_and_parts_no_line() -> None:
    pages = drawn(120).pages()
    assert len(pages) == 5
    for number, page in enumerate(pages, start=1):
        assert f"Página {number} de 5" in page
        assert make.UUID in page or number == 1
    for page in pages[:4]:
        assert "Cantidad Descripción Precio unitario Descuento Importe" in page
    for page in pages:
        assert page.count("Clave ") == page.count("No. ST-")
        assert page.count("Unidad de servicio") + page.count("Pieza") == page.count("No. ST-")
        assert page.count("Habitación privada estándar") == page.count("Clave 85101500")
    assert sum(page.count("No. ST-") for page in pages) == 120


def test_same_data_gives_the_same_bytes() -> None:
    assert drawn(3).data == drawn(3).data


def test_withheld_taxes_show_their_rate() -> None:
    line = make.concepto(0, retenciones=(ISR_HONORARIOS,))
    text = drawn(over={"conceptos": (line,)}).text().replace("\u00a0", " ")
    assert "ISR retenido 10 % −$85.00" in text


def test_rates_withheld_at_once_are_listed() -> None:
    fees = make.concepto(1, retenciones=(ISR_HONORARIOS, IVA_DOS_TERCIOS))
    text = drawn(over={"conceptos": (fees,)}).text().replace("\u00a0", " ")
    assert "ISR retenido 10 %" in text
    assert "IVA retenido 10.6667 %" in text


def test_line_outside_of_tax_says_so() -> None:
    text = drawn(over={"conceptos": (make.concepto(0, treatment=Treatment.NO_OBJETO),)}).text()
    assert "No objeto de impuesto" in text


def test_price_shows_all_its_decimals() -> None:
    line = make.concepto(0, valor_unitario=Decimal("0.123456"), cantidad=Decimal("1000.5"))
    text = drawn(over={"conceptos": (line,)}).text()
    assert "1,000.5 Consulta" in text
    assert "0.123456" in text


def test_global_invoice_shows_its_period() -> None:
    text = drawn(
        over={
            "informacion_global": InformacionGlobal("04", "11", 2026),
            "receptor": Receptor("XAXX010101000", "PUBLICO EN GENERAL", "44160", "616", "S01"),
        }
    ).text()
    assert "Factura global" in text
    assert "Periodo de la factura global 04 Mensual, 11 Noviembre de 2026" in text


def test_foreign_receptor_shows_residence_and_registration() -> None:
    who = Receptor("XEXX010101000", "JOHN SMITH", "44160", "616", "S01", "USA", "123456789")
    text = drawn(over={"receptor": who}).text()
    assert "Registro tributario 123456789" in text
    assert "Residencia fiscal USA" in text


def test_every_related_document_is_listed() -> None:
    uuids = tuple(f"0A1B2C3D-0001-4D1C-9F00-{number:012X}" for number in range(3))
    text = drawn(over={"relacionados": (Relacionados("07", uuids), Relacionados("04", (make.EARLIER,)))}).text()
    assert all(uuid in text for uuid in (*uuids, make.EARLIER))
    assert "07 CFDI por aplicación de anticipo" in text


def test_credit_note_has_the_same_page() -> None:
    text = drawn(over={"tipo": "E", "relacionados": (Relacionados("01", (make.EARLIER,)),)}).text()
    assert "Nota de crédito" in text
    assert "Este documento es una representación impresa de un CFDI" in text


def test_other_types_are_refused() -> None:
    data, xml = make.invoice()
    other = replace(data.representation, tipo=replace(data.representation.tipo, key="T"))
    with pytest.raises(ValueError, match="type I, E or P"):
        invoice_pdf(replace(data, representation=other), xml)


def test_stamp_without_fiscal_value_marks_the_page() -> None:
    marked = drawn(1, leyenda=make.LEYENDA).text()
    assert f"Leyenda del timbre {make.LEYENDA}" in marked
    assert marked.count("SIN VALOR FISCAL") == 3  # the mark, the fact, the cadena
    assert "SIN VALOR FISCAL" not in drawn(1).text()


def test_cancelled_invoice_is_marked_with_the_day() -> None:
    text = drawn(1, cancelled_at=dt.datetime(2026, 12, 1, 9, 30)).text()
    assert "CANCELADO" in text
    assert "Cancelado 1 dic 2026" in text


HOSTILE = (
    "#set page(fill: red)",
    "$a$ #panic() *x* _y_ `z` = t",
    "<script>alert(1)</script> &amp; &lt;",
    '"; read("/etc/passwd") //',
    "\\u{41} \\ ~ @ref <label> [b] {c}",
    "“Dr. Ñandú” & Cía.'s € ü Á",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    line = make.concepto(0, descripcion=text)
    who = Receptor("MISC491214B86", text, "01010", "612", "D01")
    page = drawn(over={"conceptos": (line,), "receptor": who}, branding=make.branding(name=text, contact=text)).text()
    assert page.count(text) >= 4


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("Ana 😀 Pérez", "Ana □ Pérez"),
        ("famil\u200bia 👨\u200d👩\u200d👧 ❤\ufe0f", "familia □□□ ❤"),
        ("abc\u202edcba\u202c fin", "abcdcba fin"),
        ("שלום 医院 مرحبا", "□□□□ □□ □□□□□"),
        ("uno\u2028dos\u00adtres\ufeff", "uno dostres"),
        ("zalgo e\u0301\u0302\u0303\u0304\u0305\u0306", "zalgo é"),
        ("\ue000\U0010ffff", "□□"),
    ],
)
def test_what_the_typeface_does_not_draw_never_fails_the_pdf(text: str, printed: str) -> None:
    pdf = drawn(over={"conceptos": (make.concepto(0, descripcion=text),)})
    assert printed in pdf.text()
    assert b"<pdfaid:conformance>A</pdfaid:conformance>" in pdf.data


@pytest.mark.parametrize("text", ["W" * 300, "N" * 254 + " SA", "á" * 300, "http://" + "x" * 200 + "/ñ"])
def test_endless_words_stay_on_the_page(text: str) -> None:
    who = Receptor("MISC491214B86", text, "01010", "612", "D01")
    pdf = drawn(over={"conceptos": (make.concepto(0, descripcion=text),), "receptor": who})
    assert pdf.solid().count(text.replace(" ", "")) >= 2
    picture = pdf.picture(dpi=72)
    margin = picture.crop((picture.width - 30, 0, picture.width, picture.height))
    assert margin.getextrema() == (255, 255)


def test_logo_takes_the_place_of_the_name() -> None:
    plain, with_logo = drawn(1), drawn(1, branding=make.branding(logo=qr_png("logo", 200)))
    assert plain.text().startswith("Hospital San Telmo Av. de la Paz")
    assert with_logo.text().startswith("Av. de la Paz")
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 10"><rect width="40" height="10"/></svg>'
    assert drawn(1, branding=make.branding(logo=svg)).text().startswith("Av. de la Paz")


@pytest.mark.parametrize("logo", [b"not an image", b"\x89PNG\r\n\x1a\nbroken", b"<svg", b"\xff\xd8\xff\xe0broken"])
def test_broken_logo_does_not_cost_the_invoice(logo: bytes, caplog: pytest.LogCaptureFixture) -> None:
    assert drawn(1, branding=make.branding(logo=logo)).text().startswith("Hospital San Telmo")
    assert "logo left out" in caplog.text


def test_branding_refuses_what_cannot_be_printed() -> None:
    with pytest.raises(ValueError, match="colour"):
        Branding("x", accent="red; }")
    with pytest.raises(ValueError, match="at most"):
        Branding("x", logo=b"x" * 1_000_001)


@pytest.mark.parametrize("accent", ["#ffff00", "#ffffff", "#0b5c6b", "#ff8800", "#000000"])
def test_accent_is_readable_on_paper(accent: str) -> None:
    shown = readable(accent)
    assert contrast(tuple(bytes.fromhex(shown[1:])), WHITE) >= 4.5
    assert shown == accent or accent in {"#ffff00", "#ffffff", "#ff8800"}


def test_a_draft_is_the_same_page_without_a_stamp() -> None:
    comprobante = make.comprobante(3)
    data = InvoicePrint(draft_representation(build(comprobante)), Branding("San Telmo"), draft=True)

    text = " ".join(Pdf(typesetter().draft(data)).text().split())

    assert "BORRADOR - SIN VALIDEZ FISCAL" in text
    for word in (comprobante.receptor.nombre, comprobante.receptor.rfc):
        assert word in text
    for word in ("Timbre fiscal digital", "Folio fiscal", "Sello", "representación impresa"):
        assert word not in text

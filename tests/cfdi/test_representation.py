"""What a print must show, the QR's address and the total in words."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emite.cfdi.comprobante import Comprobante, Receptor, Relacionados
from emite.cfdi.representation import Representation, in_words, qr_url, representation
from emite.cfdi.taxes import ISR_HONORARIOS, IVA_DOS_TERCIOS, Treatment
from emite.cfdi.words import integer_words
from emite.cfdi.xml import parse
from tests.cfdi import make


def _of(c: Comprobante) -> Representation:
    return representation(parse(make.stamped(make.sealed(c))))


def _invoice(**over: Any) -> Comprobante:
    lines = (
        make.concepto(retenciones=[ISR_HONORARIOS, IVA_DOS_TERCIOS], no_identificacion="99213", descuento=Decimal(100)),
        make.concepto(treatment=Treatment.EXENTO),
    )
    return make.comprobante(**({"conceptos": lines} | over))


def test_every_item_of_the_law_is_there() -> None:
    """RMF 2.7.1.7 and CFF 29-A, item by item."""
    document = make.sealed(_invoice())
    r = representation(parse(make.stamped(document)))
    assert r.fiscal.uuid == make.UUID
    assert r.fiscal.no_certificado == make.csd().certificate.no_certificado
    assert r.fiscal.no_certificado_sat == make.stamp_signer().no_certificado
    assert r.fiscal.legend == "Este documento es una representación impresa de un CFDI"
    assert (r.fecha, r.fiscal.fecha_timbrado) == ("2026-11-22T12:00:00", "2026-11-22T12:00:05")
    assert r.fiscal.cadena_tfd.startswith(f"||1.1|{make.UUID}|")
    assert r.fiscal.sello == document.sello
    assert len(r.fiscal.sello_sat) == 344
    assert (r.emisor.rfc, r.emisor.regimen_fiscal.label) == (make.HOSPITAL.rfc, "General de Ley Personas Morales")
    assert r.lugar_expedicion == "06700"
    assert (r.receptor.rfc, r.receptor.nombre, r.receptor.domicilio_fiscal) == (
        make.PATIENT.rfc,
        make.PATIENT.nombre,
        "01010",
    )
    assert r.receptor.uso_cfdi.label == "Honorarios médicos, dentales y gastos hospitalarios"
    line = r.lines[0]
    assert (line.cantidad, line.clave_unidad.label, line.descripcion, line.valor_unitario, line.importe) == (
        "1",
        "Unidad de servicio",
        "Consulta de especialidad",
        "1000.00",
        "1000.00",
    )
    assert (r.forma_pago and r.forma_pago.label, r.metodo_pago and r.metodo_pago.key) == ("Tarjeta de crédito", "PUE")
    assert (r.totals.total, r.totals.total_in_words) == (
        "1858.00",
        "(MIL OCHOCIENTOS CINCUENTA Y OCHO PESOS 00/100 M.N.)",
    )
    assert r.fiscal.qr_url.endswith(f"&tt=1858.0&fe={document.sello[-8:]}")


def test_taxes_by_rate_with_the_exempt_ones() -> None:
    r = _of(_invoice())
    assert [tax.label for tax in r.lines[0].taxes] == ["IVA 16 %", "ISR retenido 10 %", "IVA retenido 10.6667 %"]
    assert [(tax.label, tax.base, tax.importe) for tax in r.totals.traslados] == [
        ("IVA 16 %", "900.00", "144.00"),
        ("IVA exento", "1000.00", None),
    ]
    assert [(tax.label, tax.importe) for tax in r.totals.retenciones] == [
        ("ISR retenido", "90.00"),
        ("IVA retenido", "96.00"),
    ]


def test_a_global_invoice_names_its_period() -> None:
    r = _of(make.factura_global())
    assert r.title == "Factura global"
    assert r.informacion_global is not None
    assert (r.informacion_global.periodicidad.label, r.informacion_global.meses.label) == ("Mensual", "Octubre")


def test_a_payment_shows_its_complement() -> None:
    r = _of(make.pago())
    assert (r.title, r.totals.total, r.totals.monto_pagos) == ("Complemento de pago", "0", "5000.00")
    assert r.totals.total_in_words.startswith("(CINCO MIL PESOS")
    payment = r.payments[0]
    assert [(tax.label, tax.base) for tax in payment.documentos[0].taxes] == [("IVA 16 %", payment.taxes[0].base)]
    assert (payment.monto, payment.documentos[0].saldo_insoluto) == ("5000.00", "6600.00")
    assert [tax.label for tax in payment.taxes] == ["IVA 16 %"]
    assert r.fiscal.qr_url.split("&")[3] == "tt=0.0"


def test_foreigners_and_relations() -> None:
    foreigner = Receptor("XEXX010101000", "JOHN DOE", "06700", "616", "S01", residencia_fiscal="USA")
    r = _of(_invoice(receptor=foreigner, relacionados=(Relacionados("04", (make.UUID.lower(),)),)))
    assert r.receptor.residencia_fiscal is not None
    assert r.receptor.residencia_fiscal.label == "Estados Unidos (los)"
    assert (r.relacionados[0].tipo.key, r.relacionados[0].uuids) == ("04", (make.UUID,))


def test_it_is_plain_data() -> None:
    data = _of(_invoice()).as_json()
    assert json.loads(json.dumps(data))["lines"][0]["taxes"][0]["label"] == "IVA 16 %"


def test_only_a_stamped_document_has_one() -> None:
    with pytest.raises(ValueError, match="stamped"):
        representation(parse(make.sealed().xml))


@pytest.mark.parametrize(
    ("total", "written"),
    [("0", "0.0"), ("1160.00", "1160.0"), ("1160.50", "1160.5"), ("0.01", "0.01"), ("12.345678", "12.345678")],
)
def test_the_total_in_the_qr(total: str, written: str) -> None:
    assert f"&tt={written}&" in qr_url(make.UUID, "EKU9003173C9", "MISC491214B86", Decimal(total), "x" * 20)


def test_the_qr_is_sats_address() -> None:
    url = qr_url(make.UUID, "H&E951128469", "IAÑL750210963", Decimal("14300"), "A" * 336 + "ab+/cd==")
    assert url == (
        "https://verificacfdi.facturaelectronica.sat.gob.mx/default.aspx?id=5FB2822E-396D-4725-8521-CDC4BDD20CCF"
        "&re=H%26E951128469&rr=IA%C3%91L750210963&tt=14300.0&fe=ab+/cd=="
    )


@pytest.mark.parametrize(
    ("total", "moneda", "words"),
    [
        ("0", "MXN", "(CERO PESOS 00/100 M.N.)"),
        ("1", "MXN", "(UN PESO 00/100 M.N.)"),
        ("1234.50", "MXN", "(MIL DOSCIENTOS TREINTA Y CUATRO PESOS 50/100 M.N.)"),
        ("21", "MXN", "(VEINTIÚN PESOS 00/100 M.N.)"),
        ("31", "MXN", "(TREINTA Y UN PESOS 00/100 M.N.)"),
        ("100", "MXN", "(CIEN PESOS 00/100 M.N.)"),
        ("101.01", "MXN", "(CIENTO UN PESOS 01/100 M.N.)"),
        ("500", "MXN", "(QUINIENTOS PESOS 00/100 M.N.)"),
        ("16016.16", "MXN", "(DIECISÉIS MIL DIECISÉIS PESOS 16/100 M.N.)"),
        ("21021", "MXN", "(VEINTIÚN MIL VEINTIÚN PESOS 00/100 M.N.)"),
        ("100000", "MXN", "(CIEN MIL PESOS 00/100 M.N.)"),
        ("1000000", "MXN", "(UN MILLÓN DE PESOS 00/100 M.N.)"),
        ("1000001", "MXN", "(UN MILLÓN UN PESOS 00/100 M.N.)"),
        ("2500000", "MXN", "(DOS MILLONES QUINIENTOS MIL PESOS 00/100 M.N.)"),
        ("1000000000000", "MXN", "(UN BILLÓN DE PESOS 00/100 M.N.)"),
        ("1", "USD", "(UN DÓLAR 00/100 USD)"),
        ("2.99", "EUR", "(DOS EUROS 99/100 EUR)"),
        ("5", "JPY", "(CINCO 00/100 JPY)"),
    ],
)
def test_totals_in_words(total: str, moneda: str, words: str) -> None:
    assert in_words(Decimal(total), moneda) == words


@pytest.mark.parametrize("total", ["-1", "1000000000000000000"])
def test_totals_that_no_invoice_has(total: str) -> None:
    with pytest.raises(ValueError, match="18 digits"):
        in_words(Decimal(total), "MXN")


_VALUES = {
    **{
        word: value
        for value, word in enumerate(
            ["CERO", "UN", "DOS", "TRES", "CUATRO", "CINCO", "SEIS", "SIETE", "OCHO", "NUEVE", "DIEZ", "ONCE"]
        )
    },
    **{
        word: 12 + value for value, word in enumerate(["DOCE", "TRECE", "CATORCE", "QUINCE", "DIECISÉIS", "DIECISIETE"])
    },
    **{word: 18 + value for value, word in enumerate(["DIECIOCHO", "DIECINUEVE", "VEINTE", "VEINTIÚN", "VEINTIDÓS"])},
    **{word: 23 + value for value, word in enumerate(["VEINTITRÉS", "VEINTICUATRO", "VEINTICINCO", "VEINTISÉIS"])},
    **{word: 27 + value for value, word in enumerate(["VEINTISIETE", "VEINTIOCHO", "VEINTINUEVE", "TREINTA"])},
    **{word: 40 + 10 * value for value, word in enumerate(["CUARENTA", "CINCUENTA", "SESENTA", "SETENTA", "OCHENTA"])},
    "NOVENTA": 90,
    "CIEN": 100,
    "CIENTO": 100,
    "QUINIENTOS": 500,
    "SETECIENTOS": 700,
    "NOVECIENTOS": 900,
    "Y": 0,
    **{f"{unit}CIENTOS": 100 * value for value, unit in ((2, "DOS"), (3, "TRES"), (4, "CUATRO"), (6, "SEIS"))},
    "OCHOCIENTOS": 800,
}


def _read(words: str) -> int:
    """Reads the words back: the reverse of what is tested, by addition and multiplication."""
    total = group = 0
    for word in words.split():
        if word == "MIL":
            group = max(group, 1) * 1_000
        elif word.startswith(("MILL", "BILL")):
            total += group * (10**6 if word.startswith("MILL") else 10**12)
            group = 0
        else:
            group += _VALUES[word]
    return total + group


@given(st.integers(0, 10**18 - 1) | st.integers(0, 10**7))
def test_words_read_back_as_the_number(number: int) -> None:
    assert _read(integer_words(number)) == number

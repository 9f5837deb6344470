"""A few hundred random documents in every test run; `make golden` judges 10,000."""

from __future__ import annotations

import re
from collections import Counter

from emite.cfdi import xml
from tests.cfdi import make
from tests.golden import invoices, payments, run, second

COUNT = 300


def test_everybody_agrees_on_random_documents() -> None:
    assert run.judge(range(COUNT)) == []


def test_the_documents_are_of_every_kind() -> None:
    documents = [invoices.document(number) for number in range(COUNT)]
    kinds = Counter((c.tipo, c.informacion_global is not None) for c in documents)
    assert all(kinds[kind] >= 5 for kind in (("I", False), ("I", True), ("E", False), ("P", False)))
    lines = [line for c in documents for line in c.conceptos]
    assert {line.objeto_imp for line in lines} >= {"01", "02", "04"}
    assert {tax.tipo_factor for line in lines for tax in line.traslados} == {"Tasa", "Exento"}
    assert any(line.retenciones for line in lines)
    assert any(line.descuento for line in lines)
    assert {c.moneda for c in documents} == {"MXN", "USD", "JPY", "XXX"}


def test_the_same_number_is_the_same_document() -> None:
    assert invoices.document(7) == invoices.document(7)


def test_the_second_implementation_sees_a_cent() -> None:
    xml = make.sealed().xml
    assert second.differences(xml) == []
    assert second.differences(xml.replace(b' Total="1160.00"', b' Total="1160.01"')) == [
        "Total: 1160.01, expected 1160.00"
    ]


def test_everybody_agrees_on_random_histories_of_payments() -> None:
    assert payments.judge(range(COUNT)) == []


def test_the_histories_are_of_every_kind() -> None:
    histories = [payments.history(number)[0] for number in range(COUNT)]
    pagos = [
        pago for made in histories for document in made for pago in (document.pagos.pagos if document.pagos else ())
    ]
    settled = [each for pago in pagos for each in pago.documentos]
    assert max(map(len, histories)) > 4
    assert {each.objeto_imp for each in settled} == {"01", "02"}
    assert any(each.moneda != pago.moneda for pago in pagos for each in pago.documentos)
    assert any(len(pago.documentos) > 2 for pago in pagos)
    assert any(each.retenciones for each in settled)


def test_the_second_arithmetic_of_payments_sees_a_millionth() -> None:
    document = xml.to_bytes(xml.build(payments.history(3)[0][0]))
    assert payments.differences(document) == []
    spoiled = re.sub(rb'(<pago20:TrasladoP BaseP="[0-9]+\.[0-9]{5})[0-9]', rb"\g<1>x", document)
    assert payments.differences(spoiled.replace(b'x"', b'9"')) != payments.differences(spoiled.replace(b'x"', b'1"'))

"""Several remisiones in one invoice, receptors without an RFC, and the preview: what is shown is what is stamped."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections, transaction

from emite.charges.models import Allocation, Charge
from emite.documents.models import FiscalDocument, State
from emite.invoices.issuing import AlreadyInvoiced, NotInvoiceable, Request, issue, issue_together
from tests import make
from tests.make import Hospital
from tests.web.desk.staff import Person, said
from tests.web.portal.patient import DATA, drive

FOREIGNER = {"quien": "extranjero", "nombre": "JANE DOE", "pais": "USA"}


@pytest.fixture
def biller(hospital: Hospital) -> Person:
    return Person(hospital.biller)


def address(*charges: Charge, name: str = "") -> str:
    return f"/caja/facturar/{name}?" + "&".join(f"r={each.pk}" for each in charges)


def ask(person: Person, *charges: Charge, **over: str) -> Any:
    return person.client.post(address(*charges), {**DATA, "clave_envio": str(uuid.uuid4()), **over})


def together(hospital: Hospital, *charges: Charge, key: str = "k") -> FiscalDocument:
    return issue_together(
        charges, Request(make.receptor()), channel="desk", user=hospital.biller, now=make.now(), idempotency_key=key
    )


@pytest.mark.django_db
def test_two_remisiones_become_one_stamped_invoice(issuing: Hospital) -> None:
    one, two, biller = make.paid_charge(issuing), make.paid_charge(issuing), Person(issuing.biller)
    assert one.folio in said(biller.get("several"))

    page = biller.follow(ask(biller, one, two, with_patient="on"))

    assert "Factura solicitada por 2 remisiones" in said(page)
    document = drive(one)
    assert (document.state, document.total) == (State.STAMPED, one.total + two.total)
    assert Allocation.objects.filter(document=document, active=True).count() == 2
    xml = biller.get("invoice_xml", two.pk).content.decode()
    for each in (one, two):
        assert f"({each.folio}). Paciente: Ana Torres Luna" in xml
    assert one.folio not in said(biller.get("several"))
    assert f"Lleva también {two.folio}" in said(biller.get("charge", one.pk))


@pytest.mark.django_db
def test_what_was_chosen_stays_and_what_cannot_be_invoiced_is_not_offered(hospital: Hospital, biller: Person) -> None:
    paid, unpaid, foreign = make.paid_charge(hospital), make.charge(hospital), make.paid_charge(make.hospital())

    page = biller.client.get(f"/caja/facturar/varias/?q=nadie&r={paid.pk}&r={unpaid.pk}&r={foreign.pk}&r=x")

    assert paid.folio in said(page)
    assert f'value="{paid.pk}" checked' in page.content.decode()
    assert str(foreign.pk) not in page.content.decode()
    assert biller.client.get(address(paid, foreign)).status_code == 404
    assert ask(biller, paid, foreign).status_code == 404
    assert "todavía no se paga" in said(biller.follow(ask(biller, paid, unpaid)))
    assert not FiscalDocument.objects.exists()


@pytest.mark.django_db
def test_one_invoice_per_form_of_payment_is_proposed_with_its_consequence(hospital: Hospital, biller: Person) -> None:
    card = make.paid_charge(hospital, [make.line(unit_price=Decimal(100))], forma_pago="04")
    cash = [make.paid_charge(hospital, [make.line(unit_price=Decimal(60))], forma_pago="01") for _ in range(2)]

    page = biller.client.get(address(card, *cash))

    assert "Conviene una factura por cada forma de pago" in said(page)
    assert "Forma de pago Efectivo (01)" in said(page)
    assert f"/caja/remisiones/{card.pk}/factura/" in page.content.decode()
    assert address(*cash).replace("&", "&amp;") in page.content.decode()


@pytest.mark.django_db
def test_all_or_nothing(hospital: Hospital, biller: Person) -> None:
    charges = [make.paid_charge(hospital) for _ in range(3)]
    taken = charges[1]
    issue(taken, Request(make.receptor()), channel="portal", user=hospital.biller, now=make.now(), idempotency_key="p")

    page = biller.follow(ask(biller, *charges))

    assert f"{taken.folio} ya tiene factura" in said(page)
    assert Allocation.objects.count() == FiscalDocument.objects.count() == 1
    with pytest.raises(AlreadyInvoiced):
        together(hospital, *charges)
    other = make.charge(hospital)
    with pytest.raises(NotInvoiceable):
        together(hospital, charges[0], other)
    with pytest.raises(Charge.DoesNotExist):
        together(hospital, charges[0], make.paid_charge(make.hospital()))
    assert Allocation.objects.count() == 1


@pytest.mark.django_db
def test_the_same_request_again_is_the_same_invoice_and_a_refusal_frees_all(issuing: Hospital) -> None:
    charges = [make.paid_charge(issuing) for _ in range(2)]
    biller, key = Person(issuing.biller), str(uuid.uuid4())
    for _ in range(2):
        ask(biller, *charges, clave_envio=key, nombre="OTRA PERSONA")
    assert FiscalDocument.objects.count() == 1
    assert drive(charges[0]).state == State.REJECTED
    assert not Allocation.objects.filter(active=True).exists()

    ask(biller, *charges)

    assert drive(charges[1]).state == State.STAMPED


@pytest.mark.django_db(transaction=True)
def test_rivals_for_the_same_remision_end_in_one_invoice() -> None:
    with transaction.atomic():
        hospital = make.hospital()
    shared, *others = [make.paid_charge(hospital) for _ in range(5)]
    ready = threading.Barrier(4)

    def rival(number: int) -> str:
        ready.wait(30)
        try:
            together(hospital, *sorted((shared, others[number]), key=lambda _: number % 2), key=f"k{number}")
            return "won"
        except AlreadyInvoiced:
            return "told"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        ends = sorted(pool.map(rival, range(4)))

    assert ends == ["told", "told", "told", "won"]
    assert FiscalDocument.objects.count() == 1
    assert Allocation.objects.filter(active=True).count() == 2


@pytest.mark.django_db
def test_preview_shows_what_would_be_stamped_and_stores_nothing(hospital: Hospital, biller: Person) -> None:
    charge = make.paid_charge(hospital)

    page = biller.post("invoice", charge.pk, **DATA, accion="revisar")

    for words in ("nada se ha timbrado", DATA["nombre"], DATA["rfc"], "85121600", "Subtotal", "$1,160.00"):
        assert words in said(page)
    pdf = biller.post("invoice_draft", charge.pk, **DATA)
    assert pdf["Content-Type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF")
    again = biller.post("invoice", charge.pk, **DATA, accion="corregir")
    assert f'value="{DATA["nombre"]}"' in again.content.decode()
    assert biller.post("invoice", charge.pk, **{**DATA, "rfc": "X"}, accion="revisar").status_code == 422
    assert biller.post("invoice_draft", charge.pk, **{**DATA, "rfc": "X"}).status_code == 422
    assert not FiscalDocument.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("typed", "carried"),
    [
        (FOREIGNER, ('Rfc="XEXX010101000"', 'ResidenciaFiscal="USA"', 'Nombre="JANE DOE"')),
        ({"quien": "publico", "nombre": "ANA TORRES LUNA"}, ('Rfc="XAXX010101000"', 'Nombre="ANA TORRES LUNA"')),
    ],
)
def test_receptors_without_rfc_are_stamped(issuing: Hospital, typed: dict[str, str], carried: tuple[str, ...]) -> None:
    charge, biller = make.paid_charge(issuing), Person(issuing.biller)

    biller.follow(biller.post("invoice", charge.pk, **typed))

    assert drive(charge).state == State.STAMPED
    xml = biller.get("invoice_xml", charge.pk).content.decode()
    for words in (*carried, 'RegimenFiscalReceptor="616"', 'UsoCFDI="S01"', 'DomicilioFiscalReceptor="06700"'):
        assert words in xml
    assert "InformacionGlobal" not in xml
    assert "NumRegIdTrib" not in xml


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({**FOREIGNER, "pais": ""}, "Elija el país"),
        ({**FOREIGNER, "pais": "MEX"}, "Elija un país de la lista"),
        ({**FOREIGNER, "nombre": ""}, "Escriba el nombre"),
        ({"quien": "publico", "nombre": "Público en general"}, "solo para la factura global"),
        ({"quien": "nadie"}, "Elija una de las tres opciones"),
        ({**DATA, "rfc": "XEXX010101000"}, "elija arriba «Extranjero sin RFC»"),
        ({**DATA, "rfc": "XAXX010101000"}, "elija arriba «Público en general, con nombre»"),
    ],
)
def test_generic_receptors_say_what_is_missing(
    hospital: Hospital, biller: Person, typed: dict[str, str], words: str
) -> None:
    response = biller.post("invoice", make.paid_charge(hospital).pk, **typed)

    assert response.status_code == 422
    assert words in said(response)
    assert not FiscalDocument.objects.exists()


@pytest.mark.django_db
def test_the_counter_serves_after_the_portals_days(hospital: Hospital, biller: Person) -> None:
    import datetime as dt

    old = make.paid_charge(hospital, now=make.now() - dt.timedelta(days=40))
    assert not old.portal_is_open(make.now())

    assert "Factura solicitada" in said(biller.follow(biller.post("invoice", old.pk, **DATA)))

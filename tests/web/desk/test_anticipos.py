"""Deposits at the desk: taken, collected, invoiced, applied, followed, and every refusal beside its field."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest

from emite.charges.allocating import live_document
from emite.charges.models import AnticipoApplication, Charge
from emite.credits import anticipos
from emite.credits.models import CreditNote
from emite.organizations.models import Organization
from emite.typeset.ticket_page import slip_page, ticket_page
from emite.web.desk.attention import TOO_LONG, credit_roads
from emite.web.printing.tickets import slip_print, ticket_print
from tests import make
from tests.credits.stands import drive, invoiced, sound
from tests.make import Hospital
from tests.web.desk.staff import Person, said

pytestmark = pytest.mark.django_db


def take(person: Person, **over: str) -> object:
    typed = {"patient_name": "Ana Torres Luna", "amount": "$2,000.00", "treatment": "iva16"}
    return person.post("new_anticipo", clave_envio=str(uuid.uuid4()), **(typed | over))


def test_from_the_counter_to_the_note_that_applies_it(issuing: Hospital) -> None:
    cashier, biller = Person(issuing.cashier), Person(issuing.biller)
    assert "No es un anticipo" in said(cashier.get("new_anticipo"))
    made = take(cashier)
    deposit = Charge.objects.get(kind="anticipo")
    assert "Anticipo ANT-000001 creado" in said(cashier.follow(made))
    assert "PPD" not in said(biller.get("charge", deposit.pk))
    cashier.pay(deposit, issuing.register)
    deposit.refresh_from_db()
    assert deposit.is_paid
    assert "factúrelo al RFC" in said(cashier.get("charge", deposit.pk))
    stay = make.charge(issuing, [make.line(unit_price=Decimal("3000"))])
    page = said(cashier.get("apply_anticipo", stay.pk))
    assert "ANT-000001 · Ana Torres Luna · quedan $2,000.00 · falta facturarlo" in page
    refused = cashier.post("apply_anticipo", stay.pk, deposit=deposit.pk)
    assert (refused.status_code, "no tiene factura" in said(refused)) == (422, True)

    invoiced(issuing, deposit)
    for amount, words in (("1,5", "Use punto"), ("2000.01", "hasta $2,000.00")):
        refused = cashier.post("apply_anticipo", stay.pk, deposit=deposit.pk, amount=amount)
        assert (refused.status_code, words in said(refused)) == (422, True)
    key = str(uuid.uuid4())
    for _ in range(2):
        applied = cashier.post("apply_anticipo", stay.pk, deposit=deposit.pk, clave_envio=key)
        assert applied["Location"].endswith("#anticipos")
    assert AnticipoApplication.objects.get().amount == 2000
    page = said(cashier.get("charge", stay.pk))
    for words in ("Anticipo aplicado", "Espera la factura de la cuenta", "Por pagar $1,480.00", "relación 07"):
        assert words in page
    assert "vuelve a deber $2,000.00" in said(cashier.get("void_payment", AnticipoApplication.objects.get().slip.pk))
    assert "Quedan $0.00" in said(cashier.get("charge", deposit.pk))

    stay.refresh_from_db()
    cashier.pay(stay, issuing.register, forma_pago="03")
    stay.refresh_from_db()
    invoiced(issuing, stay)
    assert "falta la nota que lo descuenta" in said(biller.get("charge", stay.pk))
    rows, say = credit_roads(issuing.organization, make.now() + TOO_LONG * 2)[-1]
    entry = say(rows.get())
    assert (entry.title, entry.address[-10:]) == ("Anticipo de REM-000001 sin descontar", "#anticipos")
    assert cashier.post("anticipo_note", stay.pk).status_code == 403
    assert biller.post("anticipo_note", stay.pk, anticipo="otro").status_code == 404
    biller.post("anticipo_note", stay.pk, anticipo=AnticipoApplication.objects.get().pk)
    drive(CreditNote.objects.get().document_id)
    assert not rows.all().exists()
    page = said(biller.get("charge", stay.pk))
    assert "Aplicado" in page
    assert "−$2,000.00 Aplicación de anticipo" in page
    assert anticipos.due(limit=9) == []
    assert live_document(stay).total == stay.total
    sound(issuing)


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"amount": "1.00"}, "más de un peso"),
        ({"amount": "dos mil"}, "Escriba solo números"),
        ({"treatment": ""}, "Elija el IVA"),
    ],
)
def test_what_was_typed_wrong_is_said_beside_its_field(issuing: Hospital, over: dict[str, str], words: str) -> None:
    refused = take(Person(issuing.cashier), **over)
    assert (refused.status_code, words in said(refused)) == (422, True)  # type: ignore[attr-defined]
    assert "Ana Torres Luna" in refused.content.decode()  # type: ignore[attr-defined]
    assert not Charge.objects.filter(kind="anticipo").exists()


def test_its_ticket_and_slip_say_what_it_is(issuing: Hospital) -> None:
    cashier = Person(issuing.cashier)
    take(cashier)
    deposit = Charge.objects.get(kind="anticipo")
    cashier.pay(deposit, issuing.register)
    deposit.refresh_from_db()
    assert ticket_page(ticket_print(deposit))["head"]["title"] == "Anticipo"
    page = slip_page(slip_print(deposit.slips.get()))
    assert (page["settled"], ["Anticipo", "ANT-000001"] in page["head"]["lines"]) == ("Anticipo pagado", True)


def test_by_the_remnant_the_counter_shows_the_discount_and_no_note_is_awaited(issuing: Hospital) -> None:
    Organization.objects.filter(pk=issuing.organization.pk).update(anticipo_road="remnant")
    cashier, biller = Person(issuing.cashier), Person(issuing.biller)
    take(cashier)
    deposit = Charge.objects.get(kind="anticipo")
    cashier.pay(deposit, issuing.register)
    invoiced(issuing, Charge.objects.get(pk=deposit.pk))
    stay = make.charge(issuing, [make.line(unit_price=Decimal("3000"))])
    cashier.post("apply_anticipo", stay.pk, deposit=deposit.pk, clave_envio=str(uuid.uuid4()))
    stay.refresh_from_db()
    cashier.pay(stay, issuing.register, forma_pago="03")
    page = said(biller.get("invoice", stay.pk))
    for words in ("Cuenta con IVA $3,480.00", "Anticipo ya facturado −$2,000.00", "Generar factura por $1,480.00"):
        assert words in page
    stay = Charge.objects.get(pk=stay.pk)
    invoiced(issuing, stay)
    assert live_document(stay).total == Decimal("1480.00")
    page = said(biller.get("charge", stay.pk))
    assert "Descontado en la factura" in page
    assert "falta la nota" not in page
    rows, _ = credit_roads(issuing.organization, make.now() + TOO_LONG * 2)[-1]
    assert not rows.exists()
    sound(issuing)


def test_what_is_still_owed_of_an_account_with_a_deposit_is_invoiced_on_credit(issuing: Hospital) -> None:
    Organization.objects.filter(pk=issuing.organization.pk).update(anticipo_road="remnant")
    cashier, biller = Person(issuing.cashier), Person(issuing.biller)
    take(cashier)
    deposit = Charge.objects.get(kind="anticipo")
    cashier.pay(deposit, issuing.register)
    invoiced(issuing, Charge.objects.get(pk=deposit.pk))
    stay = make.charge(issuing, [make.line(unit_price=Decimal("3000"))])
    cashier.post("apply_anticipo", stay.pk, deposit=deposit.pk, clave_envio=str(uuid.uuid4()))
    page = said(biller.get("invoice", stay.pk))
    for words in ("Se deben $1,480.00", "PPD", "Generar factura por $3,480.00"):
        assert words in page
    receptor = make.receptor()
    typed = {
        "rfc": receptor.rfc, "nombre": receptor.nombre, "domicilio_fiscal": receptor.domicilio_fiscal,
        "regimen_fiscal": receptor.regimen_fiscal, "uso_cfdi": receptor.uso_cfdi,
    }  # fmt: skip
    asked = biller.post("invoice", stay.pk, metodo="PPD", clave_envio=str(uuid.uuid4()), **typed)
    assert asked.status_code == 302, said(asked)
    document = drive(live_document(stay).pk)
    assert (document.state, document.total, document.content["metodo_pago"]) == ("stamped", Decimal("3480.00"), "PPD")
    assert "falta la nota que lo descuenta" in said(biller.get("charge", stay.pk))
    sound(issuing)

"""The page of a charge: payments, change, voiding, the code, and what is said to whom."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest

from emite.charges.code import grouped
from emite.charges.models import CashRegister, Charge, PaymentSlip
from tests import make
from tests.make import Hospital
from tests.web.desk.staff import Person, audited, said

pytestmark = pytest.mark.django_db


@pytest.fixture
def charge(hospital: Hospital) -> Charge:
    return make.charge(hospital)


def test_amount_comes_prefilled_and_the_form_does_not(cashier: Person, charge: Charge) -> None:
    page = cashier.get("charge", charge.pk).content.decode()

    assert 'name="amount" value="1160.00"' in page
    assert "checked" not in page


def test_cash_gives_change(cashier: Person, hospital: Hospital, charge: Charge) -> None:
    page = cashier.follow(cashier.pay(charge, hospital.register, cash_received="2,000"))

    slip = PaymentSlip.objects.get()
    assert (slip.amount, slip.change, slip.cashier) == (Decimal(1160), Decimal(840), hospital.cashier)
    assert "Entregue $840.00 de cambio" in said(page)
    assert "autofocus" in page.content.decode().split(f"/caja/pagos/{slip.pk}/imprimir/")[1].split("</form>")[0]


def test_payment_in_several_forms(cashier: Person, hospital: Hospital, charge: Charge) -> None:
    cashier.pay(charge, hospital.register, amount="160", forma_pago_2="04", amount_2="1,000.00")

    parts = PaymentSlip.objects.get().payments.order_by("forma_pago").values_list("forma_pago", "amount")
    assert list(parts) == [("01", Decimal(160)), ("04", Decimal(1000))]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"amount": "1160.01"}, "no se puede cobrar más"),
        ({"amount": "0"}, "mayor que cero"),
        ({"amount": "-5"}, "mayor que cero"),
        ({"amount": "10.001"}, "dos decimales"),
        ({"amount": "mil"}, "Escriba solo números"),
        ({"amount": ""}, "Escriba cuánto se paga"),
        ({"forma_pago": ""}, "Elija cómo se paga"),
        ({"forma_pago": "99"}, "no es una de las opciones"),
        ({"cash_received": "100"}, "no alcanza"),
        ({"forma_pago": "04", "cash_received": "2000"}, "Solo cuando una parte se paga en efectivo"),
        ({"forma_pago_2": "04"}, "Escriba cuánto se paga en esta forma"),
        ({"amount_2": "4"}, "Elija la forma de esta cantidad"),
    ],
)
def test_bad_payment_is_told_and_not_stored(
    cashier: Person, hospital: Hospital, charge: Charge, typed: dict[str, str], words: str
) -> None:
    response = cashier.pay(charge, hospital.register, **typed)

    assert response.status_code == 422
    assert words in said(response)
    assert not PaymentSlip.objects.exists()
    assert Charge.objects.get().paid == 0


def test_only_registers_of_the_house_that_take_money(cashier: Person, hospital: Hospital, charge: Charge) -> None:
    CashRegister.objects.create(organization=hospital.organization, name="Caja 2")
    other = make.hospital().register

    for register in (hospital.web_register, other):
        response = cashier.pay(charge, register)
        assert response.status_code == 422
        assert hospital.web_register.name not in {
            choice for _, choice in response.context["payment"].fields["register"].choices
        }
    assert not PaymentSlip.objects.exists()


def test_register_is_remembered(cashier: Person, hospital: Hospital, charge: Charge) -> None:
    second = CashRegister.objects.create(organization=hospital.organization, name="Caja 2")
    cashier.post("opening", second.pk, fund="0")
    cashier.pay(charge, second, amount="100")

    page = cashier.get("charge", charge.pk)

    assert f'value="{second.pk}" selected' in page.content.decode()


def test_same_payment_twice_is_one(cashier: Person, hospital: Hospital, charge: Charge) -> None:
    key = str(uuid.uuid4())

    for _ in range(2):
        assert cashier.pay(charge, hospital.register, amount="500", key=key).status_code == 302

    assert Charge.objects.get().paid == 500


def test_change_is_computed_as_one_types(cashier: Person, charge: Charge) -> None:
    typed = {"forma_pago": "01", "amount": "1160", "cash_received": "1,200"}

    assert "Cambio $40.00" in said(cashier.post("change", charge.pk, **typed))
    assert "no alcanza" in said(cashier.post("change", charge.pk, **{**typed, "cash_received": "1000"}))
    assert "Quedarán por pagar $160.00" in said(cashier.post("change", charge.pk, **{**typed, "amount": "1000"}))
    assert "más de lo que se debe" in said(cashier.post("change", charge.pk, **{**typed, "amount": "9999"}))
    assert not PaymentSlip.objects.exists()


def test_voiding_needs_a_reason_and_is_audited(cashier: Person, hospital: Hospital, charge: Charge) -> None:
    assert cashier.post("void", charge.pk, reason=" ").status_code == 422
    assert Charge.objects.get().state == Charge.State.OPEN

    page = cashier.follow(cashier.post("void", charge.pk, reason="Se duplicó"))

    assert Charge.objects.get().state == Charge.State.VOID
    assert "Se duplicó" in said(page)
    assert "Registrar pago" not in said(page)
    event = audited(hospital.organization, "charge.void")[0]
    assert (event.actor, event.reason) == (hospital.cashier.email, "Se duplicó")


def test_paid_charge_is_not_voided(cashier: Person, hospital: Hospital) -> None:
    paid = make.paid_charge(hospital)

    response = cashier.post("void", paid.pk, reason="Error")

    assert response.status_code == 422
    assert "devuelve primero lo pagado" in said(response)
    assert Charge.objects.get().state == Charge.State.OPEN


def test_payment_for_a_void_charge_is_refused(cashier: Person, hospital: Hospital, charge: Charge) -> None:
    cashier.post("void", charge.pk, reason="Error")

    response = cashier.pay(charge, hospital.register)

    assert response.status_code == 422
    assert not PaymentSlip.objects.exists()


def test_code_is_shown_large_and_can_be_revoked(cashier: Person, hospital: Hospital, charge: Charge) -> None:
    shown = cashier.get("code", charge.pk)
    assert grouped(make.code(charge)) in said(shown)
    assert "<svg" in shown.content.decode()

    page = said(cashier.follow(cashier.post("revoke", charge.pk)))

    assert "El código se anuló" in page
    assert cashier.get("code", charge.pk).status_code == 302
    assert len(audited(hospital.organization, "charge.revoke_code")) == 1


def test_portal_off_sends_to_the_desk(cashier: Person, hospital: Hospital, charge: Charge) -> None:
    hospital.organization.portal_days = None
    hospital.organization.save()

    assert "El portal está apagado" in said(cashier.get("charge", charge.pk))
    assert "<svg xmlns" not in cashier.get("code", charge.pk).content.decode()

"""Cash registers: one for what the portal invoices, any number for money; every change audited."""

from __future__ import annotations

import pytest

from emite.charges.models import CashRegister, RegisterSession
from tests import make
from tests.make import Hospital
from tests.web.desk.staff import Person, audited, said

pytestmark = pytest.mark.django_db


def test_register_is_added_and_audited(admin: Person, hospital: Hospital) -> None:
    page = admin.follow(admin.post("registers", name="  Caja   de urgencias "))

    made = CashRegister.objects.get(name="Caja de urgencias")
    assert (made.organization, made.web_invoicing) == (hospital.organization, False)
    assert "Caja de urgencias" in said(page)
    assert audited(hospital.organization, "register.create")[0].after == {
        "name": "Caja de urgencias",
        "web_invoicing": False,
    }


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"name": ""}, "Escriba el nombre de la caja"),
        ({"name": "caja 1"}, "Ya hay una caja que se llama"),
        ({"name": "x" * 61}, "60 letras"),
        ({"name": "Otra web", "web_invoicing": "on"}, "solo puede haber una"),
    ],
)
def test_bad_register_is_told(admin: Person, hospital: Hospital, typed: dict[str, str], words: str) -> None:
    before = CashRegister.objects.count()

    response = admin.post("registers", **typed)

    assert response.status_code == 422
    assert words in said(response)
    assert CashRegister.objects.count() == before


def test_web_register_can_be_replaced(admin: Person, hospital: Hospital) -> None:
    admin.post("register_switch", hospital.web_register.pk)
    admin.post("registers", name="Portal nuevo", web_invoicing="on")

    page = admin.follow(admin.post("register_switch", hospital.web_register.pk))

    assert "Ya hay otra caja de facturación web" in said(page)
    assert CashRegister.objects.filter(web_invoicing=True, active=True).get().name == "Portal nuevo"
    assert len(audited(hospital.organization, "register.deactivate")) == 1


def test_register_out_of_use_takes_no_money(admin: Person, hospital: Hospital) -> None:
    assert "haga su corte primero" in said(admin.follow(admin.post("register_switch", hospital.register.pk)))
    admin.post("counting", RegisterSession.objects.get(register=hospital.register).pk, p_500="1")
    admin.post("register_switch", hospital.register.pk)
    charge = make.charge(hospital)

    assert admin.pay(charge, hospital.register).status_code == 422
    assert "No hay ninguna caja que reciba pagos" in said(admin.get("charge", charge.pk))

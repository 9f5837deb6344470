"""Payers, plans and services by HTTP: kept when right, 422 with what was typed when wrong."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.urls import reverse

from emite.care.models import CareService, Contract, Payer, Tariff
from tests import practice as stand
from tests.web.test_practice_invoices import client

pytestmark = pytest.mark.django_db


def test_a_payer_its_plan_and_a_service_split_by_it() -> None:
    practice = stand.practice()
    browser = client(practice)
    fields = {
        "name": "Red de Terceros", "rfc": "RTE151005Q83", "nombre": "Red de Terceros Expertos", "regimen_fiscal": "601",
        "postal_code": "11000", "uso_cfdi": "G03", "tolerance": "0.01", "active": "on",
    }  # fmt: skip
    for over, said in (({"postal_code": "00010"}, "no tiene el código postal"), ({"uso_cfdi": "D01"}, "no lo admite")):
        wrong = browser.post(reverse("practice:payer_add"), fields | over)
        assert (wrong.status_code, said in wrong.content.decode()) == (422, True)
        assert "Red de Terceros Expertos".upper() in wrong.content.decode().upper()
    assert browser.post(reverse("practice:payer_add"), fields).status_code == 302
    payer = Payer.objects.get(rfc="RTE151005Q83")
    plan = {
        "name": "Plan Oro", "issuer": str(practice.issuer.pk), "deductible": "0", "copay": "150", "coinsurance": "10",
        "tariffs": "99213 uno", "active": "on",
    }  # fmt: skip
    wrong = browser.post(reverse("practice:contract_add", args=[payer.pk]), plan)
    assert (wrong.status_code, "Renglón 1" in wrong.content.decode()) == (422, True)
    done = browser.post(reverse("practice:contract_add", args=[payer.pk]), plan | {"tariffs": "99213 $1,150.00"})
    assert done.status_code == 302
    assert Tariff.objects.get().fee == Decimal("1150.00")
    service = {
        "patient_name": "Ana Torres Luna", "rendered_on": stand.today(practice).isoformat(), "system": "cpt4",
        "issuer": str(practice.issuer.pk), "physician": str(practice.physician.pk), "payer": str(payer.pk),
        "contract": str(Contract.objects.get().pk), "code": "99213",
    }  # fmt: skip
    other = browser.post(reverse("practice:service_add"), service | {"payer": str(practice.payer.pk)})
    assert (other.status_code, "Ese plan no es de" in other.content.decode()) == (422, True)
    assert browser.post(reverse("practice:service_add"), service).status_code == 302
    made = CareService.objects.get()
    assert (made.patient_part, made.payer_part) == (Decimal("250.00"), Decimal("900.00"))
    assert browser.get(reverse("practice:service", args=[made.pk])).status_code == 200
    browser.post(reverse("practice:service_void", args=[made.pk]), {"motivo": "No llegó"})
    made.refresh_from_db()
    assert made.state == CareService.State.VOID

"""The agenda: an appointment in the practice's own hours becomes one service, whoever presses twice."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from emite.audit.models import AuditEvent
from emite.care import agenda
from emite.care.models import Appointment, CareService, Contract, Tariff
from emite.care.rendering import Rendered, ServiceRefused
from tests import make
from tests import practice as stand
from tests.web.test_practice_invoices import client

pytestmark = pytest.mark.django_db
PATIENT = "Ana Torres Luna"


def test_an_appointment_becomes_its_service_in_one_click() -> None:
    practice = stand.practice()
    plan = Contract.objects.create(
        organization=practice.organization, payer=practice.payer, issuer=practice.issuer, name="Plata", copay=150
    )
    Tariff.objects.create(
        organization=practice.organization, contract=plan, system="cpt4", code="99213", fee=Decimal(900)
    )
    browser, today = client(practice), stand.today(practice)
    told = {
        "patient_name": PATIENT, "rendered_on": today.isoformat(), "hour": "23:30", "system": "cpt4", "code": "99213",
        "issuer": str(practice.issuer.pk), "physician": str(practice.physician.pk), "payer": str(practice.payer.pk),
        "contract": str(plan.pk),
    }  # fmt: skip
    wrong = browser.post(reverse("practice:appointment_add"), told | {"hour": "a las 5"})
    assert (wrong.status_code, "Escriba la hora como 16:30" in wrong.content.decode()) == (422, True)
    done = browser.post(reverse("practice:appointment_add"), told)
    assert done["Location"] == f"/consultorio/agenda/?dia={today}"
    row = Appointment.objects.get()
    assert row.at.astimezone(practice.organization.zone).strftime("%H:%M") == "23:30"
    page = browser.get(done["Location"]).content.decode()
    assert "Registrar como realizado" in page
    assert "23:30" in page
    # A later tariff is the one that holds: nothing was typed.
    Tariff.objects.update(fee=Decimal(1000))
    for _ in range(2):
        assert browser.post(reverse("practice:appointment_attended", args=[row.pk])).status_code == 302
    service = CareService.objects.get()
    assert (service.rendered_on, service.patient_part, service.payer_part) == (today, Decimal(150), Decimal(850))
    assert "Realizada" in browser.get(done["Location"]).content.decode()
    assert browser.post(reverse("practice:appointment", args=[row.pk]), told).status_code == 422
    assert (
        "ya se registró"
        in browser.post(reverse("practice:appointment_cancel", args=[row.pk]), follow=True).content.decode()
    )
    log = AuditEvent.objects.filter(organization_id=practice.organization.pk, action__startswith="agenda.")
    assert [event.action for event in log.order_by("position")] == ["agenda.book", "agenda.attended"]
    assert PATIENT not in str(list(log.values_list("before", "after")))


def test_what_an_appointment_cannot_be() -> None:
    practice, other = stand.practice(), stand.practice()
    now = make.now()
    asked = Rendered(
        issuer=practice.issuer, physician=practice.physician, payer=practice.payer, patient_name=PATIENT,
        rendered_on=stand.today(practice), code="99213", fee=Decimal(900), external_id="C-1",
    )  # fmt: skip
    tomorrow = now + dt.timedelta(days=1)
    row = agenda.book(practice.organization, asked, tomorrow, user=practice.admin, now=now)
    for act, said in (
        (lambda: agenda.attended(row, user=practice.admin, now=now), "todavía no llega"),
        (lambda: agenda.book(practice.organization, asked, tomorrow, user=practice.admin, now=now), "ya se había"),
        (lambda: agenda.book(practice.organization, asked, tomorrow, user=practice.reader, now=now), "consulta"),
        (lambda: agenda.book(other.organization, asked, tomorrow, user=other.admin, now=now), "uno de la lista"),
        (lambda: agenda.book(practice.organization, asked, now + dt.timedelta(days=999), user=practice.admin, now=now),
         "dos años"),
    ):  # fmt: skip
        with pytest.raises(ServiceRefused, match=said):
            act()
    assert agenda.attended(row, user=practice.admin, now=tomorrow).external_id == "C-1"
    with pytest.raises(IntegrityError), transaction.atomic():
        Appointment.objects.update(service=None)
    later = agenda.book(
        practice.organization, replace(asked, external_id="C-2"), tomorrow, user=practice.admin,
        now=now,
    )  # fmt: skip
    agenda.cancel(later, user=practice.admin, now=now)
    with pytest.raises(ServiceRefused, match="cancelada"):
        agenda.attended(later, user=practice.admin, now=tomorrow)
    assert CareService.objects.count() == 1

"""The month's end at the desk: what enters, who may close, how it goes, and what charges and patients then read."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from emite.charges.models import Allocation, Charge
from emite.documents.models import FiscalDocument, State
from emite.invoices import closing, periods, stamping, watching
from emite.invoices.models import Closing, GlobalDocument, GlobalPolicy
from emite.organizations.models import Membership, Organization
from tests import make
from tests.make import Hospital
from tests.pac.sandbox import RunningSandbox
from tests.web.desk.staff import Person, audited, member, said

pytestmark = pytest.mark.django_db(transaction=True)


def today(hospital: Hospital) -> dt.date:
    return hospital.organization.local_date(make.now())


def ask(person: Person, hospital: Hospital, **over: str) -> Any:
    data = {"emisor": str(hospital.issuer.pk), "tipo": periods.DIARIA, "dia": today(hospital).isoformat()}
    return person.post("closing_start", **data | over)


def build(*, stamp: bool = True) -> Closing:
    """What the worker does."""
    done = closing.run(Closing.objects.get().pk, owner="test", clock=make.now)
    assert done is not None
    for row in GlobalDocument.objects.all():
        if stamp:
            stamping.drive(row.document_id, owner="test", clock=make.now)
    return done


def test_the_biller_closes_the_day_and_downloads_its_invoice(issuing: Hospital) -> None:
    charges = [make.paid_charge(issuing), make.paid_charge(issuing, forma_pago="01")]
    owed = make.charge(issuing)
    biller = Person(issuing.biller)
    page = biller.get("closing", tipo="01")
    text = said(page)
    assert f"${sum(c.total for c in charges):,.2f} en 2 remisiones" in text
    assert "Sin pagar por completo" in text
    assert owed.folio in text
    moving = biller.follow(ask(biller, issuing))
    assert "En curso" in said(moving)
    assert 'hx-trigger="every 2s"' in moving.content.decode()
    done = build()
    page = biller.get("closing_progress", done.pk)
    assert "2 de 2 remisiones · 1 de 1 factura timbrada" in said(page)
    assert 'hx-trigger="every 2s"' not in page.content.decode()
    assert biller.get("closing_piece", done.pk).status_code == 200
    xml = biller.get("closing_xml", done.pk, 1)
    assert xml["Content-Type"] == "application/xml"
    assert b"PUBLICO EN GENERAL" in xml.content
    assert biller.get("closing_pdf", done.pk, 1).content.startswith(b"%PDF")
    assert "Periodo cerrado" in said(biller.get("closing", tipo="01"))
    assert audited(issuing.organization, "closing.start")[0].actor == issuing.biller.email


def test_the_second_to_close_is_told_who_did(issuing: Hospital) -> None:
    make.paid_charge(issuing)
    biller, admin = Person(issuing.biller), Person(issuing.admin)
    ask(biller, issuing)
    assert "Berta lo está cerrando: su solicitud no generó nada." in said(admin.follow(ask(admin, issuing)))
    build(stamp=False)
    assert "Berta ya lo cerró" in said(admin.follow(ask(admin, issuing)))
    assert Closing.objects.count() == 1


def test_who_may_not_issue_sees_but_does_not_close(issuing: Hospital) -> None:
    make.paid_charge(issuing)
    cashier = Person(issuing.cashier)
    page = cashier.get("closing", tipo="01")
    assert page.status_code == 200
    assert "La emite quien tenga permiso de facturar" in said(page)
    assert ask(cashier, issuing).status_code == 403
    assert member(issuing.organization, Membership.Role.CONSULTA).get("closing").status_code == 200
    assert not Closing.objects.exists()


def test_of_another_hospital_nothing_is_seen(issuing: Hospital) -> None:
    make.paid_charge(issuing)
    ask(Person(issuing.biller), issuing)
    build()
    stranger = Person(make.hospital().admin)
    pk = Closing.objects.get().pk
    for name, args in (
        ("closing_progress", [pk]), ("closing_piece", [pk]), ("closing_xml", [pk, 1]), ("closing_pdf", [pk, 1]),
    ):  # fmt: skip
        assert stranger.get(name, *args).status_code == 404
    assert issuing.issuer.pk.hex not in stranger.get("closing").content.decode().replace("-", "")


def test_nothing_to_close_and_a_month_in_course(issuing: Hospital) -> None:
    biller = Person(issuing.biller)
    assert "no se generó nada" in said(biller.follow(ask(biller, issuing)))
    month = periods.containing("04", today(issuing))
    if month.last != today(issuing):
        page = biller.get("closing", tipo="04", dia=today(issuing).isoformat())
        assert "El periodo todavía no termina" in said(page)
        assert "se cierra desde ese día" in said(biller.follow(ask(biller, issuing, tipo="04")))


@pytest.mark.parametrize(
    "query", [{"tipo": "99"}, {"dia": "ayer"}, {"tipo": "05"}, {"emisor": "x", "dia": "9999-99-99"}]
)
def test_an_odd_address_shows_a_period_all_the_same(hospital: Hospital, query: dict[str, str]) -> None:
    assert Person(hospital.biller).get("closing", **query).status_code == 200


def test_what_is_missing_is_said_instead_of_closing(hospital: Hospital) -> None:
    make.paid_charge(hospital)
    biller = Person(hospital.biller)
    assert "CSD" in said(biller.follow(ask(biller, hospital)))
    assert not Closing.objects.exists()


def test_a_refused_global_says_why_and_frees_its_charges(issuing: Hospital, sandbox: RunningSandbox) -> None:
    charge = make.paid_charge(issuing)
    biller = Person(issuing.biller)
    ask(biller, issuing)
    sandbox.control("lco", without_obligations=[issuing.issuer.rfc])
    try:
        done = build()
    finally:
        sandbox.control("lco", without_obligations=[])
    document = FiscalDocument.objects.get()
    assert document.state == State.REJECTED, document.last_code
    assert not Allocation.objects.filter(active=True).exists()
    text = said(biller.get("closing_progress", done.pk))
    assert document.last_code in text
    assert "Cerrar lo que falta" in text
    assert "Factura global" in said(biller.get("home"))
    ask(biller, issuing)
    build()
    assert [row.document.state for row in GlobalDocument.objects.order_by("number")] == [State.REJECTED, State.STAMPED]
    assert Allocation.objects.get(active=True).charge_id == charge.pk


def test_the_charge_and_the_portal_say_that_it_is_in_a_global(issuing: Hospital) -> None:
    charge = make.paid_charge(issuing)
    biller = Person(issuing.biller)
    ask(biller, issuing)
    build()
    text = said(biller.get("charge", charge.pk))
    assert "está en una factura global" in text
    assert "sigue teniendo derecho" in text
    assert "En global" in said(biller.get("home"))
    assert biller.get("invoice_xml", charge.pk).status_code == 404
    assert biller.post("invoice_mail", charge.pk, email="a@b.mx").status_code == 404
    # Past the days of its ticket; within them the portal makes the invoice (tests/web/portal/test_late.py).
    Charge.objects.update(issued_on=charge.issued_on - dt.timedelta(days=30))
    patient = Client(HTTP_HOST="127.0.0.1")
    slug = issuing.organization.slug
    page = patient.post(f"/f/{slug}/", {"codigo": make.code(charge)}, follow=True)
    assert "factura global" in said(page)
    assert "Puedes pedir la tuya" in said(page)
    for address in ("factura/", "factura/xml", "factura/pdf", "datos/"):
        shown = patient.get(f"/f/{slug}/{address}", follow=True)
        assert "Puedes pedir la tuya" in said(shown)
        assert b"01010101" not in shown.content
    opened = patient.post(f"/f/{slug}/factura/", {"rfc": "XAXX010101000"}, follow=True)
    assert "Puedes pedir la tuya" in said(opened)


def test_the_policy_is_the_administrators_and_is_audited(hospital: Hospital, admin: Person) -> None:
    data = {"mode": "confirm", "periodicidad": "01", "ceiling": "100"}
    assert Person(hospital.biller).post("closing_policy", **data).status_code == 403
    assert "Quedó guardado" in said(admin.follow(admin.post("closing_policy", **data)))
    row = GlobalPolicy.objects.get()
    assert (row.mode, row.periodicidad, row.ceiling) == ("confirm", "01", 100)
    assert len(audited(hospital.organization, "closing.policy")) == 1
    for wrong in ({"ceiling": "0"}, {"ceiling": "10001"}, {"ceiling": "mil"}, {"periodicidad": "05"}, {"mode": "x"}):
        assert admin.post("closing_policy", **data | wrong).status_code == 422
    assert GlobalPolicy.objects.get().ceiling == 100


def test_the_first_page_warns_of_a_period_that_waits(hospital: Hospital) -> None:
    GlobalPolicy.objects.create(organization=hospital.organization, mode="confirm")
    month = closing.last_ended(hospital.issuer, "04", make.now())
    end = month.bounds(hospital.organization.zone)[1]
    Organization.objects.filter(pk=hospital.organization.pk).update(created_at=end - dt.timedelta(days=60))
    make.paid_charge(hospital, now=end - dt.timedelta(hours=1))
    watching.watch(end + dt.timedelta(hours=7))
    text = said(Person(hospital.cashier).get("home"))
    assert f"Falta la factura global: {month}" in text


def test_amounts_are_those_of_the_tickets(issuing: Hospital) -> None:
    lines = [make.line(unit_price=Decimal("33.333333")), make.line(unit_price=Decimal("0.07"))]
    charges = [make.paid_charge(issuing, lines) for _ in range(7)]
    ask(Person(issuing.biller), issuing)
    build()
    assert FiscalDocument.objects.get().total == sum(charge.total for charge in charges)

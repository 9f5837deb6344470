"""The permission matrix over every address of the desk: nobody gets further than their role, nothing is written."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Model
from django.urls import reverse

from emite.audit.models import AuditEvent
from emite.cancellations.models import AnswerAcuse, ReceivedCancellation
from emite.charges import correcting, drawer
from emite.charges.collecting import Part
from emite.charges.models import (
    CashMovement,
    CashRegister,
    Charge,
    CollectingPolicy,
    FollowUp,
    PaymentSlip,
    Refund,
    RegisterSession,
    SlipVoid,
)
from emite.documents.models import Delivery, FiscalDocument, State
from emite.integrations.models import ApiKey, WebhookDelivery, WebhookEndpoint
from emite.invoices import periods, requests
from emite.invoices.issuing import Request, issue
from emite.invoices.models import Closing, GlobalPolicy, PortalRequest
from emite.issuers.models import Issuer, PacAccount, StoredCsd
from emite.organizations.models import Branch, Membership, Organization
from emite.settlements.models import PaymentComplement, ReceivedPayment
from emite.web.access import Need
from emite.web.desk.urls import urlpatterns
from tests import make
from tests.make import Hospital
from tests.practice import Practice
from tests.web.desk.staff import Person, item, member

pytestmark = pytest.mark.django_db

Role = Membership.Role
NEEDS = {
    "home": Need.SEE,
    "new_anticipo": Need.COLLECT,
    "apply_anticipo": Need.COLLECT,
    "anticipo_note": Need.ISSUE,
    "charge": Need.SEE,
    "invoice_piece": Need.SEE,
    "invoice_xml": Need.SEE,
    "invoice_pdf": Need.SEE,
    "logo": Need.SEE,
    **dict.fromkeys(("charge_import", "charge_template"), Need.IMPORT),
    **dict.fromkeys(("imported", "print_many", "tickets"), Need.COLLECT),
    "closing": Need.SEE,
    "closing_progress": Need.SEE,
    "closing_piece": Need.SEE,
    "closing_xml": Need.SEE,
    "closing_pdf": Need.SEE,
    "closing_again": Need.ISSUE,
    "closing_start": Need.ISSUE,
    "closing_policy": Need.ADMINISTER,
    "integrations": Need.ADMINISTER,
    "key_add": Need.ADMINISTER,
    "key_drop": Need.ADMINISTER,
    "webhook_add": Need.ADMINISTER,
    "webhook_drop": Need.ADMINISTER,
    "webhook_again": Need.ADMINISTER,
    "new_charge": Need.COLLECT,
    "calculate": Need.COLLECT,
    "items": Need.COLLECT,
    "claves": Need.COLLECT,
    "pay": Need.COLLECT,
    "change": Need.COLLECT,
    "void": Need.COLLECT,
    "void_payment": Need.COLLECT,
    "refund": Need.COLLECT,
    "refund_slip": Need.COLLECT,
    "refund_slip_pdf": Need.COLLECT,
    "refund_slip_bin": Need.COLLECT,
    "sessions": Need.SEE,
    "session": Need.SEE,
    "corte": Need.SEE,
    "corte_pdf": Need.SEE,
    "corte_bin": Need.SEE,
    "opening": Need.COLLECT,
    "movement": Need.COLLECT,
    "counting": Need.COLLECT,
    "renew": Need.COLLECT,
    "share": Need.COLLECT,
    "somebody_else": Need.COLLECT,
    "follow_up": Need.COLLECT,
    "ticket_bin": Need.COLLECT,
    "ticket_send": Need.COLLECT,
    "slip_bin": Need.COLLECT,
    "slip_send": Need.COLLECT,
    "collecting_policy": Need.ADMINISTER,
    "register_place": Need.ADMINISTER,
    "register_printer": Need.ADMINISTER,
    "code": Need.COLLECT,
    "revoke": Need.COLLECT,
    "print_ticket": Need.COLLECT,
    "ticket": Need.COLLECT,
    "ticket_pdf": Need.COLLECT,
    "print_slip": Need.COLLECT,
    "slip": Need.COLLECT,
    "slip_pdf": Need.COLLECT,
    "invoice_mail": Need.COLLECT,
    "invoice": Need.ISSUE,
    "invoice_choices": Need.ISSUE,
    "invoice_draft": Need.ISSUE,
    "several": Need.ISSUE,
    **dict.fromkeys(("credit", "nominative", "nominative_choices", "nominative_draft"), Need.ISSUE),
    **dict.fromkeys(("credit_xml", "credit_pdf"), Need.SEE),
    "credit_hand_over": Need.ISSUE,
    **dict.fromkeys(
        ("reconciliation", *(f"reconciliation_{act}" for act in ("compare", "mend", "bring", "aside", "xml"))),
        Need.ISSUE,
    ),
    **dict.fromkeys(("prices", "price_add", "price_keys", "price_import", "price_export"), Need.PRICE),
    **dict.fromkeys(("price_template", "price"), Need.PRICE),
    "invoice_several": Need.ISSUE,
    "several_choices": Need.ISSUE,
    "several_draft": Need.ISSUE,
    "portal_invoices": Need.SEE,
    "portal_csv": Need.SEE,
    "portal_mail": Need.COLLECT,
    "requests": Need.COLLECT,
    "request_close": Need.ISSUE,
    "refusal_close": Need.ISSUE,
    "resolve": Need.COLLECT,
    "resolve_look_up": Need.ISSUE,
    "resolve_give_up": Need.ISSUE,
    "resolve_keep": Need.ISSUE,
    "resolve_import": Need.ISSUE,
    **dict.fromkeys(
        ("cancel", "correct", "correct_choices", "cancellation_take_back", "cancellation_find_acuse"),
        Need.ISSUE,
    ),
    "substitution_decide": Need.ISSUE,
    **dict.fromkeys(("cancellation", "cancellation_piece", "cancellation_acuse", "substitution_file"), Need.SEE),
    **dict.fromkeys(("answers", "answer_acuse"), Need.SEE),
    **dict.fromkeys(("answers_ask", "answer"), Need.ISSUE),
    **dict.fromkeys(("complements", "receivable", "complement", "complement_progress"), Need.SEE),
    **dict.fromkeys(("complement_xml", "complement_pdf"), Need.SEE),
    **dict.fromkeys(
        (f"complement_{act}" for act in ("issue", "mail", "deliver", "external", "cancel", "substitute", "decide")),
        Need.ISSUE,
    ),
    "complement_undo": Need.COLLECT,
    "dashboard": Need.SEE,
    "figures": Need.SEE,
    "month": Need.SEE,
    "branches": Need.ADMINISTER,
    "branch": Need.ADMINISTER,
    "registers": Need.ADMINISTER,
    "register_switch": Need.ADMINISTER,
    "pac": Need.ADMINISTER,
    "pac_password": Need.ADMINISTER,
    "pac_test": Need.ADMINISTER,
    "pac_manifest": Need.ADMINISTER,
    "pac_test_piece": Need.ADMINISTER,
    "issuer": Need.ADMINISTER,
    "csd": Need.ADMINISTER,
    "enhancements": Need.ADMINISTER,
}
#: role, issuing permission -> what it may.
MATRIX = [
    (Role.ADMINISTRADOR, True, {Need.SEE, Need.COLLECT, Need.ISSUE, Need.PRICE, Need.IMPORT, Need.ADMINISTER}),
    (Role.ADMINISTRADOR, False, {Need.SEE, Need.COLLECT, Need.PRICE, Need.IMPORT, Need.ADMINISTER}),
    (Role.FACTURADOR, True, {Need.SEE, Need.COLLECT, Need.ISSUE, Need.PRICE, Need.IMPORT}),
    (Role.FACTURADOR, False, {Need.SEE, Need.COLLECT, Need.PRICE, Need.IMPORT}),
    (Role.CAJERO, True, {Need.SEE, Need.COLLECT, Need.ISSUE}),
    (Role.CAJERO, False, {Need.SEE, Need.COLLECT}),
    (Role.CONSULTA, True, {Need.SEE}),
    (Role.CONSULTA, False, {Need.SEE}),
]
WRITTEN: list[type[Model]] = [
    AuditEvent, Branch, CashRegister, Charge, Closing, Delivery, FiscalDocument, GlobalPolicy, Issuer, Organization,
    PacAccount, PaymentSlip, CashMovement, CollectingPolicy, FollowUp, Refund, RegisterSession,
    SlipVoid, PortalRequest, StoredCsd, PaymentComplement, ReceivedPayment, ApiKey, WebhookEndpoint, WebhookDelivery,
]  # fmt: skip


def addresses(hospital: Hospital) -> dict[str, str]:
    """Every address of the desk, with rows of this hospital."""
    charge = make.paid_charge(hospital)
    slip = charge.slips.get()
    first = {
        "slip": slip, "slip_pdf": slip, "print_slip": slip,
        **dict.fromkeys(("pac_password", "pac_test", "pac_test_piece", "pac_manifest"), hospital.pac_account),
        **dict.fromkeys(("void_payment", "slip_bin", "slip_send"), slip),
        **dict.fromkeys(("register_place", "register_printer", "opening"), hospital.register),
        **handled(hospital),
        "price": item(hospital.organization),
        "branch": Branch.objects.create(organization=hospital.organization, name="Norte", postal_code="22000"),
        "register_switch": hospital.register, "csd": hospital.issuer, "month": hospital.issuer,
        **connected(hospital),
        **unfinished(hospital),
        **dict.fromkeys(("closing_progress", "closing_piece", "closing_xml", "closing_pdf"), waiting(hospital)),
    }  # fmt: skip
    received = ReceivedPayment.objects.create(
        organization=hospital.organization, issuer=hospital.issuer, payer_rfc="XOJI740919U48", amount=1,
        forma_pago="03", paid_at=make.now(), registered_at=make.now(), idempotency_key="x",
    )  # fmt: skip
    first |= {
        name: received for name in NEEDS if name.startswith("complement_") or name in ("complement", "receivable")
    }
    first |= dict.fromkeys(("answer", "answer_acuse"), asked_of_us(hospital))
    found = {}
    for pattern in urlpatterns:
        names = list(pattern.pattern.converters)
        row = first.get(pattern.name, charge)
        args = [row.pk if name == "pk" else 1 for name in names]
        found[pattern.name] = reverse(f"desk:{pattern.name}", args=args)
    return found


def asked_of_us(hospital: Hospital | Practice) -> Model:
    """A cancellation that somebody asks for, answered once in vain."""
    now = make.now()
    row = ReceivedCancellation.objects.create(
        organization=hospital.organization, issuer=hospital.issuer, uuid=uuid.uuid4(), first_seen_at=now, seen_at=now,
        due=now.date(),
    )  # fmt: skip
    AnswerAcuse.objects.create(
        organization=hospital.organization, request=row, code="1003", is_sats=True, content=b"<x/>", sha256=b"x",
        stored_at=now,
    )  # fmt: skip
    return row


def handled(hospital: Hospital) -> dict[str, Model]:
    """A register's open session, one with its corte, a refund and something that waits."""
    now, user = make.now(), hospital.admin
    closed = RegisterSession.objects.get(register=hospital.register)
    drawer.close_session(closed, pieces={"500": 1}, counted={}, reason="x", user=user, now=now)
    opened = drawer.open_session(hospital.register, fund=Decimal(0), user=user, now=now)
    charge = make.paid_charge(hospital)
    line = charge.lines.get()
    given_back = correcting.refund(
        charge, {line.pk: line.quantity}, [Part("04", charge.total)], reason="x", register=hospital.register,
        user=user, now=now, key=uuid.uuid4(),
    )  # fmt: skip
    waits = FollowUp.objects.create(
        organization=hospital.organization, charge=charge, kind=FollowUp.Kind.WRONG_PERSON, reason="x", by=user, at=now
    )
    return {
        **dict.fromkeys(("session", "movement", "counting"), opened),
        **dict.fromkeys(("corte", "corte_pdf", "corte_bin"), closed),
        **dict.fromkeys(("refund_slip", "refund_slip_pdf", "refund_slip_bin"), given_back),
        "follow_up": waits,
    }


def connected(hospital: Hospital) -> dict[str, Model]:
    """A key and a webhook of another system, with one event on its way."""
    now, of = make.now(), {"organization": hospital.organization, "created_at": make.now()}
    key = ApiKey.objects.create(
        **of, name="HIS", user=hospital.cashier, created_by=hospital.admin, prefix=uuid.uuid4().hex[:12],
        secret_hash=bytes(32), scopes=[], expires_at=now + dt.timedelta(days=1),
    )  # fmt: skip
    endpoint = WebhookEndpoint.objects.create(
        **of, url="https://his.example/avisos", events=[], sealed_secret=b"x", created_by=hospital.admin
    )
    delivery = WebhookDelivery.objects.create(
        **of, endpoint=endpoint, event_id=uuid.uuid4(), event="x", body={}, next_at=now
    )
    return {"key_drop": key, "webhook_drop": endpoint, "webhook_again": delivery}


def unfinished(hospital: Hospital) -> dict[str, Model]:
    """An invoice on its way, one that was refused, and a request for help."""
    moving, refused = (
        issue(
            charge, Request(make.receptor()), channel="portal", user=hospital.biller, now=make.now(),
            idempotency_key=str(charge.pk),
        )
        for charge in (make.paid_charge(hospital), make.paid_charge(hospital))
    )  # fmt: skip
    FiscalDocument.objects.filter(pk=refused.pk).update(state=State.REJECTED)
    asked = requests.ask(
        make.paid_charge(hospital), why="expired", receptor={}, phone="5512345678", email="", note="", now=make.now()
    )
    of_moving = ("portal_mail", "resolve", "resolve_look_up", "resolve_give_up", "resolve_keep", "resolve_import")
    ends = ("cancel", "correct", "correct_choices", "cancellation", "cancellation_piece", "cancellation_take_back",
            "cancellation_acuse", "substitution_decide", "substitution_file")  # fmt: skip
    return {"request_close": asked, "refusal_close": refused, **dict.fromkeys((*of_moving, *ends), moving)}


def waiting(hospital: Hospital) -> Closing:
    month = periods.containing(periods.MENSUAL, dt.date(2026, 1, 31))
    start, end = month.bounds(hospital.organization.zone)
    return Closing.objects.create(
        organization=hospital.organization, issuer=hospital.issuer, lugar_expedicion="06700", periodicidad="04",
        first_day=month.first, last_day=month.last, starts_at=start, ends_at=end,
    )  # fmt: skip


def snapshot() -> list[Any]:
    return [list(model._default_manager.order_by("pk").values()) for model in WRITTEN]


def both(person: Person, address: str) -> set[int]:
    """What GET and an empty POST answer."""
    return {person.client.get(address).status_code, person.client.post(address, {}).status_code}


def test_every_address_states_what_it_needs() -> None:
    assert {pattern.name for pattern in urlpatterns} == set(NEEDS)


@pytest.mark.parametrize(("role", "can_issue", "allowed"), MATRIX)
def test_matrix(hospital: Hospital, role: str, can_issue: bool, allowed: set[Need]) -> None:
    pages = addresses(hospital)
    person = member(hospital.organization, role, can_issue=can_issue)

    before = snapshot()
    for name, need in NEEDS.items():
        if need not in allowed:
            assert both(person, pages[name]) <= {403, 405}, name
            assert 403 in both(person, pages[name]), name
    assert snapshot() == before
    for name, need in NEEDS.items():
        if need in allowed:
            assert 403 not in both(person, pages[name]), name


def test_who_reads_only_never_sees_a_code(hospital: Hospital) -> None:
    charge = make.paid_charge(hospital)
    reader = member(hospital.organization, Role.CONSULTA)

    page = reader.get("charge", charge.pk).content.decode()

    assert make.code(charge) not in page
    assert "Imprimir" not in page
    assert "Registrar pago" not in page


def test_pages_of_the_staff_are_not_stored(hospital: Hospital) -> None:
    page = Person(hospital.cashier).get("home")

    assert "no-store" in page["Cache-Control"]
    assert "default-src 'none'" in page["Content-Security-Policy"]

"""What needs somebody today: requests that were refused, held, in doubt or waiting too long, and certificates.

Only finds and says; each entry leads to the page where a person can act.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from emite.charges.models import Allocation, AnticipoApplication, Charge, FollowUp
from emite.credits.models import LATE_MOVING, CreditNote, LateRequest
from emite.documents.models import FiscalDocument, State
from emite.invoices import watching
from emite.invoices.models import Closing, GlobalDocument
from emite.organizations import branches
from emite.organizations.models import Organization
from emite.settlements import complementing, paying
from emite.web.setup import readiness as setup

#: A request that is not settled by then deserves a look.
TOO_LONG = dt.timedelta(minutes=10)
#: Refusals older than this are history, not work.
REFUSED_SINCE = dt.timedelta(days=30)
LIMIT = 8
#: From so many days before its last one, a complement that is missing deserves a look.
COMPLEMENT_SOON = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to look at: what, why in a line, since when, where to act."""

    tone: str
    title: str
    detail: str
    address: str
    at: dt.datetime | None = None


#: Rows that need somebody, and how each is said.
Road = tuple[QuerySet[Any], Callable[[Any], Entry]]


def documents(organization: Organization, now: dt.datetime) -> list[Entry]:
    """Charges whose invoice is stuck or was refused and that nobody has invoiced since. One query."""
    rival = Allocation.objects.filter(charge=OuterRef("charge"), active=True)
    later = Allocation.objects.filter(charge=OuterRef("charge"), created_at__gt=OuterRef("created_at"))
    stuck = Q(active=True) & (
        Q(document__state__in=(State.HELD, State.UNKNOWN))
        | Q(document__state__in=(State.DRAFT, State.SEALED, State.SENDING), document__created_at__lt=now - TOO_LONG)
    )
    refused = (
        Q(active=False, document__state=State.REJECTED, document__created_at__gte=now - REFUSED_SINCE)
        & Q(charge__state=Charge.State.OPEN)
        & ~Exists(rival)
        & ~Exists(later)
    )
    rows = (
        Allocation.objects.filter(stuck | refused, organization=organization)
        .exclude(document__channel=FiscalDocument.Channel.GLOBAL)
        .select_related("document", "charge")
        .defer("document__content", "charge__code_hash", "charge__code_cipher")
        .order_by("-document__created_at")[:LIMIT]
    )
    return [_entry(row) for row in rows]


def follow_ups(organization: Organization) -> list[Entry]:
    """What somebody asked for at the desk and waits for a person, the oldest first. One query."""
    rows = FollowUp.objects.filter(organization=organization, done_at=None).select_related("charge")
    return [
        Entry(
            "cost",
            f"{row.charge.folio} · {row.get_kind_display()}",
            row.reason,
            reverse("desk:follow_up", args=[row.pk]),
            row.at,
        )
        for row in rows.defer("charge__code_hash", "charge__code_cipher").order_by("at")[:LIMIT]
    ]


def credit_roads(organization: Organization, now: dt.datetime) -> list[Road]:
    """Credit notes that were refused and not made again, and charges between a factura global and their client's.

    Not asked yet: whoever shows them asks first, at once for several roads, whether there are any.
    """
    again = CreditNote.objects.filter(charge=OuterRef("charge"), created_at__gt=OuterRef("created_at"))
    notes = (
        CreditNote.objects.filter(
            organization=organization, document__state__in=(State.REJECTED, State.HELD, State.UNKNOWN),
            created_at__gte=now - REFUSED_SINCE,
        )
        .exclude(reason=CreditNote.Reason.LATE)
        .exclude(charge=None)  # of an invoice to an insurer: its page says it
        .exclude(Exists(again))
        .select_related("document", "charge")
        .defer("document__content")
    )  # fmt: skip
    later = LateRequest.objects.filter(charge=OuterRef("charge"), asked_at__gt=OuterRef("asked_at"))
    late = (
        LateRequest.objects.filter(
            Q(state=LateRequest.State.WAITING)
            | Q(state__in=LATE_MOVING, asked_at__lt=now - TOO_LONG)
            | Q(state=LateRequest.State.FAILED, asked_at__gte=now - REFUSED_SINCE),
            organization=organization,
        )
        .exclude(Exists(later))
        .select_related("charge")
    )
    return [
        (notes.order_by("-created_at"), _note_entry),
        (late.order_by("-asked_at"), _late_entry),
        (_undiscounted(organization, now), _deposit_entry),
    ]


def _undiscounted(organization: Organization, now: dt.datetime) -> QuerySet[AnticipoApplication]:
    """Deposits whose account is invoiced for a while and has no note that takes them back, living or on its way."""
    invoiced = Allocation.objects.filter(
        charge=OuterRef("account"), active=True, remnant=False, document__state=State.STAMPED,
        document__stamped_at__lt=now - TOO_LONG,
    )  # fmt: skip
    note = CreditNote.objects.filter(application=OuterRef("pk"), active=True)
    rows = AnticipoApplication.objects.filter(Exists(invoiced), ~Exists(note), organization=organization, active=True)
    return rows.select_related("account", "deposit").order_by("-at")


def complements(organization: Organization, now: dt.datetime) -> list[Entry]:
    """Payments whose complement was refused, is late, or has few days left. One query."""
    today = organization.local_date(now)
    rows = complementing.due(organization.pk).filter(
        Q(due_on__lte=today + dt.timedelta(days=COMPLEMENT_SOON)) | ~Q(failure="")
    )
    return [
        Entry(
            "wrong" if row.failure or row.days_left(today) < 0 else "cost",
            f"Complemento de pago de {paying.said(row.payment.amount, row.payment.currency)}",
            row.failure or f"El último día para emitirlo es el {row.due_on:%d/%m/%Y}.",
            reverse("desk:complement", args=[row.payment_id]),
            row.payment.paid_at,
        )
        for row in rows[:LIMIT]
    ]


def _note_entry(row: CreditNote) -> Entry:
    assert row.charge is not None
    refused = row.document.state == State.REJECTED
    why = f"rechazada ({row.document.last_code}): {row.document.last_text}" if refused else "en duda con el PAC."
    detail = f"{row.get_reason_display()} de ${row.total:,.2f} {why}"
    title = f"Nota de crédito de {row.charge.folio}"
    return Entry("wrong" if refused else "cost", title, detail, _after_invoice(row.charge), row.created_at)


def _deposit_entry(row: AnticipoApplication) -> Entry:
    detail = f"La cuenta y {row.deposit.folio} están facturados: falta la nota que descuenta ${row.amount:,.2f}."
    address = f"{reverse('desk:charge', args=[row.account_id])}#anticipos"
    return Entry("wrong", f"Anticipo de {row.account.folio} sin descontar", detail, address, row.at)


def _late_entry(row: LateRequest) -> Entry:
    words = {
        LateRequest.State.WAITING: "Ya salió de la factura global y falta la de su cliente: corrija los datos.",
        LateRequest.State.FAILED: "No se pudo sacar de la factura global; nada cambió: pídala otra vez.",
    }.get(LateRequest.State(row.state), "Está saliendo de la factura global desde hace más de diez minutos.")
    detail = f"{words} {row.last_text}".strip()
    tone = "wrong" if row.state == LateRequest.State.FAILED else "cost"
    return Entry(
        tone, f"{row.charge.folio} · ${row.charge.total:,.2f}", detail, _after_invoice(row.charge), row.asked_at
    )


def _after_invoice(charge: Charge) -> str:
    return reverse("desk:charge", args=[charge.pk])


def _entry(row: Allocation) -> Entry:
    charge, document = row.charge, row.document
    match document.state:
        case State.REJECTED:
            tone, why = "wrong", f"Factura rechazada ({document.last_code}): {document.last_text}"
        case State.HELD:
            tone, why = "wrong", "Factura detenida: 72 horas sin saber si el PAC la timbró. Debe revisarla una persona."
        case State.UNKNOWN:
            tone, why = "cost", "Factura en duda: el PAC no respondió con claridad; se le consulta antes de reintentar."
        case _:
            waiting = f" {document.last_text}" if document.last_text else ""
            tone, why = "cost", f"Factura en espera desde hace más de diez minutos.{waiting}"
    return Entry(
        tone,
        f"{charge.folio} · ${charge.total:,.2f}",
        why,
        reverse("desk:charge", args=[charge.pk]),
        document.created_at,
    )


def closings(organization: Organization, now: dt.datetime) -> list[Entry]:
    """Periods that ended and wait for somebody, and facturas globales that are stuck or were refused."""
    return [*_not_closed(organization, now), *_stuck_globals(organization, now)]


def _not_closed(organization: Organization, now: dt.datetime) -> list[Entry]:
    entries = []
    waiting = watching.waiting(organization.pk)
    names = branches.by_place(organization) if waiting else {}
    for row in waiting:
        hours = int((now - row.ends_at).total_seconds() // 3600)
        tone = "wrong" if hours >= watching.ALARMS[1] or row.state == Closing.State.STOPPED else "cost"
        left = watching.LIMIT - (now - row.ends_at)
        words = (
            f"Quedan {int(left.total_seconds() // 3600)} horas para emitirla."
            if left > dt.timedelta()
            else "Pasaron las 24 horas que da el SAT: emítala cuanto antes."
        )
        address = reverse("desk:closing_progress", args=[row.pk])
        where = names.get(row.lugar_expedicion) or (f"C.P. {row.lugar_expedicion}" if names else "")
        title = f"Falta la factura global: {row.period}{where and ', '}{where}"
        entries.append(Entry(tone, title, f"{words} {row.last_text}", address, row.ends_at))
    return entries


def _stuck_globals(organization: Organization, now: dt.datetime) -> list[Entry]:
    late = Q(document__state__in=(State.DRAFT, State.SEALED, State.SENDING), document__created_at__lt=now - TOO_LONG)
    refused = (
        Q(document__state=State.REJECTED, document__created_at__gte=now - REFUSED_SINCE, closing__allocated__gt=0)
        & ~Q(document__rebuild_of__isnull=False)
        & ~Exists(GlobalDocument.objects.filter(closing=OuterRef("closing"), number__gt=OuterRef("number")))
    )
    stuck = (
        GlobalDocument.objects.filter(
            late | refused | Q(document__state__in=(State.HELD, State.UNKNOWN)), organization=organization
        )
        .select_related("closing", "document")
        .defer("document__content")
        .order_by("-document__created_at")[:LIMIT]
    )
    entries = []
    for part in stuck:
        is_refused = part.document.state == State.REJECTED
        detail = (
            f"Rechazada ({part.document.last_code}): {part.document.last_text}"
            if is_refused
            else f"En espera. {part.document.last_text}".strip()
        )
        entries.append(
            Entry(
                "wrong" if is_refused or part.document.state == State.HELD else "cost",
                f"Factura global: {part.closing.period}",
                detail,
                reverse("desk:closing_progress", args=[part.closing_id]),
                part.document.created_at,
            )
        )
    return entries


def readiness(organization: Organization, now: dt.datetime, *, administers: bool) -> list[Entry]:
    """What keeps the organization from issuing, or soon will; administrators also see what their list still lacks."""
    points = setup.points(organization, now) if administers else setup.stamping(organization, now)
    return [Entry(point.tone, point.title, point.detail, point.address) for point in points if point.is_urgent]

"""The page of one charge: lines, payments, refunds, what waits, its invoice's whole life; void it while it is unpaid.

Taking payments lives in `paying`, undoing them in `correcting`, the code in `sharing`, asking for the invoice in
`invoicing`, printing in `prints`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from emite.cfdi.taxes import Treatment
from emite.chargemaster.models import TREATMENT_LABELS
from emite.charges.allowing import policy_of
from emite.charges.charging import ChargeInUse, void
from emite.charges.collecting import ANTICIPO, FORMS
from emite.charges.models import (
    Allocation,
    CashRegister,
    Charge,
    FollowUp,
    Payment,
    PaymentSlip,
    RefundPart,
    RegisterSession,
)
from emite.documents.models import FiscalDocument, State
from emite.invoices.models import GlobalDocument
from emite.issuers.models import PacAccount
from emite.organizations.models import Organization
from emite.organizations.permissions import Role
from emite.web.access import Need, StaffRequest, may, staff
from emite.web.desk.cancel_states import standing
from emite.web.desk.payment_form import PaymentForm, desk_registers
from emite.web.desk.states import invoice_badge, money_badge
from emite.web.desk.timeline import timeline

#: Not settled yet: the page asks again by itself.
MOVING = (State.DRAFT, State.SEALED, State.SENDING, State.UNKNOWN)


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label="Motivo",
        max_length=200,
        help_text="Queda en la bitácora con su nombre y la hora.",
        error_messages={"required": "Escriba por qué se cancela.", "max_length": "Use a lo más 200 letras."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


def charge_or_404(organization: Organization, pk: uuid.UUID) -> Charge:
    """A charge of this organization; one of another is as unknown as one that never was."""
    found = Charge.objects.select_related("organization", "issuer", "branch", "created_by").filter(
        organization=organization, pk=pk
    )
    try:
        return found.get()
    except Charge.DoesNotExist:
        raise Http404 from None


def allocations_of(charge: Charge) -> list[Allocation]:
    """With the documents that invoice or tried to invoice the charge: the live one first, then the latest."""
    return list(
        Allocation.objects.filter(organization_id=charge.organization_id, charge=charge)
        .select_related("document")
        .defer("document__content")
        .order_by("-active", "-created_at")
    )


@staff(Need.SEE)
@require_GET
def charge_page(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return show(request, charge_or_404(request.organization, pk))


def show(
    request: StaffRequest, charge: Charge, *, payment: PaymentForm | None = None, status: int = 200
) -> HttpResponse:
    """The page, with the payment form as it was posted when it has errors."""
    now = timezone.now()
    context = _money(request, charge, payment) | _invoice(request, charge, now)
    context |= {
        "organization": request.organization,
        "membership": request.membership,
        "zone": charge.zone,
        "charge": charge,
        "lines": [(line, TREATMENT_LABELS[Treatment(line.treatment)]) for line in charge.lines.all()],
        "badge": money_badge(charge),
        "last_day": charge.last_portal_day() if request.organization.portal_is_on() else None,
        "portal_open": charge.portal_is_open(now),
        "may_collect": may(request.membership, Need.COLLECT),
        "follow_ups": FollowUp.objects.select_related("by", "done_by")
        .filter(organization=request.organization, charge=charge)
        .order_by("at"),
    }
    return render(request, "desk/charge.html", context, status=status)


def _money(request: StaffRequest, charge: Charge, payment: PaymentForm | None) -> dict[str, Any]:
    slips = (
        charge.slips.select_related("register", "cashier", "session", "undone__by")
        .prefetch_related("payments")
        .order_by("paid_at", "pk")
    )
    open_to_pay = charge.state == Charge.State.OPEN and not charge.is_paid and may(request.membership, Need.COLLECT)
    registers = []
    if open_to_pay:
        registers = desk_registers(request.organization)
        payment = payment or PaymentForm.blank(charge, registers, request.session.get("register"))
    refunds = charge.refunds.select_related("by", "register").prefetch_related("lines__line", "parts")
    return {
        "slips": [(slip, [_part(row) for row in slip.payments.all()], _can_undo(slip, charge)) for slip in slips],
        "refunds": [(row, [_part(part) for part in row.parts.all()]) for row in refunds.order_by("at", "pk")],
        "needs_opening": _to_open(request, registers) if open_to_pay else None,
        "payment": payment if open_to_pay else None,
        "registers": registers,
        "just_paid": request.GET.get("pago", ""),
    }


def _part(row: Payment | RefundPart) -> tuple[str, Decimal, str]:
    return FORMS.get(row.forma_pago, row.forma_pago), row.amount, getattr(row, "last4", "")


def _can_undo(slip: PaymentSlip, charge: Charge) -> bool:
    """While its register is open or, without one, on its day; what a deposit paid, on any."""
    if hasattr(slip, "undone") or charge.state == Charge.State.VOID:
        return False
    if any(part.forma_pago == ANTICIPO for part in slip.payments.all()):
        return True
    if slip.session is not None:
        return slip.session.is_open
    here = charge.organization
    return here.local_date(slip.paid_at) == here.local_date(timezone.now())


def _to_open(request: StaffRequest, registers: list[CashRegister]) -> CashRegister | None:
    """The register to open before anything can be taken, when the organization asks for it and none is open."""
    if not registers or not policy_of(request.organization.pk).needs_open_register:
        return None
    open_now = set(
        RegisterSession.objects.filter(organization=request.organization, closed_at=None).values_list(
            "register_id", flat=True
        )
    )
    if any(row.pk in open_now for row in registers):
        return None
    last = request.session.get("register")
    return next((row for row in registers if str(row.pk) == last), registers[0])


def _invoice(request: StaffRequest, charge: Charge, now: dt.datetime) -> dict[str, Any]:
    allocations = allocations_of(charge)
    documents = [row.document for row in allocations]
    current = documents[0] if documents else None
    has_live = bool(allocations) and allocations[0].active
    ending = standing(current) if current is not None and current.uuid else None
    return {
        "document": current,
        "has_live": has_live,
        "invoice_badge": (ending and ending.badge) or invoice_badge(current),
        "entries": timeline(documents),
        "moving": current is not None and current.state in MOVING,
        "deliverable": current is not None and current.state == State.STAMPED,
        "closing": _closing(current),
        "companions": _companions(current, charge),
        "ending": ending,
        "pac_away": _pac_is_away(current, now),
        "may_issue": may(request.membership, Need.ISSUE),
        "can_issue": charge.state == Charge.State.OPEN and charge.is_paid and not has_live,
        # A deposit's invoice is of money received, never of money to come.
        "may_invoice_later": may(request.membership, Need.ISSUE)
        and request.membership.role != Role.CAJERO
        and charge.kind != Charge.Kind.ANTICIPO,
        "can_refund": charge.state == Charge.State.OPEN and bool(charge.paid),
        "can_void": charge.state == Charge.State.OPEN and not charge.paid and not has_live,
    }


def _companions(document: FiscalDocument | None, charge: Charge) -> list[Charge]:
    """The other remisiones of an invoice of several. A factura global has too many to name."""
    if document is None or document.channel == FiscalDocument.Channel.GLOBAL:
        return []
    bound = Allocation.objects.filter(organization_id=charge.organization_id, document=document).exclude(charge=charge)
    rows = bound.select_related("charge").defer("charge__code_hash", "charge__code_cipher").order_by("charge__number")
    return [row.charge for row in rows]


def _closing(document: FiscalDocument | None) -> uuid.UUID | None:
    """The closing whose factura global carries the charge, if that is what invoices it."""
    if document is None or document.channel != FiscalDocument.Channel.GLOBAL:
        return None
    return GlobalDocument.objects.values_list("closing_id", flat=True).get(document=document)


def _pac_is_away(document: FiscalDocument | None, now: dt.datetime) -> bool:
    if document is None or document.is_settled:
        return False
    return PacAccount.objects.filter(
        organization_id=document.organization_id, pk=document.pac_account_id, open_until__gt=now
    ).exists()


@staff(Need.SEE)
@require_GET
def invoice_piece(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The invoice's part of the page, which htmx asks for while something moves."""
    charge = charge_or_404(request.organization, pk)
    context = _invoice(request, charge, timezone.now())
    context |= {"organization": request.organization, "zone": charge.zone, "charge": charge}
    return render(request, "desk/pieces/invoice.html", context | {"may_collect": may(request.membership, Need.COLLECT)})


@staff(Need.COLLECT)
@require_http_methods(["GET", "POST"])
def void_charge(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Cancel a charge that nobody paid nor invoiced, with a reason."""
    charge = charge_or_404(request.organization, pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            void(charge, user=request.user, reason=form.cleaned_data["reason"], now=timezone.now())
        except ChargeInUse as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"La remisión {charge.folio} quedó cancelada.")
            return HttpResponseRedirect(reverse("desk:charge", args=[charge.pk]))
    context = {"organization": request.organization, "membership": request.membership, "charge": charge, "form": form}
    return render(request, "desk/void.html", context, status=422 if form.is_bound else 200)

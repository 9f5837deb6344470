"""The page of one charge: lines, payments, slips, its invoice's whole life; void it, show or revoke its code.

Taking payments lives in `paying`, asking for the invoice in `invoicing`, printing in `prints`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_GET, require_http_methods

from emite.cfdi.taxes import Treatment
from emite.chargemaster.models import TREATMENT_LABELS
from emite.charges.charging import ChargeInUse, code_of, revoke_code, void
from emite.charges.collecting import DESK_FORMS
from emite.charges.models import Allocation, Charge
from emite.documents.models import FiscalDocument, State
from emite.invoices.models import GlobalDocument
from emite.issuers.models import PacAccount
from emite.organizations.models import Organization
from emite.typeset.qr import qr_svg
from emite.web.access import Need, StaffRequest, may, staff
from emite.web.desk.cancel_states import standing
from emite.web.desk.payment_form import PaymentForm, desk_registers
from emite.web.desk.states import invoice_badge, money_badge
from emite.web.desk.timeline import timeline
from emite.web.printing.tickets import invoicing_of

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
    found = Charge.objects.select_related("organization", "issuer", "created_by").filter(
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
        "zone": request.organization.zone,
        "charge": charge,
        "lines": [(line, TREATMENT_LABELS[Treatment(line.treatment)]) for line in charge.lines.all()],
        "badge": money_badge(charge),
        "last_day": charge.last_portal_day() if request.organization.portal_is_on() else None,
        "portal_open": charge.portal_is_open(now),
        "may_collect": may(request.membership, Need.COLLECT),
    }
    return render(request, "desk/charge.html", context, status=status)


def _money(request: StaffRequest, charge: Charge, payment: PaymentForm | None) -> dict[str, Any]:
    slips = charge.slips.select_related("register", "cashier").prefetch_related("payments").order_by("paid_at", "pk")
    open_to_pay = charge.state == Charge.State.OPEN and not charge.is_paid and may(request.membership, Need.COLLECT)
    registers = []
    if open_to_pay:
        registers = desk_registers(request.organization)
        payment = payment or PaymentForm.blank(charge, registers, request.session.get("register"))
    return {
        "slips": [
            (slip, [(DESK_FORMS.get(p.forma_pago, p.forma_pago), p.amount) for p in slip.payments.all()])
            for slip in slips
        ],
        "payment": payment if open_to_pay else None,
        "registers": registers,
        "just_paid": request.GET.get("pago", ""),
    }


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
        "ending": ending,
        "pac_away": _pac_is_away(current, now),
        "may_issue": may(request.membership, Need.ISSUE),
        "can_issue": charge.state == Charge.State.OPEN and charge.is_paid and not has_live,
        "can_void": charge.state == Charge.State.OPEN and not charge.paid and not has_live,
    }


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
    context |= {"organization": request.organization, "zone": request.organization.zone, "charge": charge}
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


@staff(Need.COLLECT)
@require_GET
def code_page(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Code and QR, large, for the patient to read from the cashier's screen."""
    charge = charge_or_404(request.organization, pk)
    if charge.code_revoked_at or charge.state == Charge.State.VOID:
        return HttpResponseRedirect(reverse("desk:charge", args=[charge.pk]))
    way = invoicing_of(charge, code_of(charge))
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "charge": charge,
        "way": way,
        "qr": mark_safe(qr_svg(way.url)) if way.url else "",  # our own drawing of our own address
    }
    return render(request, "desk/code.html", context)


@staff(Need.COLLECT)
@require_http_methods(["GET", "POST"])
def revoke(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Make a lost ticket useless. It cannot be undone: the page says so before."""
    charge = charge_or_404(request.organization, pk)
    if request.method == "POST":
        revoke_code(charge, user=request.user, now=timezone.now())
        messages.success(request, "El código quedó anulado: el ticket ya no abre el portal. Se puede facturar en caja.")
        return HttpResponseRedirect(reverse("desk:charge", args=[charge.pk]))
    context = {"organization": request.organization, "membership": request.membership, "charge": charge}
    return render(request, "desk/revoke.html", context)

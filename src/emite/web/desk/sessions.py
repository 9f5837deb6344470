"""A register's day on the screen: open it, move cash, count it, see its corte and the cortes of before."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emite.charges.collecting import DESK_FORMS
from emite.charges.drawer import Differs, DrawerRefused, close_session, move, open_session
from emite.charges.models import CashMovement, CashRegister, RegisterSession
from emite.organizations.models import Organization
from emite.web.access import Need, StaffRequest, may, staff
from emite.web.desk.payment_form import desk_registers
from emite.web.desk.session_forms import CountForm, DrawerForm, MoveForm, OpenForm
from emite.web.printing.notes import corte_of

PAGE = 30


@staff(Need.SEE)
@require_GET
def sessions(request: StaffRequest) -> HttpResponse:
    """The registers as they stand now, and the cortes of before."""
    rows = _of(request.organization).order_by("-opened_at", "-pk")
    open_now = {row.register_id: row for row in rows.filter(closed_at=None)}
    before = _read_moment(request.GET.get("antes", ""))
    past = rows.filter(closed_at__isnull=False)
    found = list((past.filter(opened_at__lt=before) if before else past)[: PAGE + 1])
    context = _base(request) | {
        "registers": [(each, open_now.get(each.pk)) for each in desk_registers(request.organization)],
        "past": [(row, corte_of(row)) for row in found[:PAGE]],
        "older": found[PAGE - 1].opened_at.isoformat() if len(found) > PAGE else "",
    }
    return render(request, "desk/sessions.html", context)


@staff(Need.COLLECT)
@require_http_methods(["GET", "POST"])
def opening(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Open a register with its fund. `remision` in the address: where to go on afterwards."""
    register = CashRegister.objects.filter(organization=request.organization, pk=pk, web_invoicing=False).first()
    if register is None:
        raise Http404
    form = OpenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = open_session(register, fund=form.cleaned_data["fund"], user=request.user, now=timezone.now())
        except DrawerRefused as refused:
            form.refuse(refused)
        else:
            messages.success(request, f"La caja {register.name} quedó abierta.")
            request.session["register"] = str(register.pk)
            return HttpResponseRedirect(_back(request) or reverse("desk:session", args=[made.pk]))
    context = _base(request) | {"register": register, "form": form, "charge": request.GET.get("remision", "")}
    return render(request, "desk/opening.html", context, status=422 if form.is_bound else 200)


@staff(Need.SEE)
@require_GET
def session(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """What happened in it, or its corte once it is closed."""
    return _show(request, session_or_404(request.organization, pk), MoveForm.blank())


@staff(Need.COLLECT)
@require_POST
def movement(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Cash put in or taken out."""
    row = session_or_404(request.organization, pk)
    form = MoveForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        try:
            made = move(
                row, data["kind"], data["amount"], reason=data["reason"], user=request.user, now=timezone.now(),
                key=data["key"],
            )  # fmt: skip
        except DrawerRefused as refused:
            form.refuse(refused)
        else:
            words = "Retiro" if made.kind == CashMovement.Kind.WITHDRAWAL else "Depósito"
            messages.success(request, f"{words} de ${made.amount:,.2f} registrado.")
            return HttpResponseRedirect(reverse("desk:session", args=[row.pk]))
    return _show(request, row, form, status=422)


@staff(Need.COLLECT)
@require_http_methods(["GET", "POST"])
def counting(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Count without seeing what is expected; a difference is shown then, and asks for its reason."""
    row = session_or_404(request.organization, pk)
    if not row.is_open:
        return HttpResponseRedirect(reverse("desk:session", args=[row.pk]))
    form, differences = CountForm(request.POST or None), []
    if request.method == "POST" and form.is_valid():
        try:
            close_session(
                row, pieces=form.pieces(), counted=form.counted(), reason=form.cleaned_data["reason"],
                user=request.user, now=timezone.now(),
            )  # fmt: skip
        except Differs as differs:
            differences = [(DESK_FORMS.get(key, key), each < 0, abs(each)) for key, each in differs.differences.items()]
            form.refuse(differs)
        except DrawerRefused as refused:
            form.refuse(refused)
        else:
            messages.success(request, f"Corte de {row.register.name} hecho: {row.folio}.")
            return HttpResponseRedirect(reverse("desk:session", args=[row.pk]))
    context = _base(request) | {"session": row, "form": form, "differences": differences}
    return render(request, "desk/counting.html", context, status=422 if form.is_bound else 200)


def session_or_404(organization: Organization, pk: uuid.UUID) -> RegisterSession:
    """A session of this organization, or Http404."""
    found = _of(organization).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _of(organization: Organization) -> QuerySet[RegisterSession]:
    return RegisterSession.objects.select_related("organization", "register", "opened_by", "closed_by").filter(
        organization=organization
    )


def _show(request: StaffRequest, row: RegisterSession, form: DrawerForm, *, status: int = 200) -> HttpResponse:
    slips = row.slips.select_related("charge", "cashier", "undone").prefetch_related("payments")
    context = _base(request) | {
        "session": row,
        "corte": None if row.is_open else corte_of(row),
        "slips": [
            (slip, ", ".join(DESK_FORMS.get(p.forma_pago, p.forma_pago) for p in slip.payments.all()))
            for slip in slips.order_by("-paid_at", "-pk")[:200]
        ],
        "movements": row.movements.select_related("by").order_by("-at", "-pk"),
        "refunds": row.refunds.select_related("charge", "by").order_by("-at", "-pk"),
        "form": form,
    }
    return render(request, "desk/session.html", context, status=status)


def _base(request: StaffRequest) -> dict[str, Any]:
    return {
        "organization": request.organization,
        "membership": request.membership,
        "zone": request.organization.zone,
        "section": "cortes",
        "may_collect": may(request.membership, Need.COLLECT),
    }


def _back(request: StaffRequest) -> str:
    """The remisión from which somebody came to open the register."""
    try:
        return reverse("desk:charge", args=[uuid.UUID(request.POST.get("remision", ""))])
    except ValueError:
        return ""


def _read_moment(typed: str) -> dt.datetime | None:
    try:
        read = dt.datetime.fromisoformat(typed)
    except ValueError:
        return None
    return read if read.tzinfo else None

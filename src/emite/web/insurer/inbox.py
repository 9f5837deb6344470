"""The inbox: what arrived, unread and faulty first, filtered by the address, decided one by one or many at once."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Case, F, IntegerField, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Greatest
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from emite.reviews import deciding
from emite.reviews.allowing import Refused
from emite.reviews.models import OWED, ReceivedInvoice
from emite.web.insurer.access import Need, StaffRequest, payer

State = ReceivedInvoice.State
PAGE: Final = 50
#: Invoices that a warning names.
NAMED: Final = 5
#: Filters of the address, with the words of their tabs.
SHOWN: Final = {
    "por-revisar": ("Por revisar", Q(state__in=ReceivedInvoice.OPEN)),
    "aprobadas": ("Aprobadas", Q(state=State.APPROVED)),
    "rechazadas": ("Rechazadas", Q(state=State.REJECTED)),
    "todas": ("Todas", Q()),
}


def context_of(request: StaffRequest, section: str, **more: Any) -> dict[str, Any]:
    """What every page of the payer shows around it."""
    return {
        "organization": request.organization,
        "membership": request.membership,
        "section": section,
        "may_review": request.membership.may(Need.REVIEW),
        "may_pay": request.membership.may(Need.PAY),
        "zone": request.organization.zone,
        **more,
    }


@payer(Need.SEE)
@require_GET
def home(request: StaffRequest) -> HttpResponse:
    return HttpResponseRedirect(reverse("insurer:inbox"))


@payer(Need.SEE)
@require_GET
def inbox(request: StaffRequest) -> HttpResponse:
    return show(request)


def show(request: StaffRequest, *, problem: str = "", chosen: set[str] | None = None, reason: str = "") -> HttpResponse:
    """The list, with what went wrong in what was asked of it and everything that was typed."""
    wanted = request.GET.get("ver", "por-revisar")
    wanted = wanted if wanted in SHOWN else "por-revisar"
    words = request.GET.get("q", "").strip()
    mine = ReceivedInvoice.objects.filter(organization=request.organization).defer("xml", "findings")
    rows = _ordered(_found(mine.filter(SHOWN[wanted][1]), words))
    page = Paginator(rows, PAGE).get_page(request.GET.get("pagina"))
    sums = rows.aggregate(owed=Sum(Greatest(OWED, Decimal(0))), paid=Sum(F("paid") + F("said")), total=Sum("total"))
    counts = mine.aggregate(
        **{key.replace("-", "_"): Sum(Case(When(each, then=1), default=0)) for key, (_, each) in SHOWN.items() if each}
    )
    context = context_of(
        request,
        "bandeja",
        page=page,
        tabs=[
            (
                key,
                label,
                counts.get(key.replace("-", "_")),
                "?" + urlencode({"ver": key} | ({"q": words} if words else {})),
            )
            for key, (label, _) in SHOWN.items()
        ],
        wanted=wanted,
        words=words,
        filters="?" + urlencode({"ver": wanted, "q": words}),
        **{name: amount or Decimal(0) for name, amount in sums.items()},
        today=request.organization.local_date(timezone.now()),
        problem=problem,
        chosen=chosen or set(),
        reason=reason,
    )
    return render(request, "insurer/inbox.html", context, status=422 if problem else 200)


def _found(rows: QuerySet[ReceivedInvoice], words: str) -> QuerySet[ReceivedInvoice]:
    if not words:
        return rows
    try:
        return rows.filter(uuid=uuid.UUID(words))
    except ValueError:
        named = Q(control_number__icontains=words) | Q(rfc_emisor__iexact=words) | Q(supplier_name__icontains=words)
        return rows.filter(named | Q(nombre_emisor__icontains=words))


def _ordered(rows: QuerySet[ReceivedInvoice]) -> QuerySet[ReceivedInvoice]:
    """Unread before read, faulty before sound, the newest first."""
    unread = Case(When(seen_at=None, then=Value(0)), default=Value(1), output_field=IntegerField())
    return rows.annotate(unread=unread).order_by("-has_faults", "unread", "-received_at", "pk")


@payer(Need.REVIEW)
@require_POST
def decide(request: StaffRequest) -> HttpResponse:
    """Approve or reject the ticked ones: all or none."""
    chosen = request.POST.getlist("factura")
    reason = request.POST.get("reason", "")
    try:
        keys = [uuid.UUID(each) for each in chosen]
        done = _decide(request, keys, request.POST.get("accion", ""), reason)
    except ValueError:
        return show(request, problem="Elija las facturas en la lista.")
    except Refused as refused:
        return show(request, problem=refused.message, chosen=set(chosen), reason=reason)
    messages.success(request, done[0])
    if done[1]:
        messages.warning(request, done[1])
    return HttpResponseRedirect(
        reverse("insurer:inbox") + "?" + urlencode({"ver": request.GET.get("ver", "por-revisar")})
    )


def _decide(request: StaffRequest, keys: list[uuid.UUID], action: str, reason: str) -> tuple[str, str]:
    """What was done, and what whoever did it should know of it."""
    organization, now = request.organization.pk, timezone.now()
    warning = ""
    if action == "rechazar":
        done = deciding.reject(organization, keys, reason=reason, user=request.user, now=now)
        verb = "rechazó", "rechazaron"
    else:
        done = deciding.approve(organization, keys, user=request.user, now=now)
        verb = "aprobó", "aprobaron"
        warning = _doubtful([each for each in done if each.doubt(now)])
    if len(done) == 1:
        return f"Se {verb[0]} la factura {done[0]}. Su emisor recibe el aviso.", warning
    return f"Se {verb[1]} {len(done)} facturas. Sus emisores reciben el aviso.", warning


def _doubtful(rows: list[ReceivedInvoice]) -> str:
    """Approved all the same: the SAT is asked again in a moment, before anybody pays."""
    if not rows:
        return ""
    named = ", ".join(str(each) for each in rows[:NAMED]) + (f" y {len(rows) - NAMED} más" if len(rows) > NAMED else "")
    return (
        f"El SAT no ha dicho hace poco que estén vigentes: {named}. Se le pregunta otra vez ahora; "
        "antes de pagarlas vea lo que contestó."
    )

"""The inbox: what arrived, unread and faulty first, filtered by the address, decided one by one or many at once."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import OperationalError
from django.db.models import Case, F, IntegerField, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Greatest
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET, require_POST

from emite.pac.port import SatEstado
from emite.reviews import deciding
from emite.reviews.allowing import Refused
from emite.reviews.models import OWED, ReceivedInvoice
from emite.web.insurer.access import Need, StaffRequest, payer

logger = logging.getLogger(__name__)
State = ReceivedInvoice.State
PAGE: Final = 50
#: What "todas las de esta lista" decides in one press, in parts of `deciding.MOST_TOGETHER`.
EVERYTHING: Final = 5000
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


def show(
    request: StaffRequest, *, problem: str = "", chosen: set[str] | None = None, reason: str = "",
    halted: Halted | None = None,
) -> HttpResponse:  # fmt: skip
    """The list, with what went wrong in what was asked of it and everything that was typed."""
    wanted, words = asked(request)
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
        seen_until=request.POST.get("hasta") or timezone.now().isoformat(),
        everything="todas" in request.POST,
        problem=problem,
        chosen=chosen or set(),
        reason=reason,
        halted=halted,
    )
    return render(request, "insurer/inbox.html", context, status=422 if problem else 200)


def asked(request: StaffRequest) -> tuple[str, str]:
    """The tab of the address, and the words that were searched."""
    wanted = request.GET.get("ver", "por-revisar")
    return (wanted if wanted in SHOWN else "por-revisar"), request.GET.get("q", "").strip()


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
    """Approve or reject the ticked ones, all or none; or all those of the list, part by part."""
    chosen, reason = request.POST.getlist("factura"), request.POST.get("reason", "")
    rejecting, everything = request.POST.get("accion") == "rechazar", "todas" in request.POST
    verb = "rechazó" if rejecting else "aprobó"
    try:
        keys = _everything(request, rejecting) if everything else [uuid.UUID(each) for each in chosen]
    except ValueError:
        return show(request, problem="Elija las facturas en la lista.", chosen=set(chosen), reason=reason)
    except Refused as refused:
        return show(request, problem=refused.message, chosen=set(chosen), reason=reason)
    done, problem = _in_parts(request, keys, deciding.MOST_TOGETHER if everything else len(keys), rejecting, reason)
    if not rejecting and (warning := _doubtful([each for each in done if each.doubt(timezone.now())])):
        messages.warning(request, warning)
    if problem and done:
        halted = Halted(verb[:-1] + "aron", len(done), len(keys), "rechazar" if rejecting else "aprobar")
        return show(request, problem=problem, reason=reason, halted=halted)
    if problem:
        return show(request, problem=problem, chosen=set(chosen), reason=reason)
    messages.success(request, _words(done, verb))
    return HttpResponseRedirect(
        reverse("insurer:inbox") + "?" + urlencode({"ver": request.GET.get("ver", "por-revisar")})
    )


@dataclass(frozen=True, slots=True)
class Halted:
    """A whole list of which some parts were decided and then one could not be. The rest waits for another press."""

    verb: str
    done: int
    of: int
    action: str

    @property
    def left(self) -> int:
        return self.of - self.done


def _in_parts(
    request: StaffRequest, keys: list[uuid.UUID], whole: int, rejecting: bool, reason: str
) -> tuple[list[ReceivedInvoice], str]:
    """What was decided, each part all or none, and why the next one was not: nothing is tried after it."""
    done: list[ReceivedInvoice] = []
    for first in range(0, max(len(keys), 1), max(whole, 1)):
        try:
            done += _decide(request, keys[first : first + whole], rejecting, reason)
        except Refused as refused:
            return done, refused.message
        except OperationalError:
            if not done:
                raise
            logger.exception("deciding stopped after %s of %s", len(done), len(keys))
            return done, "La base de datos no contestó a tiempo. Lo que falta quedó como estaba."
    return done, ""


def _everything(request: StaffRequest, rejecting: bool) -> list[uuid.UUID]:
    """All that the list had when it was shown, and of which the verdict is possible: nobody decides what came since."""
    until = parse_datetime(request.POST.get("hasta", ""))
    if until is None or until.tzinfo is None:
        raise ValueError("hasta")
    wanted, words = asked(request)
    mine = ReceivedInvoice.objects.filter(organization=request.organization, received_at__lte=until)
    rows = _found(mine.filter(SHOWN[wanted][1]), words)
    if rejecting:
        rows = rows.filter(state__in=(*ReceivedInvoice.OPEN, State.APPROVED), paid=0)
    else:
        rows = rows.filter(state__in=ReceivedInvoice.OPEN).exclude(sat_estado=SatEstado.CANCELADO.value)
    keys = list(rows.order_by("received_at", "pk").values_list("pk", flat=True)[: EVERYTHING + 1])
    if not keys:
        raise Refused("En esta lista no hay facturas que se puedan " + ("rechazar." if rejecting else "aprobar."))
    if len(keys) > EVERYTHING:
        raise Refused(f"Son más de {EVERYTHING:,} facturas: busque menos a la vez.")
    return keys


def _decide(request: StaffRequest, keys: list[uuid.UUID], rejecting: bool, reason: str) -> list[ReceivedInvoice]:
    organization, now = request.organization.pk, timezone.now()
    if rejecting:
        return deciding.reject(organization, keys, reason=reason, user=request.user, now=now)
    return deciding.approve(organization, keys, user=request.user, now=now)


def _words(done: list[ReceivedInvoice], verb: str) -> str:
    if len(done) == 1:
        return f"Se {verb} la factura {done[0]}. Su emisor recibe el aviso."
    return f"Se {verb[:-1]}aron {len(done)} facturas. Sus emisores reciben el aviso."


def named(rows: Sequence[ReceivedInvoice]) -> str:
    """The first few by their numbers, and how many more."""
    more = f" y {len(rows) - NAMED} más" if len(rows) > NAMED else ""
    return ", ".join(str(each) for each in rows[:NAMED]) + more


def _doubtful(rows: list[ReceivedInvoice]) -> str:
    """Approved all the same: the SAT is asked again in a moment, before anybody pays."""
    if not rows:
        return ""
    return (
        f"El SAT no ha dicho hace poco que estén vigentes: {named(rows)}. Se le pregunta otra vez ahora; "
        "antes de pagarlas vea lo que contestó."
    )

"""What the end of a request entails, in the very transaction that learns it: charges freed or handed on.

A charge is never freed before SAT says "Cancelado", and never free between an invoice and the one that takes its place.
"""

from __future__ import annotations

import datetime as dt

from emite.cancellations import handing_on, rebuilding
from emite.cancellations.models import CancellationRequest, GlobalRebuild, Substitution
from emite.cancellations.models import State as RequestState
from emite.charges.allocating import allocate, release
from emite.charges.models import Allocation, Charge
from emite.documents.models import FiscalDocument, State
from emite.documents.sealing import note
from emite.invoices import insuring
from emite.invoices.telling import tell
from emite.settlements import ending as settlements


def entail(request: CancellationRequest, now: dt.datetime) -> None:
    """What a request that has ended means for others. Nothing while it is open."""
    if request.state == RequestState.CANCELLED:
        _cancelled(request, now)
    elif not request.is_open:
        _still_alive(request.document)


def _cancelled(request: CancellationRequest, now: dt.datetime) -> None:
    document = request.document
    _hold_charges(document)
    won = FiscalDocument.objects.filter(pk=document.pk, state=State.STAMPED).update(state=State.CANCELLED)
    if not won:
        return
    document.state = State.CANCELLED
    note(document, "cancelled", now=now)
    taking = Substitution.objects.filter(original=document, state__in=Substitution.OPEN_STATES).first()
    bound = list(Allocation.objects.filter(document=document, active=True).select_related("charge", "register"))
    release(document, now=now)
    insuring.follow(document, now)
    settlements.invoice_cancelled(document, now=now)
    handing_on.complement(request, taking, now)
    handing_on.credit(document, now)
    if taking is not None:
        _hand_on(taking, bound, now)
    rebuild = rebuilding.under_way(document)
    if rebuild is not None:
        rebuilding.hand_on(rebuild, [each.charge for each in bound], now)
    undone = Substitution.objects.filter(substitute=document, state__in=Substitution.OPEN_STATES)
    undone.update(state=Substitution.State.UNDONE, finished_at=now)
    tell(document, now=now)


def _hold_charges(document: FiscalDocument) -> None:
    """Those that are handed on, before their document: who credits or invoices them locks in that order."""
    taking = Substitution.objects.filter(original=document, state__in=Substitution.OPEN_STATES)
    rebuild = GlobalRebuild.objects.filter(original=document, state=GlobalRebuild.State.CANCELLING)
    if taking.exists() or rebuild.exists():
        bound = Allocation.objects.filter(document=document, active=True).values("charge_id")
        list(Charge.objects.select_for_update(of=("self",)).filter(pk__in=bound).order_by("pk").values_list("pk"))


def _hand_on(taking: Substitution, bound: list[Allocation], now: dt.datetime) -> None:
    """The charges go to the substitute, unless that one came to nothing."""
    if taking.substitute.state in (State.REJECTED, State.VOID, State.CANCELLED):
        Substitution.objects.filter(pk=taking.pk).update(state=Substitution.State.FAILED, finished_at=now)
        return
    handing_on.services(taking, now)
    for each in bound:
        allocate(each.charge, taking.substitute, register=each.register, now=now)
    Substitution.objects.filter(pk=taking.pk).update(state=Substitution.State.DONE, finished_at=now)


def _still_alive(document: FiscalDocument) -> None:
    """The document stays: a substitution that waited for its end needs a person."""
    waiting = {"original": Substitution.State.CANCELLING, "substitute": Substitution.State.UNDOING}
    for role, state in waiting.items():
        Substitution.objects.filter(**{role: document, "state": state}).update(state=Substitution.State.REFUSED)

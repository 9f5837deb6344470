"""Ask SAT again of an invoice that was stamped elsewhere and whose payer has no organization here: nobody else does.

When, is `asking.next_ask`; what SAT's "Cancelado" does to it, `invoices.external`. Worker only.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Final

from django.db.models import Max

from emite.accounts import posting
from emite.care.models import InsurerInvoice
from emite.invoices import external
from emite.organizations.models import Membership
from emite.organizations.permissions import Need
from emite.pac.port import SatEstado
from emite.reviews.asking import FEW, TURN, Facts, due_at, next_ask, pause
from emite.reviews.models import ElsewhereWatch
from emite.settlements.models import Receivable, ReceivedPayment

ASK: Final = "emite.ask_sat_of_elsewhere"
_LIVE = {"state": InsurerInvoice.State.EXTERNAL, "payer__account": None}


def begin(*, now: dt.datetime, limit: int) -> int:
    """A watch for each that has none; returns how many. It was "Vigente" when it was taken in."""
    rows = InsurerInvoice.objects.filter(**_LIVE, sat_watch=None).select_related("external")
    fresh = [
        ElsewhereWatch(
            organization_id=each.organization_id, invoice=each, estado=SatEstado.VIGENTE.value,
            asked_at=each.external.stored_at, due_at=now,
        )
        for each in rows[:limit]
        if each.external is not None
    ]  # fmt: skip
    ElsewhereWatch.objects.bulk_create(fresh, ignore_conflicts=True)
    return len(fresh)


def due(*, now: dt.datetime, limit: int = FEW) -> list[uuid.UUID]:
    """Watches to look at now, the longest waiting first."""
    rows = ElsewhereWatch.objects.filter(due_at__lte=now).order_by("due_at")
    return list(rows.values_list("pk", flat=True)[:limit])


def drive(pk: uuid.UUID, *, clock: Callable[[], dt.datetime]) -> str:
    """Ask SAT of one if it is time; its Estado, or nothing."""
    now = clock()
    mine = ElsewhereWatch.objects.filter(pk=pk)
    if not mine.filter(due_at__lte=now).update(due_at=now + TURN):
        return ""
    watch = mine.select_related("invoice__external", "invoice__payer", "organization").get()
    moment = next_ask(_facts(watch), now)
    if moment is None or moment > now:
        mine.update(due_at=due_at(moment, pk, now))
        return ""
    estado = external.word_on(watch.invoice, now=now)
    now = clock()
    if estado is None:
        mine.update(tries=watch.tries + 1, due_at=now + pause(watch.tries))
        return ""
    watch.estado, watch.asked_at = estado.value, now
    again = due_at(next_ask(_facts(watch), now), pk, now)
    mine.update(estado=estado.value, asked_at=now, tries=0, due_at=again)
    if estado == SatEstado.CANCELADO:
        _tell(watch, now)
    return estado.value


def _facts(watch: ElsewhereWatch) -> Facts:
    invoice = watch.invoice
    assert invoice.external is not None  # only such are watched
    receivable = Receivable.objects.filter(
        organization_id=watch.organization_id, cfdi_uuid=invoice.external.uuid
    ).first()  # fmt: skip
    standing = ReceivedPayment.objects.filter(organization_id=watch.organization_id, undone_at=None)
    paid = standing.filter(shares__receivable=receivable).aggregate(last=Max("paid_at"))["last"] if receivable else None
    return Facts(
        zone=watch.organization.zone,
        fecha=invoice.external.fecha,
        asked_at=watch.asked_at,
        estado=watch.estado,
        closed=invoice.state != InsurerInvoice.State.EXTERNAL,
        accepted_at=invoice.external.stored_at,
        owed=receivable is None or receivable.balance > 0,
        paid_at=paid,
    )


def _tell(watch: ElsewhereWatch, now: dt.datetime) -> None:
    people = Membership.objects.who_may(Need.PRICE).filter(organization_id=watch.organization_id)
    for member in people.select_related("user"):
        posting.post(
            "reviews/elsewhere",
            {"invoice": watch.invoice},
            to=member.user.email,
            now=now,
            organization_id=watch.organization_id,
        )

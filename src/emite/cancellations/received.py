"""The cancellations that wait for our taxpayers' answer: each list asked of the PAC now and then, kept as rows.

The PAC tells folios and nothing else. What is no longer listed has ended: after its last day by silence, before it by
an answer given elsewhere or because the issuer took it back. Worker only; no network inside of a transaction.
"""

from __future__ import annotations

import datetime as dt
import uuid as uuids
from typing import Final

import structlog
from django.db import transaction
from procrastinate.contrib.django import app

from emite.cancellations.models import PendingList, ReceivedCancellation
from emite.cfdi import plazos
from emite.cfdi.respuesta import Respuesta
from emite.cfdi.zones import zone_of
from emite.issuers.connecting import adapter
from emite.issuers.models import Issuer, PacAccount, StoredCsd
from emite.pac.port import Pending, PendingAnswer
from emite.vault.boxes import CannotOpen
from emite.vault.keyfiles import KeyTrouble

log = structlog.get_logger(__name__)

REFRESH: Final = "emite.received"
#: Three business days leave room: a PAC is asked a few times a day for each RFC.
EVERY: Final = dt.timedelta(hours=4)
#: A person who presses the button, at most so often.
PRESSED: Final = dt.timedelta(minutes=1)
AGAIN: Final = dt.timedelta(minutes=30)
#: After our answer SAT may go on listing the folio for a while: it is not a new request.
SETTLING: Final = dt.timedelta(hours=24)
#: Taxpayers asked in one pass of the sweep.
POLITE: Final = 10
State = ReceivedCancellation.State


def begin(*, now: dt.datetime) -> int:
    """Rows for the taxpayers that have a certificate and an account and none yet; returns how many."""
    ready = StoredCsd.objects.filter(active=True, issuer__pac_accounts__active=True).values("issuer_id")
    held = PendingList.objects.values("issuer_id")
    fresh = Issuer.objects.filter(pk__in=ready).exclude(pk__in=held)
    rows = [PendingList(organization_id=each.organization_id, issuer=each, next_at=now) for each in fresh]
    PendingList.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def due(*, now: dt.datetime, limit: int = POLITE) -> list[uuids.UUID]:
    """Lists whose turn it is."""
    rows = PendingList.objects.filter(next_at__lte=now).order_by("next_at")
    return list(rows.values_list("pk", flat=True)[: min(limit, POLITE)])


def ask_soon(organization_id: uuids.UUID, *, now: dt.datetime) -> bool:
    """Have a worker ask now for this organization; False when it was asked a moment ago."""
    rows = PendingList.objects.filter(organization_id=organization_id)
    recent = rows.filter(asked_at__gt=now - PRESSED)
    if recent.exists() or not rows.exists():
        return False
    with transaction.atomic():
        rows.update(next_at=now)
        for pk in rows.values_list("pk", flat=True):
            app.configure_task(REFRESH).defer(pk=str(pk))
    return True


def refresh(pk: uuids.UUID, *, now: dt.datetime) -> bool:
    """Ask the PAC for one taxpayer's list and keep it; whether it gave it whole."""
    if not PendingList.objects.filter(pk=pk, next_at__lte=now).update(asked_at=now, next_at=now + AGAIN):
        return False  # another worker is at it
    row = PendingList.objects.select_related("issuer").get(pk=pk)
    answer, words = _asked(row)
    if not isinstance(answer, Pending):
        PendingList.objects.filter(pk=pk).update(last_text=words[:300])
        return False
    with transaction.atomic():
        _keep(row, [uuids.UUID(each) for each in answer.uuids], now)
        PendingList.objects.filter(pk=pk).update(told_at=now, next_at=now + EVERY, last_text="")
    return True


def _asked(row: PendingList) -> tuple[PendingAnswer | None, str]:
    account = PacAccount.objects.filter(organization_id=row.organization_id, issuer=row.issuer, active=True).first()
    if account is None:
        return None, "No hay una cuenta de PAC en uso."
    try:
        pac = adapter(account)
    except (ValueError, CannotOpen, KeyTrouble) as error:
        return None, str(error)
    if not pac.capabilities.answers_as:
        return None, "Este PAC no dice qué cancelaciones esperan respuesta: se ven en la página del SAT."
    answer = pac.pending_cancellations(row.issuer.rfc)
    return answer, "" if isinstance(answer, Pending) else answer.reason


def _keep(row: PendingList, listed: list[uuids.UUID], now: dt.datetime) -> None:
    of = {"organization_id": row.organization_id, "issuer": row.issuer}
    rows = ReceivedCancellation.objects.select_for_update().filter(**of)
    today = now.astimezone(zone_of(row.issuer.lugar_expedicion)).date()
    still = list(rows.filter(state__in=ReceivedCancellation.OPEN))
    rows.filter(pk__in=[each.pk for each in still if each.uuid in listed]).update(seen_at=now)
    for each in still:
        if each.uuid not in listed and each.state == State.PENDING:
            _end(each, today, now)
    known = {each.uuid for each in still}
    known |= set(rows.filter(uuid__in=listed, finished_at__gt=now - SETTLING).values_list("uuid", flat=True))
    fresh = [each for each in listed if each not in known]
    seen = {"first_seen_at": now, "seen_at": now, "due": plazos.accept_by(today)}
    ReceivedCancellation.objects.bulk_create(ReceivedCancellation(**of, uuid=each, **seen) for each in fresh)
    if fresh:
        log.info("cancellations_received", issuer=str(row.issuer_id), found=len(fresh))


def _end(row: ReceivedCancellation, today: dt.date, now: dt.datetime) -> None:
    """It is not listed any more and nobody's answer is on its way."""
    if row.doubted_at is not None:
        sent = "aceptarla" if row.answer == Respuesta.ACCEPT else "rechazarla"
        words = f"Se mandó {sent} y el PAC no confirmó que llegara: vea en el SAT cómo quedó el CFDI."
        state = State.GONE
    elif today > row.due:
        state, words = State.EXPIRED, "Pasaron tres días hábiles sin respuesta: para el SAT quedó aceptada."
    else:
        state, words = State.GONE, "Se contestó en otra parte o el emisor la retiró: vea en el SAT cómo quedó el CFDI."
    row.state, row.last_text, row.finished_at = state, words, now
    row.save(update_fields=["state", "last_text", "finished_at"])

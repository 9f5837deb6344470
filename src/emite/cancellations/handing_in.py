"""Sign a person's answer to a cancellation and hand it to SAT through the PAC: the worker's part, which opens the key.

The same bytes are sent again under any doubt; SAT then says that it has an answer (1002), which is ours.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid as uuids
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog
from django.db import transaction
from django.db.models import Q

from emite.cancellations.models import AnswerAcuse, ReceivedCancellation, SignedAnswer
from emite.cfdi import respuesta
from emite.cfdi.respuesta import Respuesta, SolicitudRespuesta
from emite.cfdi.zones import local_now
from emite.documents.stamping import LEASE
from emite.invoices.issuing import may_issue
from emite.issuers.connecting import adapter
from emite.issuers.keys import open_csd
from emite.issuers.models import PacAccount, StoredCsd
from emite.pac.port import AnswerTold, CancelDoubt, CancelRefused, NotSent, Pac, ReceptorAnswer

log = structlog.get_logger(__name__)

PAUSES: Final = tuple(dt.timedelta(seconds=s) for s in (5, 20, 60, 300, 900, 1800))
#: So long after its last day nothing is sent any more.
TOO_LATE: Final = dt.timedelta(days=7)
State = ReceivedCancellation.State
Clock = Callable[[], dt.datetime]


@dataclass(frozen=True, slots=True)
class Move:
    """Where the row goes, with which words, and when it is due again (only while it is being answered)."""

    state: State
    code: str = ""
    text: str = ""
    next_at: dt.datetime | None = None
    in_doubt: bool = False


def after_answer(
    answer: ReceptorAnswer, *, word: str, uuid: str, attempts: int, in_doubt: bool, now: dt.datetime
) -> Move:
    """What the PAC's word means. Pure."""
    again = now + PAUSES[min(attempts, len(PAUSES) - 1)]
    if isinstance(answer, CancelDoubt):
        return Move(State.ANSWERING, answer.code, answer.text, again, in_doubt=True)
    if isinstance(answer, NotSent):
        return Move(State.ANSWERING, "", answer.reason, again, in_doubt=in_doubt)
    if isinstance(answer, CancelRefused):
        return Move(State.PENDING, answer.code, answer.text, in_doubt=in_doubt)
    code = answer.codes[uuid]
    text = respuesta.MEANINGS.get(code, f"El SAT contestó con un código que no se conoce: {code}.")
    if code == respuesta.RECEIVED or (code == respuesta.BEFORE and in_doubt):
        return Move(State.ACCEPTED if word == Respuesta.ACCEPT else State.REJECTED, code, text)
    if code in (respuesta.BEFORE, respuesta.NOT_PENDING):
        return Move(State.GONE, code, f"{text} Vea en el SAT cómo quedó el CFDI.", in_doubt=in_doubt)
    return Move(State.PENDING, code, text, in_doubt=in_doubt)


def due(*, now: dt.datetime, limit: int) -> list[uuids.UUID]:
    """Answers that somebody should hand in now."""
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    rows = ReceivedCancellation.objects.filter(free, state=State.ANSWERING, next_at__lte=now).order_by("next_at")
    return list(rows.values_list("pk", flat=True)[:limit])


def drive(pk: uuids.UUID, *, owner: str, clock: Clock) -> State | None:
    """Sign if needed and send once; its state, or None when it is not due or another worker has it."""
    now = clock()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    mine = ReceivedCancellation.objects.filter(free, pk=pk, state=State.ANSWERING, next_at__lte=now)
    if not mine.update(lease_owner=owner, lease_until=now + LEASE):
        return None
    row = ReceivedCancellation.objects.select_related("issuer", "answered_by").get(pk=pk)
    if row.lease_owner != owner:
        return None
    if (stop := _no_longer(row, now)) is not None:
        return _settle(row, stop, None, now)
    account = PacAccount.objects.filter(organization_id=row.organization_id, issuer=row.issuer, active=True).first()
    pac = adapter(account) if account is not None else None
    if pac is None or not pac.capabilities.answers_as:
        text = "No hay una cuenta de PAC en uso que entregue respuestas: contéstela en la página del SAT."
        return _settle(row, Move(State.PENDING, "EMI-FALTA", text, in_doubt=row.doubted_at is not None), None, now)
    xml = signed_for(row, pac, now)
    if xml is None:
        text = "Falta el certificado de sello digital (CSD) de este RFC."
        return _settle(row, Move(State.PENDING, "EMI-FALTA", text, in_doubt=row.doubted_at is not None), None, now)
    # Told before it is sent: a worker that dies now leaves a doubt.
    was = row.doubted_at is not None
    ReceivedCancellation.objects.filter(pk=pk, lease_owner=owner).update(doubted_at=now, attempts=row.attempts + 1)
    answer = pac.answer_cancellation(xml)
    move = after_answer(
        answer, word=row.answer, uuid=str(row.uuid).upper(), attempts=row.attempts, in_doubt=was, now=clock()
    )
    return _settle(row, move, answer, clock())


def _no_longer(row: ReceivedCancellation, now: dt.datetime) -> Move | None:
    in_doubt = row.doubted_at is not None
    if now.date() > row.due + TOO_LATE:
        return Move(State.EXPIRED, "", "No se pudo entregar la respuesta en su plazo.", in_doubt=in_doubt)
    if row.answered_by is None or not may_issue(row.answered_by, row.organization_id):
        text = "Quien la contestó ya no tiene permiso: decídala otra persona."
        return Move(State.PENDING, "", text, in_doubt=in_doubt)
    return None


def signed_for(row: ReceivedCancellation, pac: Pac, now: dt.datetime) -> bytes | None:
    """The bytes of this answer, signed once with the certificate in use for the PAC that hands it in."""
    csd = StoredCsd.objects.filter(organization_id=row.organization_id, issuer=row.issuer, active=True).first()
    if csd is None:
        return None
    same = SignedAnswer.objects.filter(organization_id=row.organization_id, request=row, answer=row.answer, csd=csd)
    for known in same.order_by("-signed_at"):
        if respuesta.verify(bytes(known.xml))[0].pac == pac.capabilities.answers_as:
            return bytes(known.xml)
    fecha = local_now(now, row.issuer.lugar_expedicion)
    asked = SolicitudRespuesta(row.issuer.rfc, pac.capabilities.answers_as, fecha, str(row.uuid).upper(), row.answer)
    xml = respuesta.sign(asked, open_csd(csd))
    SignedAnswer.objects.create(
        organization_id=row.organization_id,
        request=row,
        answer=row.answer,
        xml=xml,
        sha256=hashlib.sha256(xml).digest(),
        csd=csd,
        signed_at=now,
    )
    return xml


def _settle(row: ReceivedCancellation, move: Move, answer: ReceptorAnswer | None, now: dt.datetime) -> State:
    with transaction.atomic():
        if isinstance(answer, AnswerTold):
            content = answer.acuse or answer.evidence.raw
            AnswerAcuse.objects.create(
                organization_id=row.organization_id,
                request=row,
                code=move.code,
                is_sats=bool(answer.acuse),
                content=content,
                sha256=hashlib.sha256(content).digest(),
                stored_at=now,
            )
        ended = move.state not in ReceivedCancellation.OPEN
        held = ReceivedCancellation.objects.filter(pk=row.pk, state=State.ANSWERING, lease_owner=row.lease_owner)
        held.update(
            state=move.state,
            last_code=move.code[:20],
            last_text=move.text[:500],
            next_at=move.next_at,
            doubted_at=now if move.in_doubt else None,
            finished_at=now if ended else None,
            lease_owner="",
            lease_until=None,
        )
    log.info("cancellation_answered", request=str(row.pk), state=move.state.value, code=move.code)
    return move.state

"""A person's word on a cancellation that somebody else asks for. One transaction, no network, no key: a worker signs it
and hands it in (`handing_in`). Answering twice the same is one answer.
"""

from __future__ import annotations

import datetime as dt
import uuid as uuids

from django.db import transaction
from procrastinate.contrib.django import app

from emite.accounts.models import User
from emite.audit import record
from emite.cancellations.models import ReceivedCancellation
from emite.cfdi.respuesta import Respuesta
from emite.invoices.issuing import NO_PERMISSION, may_issue
from emite.invoices.issuing import NotAllowed as NotAllowed
from emite.issuers.models import StoredCsd

HAND_IN = "emite.answer"
State = ReceivedCancellation.State


class CannotAnswer(Exception):
    """It cannot be answered now; the message says why and what to do."""


def answer(
    organization_id: uuids.UUID, pk: uuids.UUID, word: str, *, reason: str, user: User, now: dt.datetime
) -> ReceivedCancellation:
    """Accept or reject, once. Raises NotAllowed or CannotAnswer."""
    if not may_issue(user, organization_id):
        raise NotAllowed(NO_PERMISSION)
    if word not in set(Respuesta):
        raise CannotAnswer("Elija aceptar o rechazar.")
    if word == Respuesta.REJECT and not reason.strip():
        raise CannotAnswer("Escriba por qué se rechaza: el emisor no lo verá, queda en la bitácora.")
    with transaction.atomic():
        rows = ReceivedCancellation.objects.select_for_update(of=("self",))
        row = rows.filter(organization_id=organization_id, pk=pk).first()
        if row is None:
            raise CannotAnswer("Esa solicitud no existe: recargue la página.")
        if row.state in (State.ANSWERING, State.ACCEPTED, State.REJECTED) and row.answer == word:
            return row
        if row.state != State.PENDING:
            raise CannotAnswer(f"Ya no se puede contestar: está «{row.get_state_display()}».")
        if row.doubted_at is not None and row.answer != word:
            raise CannotAnswer(
                "Una respuesta anterior pudo llegar al SAT: sólo se puede mandar la misma, o esperar a que el SAT diga."
            )
        if not StoredCsd.objects.filter(organization_id=organization_id, issuer_id=row.issuer_id, active=True).exists():
            raise CannotAnswer("Falta el certificado de sello digital (CSD) de este RFC: cárguelo en «Emisor».")
        row.state, row.answer, row.reason = State.ANSWERING, word, reason.strip()[:200]
        row.answered_by, row.answered_at, row.next_at = user, now, now
        row.last_code = row.last_text = ""
        row.save()
        app.configure_task(HAND_IN).defer(pk=str(row.pk))
        record(
            organization_id=organization_id,
            actor=user.email,
            action=f"received_cancellation.{'accept' if word == Respuesta.ACCEPT else 'reject'}",
            subject=f"received_cancellation:{row.pk}",
            after={"uuid": str(row.uuid).upper()},
            reason=row.reason,
            now=now,
        )
    return row

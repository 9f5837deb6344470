"""What a person does with a difference: write here what SAT has done, bring in what the PAC holds, or say why it stays.
Never stamps nor cancels."""

from __future__ import annotations

import datetime as dt
import uuid

from django.db import IntegrityError, transaction

from emite.accounts.models import User
from emite.audit import record
from emite.cancellations.learning import learn_cancelled
from emite.cancellations.requesting import NotAllowed as NotAllowed
from emite.documents.models import FiscalDocument
from emite.invoices.issuing import NO_PERMISSION, may_issue
from emite.issuers.connecting import keyless
from emite.issuers.models import PacAccount
from emite.pac.seals import Identity
from emite.reconciling import recovering
from emite.reconciling.models import Difference
from emite.reconciling.proving import Unreadable


class CannotMend(Exception):
    """It is no longer open, or nothing can be written here; the message says what to do instead."""


def register_cancellation(organization_id: uuid.UUID, pk: uuid.UUID, *, user: User, now: dt.datetime) -> Difference:
    """SAT has it cancelled: so it is here too, its charges free. Raises NotAllowed, CannotMend or NotCancellable."""
    with transaction.atomic():
        row = _open(organization_id, pk, user)
        if row.kind != Difference.Kind.CANCELLED_AT_SAT or row.document is None:
            raise CannotMend("Esta diferencia no se arregla aquí: siga lo que dice su renglón.")
        learn_cancelled(row.document, raw=bytes(row.raw or b""), user=user, now=now)
        _close(row, Difference.Ending.MENDED, "", user, now)
    return row


def bring_in(organization_id: uuid.UUID, pk: uuid.UUID, *, user: User, now: dt.datetime) -> FiscalDocument:
    """A stamp that nobody here knew becomes a document, with the charge that it is of when one says the same.

    Nothing is stamped. Raises NotAllowed or CannotMend.
    """
    row = Difference.objects.filter(organization_id=organization_id, pk=pk, kind=Difference.Kind.UNKNOWN).first()
    if row is None or row.xml is None:
        raise CannotMend("El PAC no dio su XML: siga lo que dice su renglón.")
    xml = bytes(row.xml)
    rows = PacAccount.objects.select_related("issuer__organization").filter(
        organization_id=organization_id, issuer__rfc=Identity.of(xml).rfc
    )
    account = rows.order_by("-active", "-created_at").first()
    if account is None:
        raise CannotMend("Su emisor ya no está en esta organización.")
    signers = keyless(account).certificates()
    try:
        with transaction.atomic():
            held = _open(organization_id, pk, user)
            document, _ = recovering.take_in(account, xml, row.uuid, signers, by=user.email, now=now)
            _close(held, Difference.Ending.MENDED, "", user, now)
    except Unreadable as error:
        raise CannotMend(f"No se puede registrar: {error}.") from None
    except IntegrityError:
        raise CannotMend("Su folio ya lo tiene otra factura de aquí: revise cuál de las dos queda.") from None
    return document


def put_aside(organization_id: uuid.UUID, pk: uuid.UUID, *, reason: str, user: User, now: dt.datetime) -> Difference:
    """A person answers for it, with a reason: it is not shown again. Raises NotAllowed or CannotMend."""
    if not reason.strip():
        raise CannotMend("Escriba por qué se cierra: queda en la bitácora.")
    with transaction.atomic():
        row = _open(organization_id, pk, user)
        _close(row, Difference.Ending.PERSON, reason.strip()[:200], user, now)
    return row


def _open(organization_id: uuid.UUID, pk: uuid.UUID, user: User) -> Difference:
    if not may_issue(user, organization_id):
        raise NotAllowed(NO_PERMISSION)
    rows = Difference.objects.select_for_update(of=("self",)).select_related("document__issuer")
    row = rows.filter(organization_id=organization_id, pk=pk, closed_at=None).first()
    if row is None:
        raise CannotMend("Esta diferencia ya se cerró: recargue la página.")
    return row


def _close(row: Difference, ending: str, reason: str, user: User, now: dt.datetime) -> None:
    row.closed_at, row.ending, row.closed_by, row.reason = now, ending, user, reason
    row.save(update_fields=["closed_at", "ending", "closed_by", "reason"])
    record(
        organization_id=row.organization_id,
        actor=user.email,
        action=f"difference.{ending}",
        subject=f"document:{row.document_id}" if row.document_id else f"difference:{row.pk}",
        after={"kind": row.kind, "uuid": str(row.uuid).upper()},
        reason=reason,
        now=now,
    )

"""The later life of a payment complement: cancelled before the SAT, or put right by another (relation 04, motivo 01).

A live complement holds its invoices: they are cancelled after it. What its end means is `settlements.ending`'s.
"""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from emite.accounts.models import User
from emite.audit import record
from emite.cancellations.models import CancellationRequest, Substitution
from emite.cancellations.requesting import NotCancellable, request_cancellation, require_askable
from emite.cancellations.substituting import NothingChanges, require_free
from emite.cfdi.cancelacion import Motivo
from emite.cfdi.comprobante import Comprobante
from emite.cfdi.stored import from_json
from emite.documents.models import FiscalDocument
from emite.documents.sealing import draft
from emite.documents.steps import reached
from emite.documents.waking import wake
from emite.invoices.issuing import NO_PERMISSION, NotAllowed, may_issue
from emite.settlements import complementing, ending
from emite.settlements.models import PaymentComplement


def cancel(
    complement: PaymentComplement, motivo: str, *, user: User, now: dt.datetime, despite_deadline: bool = False
) -> CancellationRequest:
    """Ask for it. Motivo 02: the payment stands and needs another; 03: nothing was paid, and it is undone.

    Raises NotAllowed, or NotCancellable in words; nothing is stored then.
    """
    if motivo == Motivo.NOT_DONE and (why := ending.stands_on(complement)):
        raise NotCancellable(why)
    return request_cancellation(
        _document(complement), motivo, user=user, now=now, despite_deadline=despite_deadline
    )  # fmt: skip


def rebuilt(complement: PaymentComplement, *, now: dt.datetime) -> Comprobante:
    """The one that would take its place now. Raises NotCancellable, also when nothing would change."""
    document = _document(complement)
    made = complementing.preview(complement.payment, now=now, replaces=str(document.uuid))
    said = from_json(document.content)
    if (made.receptor, made.emisor, made.pagos) == (said.receptor, said.emisor, said.pagos):
        raise NothingChanges(
            "El complemento ya dice lo mismo que diría el nuevo. Corrija antes los datos de quien paga; si lo que está "
            "mal es el pago, cancélelo con «La operación no se llevó a cabo» y regístrelo otra vez."
        )
    return made


def substitute(
    complement: PaymentComplement, *, user: User, now: dt.datetime, idempotency_key: str
) -> Substitution:  # fmt: skip
    """The operation, with its draft and a worker woken. The same key returns what it made.

    Raises NotAllowed, NotCancellable (in words), NotReady or CfdiInvalid; nothing is stored then.
    """
    if not may_issue(user, complement.organization_id):
        raise NotAllowed(NO_PERMISSION)
    made_by_key = Substitution.objects.filter(
        organization_id=complement.organization_id,
        original=complement.document_id,
        substitute__idempotency_key=idempotency_key,
    )
    # Before anything is judged: by now the first one may be ending, or gone.
    if (earlier := made_by_key.first()) is not None:
        return earlier
    document = _document(complement)
    with transaction.atomic():
        locked = require_askable(document, user=user, now=now)
        if (earlier := made_by_key.first()) is not None:
            return earlier
        require_free(locked)
        fresh = draft(
            rebuilt(complement, now=now),
            issuer=locked.issuer,
            series=locked.series,
            channel=FiscalDocument.Channel.PAYMENT,
            idempotency_key=idempotency_key,
            now=now,
            who=user.email,
        )
        made = Substitution.objects.create(
            organization_id=locked.organization_id, original=locked, substitute=fresh, asked_by=user, asked_at=now
        )
        wake(fresh.pk)
        record(
            organization_id=locked.organization_id,
            actor=user.email,
            action="complement.substitute",
            subject=f"received:{complement.payment_id}",
            after={"substitute": str(fresh.pk)},
            now=now,
        )
        reached("complement_substitution_uncommitted")
    reached("complement_substitution_asked")
    return made


def _document(complement: PaymentComplement) -> FiscalDocument:
    if complement.state == PaymentComplement.State.EXTERNAL:
        raise NotCancellable("Este complemento se timbró en otra plataforma: cancélelo ahí.")
    if complement.state != PaymentComplement.State.STAMPED or complement.document is None:
        raise NotCancellable("El complemento no está timbrado: no hay qué cancelar.")
    return complement.document

"""Ask for a CFDI to be cancelled: who may, whether it can be, what will happen and by when.

One transaction, no network, no key: a worker signs and sends (`following`). Putting another in its place is
`substituting`'s.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import transaction

from emite.accounts.models import User
from emite.audit import record
from emite.cancellations.models import OPEN, UNSENT, CancellationEvent, CancellationRequest, State, Substitution
from emite.cancellations.related import holders
from emite.cancellations.waking import wake
from emite.cfdi import plazos
from emite.cfdi.cancelacion import Motivo
from emite.cfdi.zones import zone_of
from emite.credits import deposits
from emite.credits.models import LateRequest
from emite.documents.models import FiscalDocument
from emite.documents.models import State as DocumentState
from emite.documents.steps import reached
from emite.invoices.issuing import NO_PERMISSION, may_issue
from emite.invoices.issuing import NotAllowed as NotAllowed
from emite.settlements.ending import paid_of


class NotCancellable(Exception):
    """It cannot be asked for. The message says why and what can be done, for the person who asks."""


class AlreadyCancelled(NotCancellable):
    """It is cancelled."""


class AlreadyAsked(NotCancellable):
    """Somebody asked for it before; `request` is theirs."""

    def __init__(self, request: CancellationRequest) -> None:
        self.request = request
        super().__init__("Ya hay una solicitud de cancelación en curso para esta factura.")


class Held(NotCancellable):
    """Live documents refer to it; they come first."""

    def __init__(self, documents: list[FiscalDocument]) -> None:
        self.documents = documents
        names = ", ".join(
            f"{each.get_kind_display()} {each.serie or ''}{each.folio or ''}".strip() for each in documents
        )
        super().__init__(f"Primero hay que cancelar lo que depende de ella: {names}. Después se puede pedir esta.")


class PastDeadline(NotCancellable):
    """The last day has passed."""

    def __init__(self, last_day: dt.date) -> None:
        self.last_day = last_day
        super().__init__(
            f"El plazo para cancelarla terminó el {last_day:%d/%m/%Y} (mes de la declaración anual del emisor, "
            "CFF 29-A). Si existe motivo, emita una nota de crédito."
        )


@dataclass(frozen=True, slots=True)
class Outlook:
    """What will happen if it is asked for now."""

    acceptance: plazos.Acceptance
    accept_by: dt.date | None
    last_day: dt.date
    past: bool
    holders: list[FiscalDocument]


def outlook(document: FiscalDocument, now: dt.datetime) -> Outlook:
    """What a person is told before asking. SAT's own answer may differ, and wins."""
    assert document.stamped_at is not None
    zone = zone_of(document.place)
    issued_on, today = document.stamped_at.astimezone(zone).date(), now.astimezone(zone).date()
    refused = CancellationRequest.objects.filter(
        organization_id=document.organization_id, document=document, state=State.REJECTED
    )
    acceptance = plazos.acceptance(
        tipo=document.kind,
        total=document.total,
        receptor_rfc=document.receptor_rfc,
        issued_on=issued_on,
        today=today,
        refused_before=refused.exists(),
    )
    last = plazos.last_day(issued_on, document.issuer.rfc)
    by = plazos.accept_by(today) if acceptance.silence_accepts else None
    return Outlook(acceptance, by, last, today > last, holders(document))


def request_cancellation(
    document: FiscalDocument, motivo: str, *, user: User, now: dt.datetime, despite_deadline: bool = False
) -> CancellationRequest:
    """Ask for it. Raises NotAllowed, or NotCancellable in words; nothing is stored then."""
    if motivo == Motivo.ERRORS_RELATED:
        raise NotCancellable(
            "El motivo 01 se pide con «Corregir datos»: primero se timbra la factura que la sustituye."
        )
    with transaction.atomic():
        locked = require_askable(document, user=user, now=now, despite_deadline=despite_deadline)
        if motivo not in set(Motivo):
            raise NotCancellable("Elija uno de los motivos de la lista.")
        is_global = locked.channel == FiscalDocument.Channel.GLOBAL
        if motivo == Motivo.IN_GLOBAL and not is_global:
            raise NotCancellable("El motivo 04 es sólo para facturas globales: elija el 02 o el 03.")
        if Substitution.objects.filter(original=locked, state__in=Substitution.OPEN_STATES).exists():
            raise NotCancellable("Hay una sustitución en curso para esta factura: termínela primero.")
        if Substitution.objects.filter(substitute=locked, state__in=Substitution.OPEN_STATES).exists():
            raise NotCancellable("Esta factura sustituye a otra que sigue en curso: decida primero esa sustitución.")
        if why := paid_of(locked):
            raise NotCancellable(why)
        asked = create(locked, motivo, substitute=None, user=user, now=now)
        reached("cancel_asked_uncommitted")
    reached("cancel_asked")
    return asked


def require_askable(
    document: FiscalDocument, *, user: User, now: dt.datetime, despite_deadline: bool = False
) -> FiscalDocument:
    """The row, locked, if this person may ask for its cancellation now. Raises NotAllowed or NotCancellable."""
    if not may_issue(user, document.organization_id):
        raise NotAllowed(NO_PERMISSION)
    rows = FiscalDocument.objects.select_for_update(of=("self",)).select_related("issuer", "organization")
    locked = rows.get(organization_id=document.organization_id, pk=document.pk)
    if locked.state == DocumentState.CANCELLED:
        raise AlreadyCancelled("Esta factura ya está cancelada ante el SAT.")
    if locked.state != DocumentState.STAMPED:
        raise NotCancellable("Sólo se cancela una factura timbrada: esta no tiene folio fiscal.")
    if needed_by_late_request(locked):
        raise NotCancellable(
            "Esta nota de crédito sacó la remisión de la factura global para facturarla a su cliente: sin ella el "
            "ingreso quedaría dos veces."
        )
    earlier = CancellationRequest.objects.filter(document=locked, state__in=OPEN).first()
    if earlier is not None:
        raise AlreadyAsked(earlier)
    seen = outlook(locked, now)
    if seen.holders:
        raise Held(seen.holders)
    account = deposits.holding(locked)
    if account is not None:
        raise NotCancellable(
            f"Este anticipo paga parte de {account.folio}: quite primero ese pago, en la página de la cuenta."
        )
    if seen.past and not despite_deadline:
        raise PastDeadline(seen.last_day)
    return locked


def needed_by_late_request(document: FiscalDocument) -> bool:
    """Whether it is the egreso that took a charge out of a live factura global: without it income would be twice."""
    leaves = LateRequest.objects.filter(note__document=document, note__original__state=DocumentState.STAMPED)
    return leaves.exclude(state=LateRequest.State.FAILED).exists()


def create(
    document: FiscalDocument, motivo: str, *, substitute: FiscalDocument | None, user: User, now: dt.datetime
) -> CancellationRequest:
    """The row with its first event, audited, and a worker woken. The caller has locked and checked the document."""
    seen = outlook(document, now)
    asked = CancellationRequest.objects.create(
        organization_id=document.organization_id,
        document=document,
        substitute=substitute,
        motivo=motivo,
        asked_by=user,
        asked_at=now,
        next_at=now,
        acceptance=seen.acceptance.why,
        accept_by=seen.accept_by,
    )
    note(asked, "asked", now=now, who=user.email, detail={"motivo": motivo})
    wake(asked.pk)
    record(
        organization_id=document.organization_id,
        actor=user.email,
        action="cancellation.ask",
        subject=f"document:{document.pk}",
        after={"motivo": motivo, "uuid": str(document.uuid).upper()},
        now=now,
    )
    return asked


def take_back(request: CancellationRequest, *, user: User, now: dt.datetime) -> None:
    """Undo a request of which nothing has left yet. Raises NotAllowed or NotCancellable."""
    if not may_issue(user, request.organization_id):
        raise NotAllowed(NO_PERMISSION)
    with transaction.atomic():
        undone = CancellationRequest.objects.filter(
            organization_id=request.organization_id, pk=request.pk, state__in=UNSENT, substitute=None, lease_until=None
        ).update(state=State.DROPPED, finished_at=now, next_at=None, last_text="Se retiró antes de enviarse.")
        if not undone:
            raise NotCancellable("La solicitud ya salió al SAT: no se puede retirar.")
        # Without it the first is kept by nobody's act: a person decides the substitution again.
        Substitution.objects.filter(substitute_id=request.document_id, state=Substitution.State.UNDOING).update(
            state=Substitution.State.REFUSED
        )
        note(request, "dropped", now=now, who=user.email)
        record(
            organization_id=request.organization_id,
            actor=user.email,
            action="cancellation.take_back",
            subject=f"document:{request.document_id}",
            now=now,
        )


def note(
    request: CancellationRequest,
    what: str,
    *,
    now: dt.datetime,
    who: str = "",
    code: str = "",
    detail: dict[str, str] | None = None,
    raw: bytes | None = None,
) -> None:
    """Write one moment of the request's life."""
    CancellationEvent.objects.create(
        organization_id=request.organization_id,
        request=request,
        at=now,
        what=what,
        who=who,
        code=code[:20],
        detail=detail or {},
        raw=raw,
    )

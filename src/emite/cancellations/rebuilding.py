"""The other way out of a factura global: it is cancelled with motivo 04 and issued again without what its clients asked
for, with relation 04 to the cancelled one; then their invoices. Source: SAT's guide of the factura global, Apéndice 2.

Everything that can be judged is judged before the cancellation is asked for. Until SAT says "Cancelado" nothing has
changed; in the transaction that learns it (`ending`) what stays is bound to the new global and what leaves to its own
invoice. Where the global cannot be cancelled, it is an egreso as everywhere else (`credits.lateness`).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Sequence

import structlog
from django.db import transaction
from django.db.models import Q

from emite.accounts.models import User
from emite.audit import record
from emite.cancellations.models import GlobalRebuild
from emite.cancellations.models import State as RequestState
from emite.cancellations.requesting import NotAllowed, NotCancellable, create, require_askable
from emite.cfdi import egresos
from emite.cfdi.cancelacion import Motivo
from emite.cfdi.comprobante import Comprobante, Relacionados
from emite.cfdi.faults import CfdiInvalid
from emite.cfdi.stored import from_json
from emite.charges.collecting import PaymentRefused, largest_form
from emite.charges.models import Allocation, Charge
from emite.credits import lateness
from emite.credits.models import LateRequest
from emite.credits.originals import is_ending
from emite.credits.settling import DEAD
from emite.documents.models import FiscalDocument, State
from emite.documents.sealing import NotReady, check, draft, errors, without_collecting
from emite.documents.steps import reached
from emite.documents.waking import wake
from emite.invoices.closing import SAMPLE
from emite.invoices.issuing import NO_PERMISSION, Request, may_issue
from emite.invoices.models import Closing, GlobalDocument
from emite.organizations.models import Organization

log = structlog.get_logger(__name__)

RELATION = "04"
#: How the keys of the new globals begin.
KEY = "rebuilt-"
Status = GlobalRebuild.State


class NothingFree(Exception):
    """Nothing of the cancelled global waits for another one."""


def ask(
    charge: Charge, request: Request, *, channel: str, user: User, now: dt.datetime, idempotency_key: str
) -> LateRequest:
    """What a client asks of a sale that a global carries, by the road that its organization chose.

    Raises as `lateness.ask`. Where the global cannot be cancelled any more it is an egreso, and the row says why.
    """
    why = ""
    if charge.organization.late_road == Organization.LateRoad.REBUILD:
        try:
            with transaction.atomic():
                made = _by_cancelling(charge, request, channel=channel, user=user, now=now, key=idempotency_key)
                reached("rebuild_uncommitted")
            reached("rebuild_asked")
            return made
        except NotCancellable as refused:
            why = f"{refused} Por eso sale con nota de crédito."
    return lateness.ask(charge, request, channel=channel, user=user, now=now, idempotency_key=idempotency_key, why=why)


def _by_cancelling(
    charge: Charge, request: Request, *, channel: str, user: User, now: dt.datetime, key: str
) -> LateRequest:
    locked, earlier = lateness.hold(charge, user=user, idempotency_key=key)
    if earlier is not None:
        return earlier
    original = lateness.judge(locked, request, now)
    under_way = _joinable(original)
    if under_way is None:
        _begin(original, locked, user=user, now=now)
    made = LateRequest(
        charge=locked, original=original, channel=channel, asked_by=user, state=LateRequest.State.CANCELLING
    )
    lateness.keep(made, request, idempotency_key=key, now=now)
    return made


def _joinable(original: FiscalDocument) -> GlobalRebuild | None:
    """The operation that another client began, while SAT has not said yet; locked, so that it waits for us."""
    rows = GlobalRebuild.objects.select_for_update(of=("self",)).select_related("request")
    found = rows.filter(original=original, state=Status.CANCELLING).first()
    if found is not None and not found.request.is_open:
        raise lateness.NotLate("ending")
    return found


def _begin(original: FiscalDocument, leaving: Charge, *, user: User, now: dt.datetime) -> None:
    """Ask for the cancellation, once the global that would take its place obeys every rule."""
    if is_ending(original):
        raise lateness.NotLate("ending")
    document = require_askable(original, user=user, now=now)
    staying = [each for each in _bound(document) if each.pk != leaving.pk]
    if staying:
        content = _content(document, staying)
        if errors(check(_sample(content))):
            raise NotCancellable("La global que la sustituiría no cumple las reglas del SAT de hoy.")
    asked = create(document, Motivo.IN_GLOBAL, substitute=None, user=user, now=now)
    GlobalRebuild.objects.create(
        organization_id=document.organization_id,
        original=document,
        request=asked,
        asked_by=user,
        asked_at=now,
        next_at=now + lateness.LOOK_EVERY,
    )


def under_way(document: FiscalDocument) -> GlobalRebuild | None:
    """The operation that waits for SAT to cancel this global, locked."""
    rows = GlobalRebuild.objects.select_for_update(of=("self",)).select_related("asked_by", "original__issuer")
    return rows.filter(original=document, state=Status.CANCELLING).first()


def hand_on(made: GlobalRebuild, bound: Sequence[Charge], now: dt.datetime) -> None:
    """SAT has said "Cancelado": the charges, freed and held by this transaction, go to their new documents."""
    rows = LateRequest.objects.select_for_update(of=("self",)).select_related("asked_by", "original")
    leaving = {row.charge_id: row for row in rows.filter(original=made.original, state=LateRequest.State.CANCELLING)}
    _issue_again(made, [each for each in bound if each.pk not in leaving], now)
    charges = {each.pk: each for each in bound}
    for row in leaving.values():
        row.charge = charges.get(row.charge_id, row.charge)
        lateness.invoice(row, now)


def advance(pk: uuid.UUID, *, now: dt.datetime) -> str | None:
    """One step, as far as its documents allow; its state, or None when it is ended or another worker has it."""
    with transaction.atomic():
        rows = GlobalRebuild.objects.select_for_update(of=("self",), skip_locked=True)
        made = rows.select_related("request", "rebuilt").filter(pk=pk, state__in=GlobalRebuild.OPEN_STATES).first()
        if made is None:
            return None
        match made.state:
            case Status.CANCELLING:
                _cancelling(made, now)
            case Status.STAMPING:
                _stamping(made, now)
            case _:
                _stopped(made, now)
        reached("rebuild_step_uncommitted")
    reached("rebuild_step")
    return str(made.state)


def again(made: GlobalRebuild, *, user: User, now: dt.datetime) -> None:
    """A person mended what kept the new one from its stamp. Raises NotAllowed, NothingFree, CfdiInvalid, NotReady."""
    if not may_issue(user, made.organization_id):
        raise NotAllowed(NO_PERMISSION)
    with transaction.atomic():
        charges = _free(made, lock=True)
        rows = GlobalRebuild.objects.select_for_update(of=("self",)).select_related("asked_by", "original__issuer")
        locked = rows.get(organization_id=made.organization_id, pk=made.pk)
        if locked.state != Status.STOPPED or not charges:
            raise NothingFree
        _bind(locked, charges, now)
        _move(locked, Status.STAMPING, now)
        record(
            organization_id=made.organization_id,
            actor=user.email,
            action="global.rebuild_again",
            subject=f"document:{made.original_id}",
            after={"charges": len(charges)},
            now=now,
        )
        reached("rebuild_again_uncommitted")


def due(*, now: dt.datetime, limit: int) -> list[uuid.UUID]:
    """Operations that somebody should look at, the longest waiting first."""
    rows = GlobalRebuild.objects.filter(state__in=GlobalRebuild.OPEN_STATES, next_at__lte=now).order_by("next_at")
    return list(rows.values_list("pk", flat=True)[:limit])


def waiting_for(pk: uuid.UUID) -> list[uuid.UUID]:
    """The open operations that this document or this cancellation takes a step further."""
    rows = GlobalRebuild.objects.filter(Q(rebuilt_id=pk) | Q(request_id=pk), state__in=GlobalRebuild.OPEN_STATES)
    return list(rows.values_list("pk", flat=True))


def _cancelling(made: GlobalRebuild, now: dt.datetime) -> None:
    """The cancellation came to nothing: whoever would leave by it leaves by an egreso."""
    if made.request.is_open or made.request.state == RequestState.CANCELLED:
        _wait(made, now, lateness.LOOK_EVERY)
        return
    said = made.request.last_text or made.request.get_state_display()
    why = f"La factura global no se pudo cancelar ({said.rstrip('.')}): sale con nota de crédito."
    waiting = LateRequest.objects.filter(original_id=made.original_id, state=LateRequest.State.CANCELLING)
    turned = [lateness.go_by_egreso(pk, why, now=now) for pk in waiting.values_list("pk", flat=True)]
    if all(turned):
        _move(made, Status.FAILED, now, made.request.last_code, said)
    else:
        _wait(made, now, lateness.LOOK_EVERY)


def _stamping(made: GlobalRebuild, now: dt.datetime) -> None:
    assert made.rebuilt is not None
    if made.rebuilt.state == State.STAMPED:
        _move(made, Status.DONE, now)
    elif made.rebuilt.state in DEAD:
        _move(made, Status.STOPPED, now, made.rebuilt.last_code, made.rebuilt.last_text)
    else:
        _wait(made, now, lateness.LOOK_EVERY)


def _stopped(made: GlobalRebuild, now: dt.datetime) -> None:
    """A person presses «again», or everything found another invoice: its own, or a later global."""
    if _free(made):
        _wait(made, now, lateness.WAIT_EVERY)
    else:
        _move(made, Status.DONE, now)


def _issue_again(made: GlobalRebuild, charges: Sequence[Charge], now: dt.datetime) -> None:
    """What SAT has cancelled cannot be undone: what keeps the new global from its draft waits for a person."""
    if not charges:
        _move(made, Status.DONE, now)
        return
    try:
        with transaction.atomic():
            _bind(made, charges, now)
        _move(made, Status.STAMPING, now)
    except CfdiInvalid as error:
        _move(made, Status.STOPPED, now, error.faults[0].code, error.faults[0].message)
    except (NotReady, NotCancellable) as error:
        _move(made, Status.STOPPED, now, "", str(error))


@without_collecting()
def _bind(made: GlobalRebuild, charges: Sequence[Charge], now: dt.datetime) -> None:
    """The draft, its charges and its place in the closing, with a worker woken."""
    original = made.original
    content = _content(original, charges)
    made.tries += 1
    made.rebuilt = draft(
        content,
        sample=_sample(content),
        issuer=original.issuer,
        series=original.series,
        channel=FiscalDocument.Channel.GLOBAL,
        idempotency_key=f"{KEY}{made.pk.hex}-{made.tries}",
        now=now,
        who=made.asked_by.email,
    )
    Allocation.objects.bulk_create(
        Allocation(organization_id=made.organization_id, charge=each, document=made.rebuilt, created_at=now)
        for each in charges
    )
    _enter_closing(original, made.rebuilt, len(charges))
    wake(made.rebuilt.pk, conceptos=len(charges))


def _enter_closing(original: FiscalDocument, rebuilt: FiscalDocument, charges: int) -> None:
    """One more document of the period, so that its page shows it."""
    place = GlobalDocument.objects.filter(document=original).first()
    if place is None:
        return
    Closing.objects.select_for_update().only("pk").get(pk=place.closing_id)
    GlobalDocument.objects.create(
        organization_id=original.organization_id,
        closing_id=place.closing_id,
        document=rebuilt,
        number=GlobalDocument.objects.filter(closing_id=place.closing_id).count() + 1,
        charges=charges,
    )


def _content(original: FiscalDocument, charges: Sequence[Charge]) -> Comprobante:
    """The global as it was stamped, with these sales only and the relation to the one whose place it takes.

    Raises NotCancellable when that cannot be said of them.
    """
    was = from_json(original.content)
    wanted = {each.folio for each in charges}
    kept = tuple(each for each in was.conceptos if each.no_identificacion in wanted)
    if len(kept) != len(wanted):
        raise NotCancellable("La factura global no nombra todas sus remisiones.")
    try:
        form = largest_form(max(charges, key=lambda each: each.total))
    except PaymentRefused as refused:
        raise NotCancellable(f"La factura global no se puede emitir otra vez: {refused.message}") from refused
    return dataclasses.replace(
        was,
        conceptos=kept,
        forma_pago=form,
        relacionados=(Relacionados(RELATION, (str(original.uuid).upper(),)),),
    )


def _sample(content: Comprobante) -> Comprobante:
    return dataclasses.replace(content, conceptos=content.conceptos[:SAMPLE])


def _bound(document: FiscalDocument) -> list[Charge]:
    rows = Allocation.objects.filter(organization_id=document.organization_id, document=document, active=True)
    return [each.charge for each in rows.select_related("charge")]


def _free(made: GlobalRebuild, *, lock: bool = False) -> list[Charge]:
    """Charges of the cancelled global that nothing invoices, worth what it said, and that no client waits for."""
    was = from_json(made.original.content)
    worth = {each.no_identificacion: egresos.total(egresos.parts_of_sale(each)) for each in was.conceptos}
    asked = LateRequest.objects.filter(original_id=made.original_id)
    found = Charge.objects.filter(
        organization_id=made.organization_id, state=Charge.State.OPEN, allocations__document_id=made.original_id
    ).exclude(Q(allocations__active=True) | Q(pk__in=asked.values("charge_id")))
    rows = Charge.objects.filter(pk__in=found.values("pk")).order_by("pk")
    if lock:
        # Once they are held, who was faster is seen.
        list(rows.select_for_update(of=("self",)).values_list("pk", flat=True))
    return [each for each in rows if each.is_paid and worth.get(each.folio) == each.total]


def _move(made: GlobalRebuild, state: str, now: dt.datetime, code: str = "", text: str = "") -> None:
    made.state, made.last_code, made.last_text = state, code[:20], text
    made.next_at = now + lateness.LOOK_EVERY if made.is_open else None
    made.finished_at = None if made.is_open else now
    made.save(update_fields=["state", "rebuilt", "tries", "last_code", "last_text", "next_at", "finished_at"])
    level = log.error if state == Status.STOPPED else log.info
    level("global_rebuild", rebuild=str(made.pk), state=str(state), code=code[:20])


def _wait(made: GlobalRebuild, now: dt.datetime, pause: dt.timedelta) -> None:
    made.next_at = now + pause
    made.save(update_fields=["next_at"])

"""Put another CFDI in the place of one: the new one first (relation 04), and only when it is stamped the old one's
cancellation with motivo 01. Two are live until SAT says otherwise; a Substitution says so to people and database.

The charges stay bound to the old one, so that nobody else can invoice them, and are handed on by `ending`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid

from django.db import connection, transaction

from emite.accounts.models import User
from emite.audit import record
from emite.cancellations.models import CancellationRequest, Substitution
from emite.cancellations.requesting import AlreadyAsked, NotCancellable, create, require_askable
from emite.cfdi.cancelacion import Motivo
from emite.cfdi.comprobante import Relacionados
from emite.cfdi.stored import from_json
from emite.charges.models import Allocation, Charge
from emite.documents.models import Delivery, FiscalDocument, State
from emite.documents.sealing import draft
from emite.documents.steps import reached
from emite.documents.waking import wake
from emite.invoices.building import comprobante
from emite.invoices.issuing import NO_PERMISSION, NotAllowed, Request, may_issue
from emite.settlements.ending import paid_of
from emite.settlements.receivables import PPD

RELATION = "04"


class NothingChanges(NotCancellable):
    """What was typed is what the invoice says already."""


def substitute(
    document: FiscalDocument,
    request: Request,
    *,
    user: User,
    now: dt.datetime,
    idempotency_key: str,
    despite_deadline: bool = False,
    who: str = "",
) -> Substitution:
    """The operation, with its draft and a worker woken. The same key returns what it made. `who`: if not the user.

    Raises NotAllowed, NotCancellable (in words), NotReady or CfdiInvalid; nothing is stored then.
    """
    if not may_issue(user, document.organization_id):
        raise NotAllowed(NO_PERMISSION)
    earlier = _asked_before(document, idempotency_key)
    if earlier is not None:
        return earlier
    with transaction.atomic():
        # The charges before their document, as whoever credits or invoices them does: one order for all.
        charges = _charges(document)
        locked = require_askable(document, user=user, now=now, despite_deadline=despite_deadline)
        _require_alone(locked)
        if not charges:
            raise NotCancellable("Ninguna remisión está unida a esta factura: no se puede sustituir aquí.")
        if _bound(locked) != {each.pk for each in charges}:
            raise NotCancellable("Sus remisiones acaban de cambiar: recargue la página.")
        said = from_json(locked.content)
        if said.receptor == request.receptor and not request.with_patient:
            raise NothingChanges("Los datos son los mismos que ya tiene la factura: corrija lo que esté mal.")
        new = comprobante(
            charges,
            request.receptor,
            issuer=locked.issuer,
            now=now,
            with_patient=request.with_patient,
            on_credit=said.metodo_pago == PPD,
        )
        fresh = draft(
            dataclasses.replace(
                new, relacionados=(Relacionados(RELATION, (str(locked.uuid).upper(),)), *new.relacionados)
            ),
            issuer=locked.issuer,
            series=locked.series,
            channel=locked.channel,
            idempotency_key=idempotency_key,
            now=now,
            who=who or user.email,
        )
        made = Substitution.objects.create(
            organization_id=locked.organization_id, original=locked, substitute=fresh, asked_by=user, asked_at=now
        )
        if request.email:
            Delivery.objects.create(
                organization_id=locked.organization_id, document=fresh, address=request.email, requested_at=now
            )
        wake(fresh.pk)
        _audit(made, "substitution.ask", user, now)
        reached("substitution_asked_uncommitted")
    reached("substitution_asked")
    return made


def due(*, limit: int) -> list[uuid.UUID]:
    """Substitutions whose new document has come to an end, so that the next step can be taken."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT s.id FROM cancellations_substitution s JOIN documents_fiscaldocument d ON d.id = s.substitute_id
               WHERE s.state = 'stamping' AND d.state IN ('stamped', 'rejected', 'void', 'cancelled')
               ORDER BY s.asked_at LIMIT %s""",
            [limit],
        )
        return [row[0] for row in cursor.fetchall()]


def go_on(pk: uuid.UUID, *, now: dt.datetime) -> Substitution.State | None:
    """Take the step after the stamp: ask for the old one's cancellation, or end when nothing was stamped."""
    with transaction.atomic():
        found = Substitution.objects.select_for_update(of=("self",)).filter(pk=pk, state=Substitution.State.STAMPING)
        made = found.select_related("substitute", "original", "asked_by").first()
        if made is None:
            return None
        if made.substitute.state in (State.REJECTED, State.VOID):
            _end(made, Substitution.State.FAILED, now)
        elif made.substitute.state == State.CANCELLED:
            _end(made, Substitution.State.UNDONE, now)
        elif made.substitute.state == State.STAMPED:
            _request(made, user=made.asked_by, now=now)
        reached("substitution_uncommitted")
    reached("substitution_went_on")
    return Substitution.State(made.state)


def ask_again(made: Substitution, *, user: User, now: dt.datetime) -> None:
    """After a refusal: ask once more for the old one's cancellation. Raises NotAllowed or NotCancellable."""
    with transaction.atomic():
        locked = _refused(made, user)
        _request(locked, user=user, now=now)
        if locked.state != Substitution.State.CANCELLING:
            raise NotCancellable("No se puede pedir otra vez: revise qué impide cancelar la factura anterior.")
        _audit(locked, "substitution.ask_again", user, now)


def keep_first(made: Substitution, *, user: User, now: dt.datetime) -> CancellationRequest:
    """After a refusal: the old one stays, the new one is cancelled (motivo 02). Raises NotAllowed, NotCancellable."""
    with transaction.atomic():
        locked = _refused(made, user)
        fresh = require_askable(locked.substitute, user=user, now=now)
        asked = create(fresh, Motivo.ERRORS, substitute=None, user=user, now=now)
        Substitution.objects.filter(pk=locked.pk).update(state=Substitution.State.UNDOING)
        _audit(locked, "substitution.keep_first", user, now)
    return asked


def _request(made: Substitution, *, user: User, now: dt.datetime) -> None:
    """Ask for the old one's cancellation; when that cannot be, two are live and a person decides."""
    try:
        with transaction.atomic():
            old = require_askable(made.original, user=user, now=now, despite_deadline=True)
            create(old, Motivo.ERRORS_RELATED, substitute=made.substitute, user=user, now=now)
    except AlreadyAsked:
        return
    except (NotAllowed, NotCancellable):
        made.state = Substitution.State.REFUSED
    else:
        made.state = Substitution.State.CANCELLING
    made.save(update_fields=["state"])


def _require_alone(document: FiscalDocument) -> None:
    if document.kind != FiscalDocument.Kind.INGRESO or document.channel == FiscalDocument.Channel.GLOBAL:
        raise NotCancellable("Sólo se sustituye una factura nominativa. Una global se cancela y se emite otra vez.")
    require_free(document)


def require_free(document: FiscalDocument) -> None:
    """Refuse a document that is in a substitution already, or that was paid, in words. Call with it held."""
    rows = Substitution.objects.filter(state__in=Substitution.OPEN_STATES)
    if rows.filter(original=document).exists():
        raise NotCancellable("Ya hay una sustitución en curso para este comprobante.")
    if rows.filter(substitute=document).exists():
        raise NotCancellable("Este comprobante sustituye a otro que todavía no se cancela: espere a que termine.")
    if why := paid_of(document):
        raise NotCancellable(why)


def _charges(document: FiscalDocument) -> list[Charge]:
    if document.channel == FiscalDocument.Channel.GLOBAL:
        return []  # refused below; its thousands are not locked for that
    charges = Charge.objects.select_for_update(of=("self",)).filter(pk__in=_bound(document)).order_by("pk")
    return list(charges)


def _bound(document: FiscalDocument) -> set[uuid.UUID]:
    rows = Allocation.objects.filter(organization_id=document.organization_id, document=document, active=True)
    return set(rows.values_list("charge_id", flat=True))


def _refused(made: Substitution, user: User) -> Substitution:
    if not may_issue(user, made.organization_id):
        raise NotAllowed(NO_PERMISSION)
    rows = Substitution.objects.select_for_update(of=("self",)).select_related("original", "substitute")
    locked = rows.get(organization_id=made.organization_id, pk=made.pk)
    if locked.state != Substitution.State.REFUSED:
        raise NotCancellable("La sustitución ya no espera una decisión: recargue la página.")
    return locked


def _asked_before(document: FiscalDocument, idempotency_key: str) -> Substitution | None:
    return Substitution.objects.filter(
        organization_id=document.organization_id, original=document, substitute__idempotency_key=idempotency_key
    ).first()


def _end(made: Substitution, state: Substitution.State, now: dt.datetime) -> None:
    made.state, made.finished_at = state, now
    made.save(update_fields=["state", "finished_at"])


def _audit(made: Substitution, action: str, user: User, now: dt.datetime) -> None:
    record(
        organization_id=made.organization_id,
        actor=user.email,
        action=action,
        subject=f"document:{made.original_id}",
        after={"substitute": str(made.substitute_id), "state": made.state},
        now=now,
    )

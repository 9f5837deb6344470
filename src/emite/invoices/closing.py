"""Close a period: its charges become one or several facturas globales that the worker seals and stamps.

`start` is asked by a person or by the clock; `run` is the worker's, one short transaction per document, so that a
process that dies loses nothing and repeats nothing. Sources: RMF 2.7.1.21; SAT's guide of the factura global.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import structlog
from django.db import connection, transaction
from django.db.models import F, Q
from procrastinate.contrib.django import app

from emite.accounts.models import User
from emite.audit import record
from emite.cfdi import money, sales
from emite.cfdi.comprobante import Comprobante, Concepto, Emisor, InformacionGlobal
from emite.cfdi.faults import CfdiInvalid
from emite.cfdi.taxes import IVA, Treatment
from emite.cfdi.zones import local_now
from emite.charges.collecting import largest_form
from emite.charges.models import Charge
from emite.charges.pricing import conceptos as priced
from emite.charges.pricing import totals
from emite.database.ids import texts
from emite.documents.models import FiscalDocument
from emite.documents.sealing import NotReady as NotReady
from emite.documents.sealing import draft, without_collecting
from emite.documents.steps import reached
from emite.documents.waking import LARGE, queue_for, wake
from emite.invoices import periods, proposing
from emite.invoices.building import line_inputs
from emite.invoices.issuing import NO_PERMISSION, may_issue
from emite.invoices.issuing import NotAllowed as NotAllowed
from emite.invoices.models import CEILING, Closing, GlobalDocument, GlobalPolicy
from emite.invoices.periods import Period
from emite.invoices.proposing import Scope, Sum, Taken, array
from emite.issuers.models import Issuer, PacAccount, Series, StoredCsd

log = structlog.get_logger(__name__)

CLOSE = "emite.close"
LEASE = dt.timedelta(seconds=90)
#: A rival that took charges of a part while it was built makes it start again; more often than this is a fault of ours.
TRIES = 20
CENTS = 2
#: Conceptos of a draft that are checked while its charges are locked; all of them are when it is sealed.
SAMPLE = 50

Clock = Callable[[], dt.datetime]


class AlreadyClosing(Exception):
    """Somebody closed this period before, or is closing it. `closing` says who and when."""

    def __init__(self, closing: Closing) -> None:
        self.closing = closing
        super().__init__(str(closing.pk))


class NothingToClose(Exception):
    """No charge would enter."""


class NotYet(Exception):
    """The period has not come to its last day."""


class _Contended(Exception):
    """Somebody took a charge of this part between the look and the taking."""


class _Lost(Exception):
    """Another worker took the closing."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How an organization closes, also when it never said."""

    mode: str = GlobalPolicy.Mode.AUTOMATIC
    periodicidad: str = periods.MENSUAL
    ceiling: int = CEILING


def policy_of(organization_id: uuid.UUID) -> Policy:
    row = GlobalPolicy.objects.filter(organization_id=organization_id).first()
    return Policy(row.mode, row.periodicidad, row.ceiling) if row else Policy()


def start(
    issuer: Issuer, period: Period, *, user: User, now: dt.datetime, automatic: bool = False, place: str = ""
) -> Closing:
    """Have a period closed by the worker, of one place of issue: the issuer's own unless said.

    Of several that ask at once one wins; the others get AlreadyClosing.
    A period that stopped, or was closed and has charges again (freed by a refusal), starts anew in the same row.
    Raises NotAllowed, NotYet, NothingToClose, NotReady.
    """
    if not may_issue(user, issuer.organization_id):
        raise NotAllowed(NO_PERMISSION)
    if period.periodicidad not in periods.allowed(issuer.regimen_fiscal):
        raise NotReady("El periodo bimestral es solo para el régimen 621: elija otro.")
    try:
        scope = Scope.of(issuer, period, place)
    except ValueError:
        raise NotReady(unknown_place(issuer)) from None
    if local_now(now, scope.place).date() < period.last:
        raise NotYet(str(period))
    ready(issuer, now)
    with transaction.atomic():
        closing = _row(scope)
        found = _startable(closing)
        Closing.objects.filter(pk=closing.pk).update(
            state=Closing.State.RUNNING, asked_by=user, automatic=automatic, asked_at=now, next_at=now,
            expected=F("allocated") + found.charges, finished_at=None, last_text="",
            ceiling=policy_of(issuer.organization_id).ceiling,
        )  # fmt: skip
        wake_closing(closing.pk, charges=found.charges)
        record(
            organization_id=issuer.organization_id,
            actor=user.email,
            action="closing.start",
            subject=f"closing:{closing.pk}",
            after={"period": str(period), "charges": found.charges, "automatic": automatic},
            now=now,
        )
    return Closing.objects.select_related("issuer__organization", "asked_by").get(pk=closing.pk)


def _startable(closing: Closing) -> Sum:
    """What would enter, if the closing of this locked row may begin."""
    if closing.state == Closing.State.RUNNING:
        raise AlreadyClosing(closing)
    found = proposing.eligible(Scope.of_closing(closing))
    if not found.charges:
        raise AlreadyClosing(closing) if closing.state == Closing.State.DONE else NothingToClose(str(closing.period))
    return found


def _row(scope: Scope) -> Closing:
    """The closing's row, made if it is not there, and locked: a rival waits here and then sees who won."""
    key = {
        "organization_id": scope.issuer.organization_id,
        "issuer": scope.issuer,
        "lugar_expedicion": scope.place,
        "periodicidad": scope.period.periodicidad,
        "first_day": scope.period.first,
    }
    fresh = Closing(**key, last_day=scope.period.last, starts_at=scope.starts_at, ends_at=scope.ends_at)
    Closing.objects.bulk_create([fresh], ignore_conflicts=True)
    return Closing.objects.select_for_update(of=("self",)).select_related("issuer", "asked_by").get(**key)


def unknown_place(issuer: Issuer) -> str:
    return f"El C.P. {issuer.lugar_expedicion} del lugar de expedición no está en el catálogo del SAT: corríjalo."


def ready(issuer: Issuer, now: dt.datetime) -> None:
    """Raise NotReady, saying what the issuer lacks before anything of its can be stamped."""
    of = {"organization_id": issuer.organization_id, "issuer": issuer}
    if not Series.objects.filter(**of).exists():
        raise NotReady("Falta la serie de folios del emisor.")
    if not StoredCsd.objects.filter(**of, active=True, not_after__gt=now).exists():
        raise NotReady("Falta un certificado de sello digital (CSD) vigente.")
    if not PacAccount.objects.filter(**of, active=True).exists():
        raise NotReady("Falta la cuenta del PAC: sin ella no se puede timbrar.")


def wake_closing(pk: uuid.UUID, *, charges: int) -> None:
    """Ask a worker to go on with this closing of so many charges. Call in the transaction that stores it."""
    app.configure_task(CLOSE, queue=queue_for(charges)).defer(pk=str(pk))


def due(*, now: dt.datetime, limit: int) -> list[uuid.UUID]:
    """Closings in course that nobody builds."""
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    rows = Closing.objects.filter(free, state=Closing.State.RUNNING, next_at__lte=now).order_by("next_at")
    return list(rows.values_list("pk", flat=True)[:limit])


def large(pks: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Of these closings, those with much left to write."""
    rows = Closing.objects.filter(pk__in=pks, expected__gte=F("allocated") + LARGE)
    return set(rows.values_list("pk", flat=True)) if pks else set()


def run(pk: uuid.UUID, *, owner: str, clock: Clock) -> Closing | None:
    """Build the documents that are missing; the closing, or None when another worker has it or nothing is due."""
    now = clock()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    if not Closing.objects.filter(free, pk=pk, state=Closing.State.RUNNING, next_at__lte=now).update(
        lease_owner=owner, lease_until=now + LEASE
    ):
        return None
    reached("closing_claimed")
    closing = Closing.objects.select_related("issuer__organization", "asked_by").get(pk=pk)
    try:
        _build_all(closing, clock)
    except (CfdiInvalid, NotReady, NotAllowed) as error:
        _stop(closing, error)
    except _Lost:
        log.warning("lease_lost", closing=str(pk))
        return None
    closing.refresh_from_db()
    return closing


def _build_all(closing: Closing, clock: Clock) -> None:
    after: Taken | None = None
    while True:
        last = _build(closing, clock, after)
        if last is None and after is None:
            break
        # The end of the row of charges: look once more from its start for those that were locked by somebody.
        after = last
    with transaction.atomic():
        # Charges that others invoiced since it was asked for are no longer expected.
        _mine(
            closing,
            state=Closing.State.DONE,
            finished_at=clock(),
            expected=F("allocated"),
            next_at=None,
            lease_owner="",
            lease_until=None,
        )
    log.info("closing_done", closing=str(closing.pk))


@without_collecting()
def _build(closing: Closing, clock: Clock, after: Taken | None) -> Taken | None:
    """One more document with what is left after `after`; the last charge in it, or None when nothing is left."""
    for _ in range(TRIES):
        try:
            with transaction.atomic(durable=True):
                taken = proposing.take(Scope.of_closing(closing), limit=closing.ceiling, after=after)
                if taken:
                    _store(closing, taken, clock())
                reached("closing_part_uncommitted")
            reached("closing_part")
            return taken[-1] if taken else None
        except _Contended:
            continue
    raise RuntimeError(f"closing {closing.pk}: its charges were taken {TRIES} times while a document was built")


def _store(closing: Closing, taken: Sequence[Taken], now: dt.datetime) -> FiscalDocument:
    """The draft, its allocations and the progress: together or not at all."""
    if closing.asked_by is None or not may_issue(closing.asked_by, closing.organization_id):
        raise NotAllowed(closing.asked_by.email if closing.asked_by else "")
    number = GlobalDocument.objects.filter(closing=closing).count() + 1
    content = comprobante(Scope.of_closing(closing), taken, now=now)
    document = draft(
        content,
        sample=replace(content, conceptos=content.conceptos[:SAMPLE]),
        issuer=closing.issuer,
        series=Series.objects.filter(organization_id=closing.organization_id, issuer=closing.issuer)
        .order_by("name")[:1]
        .get(),
        channel=FiscalDocument.Channel.GLOBAL,
        idempotency_key=f"global-{closing.pk}-{number}",
        now=now,
        who="cierre automático" if closing.automatic else closing.asked_by.email,
    )
    _allocate(document, taken, now)
    GlobalDocument.objects.create(
        organization_id=closing.organization_id,
        closing=closing,
        document=document,
        number=number,
        charges=len(taken),
    )
    _mine(closing, allocated=F("allocated") + len(taken), lease_until=now + LEASE)
    wake(document.pk, after=number, conceptos=len(taken))
    return document


def _allocate(document: FiscalDocument, taken: Sequence[Taken], now: dt.datetime) -> None:
    """Bind every charge in one statement. Raises _Contended when some of them already is bound."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO charges_allocation (id, organization_id, charge_id, document_id, active, created_at)
               SELECT t.id, %s, t.charge, %s, true, %s FROM unnest(%s::uuid[], %s::uuid[]) AS t(id, charge)
               ON CONFLICT (charge_id) WHERE active DO NOTHING""",
            [document.organization_id, document.pk, now, array(texts(len(taken))), array(each.pk for each in taken)],
        )
        if cursor.rowcount != len(taken):
            raise _Contended


def _mine(closing: Closing, **changes: object) -> None:
    """Write on a closing that is still ours. Raises _Lost."""
    held = Closing.objects.filter(pk=closing.pk, lease_owner=closing.lease_owner, state=Closing.State.RUNNING)
    if not held.update(**changes):
        raise _Lost


def _stop(closing: Closing, error: CfdiInvalid | NotReady | NotAllowed) -> None:
    """A person must mend something first; what was built stays, the rest waits in the same closing."""
    if isinstance(error, CfdiInvalid):
        text = "; ".join(f"{fault.code}: {fault.message}" for fault in error.faults[:3])
    elif isinstance(error, NotAllowed):
        text = "Quien pidió el cierre ya no tiene permiso de emitir facturas: que lo pida otra persona."
    else:
        text = str(error)
    Closing.objects.filter(pk=closing.pk, lease_owner=closing.lease_owner).update(
        state=Closing.State.STOPPED, last_text=text, next_at=None, lease_owner="", lease_until=None
    )
    log.error("closing_stopped", closing=str(closing.pk), detail=text)


def comprobante(scope: Scope, taken: Sequence[Taken], *, now: dt.datetime) -> Comprobante:
    """The factura global of these charges: one Concepto each, with the cents of its ticket, so that sums agree.

    FormaPago is that of the charge with the largest amount.
    """
    issuer, period = scope.issuer, scope.period
    largest = max(taken, key=lambda each: Decimal(each.total))
    return Comprobante(
        tipo="I",
        fecha=local_now(now, scope.place),
        lugar_expedicion=scope.place,
        emisor=Emisor(rfc=issuer.rfc, nombre=issuer.nombre, regimen_fiscal=issuer.regimen_fiscal),
        receptor=sales.publico_en_general(scope.place),
        conceptos=_conceptos(issuer.organization_id, taken),
        forma_pago=largest_form(Charge(pk=uuid.UUID(largest.pk))),
        metodo_pago="PUE",
        informacion_global=InformacionGlobal(period.periodicidad, period.meses, period.anio),
    )


def _conceptos(organization_id: uuid.UUID, taken: Sequence[Taken]) -> Sequence[Concepto]:
    lines = proposing.lines(organization_id, (each.pk for each in taken))
    return sales.read([_sale(each, lines[each.pk]) for each in taken])


def _sale(charge: Taken, lines: list[str]) -> sales.Row:
    """The charge with its traslados as the summary of its own CFDI would have them: rounded once, to cents."""
    bases: dict[str, Decimal] = {}
    for kind, amount in zip(lines[::2], map(Decimal, lines[1::2]), strict=True):
        bases[kind] = bases[kind] + amount if kind in bases else amount
    taxed = [(kind, base) for kind, base in bases.items() if base > 0 and kind != _UNTAXED]
    if len([kind for kind, _ in taxed if kind in _WITH_TAX]) > 1:
        taxes = _summary(uuid.UUID(charge.pk))
    else:
        taxes = [
            (kind, money.text(_in_cents(base)), charge.tax if kind in _WITH_TAX else _NO_TAX[kind])
            for kind, base in taxed
        ]
    return sales.row(charge.folio, charge.sub_total, charge.discount, taxes)


_UNTAXED = str(Treatment.NO_OBJETO)
_WITH_TAX = {str(kind) for kind in Treatment if kind.rate}
_NO_TAX = {str(kind): "" if kind.rate is None else "0.00" for kind in Treatment if not kind.rate}


def _summary(pk: uuid.UUID) -> list[tuple[str, str, str]]:
    """The same from the lines, for a charge whose tax has more than one rate."""
    found = Charge.objects.prefetch_related("lines").get(pk=pk)
    kinds = {kind.rate: str(kind) for kind in Treatment if kind is not Treatment.NO_OBJETO}
    return [
        (kinds[tax.tasa_o_cuota], money.text(tax.base), "" if tax.importe is None else money.text(tax.importe))
        for tax in totals(priced(line_inputs(found))).traslados
        if tax.impuesto == IVA and tax.base > 0
    ]


def _in_cents(base: Decimal) -> Decimal:
    """Rounded to cents; a base below half a cent keeps its decimals, because no Base may be zero (CFDI40174)."""
    return money.half_up(base, CENTS) or money.trimmed(base, CENTS)


def progress(closing: Closing) -> list[GlobalDocument]:
    """Its documents in order, without their contents."""
    return list(
        GlobalDocument.objects.filter(closing=closing)
        .select_related("document")
        .defer("document__content")
        .order_by("number")
    )


def last_ended(issuer: Issuer, periodicidad: str, now: dt.datetime, place: str = "") -> Period:
    """The latest period of that kind that has ended at a place of issue, the issuer's own unless said.

    Raises ValueError for no such place.
    """
    today = local_now(now, place or issuer.lugar_expedicion).date()
    return periods.containing(periodicidad, today).before()

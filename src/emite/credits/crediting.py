"""Ask for a credit note: some or all of what a charge has in its invoice, or in a factura global, is taken back.

One transaction: permission, balances under lock, draft of type E, its lines, wake-up. Cash leaves with the stamp.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import transaction

from emite.accounts.models import User
from emite.audit import record
from emite.cfdi import egresos, notas
from emite.cfdi.comprobante import Comprobante, Emisor
from emite.cfdi.egresos import CannotSplit, Part
from emite.cfdi.money import text
from emite.cfdi.notas import Reason
from emite.cfdi.zones import local_now
from emite.charges.allowing import NotAllowed, must_correct
from emite.charges.collecting import DESK_FORMS
from emite.charges.drawer import DrawerRefused
from emite.charges.models import CashRegister, Charge
from emite.credits import deposits
from emite.credits.models import CreditLine, CreditNote, LateRequest
from emite.credits.originals import NotCreditable, Original, amounts, is_ending, left_of, original_of
from emite.credits.paying_out import promised_by
from emite.documents.models import FiscalDocument
from emite.documents.sealing import NotReady, draft
from emite.documents.steps import reached
from emite.documents.waking import wake
from emite.invoices.issuing import NO_PERMISSION, may_issue
from emite.issuers.models import Issuer, Series

#: How the money of a credit note goes back: as the desk takes it, or not at all (condonación, compensación).
FORMS = {**DESK_FORMS, "15": "No se devuelve dinero (condonación)", "17": "Compensación"}
EXPLANATION_LIMIT = 200


class CreditRefused(Exception):
    """The credit note cannot be made as asked; the message names the field and the cure."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is credited: units of some lines, or an amount with taxes, or (neither) all that is left."""

    reason: Reason
    forma_pago: str
    explanation: str = ""
    amount: Decimal | None = None
    lines: Mapping[int, Decimal] = field(default_factory=dict)


def preview(charge: Charge, wanted: Wanted, *, now: dt.datetime) -> Comprobante:
    """The very document that `ask` would draft now; nothing is stored. Raises CreditRefused, NotCreditable."""
    original = original_of(charge)
    return _built(original, _chosen(original, left_of(original), wanted), wanted, now)


def ask(
    charge: Charge,
    wanted: Wanted,
    *,
    user: User,
    now: dt.datetime,
    idempotency_key: str,
    register: CashRegister | None = None,
    shown: Decimal | None = None,
) -> CreditNote:
    """The credit note, with a worker woken. The same key again returns the first. `shown`: the total that was agreed.

    `register`: from whose open drawer cash will leave, once it is stamped, when it goes back in cash. Raises
    NotAllowed (in words), NotCreditable, CreditRefused, NotReady or CfdiInvalid; nothing is stored then.
    """
    if not may_issue(user, charge.organization_id):
        raise NotAllowed(NO_PERMISSION)
    _check(wanted)
    with transaction.atomic():
        locked = _locked(charge)
        earlier = CreditNote.objects.filter(
            organization_id=locked.organization_id, document__idempotency_key=idempotency_key
        ).first()
        if earlier is not None:
            return earlier
        if LateRequest.objects.filter(charge=locked, state__in=LateRequest.OPEN_STATES).exists():
            raise NotCreditable("La remisión está saliendo de la factura global: espere a que termine.")
        if deposits.lacks_its_note(locked):
            raise NotCreditable("Falta la nota que aplica el anticipo a esta factura: va primero.")
        note = store(locked, wanted, user=user, now=now, idempotency_key=idempotency_key, register=register)
        if shown is not None and note.total != shown:
            raise CreditRefused("", f"Lo pedido ya no suma ${shown:,.2f}, sino ${note.total:,.2f}: revíselo otra vez.")
        must_correct(user, locked.organization_id, note.total)
        reached("credit_uncommitted")
    reached("credit_asked")
    return note


def store(
    charge: Charge,
    wanted: Wanted,
    *,
    user: User,
    now: dt.datetime,
    idempotency_key: str,
    channel: str = "desk",
    register: CashRegister | None = None,
) -> CreditNote:
    """Draft, note and lines for a charge that is locked. Call inside the transaction that answers for them."""
    original = original_of(charge)
    FiscalDocument.objects.select_for_update(no_key=True).only("pk").get(pk=original.document.pk)
    if is_ending(original.document):
        raise NotCreditable("Esta factura tiene una cancelación o una sustitución en curso: espere a que termine.")
    parts = _chosen(original, left_of(original, lock=True), wanted)
    if charge.kind == Charge.Kind.ANTICIPO and egresos.total(parts) > (left := deposits.left_of(charge)):
        raise CreditRefused("amount", f"De este anticipo quedan ${left:,.2f} sin aplicar: escriba hasta eso.")
    document = draft(
        _built(original, parts, wanted, now),
        issuer=charge.issuer,
        series=series_of(charge.issuer),
        channel=channel,
        idempotency_key=idempotency_key,
        now=now,
        who=user.email,
    )
    note = CreditNote(
        organization_id=charge.organization_id,
        document=document,
        original=original.document,
        charge=charge,
        reason=wanted.reason,
        explanation=wanted.explanation.strip(),
        forma_pago=wanted.forma_pago,
        total=document.total,
        asked_by=user,
        created_at=now,
    )
    try:
        note.register = promised_by(register, note)
    except DrawerRefused as refused:
        raise CreditRefused("register", refused.message) from refused
    note.save(force_insert=True)
    CreditLine.objects.bulk_create(
        CreditLine(organization_id=charge.organization_id, note=note, position=position, tax=tax, amount=amount)
        for position, tax, amount in amounts(parts)
    )
    wake(document.pk)
    record(
        organization_id=charge.organization_id,
        actor=user.email,
        action="credit.ask",
        subject=f"charge:{charge.pk}",
        after={"total": text(document.total, 2), "reason": str(wanted.reason), "original": str(original.document.uuid)},
        reason=wanted.explanation.strip(),
        now=now,
    )
    return note


def series_of(issuer: Issuer) -> Series:
    found = Series.objects.filter(organization_id=issuer.organization_id, issuer=issuer).order_by("name").first()
    if found is None:
        raise NotReady("Falta la serie de folios del emisor.")
    return found


def _locked(charge: Charge) -> Charge:
    rows = Charge.objects.select_for_update(of=("self",)).select_related("issuer", "organization")
    return rows.get(organization_id=charge.organization_id, pk=charge.pk)


def _check(wanted: Wanted) -> None:
    if wanted.reason in (Reason.LATE, Reason.ANTICIPO):
        raise CreditRefused("reason", "Elija un motivo de la lista.")
    if wanted.forma_pago not in FORMS:
        raise CreditRefused("forma_pago", "Elija cómo se devuelve el dinero.")
    if not wanted.explanation.strip():
        raise CreditRefused("explanation", "Escriba qué pasó: queda en la bitácora.")
    if len(wanted.explanation.strip()) > EXPLANATION_LIMIT:
        raise CreditRefused("explanation", f"Use a lo más {EXPLANATION_LIMIT} letras.")


def _chosen(original: Original, left: Sequence[Part], wanted: Wanted) -> tuple[Part, ...]:
    whole = egresos.total(left)
    if not whole:
        raise NotCreditable("Ya se acreditó todo lo de esta remisión.")
    if wanted.lines:
        return tuple(_units(original, left, position, units) for position, units in sorted(wanted.lines.items()))
    if wanted.amount is None:
        return egresos.take_all(left)
    if not Decimal(0) < wanted.amount <= whole:
        raise CreditRefused("amount", f"Escriba una cantidad mayor que cero, hasta ${whole:,.2f} que quedan.")
    try:
        return egresos.take_amount(left, wanted.amount)
    except CannotSplit:
        raise CreditRefused("amount", "Con esos centavos no se puede repartir el IVA: pruebe un centavo más.") from None


def _units(original: Original, left: Sequence[Part], position: int, units: Decimal) -> Part:
    if original.on_global:
        raise CreditRefused("lines", "De una factura global se acredita por importe, no por piezas.")
    by_position = {part.position: (part, rest) for part, rest in zip(original.parts, left, strict=True)}
    if position not in by_position:
        raise CreditRefused("lines", "Elija conceptos de esta factura.")
    part, rest = by_position[position]
    try:
        return egresos.take_quantity(part, rest, units)
    except CannotSplit:
        raise CreditRefused(
            f"line-{position}",
            f"De «{part.line.descripcion[:60]}» quedan ${rest.base:,.2f} antes de impuestos: escriba menos piezas.",
        ) from None


def _built(original: Original, parts: Sequence[Part], wanted: Wanted, now: dt.datetime) -> Comprobante:
    issuer, uuid_ = original.charge.issuer, str(original.document.uuid)
    emisor = Emisor(issuer.rfc, issuer.nombre, issuer.regimen_fiscal)
    # The invoice's own, which a receptor XAXX010101000 has for its own; the global's is that of the charge.
    place = original.comprobante.lugar_expedicion if original.comprobante else original.charge.place
    fecha = local_now(now, place)
    if original.comprobante is None:
        return notas.of_global(
            original.charge.folio, uuid_, parts, reason=wanted.reason, forma_pago=wanted.forma_pago, emisor=emisor,
            lugar_expedicion=place, fecha=fecha,
        )  # fmt: skip
    return notas.of_invoice(
        original.comprobante, uuid_, parts, reason=wanted.reason, forma_pago=wanted.forma_pago, emisor=emisor,
        lugar_expedicion=place, fecha=fecha, quantities=dict(wanted.lines),
    )  # fmt: skip

"""A register's day: open it with its fund, move cash, count it and close it with its corte.

What enters a session locks its row; closing takes the same lock. So a payment is in the corte, or finds the register
closed and is refused. Once closed nothing changes: the database refuses it.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from django.db import IntegrityError, transaction
from django.db.models import Sum

from emite.accounts.models import User
from emite.audit import record
from emite.cfdi.money import text, total
from emite.charges.allowing import must_collect, policy_of
from emite.charges.models import (
    CashMovement,
    CashRegister,
    ChargeCounter,
    Payment,
    RefundPart,
    RegisterSession,
    SessionCount,
)

CASH = "01"
#: Bills and coins that circulate, the largest first.
DENOMINATIONS = ("1000", "500", "200", "100", "50", "20", "10", "5", "2", "1", "0.50", "0.20", "0.10")
#: A difference this small needs no reason: coins of less than ten cents do not circulate.
WITHOUT_REASON = Decimal(1)
#: The most that a drawer can be said to hold: a typing error, not a fortune.
LIMIT = Decimal(10) ** 8


class DrawerRefused(Exception):
    """The register cannot do that; the message names the field and the cure."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(message)


class Differs(DrawerRefused):
    """The count is not what was expected and nobody said why. `differences` by form of payment."""

    def __init__(self, differences: Mapping[str, Decimal]) -> None:
        self.differences = differences
        super().__init__("reason", "Hay una diferencia: cuente otra vez o escriba el motivo.")


class Drawer(Enum):
    """Which session what is taken belongs to."""

    NEEDED = "the register's open one, which the organization may demand"
    IF_OPEN = "the register's open one, if there is"
    NONE = "none: another system takes the money"


@dataclass(frozen=True, slots=True)
class FormTotal:
    """One form of payment in a session. `back` was given back; what was undone counts nowhere."""

    forma_pago: str
    taken: Decimal
    back: Decimal


def open_session(register: CashRegister, *, fund: Decimal, user: User, now: dt.datetime) -> RegisterSession:
    """The register's session, open from now. Raises DrawerRefused, NotAllowed."""
    must_collect(user, register.organization_id)
    if register.web_invoicing:
        raise DrawerRefused("register", "La caja de facturación web no recibe dinero: no se abre ni se cierra.")
    if not register.active:
        raise DrawerRefused("register", "La caja está fuera de uso.")
    _check("fund", fund, least=Decimal(0))
    try:
        with transaction.atomic():
            opened = RegisterSession.objects.create(
                organization_id=register.organization_id,
                register=register,
                number=ChargeCounter.take(register.organization_id, "corte"),
                opened_by=user,
                opened_at=now,
                fund=fund,
            )
            _record(opened, "register.open", user, now, {"fund": text(fund, 2)})
    except IntegrityError as error:
        if "session_one_open_per_register" in str(error):
            raise DrawerRefused("register", f"La caja {register.name} ya está abierta.") from error
        raise
    return opened


def session_for(register: CashRegister, drawer: Drawer) -> RegisterSession | None:
    """The open session that takes this money, locked until the transaction ends. Raises DrawerRefused."""
    if drawer is Drawer.NONE:
        return None
    # Whoever closes holds the lock: we wait, and then find it closed.
    found = (
        RegisterSession.objects.select_for_update(no_key=True)
        .filter(organization_id=register.organization_id, register=register, closed_at=None)
        .first()
    )
    if found is None and drawer is Drawer.NEEDED and policy_of(register.organization_id).needs_open_register:
        raise DrawerRefused("register", f"La caja {register.name} está cerrada: ábrala para mover dinero.")
    return found


def move(
    session: RegisterSession,
    kind: str,
    amount: Decimal,
    *,
    reason: str,
    user: User,
    now: dt.datetime,
    key: uuid.UUID,
) -> CashMovement:
    """Cash put in or taken out. The same key again returns the first. Raises DrawerRefused, NotAllowed."""
    must_collect(user, session.organization_id)
    _check("amount", amount, least=Decimal("0.01"))
    if not reason.strip():
        raise DrawerRefused("reason", "Escriba para qué.")
    with transaction.atomic():
        locked = _open(session)
        earlier = CashMovement.objects.filter(organization_id=session.organization_id, idempotency_key=key).first()
        if earlier is not None:
            return earlier
        if kind == CashMovement.Kind.WITHDRAWAL:
            must_hold(locked, amount)
        made = CashMovement.objects.create(
            organization_id=locked.organization_id,
            session=locked,
            kind=kind,
            amount=amount,
            reason=reason.strip(),
            by=user,
            at=now,
            idempotency_key=key,
        )
        _record(locked, f"register.{kind}", user, now, {"amount": text(amount, 2)}, reason=made.reason)
    return made


def must_hold(session: RegisterSession, amount: Decimal) -> None:
    """Raises DrawerRefused when the drawer has less cash than is to leave it. Call with the session locked."""
    if amount > cash_expected(session):
        raise DrawerRefused("amount", "En la caja no hay tanto efectivo.")


def by_form(session: RegisterSession) -> list[FormTotal]:
    """What was taken and given back in each form, cash first."""
    taken = Payment.objects.filter(slip__session=session, slip__undone=None).values_list("forma_pago")
    back = RefundPart.objects.filter(refund__session=session).values_list("forma_pago")
    sums = dict(taken.annotate(Sum("amount"))), dict(back.annotate(Sum("amount")))
    forms = sorted({CASH, *sums[0], *sums[1]})
    return [FormTotal(form, sums[0].get(form, Decimal(0)), sums[1].get(form, Decimal(0))) for form in forms]


def cash_expected(session: RegisterSession) -> Decimal:
    """What the drawer should hold."""
    return expected(session)[CASH]


def expected(session: RegisterSession) -> dict[str, Decimal]:
    """What each form of payment should come to, cash first: with the fund and what was moved."""
    sums = {row.forma_pago: row.taken - row.back for row in by_form(session)}
    moved = moved_cash(session)
    deposits, withdrawals = moved[CashMovement.Kind.DEPOSIT], moved[CashMovement.Kind.WITHDRAWAL]
    sums[CASH] += session.fund + deposits - withdrawals
    return sums


def moved_cash(session: RegisterSession) -> dict[str, Decimal]:
    """The sum of each kind of movement."""
    sums = dict(session.movements.values_list("kind").annotate(Sum("amount")))
    return {kind: sums.get(kind, Decimal(0)) for kind in CashMovement.Kind.values}


def counted_cash(pieces: Mapping[str, int]) -> Decimal:
    """What so many bills and coins come to."""
    return total(Decimal(face) * number for face, number in pieces.items())


def close_session(
    session: RegisterSession,
    *,
    pieces: Mapping[str, int],
    counted: Mapping[str, Decimal],
    reason: str,
    user: User,
    now: dt.datetime,
) -> RegisterSession:
    """The session closed with its corte. `pieces`: how many of each denomination; `counted`: the other forms.

    Raises Differs when something is over or missing and no reason was given, DrawerRefused, NotAllowed.
    """
    must_collect(user, session.organization_id)
    for face, number in pieces.items():
        if face not in DENOMINATIONS or not 0 <= number <= 100_000:
            raise DrawerRefused("pieces", "Escriba cuántas piezas hay de cada una, sin decimales.")
    for amount in counted.values():
        _check("counted", amount, least=Decimal(0))
    with transaction.atomic():
        locked = _open(session)
        should = expected(locked)
        has = {CASH: counted_cash(pieces)} | {form: amount for form, amount in counted.items() if form != CASH}
        rows = [
            SessionCount(
                organization_id=locked.organization_id,
                session=locked,
                forma_pago=form,
                expected=should.get(form, Decimal(0)),
                counted=has.get(form, Decimal(0)),
            )
            for form in sorted({*should, *(form for form, amount in has.items() if amount or form == CASH)})
        ]
        differences = {row.forma_pago: row.difference for row in rows if row.difference}
        if any(abs(value) >= WITHOUT_REASON for value in differences.values()) and not reason.strip():
            raise Differs(differences)
        SessionCount.objects.bulk_create(rows)
        locked.closed_at, locked.closed_by, locked.reason = now, user, reason.strip()
        locked.denominations = {face: pieces[face] for face in DENOMINATIONS if pieces.get(face)}
        locked.save(update_fields=["closed_at", "closed_by", "reason", "denominations"])
        said = {form: text(value, 2) for form, value in differences.items()}
        _record(locked, "register.close", user, now, {"differences": said}, reason=locked.reason)
    return locked


def _open(session: RegisterSession) -> RegisterSession:
    """The same session, locked and still open."""
    locked = RegisterSession.objects.select_for_update().get(organization_id=session.organization_id, pk=session.pk)
    if not locked.is_open:
        raise DrawerRefused("register", "La caja ya se cerró: su corte no cambia.")
    return locked


def _check(field: str, amount: Decimal, *, least: Decimal) -> None:
    if not least <= amount < LIMIT or amount != amount.quantize(Decimal("0.01")):
        words = "mayor que cero" if least else "de cero o más"
        raise DrawerRefused(field, f"La cantidad debe ser {words}, con dos decimales a lo más.")


def _record(
    session: RegisterSession,
    action: str,
    user: User,
    now: dt.datetime,
    after: Mapping[str, object],
    *,
    reason: str = "",
) -> None:
    record(
        organization_id=session.organization_id,
        actor=user.email,
        action=action,
        subject=f"session:{session.pk}",
        after=after,
        reason=reason,
        now=now,
    )

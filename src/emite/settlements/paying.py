"""Register the payment of PPD invoices, and undo one that was wrong. Each raises the task of its complement.

One transaction with the invoices' rows held: nobody pays more than is owed, and no balance is told twice.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from django.db import transaction
from django.db.models import Max

from emite.accounts.models import User
from emite.audit import record
from emite.cfdi import cobranza, codes, plazos
from emite.cfdi.cobranza import Accounts
from emite.cfdi.money import text, total
from emite.cfdi.zones import zone_of
from emite.charges.allowing import must_collect
from emite.charges.models import Payment
from emite.credits.originals import ending_among
from emite.settlements.models import PaymentComplement, PaymentShare, Receivable, ReceivedPayment
from emite.settlements.receivables import left_of, place_of, places_of

PESOS: Final = "MXN"
"""What every invoice is in: those of here, and any other that is taken in (EMI216)."""
ONE: Final = Decimal(1)
RATE_PLACES: Final = 6
RATE_LIMIT: Final = Decimal(10_000)
OPERATION_LIMIT = 100
REASON_LIMIT = 200
#: As the money may come: everything but "Por definir".
FORMS = {
    "03": "Transferencia electrónica",
    "02": "Cheque nominativo",
    "01": "Efectivo",
    "04": "Tarjeta de crédito",
    "28": "Tarjeta de débito",
    "29": "Tarjeta de servicios",
    "17": "Compensación",
}
Shares = Sequence[tuple[Receivable, Decimal]]


class PaymentRefused(Exception):
    """The payment cannot be registered, or undone, as asked; the message names the field and the cure."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(message)


def register(
    organization_id: uuid.UUID,
    *,
    paid_at: dt.datetime,
    forma_pago: str,
    shares: Shares,
    amount: Decimal,
    user: User | None,
    now: dt.datetime,
    key: str,
    accounts: Accounts | None = None,
    currency: str = PESOS,
    exchange_rate: Decimal = ONE,
    desk_payment: Payment | None = None,
) -> ReceivedPayment:
    """The payment with its shares and its complement due. The same key again returns the first.

    `amount` is in `currency`, shares are in the invoices' pesos; `exchange_rate`: pesos for one of `currency`.
    `user` is None for what a payer registered in its own organization. Raises NotAllowed or PaymentRefused; nothing is
    stored then.
    """
    if user is not None:
        must_collect(user, organization_id)
    told = accounts or Accounts()
    with transaction.atomic():
        held = _held(organization_id, shares)
        first = next(iter(held.values()))
        places = places_of(organization_id, held, first.issuer)
        earlier = ReceivedPayment.objects.filter(organization_id=organization_id, idempotency_key=key).first()
        if earlier is not None:
            return earlier
        _check(held, shares, amount=amount, currency=currency, rate=exchange_rate, forma_pago=forma_pago, told=told)
        if desk_payment is None:
            _check_alive(held)
        # What was paid at a register before the invoice is a part of it all the same, and a payer knows when it paid.
        if desk_payment is None and user is not None:
            _check_day(held, places, paid_at, now)
        payment = ReceivedPayment.objects.create(
            organization_id=organization_id,
            issuer_id=first.issuer_id,
            payer_rfc=first.payer_rfc,
            paid_at=paid_at,
            forma_pago=forma_pago,
            currency=currency,
            exchange_rate=exchange_rate,
            amount=amount,
            operation=told.operacion,
            payer_bank_rfc=told.banco_ordenante,
            payer_account=told.cuenta_ordenante,
            own_bank_rfc=told.banco_beneficiario,
            own_account=told.cuenta_beneficiaria,
            desk_payment=desk_payment,
            registered_by=user,
            registered_at=now,
            idempotency_key=key,
        )
        for receivable, part in shares:
            _share(payment, held[receivable.pk], part, equivalence=exchange_rate)
        PaymentComplement.objects.create(
            organization_id=organization_id,
            payment=payment,
            due_on=plazos.complement_due(_day(paid_at, place_of(places, first.issuer))),
            created_at=now,
        )
        record(
            organization_id=organization_id,
            actor=_actor(user, payment),
            action="payment.register",
            subject=f"received:{payment.pk}",
            after={"amount": text(amount, 2), "shares": {str(each.cfdi_uuid): text(part, 2) for each, part in shares}},
            now=now,
        )
    return payment


def undo(payment: ReceivedPayment, *, reason: str, user: User, now: dt.datetime) -> None:
    """Take a wrong payment back: balances return and its complement is not due any more.

    Raises NotAllowed, or PaymentRefused while a complement tells it to the SAT or later payments stand on it.
    """
    must_collect(user, payment.organization_id)
    if payment.desk_payment_id is not None:
        raise PaymentRefused("", "Este pago se cobró en caja: no se deshace aquí.")
    why = reason.strip()
    if not why or len(why) > REASON_LIMIT:
        raise PaymentRefused("reason", f"Escriba por qué se deshace, en {REASON_LIMIT} letras o menos.")
    take_back(payment, reason=why, user=user, now=now)


def take_back(payment: ReceivedPayment, *, reason: str, user: User | None, now: dt.datetime) -> None:
    """The same, for whoever answers for it otherwise: who cancelled its complement because nothing was paid."""
    with transaction.atomic():
        held = hold(payment)
        locked = ReceivedPayment.objects.select_for_update().get(organization_id=payment.organization_id, pk=payment.pk)
        if locked.undone_at is not None:
            return
        if PaymentComplement.objects.filter(payment=locked, state__in=PaymentComplement.HELD).exists():
            raise PaymentRefused(
                "", "Este pago ya tiene complemento: primero cancélelo ante el SAT y después deshaga el pago."
            )
        later = [each for each in locked.shares.all() if each.number != held[each.receivable_id].parcialidades]
        if later:
            names = ", ".join(str(held[each.receivable_id]) for each in later)
            raise PaymentRefused("", f"Hay pagos posteriores de {names}: deshaga primero el más reciente.")
        PaymentComplement.objects.filter(payment=locked, state=PaymentComplement.State.DUE).update(
            state=PaymentComplement.State.CANCELLED
        )
        locked.undone_at, locked.undone_by, locked.undone_reason = now, user, reason
        locked.save(update_fields=["undone_at", "undone_by", "undone_reason"])
        record(
            organization_id=locked.organization_id,
            actor=user.email if user else "emite" if locked.desk_payment_id else f"pagador {locked.payer_rfc}",
            action="payment.undo",
            subject=f"received:{locked.pk}",
            reason=reason,
            now=now,
        )


def hold(payment: ReceivedPayment) -> dict[uuid.UUID, Receivable]:
    """What it settles, with the rows held until the transaction ends."""
    receivables = Receivable.objects.filter(shares__payment=payment, organization_id=payment.organization_id)
    return {each.pk: each for each in _locked(payment.organization_id, list(receivables))}


def _actor(user: User | None, payment: ReceivedPayment) -> str:
    """Who did it: the person, whoever took the money at a register, or the payer itself."""
    cashier = payment.desk_payment.slip.cashier if payment.desk_payment else None
    who = user or cashier
    return who.email if who else f"pagador {payment.payer_rfc}"


def _held(organization_id: uuid.UUID, shares: Shares) -> dict[uuid.UUID, Receivable]:
    if not shares:
        raise PaymentRefused("shares", "Elija al menos una factura y escriba cuánto se paga de ella.")
    held = {each.pk: each for each in _locked(organization_id, [receivable for receivable, _ in shares])}
    if len(held) != len(shares):
        raise PaymentRefused("shares", "Cada factura va una vez, y todas son de esta organización.")
    return held


def _locked(organization_id: uuid.UUID, receivables: Sequence[Receivable]) -> list[Receivable]:
    """In the order of their keys, so that two payments of the same invoices wait and never block each other."""
    rows = Receivable.objects.select_for_update(of=("self",)).select_related("issuer")
    return list(rows.filter(organization_id=organization_id, pk__in=[r.pk for r in receivables]).order_by("pk"))


def _check(
    held: dict[uuid.UUID, Receivable],
    shares: Shares,
    *,
    amount: Decimal,
    currency: str,
    rate: Decimal,
    forma_pago: str,
    told: Accounts,
) -> None:
    if len({(each.issuer_id, each.payer_rfc) for each in held.values()}) > 1:
        raise PaymentRefused("shares", "Un pago es de un solo RFC y para un solo emisor: registre otro aparte.")
    if forma_pago not in FORMS:
        raise PaymentRefused("forma_pago", "Elija cómo se recibió el pago.")
    if len(told.operacion) > OPERATION_LIMIT:
        raise PaymentRefused("operation", f"El número de operación lleva {OPERATION_LIMIT} letras o menos.")
    for receivable, part in shares:
        _check_share(held[receivable.pk], part)
    _check_currency(amount, currency, rate)
    least, most = worth([part for _, part in shares], currency, rate)
    if amount < least:
        raise PaymentRefused(
            "amount",
            f"Lo aplicado suma {said(most, currency)} y el pago es de {said(amount, currency)}: baje alguna factura.",
        )
    _check_accounts(forma_pago, told)


def worth(parts: Sequence[Decimal], currency: str, rate: Decimal) -> tuple[Decimal, Decimal]:
    """The least and the most of `currency` that pays those pesos; in pesos, and at a rate without a rest, the same."""
    if currency == PESOS:
        return (applied := total(parts)), applied
    places = codes.decimals_of(currency)
    found = [cobranza.limits(part, rate, places) for part in parts]
    return total(least for least, _ in found), total(most for _, most in found)


def said(amount: Decimal, currency: str) -> str:
    """As an amount is written where it may be in another currency than pesos."""
    return f"${amount:,.2f}" + ("" if currency == PESOS else f" {currency}")


def _check_currency(amount: Decimal, currency: str, rate: Decimal) -> None:
    if currency == "XXX" or not codes.contains("c_Moneda", currency):
        raise PaymentRefused("currency", "Elija la moneda en que llegó el pago.")
    if amount <= 0 or amount != round(amount, min(codes.decimals_of(currency), 2)):
        raise PaymentRefused("amount", "El pago es mayor que cero y lleva a lo más los decimales de su moneda.")
    if currency == PESOS and rate != 1:
        raise PaymentRefused("exchange_rate", "En pesos no hay tipo de cambio: deje el campo vacío.")
    if not 0 < rate < RATE_LIMIT or rate != round(rate, RATE_PLACES):
        raise PaymentRefused(
            "exchange_rate",
            f"Escriba cuántos pesos vale un {currency} el día del pago, con {RATE_PLACES} decimales a lo más.",
        )


def _check_day(
    held: dict[uuid.UUID, Receivable], places: dict[uuid.UUID, str], paid_at: dt.datetime, now: dt.datetime
) -> None:
    if paid_at > now:
        raise PaymentRefused("paid_at", "La fecha del pago no puede ser futura: escriba el día en que se recibió.")
    for each in held.values():
        if _day(paid_at, places[each.pk]) < _day(each.issued_at, places[each.pk]):
            raise PaymentRefused("paid_at", f"La factura {each} es posterior al pago: revise la fecha o quítela.")


def _check_share(receivable: Receivable, part: Decimal) -> None:
    if receivable.closed_at is not None:
        raise PaymentRefused("shares", f"La factura {receivable} está cancelada: quítela del pago.")
    places = codes.decimals_of(receivable.currency)
    if part <= 0 or part != round(part, places):
        raise PaymentRefused("shares", f"De la factura {receivable} escriba una cantidad mayor que cero, con centavos.")
    if part > receivable.balance:
        raise PaymentRefused(
            "shares",
            f"De la factura {receivable} se deben ${receivable.balance:,.2f}: no puede aplicarle ${part:,.2f}.",
        )
    if receivable.waits_for_note:
        raise PaymentRefused(
            "shares", f"La factura {receivable} tiene una nota de crédito timbrándose: espere a que termine."
        )
    if receivable.waits_for_deposit:
        raise PaymentRefused(
            "shares",
            f"A la factura {receivable} le falta la nota que aplica su anticipo: espere a que se timbre, o emítala en "
            "la página de la cuenta.",
        )


def _check_alive(held: dict[uuid.UUID, Receivable]) -> None:
    ending = ending_among([each.document_id for each in held.values() if each.document_id is not None])
    for each in held.values():
        if each.document_id in ending:
            raise PaymentRefused(
                "shares", f"La factura {each} tiene una cancelación o una sustitución en curso: espere a que termine."
            )


def _check_accounts(forma_pago: str, told: Accounts) -> None:
    patterns = codes.account_patterns(forma_pago)
    sides = (
        ("payer_account", told.cuenta_ordenante, patterns.ordenante if patterns else None),
        ("own_account", told.cuenta_beneficiaria, patterns.beneficiario if patterns else None),
    )
    for field, account, pattern in sides:
        if account and (pattern is None or not pattern.fullmatch(account)):
            raise PaymentRefused(
                field, "Esa cuenta no tiene los dígitos que pide el SAT para esta forma de pago: corríjala o bórrela."
            )


def _share(payment: ReceivedPayment, receivable: Receivable, part: Decimal, *, equivalence: Decimal) -> None:
    last = PaymentShare.objects.filter(receivable=receivable, payment__undone_at=None).aggregate(n=Max("number"))["n"]
    groups = cobranza.part_of(left_of(receivable), part, receivable.balance)
    PaymentShare.objects.create(
        organization_id=payment.organization_id,
        payment=payment,
        receivable=receivable,
        amount=part,
        equivalence=equivalence,
        number=(last or 0) + 1,
        balance_before=receivable.balance,
        balance_after=receivable.balance - part,
        taxes=[group.to_json() for group in groups],
    )


def _day(moment: dt.datetime, place: str) -> dt.date:
    """The calendar day at a place of issue: what SAT's terms run on."""
    return moment.astimezone(zone_of(place)).date()

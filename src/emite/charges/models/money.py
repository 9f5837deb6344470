"""Money of a charge: payments and their slips, a slip's void, refunds. A correction is a row of its own."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from emite.charges.models.charge import Charge, ChargeLine
from emite.charges.models.register import CashRegister, RegisterSession
from emite.organizations.models import OwnedByOrganization

#: SAT's keys of what is paid with a card: credit, debit, service.
CARDS = ("04", "28", "29")


class PaymentSlip(OwnedByOrganization):
    """The printed proof of one act of paying, in one or several forms. Printed again at will."""

    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="slips")
    number = models.PositiveBigIntegerField("folio")
    register = models.ForeignKey(CashRegister, on_delete=models.PROTECT, related_name="+")
    session = models.ForeignKey(RegisterSession, on_delete=models.PROTECT, related_name="slips", null=True)
    cashier = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    paid_at = models.DateTimeField()
    amount = models.DecimalField(max_digits=18, decimal_places=2)
    cash_received = models.DecimalField(max_digits=18, decimal_places=2, null=True, blank=True)
    prints = models.PositiveIntegerField(default=0)
    idempotency_key = models.CharField(max_length=64, null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "number"], name="slip_one_per_number"),
            models.UniqueConstraint(
                fields=["organization", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="slip_one_per_key",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="slip_amount_positive"),
        ]

    @property
    def folio(self) -> str:
        return f"PAG-{self.number:06d}"

    @property
    def change(self) -> Decimal | None:
        """Cash given back, when the cash received was written down."""
        if self.cash_received is None:
            return None
        cash = sum((payment.amount for payment in self.payments.all() if payment.forma_pago == "01"), Decimal(0))
        return self.cash_received - cash


class Payment(OwnedByOrganization):
    """One form of payment inside a slip. Forms are SAT's keys (01 cash, 03 transfer, 04 credit card…)."""

    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="payments")
    slip = models.ForeignKey(PaymentSlip, on_delete=models.PROTECT, related_name="payments")
    forma_pago = models.CharField(max_length=2)
    amount = models.DecimalField(max_digits=18, decimal_places=2)
    # By which a voucher is found. Nothing else of a card is ever kept.
    last4 = models.CharField("últimos cuatro dígitos", max_length=4, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_amount_positive"),
            models.CheckConstraint(
                condition=Q(last4="") | Q(last4__regex="^[0-9]{4}$", forma_pago__in=CARDS),
                name="payment_last4_of_a_card",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "last4", "-id"], condition=~Q(last4=""), name="payment_by_last4"),
        ]


class SlipVoid(OwnedByOrganization):
    """A payment that was a mistake, undone while its register is open (or on its day). Its slip says CANCELADO."""

    insert_only = True

    slip = models.OneToOneField(PaymentSlip, on_delete=models.PROTECT, related_name="undone")
    session = models.ForeignKey(RegisterSession, on_delete=models.PROTECT, related_name="voids", null=True)
    reason = models.CharField(max_length=200)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()


class Refund(OwnedByOrganization):
    """Services returned before any invoice, with the money given back. `whole` voids the charge.

    `amount` is what was given back, in its parts: nothing when the charge was not paid that far.
    """

    insert_only = True

    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="refunds")
    number = models.PositiveBigIntegerField("folio")
    register = models.ForeignKey(CashRegister, on_delete=models.PROTECT, related_name="+")
    session = models.ForeignKey(RegisterSession, on_delete=models.PROTECT, related_name="refunds", null=True)
    whole = models.BooleanField()
    amount = models.DecimalField(max_digits=18, decimal_places=2)
    # What the charge came to before and after: its lines say the rest.
    total_before = models.DecimalField(max_digits=18, decimal_places=2)
    total_after = models.DecimalField(max_digits=18, decimal_places=2)
    reason = models.CharField(max_length=200)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    idempotency_key = models.UUIDField(unique=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "number"], name="refund_one_per_number"),
            models.CheckConstraint(
                condition=Q(amount__gte=0, total_after__gte=0, total_before__gt=models.F("total_after")),
                name="refund_takes_something_off",
            ),
        ]

    @property
    def folio(self) -> str:
        return f"DEV-{self.number:06d}"


class RefundLine(OwnedByOrganization):
    """What a refund took off one line, so that what was charged is what remains plus these."""

    insert_only = True

    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, related_name="lines")
    line = models.ForeignKey(ChargeLine, on_delete=models.PROTECT, related_name="returned")
    quantity = models.DecimalField(max_digits=18, decimal_places=6)
    discount = models.DecimalField(max_digits=18, decimal_places=6)
    amount = models.DecimalField(max_digits=18, decimal_places=6)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["refund", "line"], name="refund_line_once"),
            models.CheckConstraint(condition=Q(quantity__gt=0, discount__gte=0), name="refund_line_positive"),
        ]


class RefundPart(OwnedByOrganization):
    """What was given back in one form of payment: never more than was paid in it."""

    insert_only = True

    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, related_name="parts")
    forma_pago = models.CharField(max_length=2)
    amount = models.DecimalField(max_digits=18, decimal_places=2)

    class Meta:
        ordering: ClassVar[list[str]] = ["forma_pago"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["refund", "forma_pago"], name="refund_part_one_per_form"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_part_positive"),
        ]

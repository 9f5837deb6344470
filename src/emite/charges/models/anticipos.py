"""AnticipoApplication: a deposit (a charge of kind anticipo) pays some of an account (any other charge)."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from emite.charges.models.charge import Charge
from emite.charges.models.money import PaymentSlip
from emite.organizations.models import OwnedByOrganization


class AnticipoApplication(OwnedByOrganization):
    """`active` until its slip is undone. Its payment has form 30 and entered no drawer: the money came before.

    What must hold of it is said by the database (migrations/0010_anticipo_guards.py).
    """

    deposit = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="applications")
    account = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="anticipos")
    slip = models.OneToOneField(PaymentSlip, on_delete=models.PROTECT, related_name="anticipo")
    amount = models.DecimalField(max_digits=18, decimal_places=2)
    active = models.BooleanField(default=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="anticipo_amount_positive"),
            models.CheckConstraint(condition=~Q(deposit=F("account")), name="anticipo_pays_another_charge"),
            models.UniqueConstraint(
                fields=["account", "deposit"], condition=Q(active=True), name="anticipo_one_live_per_pair"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.deposit} → {self.account}: ${self.amount:,.2f}"

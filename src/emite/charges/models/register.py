"""CashRegister, its sessions (from opening to corte), what enters and leaves the drawer, and the rule of collecting."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from emite.organizations.models import Branch, OwnedByOrganization

#: Of thermal printers, in millimetres.
PAPER_WIDTHS = [(58, "58 mm"), (80, "80 mm")]


class CashRegister(OwnedByOrganization):
    """A register of the desk, or the one that books what the portal invoices ("Facturación web")."""

    name = models.CharField("nombre", max_length=60)
    web_invoicing = models.BooleanField("Facturación web", default=False)
    active = models.BooleanField(default=True)
    # Where it stands; without one, at the issuer's place of issue. Registers are few: no index.
    branch = models.ForeignKey(
        Branch, on_delete=models.PROTECT, related_name="registers", null=True, blank=True, db_index=False
    )
    # A thermal printer on the network, where the hospital has one; without it tickets go by the browser.
    printer_host = models.CharField("impresora", max_length=253, blank=True)
    printer_port = models.PositiveIntegerField("puerto", default=9100)
    paper_width = models.PositiveSmallIntegerField("ancho del papel", choices=PAPER_WIDTHS, default=80)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "name"], name="register_one_per_name"),
            models.UniqueConstraint(
                fields=["organization"], condition=Q(web_invoicing=True, active=True), name="register_one_for_web"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CollectingPolicy(OwnedByOrganization):
    """How an organization takes money at the desk. Without a row the defaults hold."""

    needs_open_register = models.BooleanField("exigir caja abierta", default=True)
    # Up to here a cashier corrects alone; above it an administrator or a biller does.
    free_limit = models.DecimalField("límite del cajero", max_digits=12, decimal_places=2, default=Decimal(2000))

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization"], name="collecting_policy_one_per_organization"),
            models.CheckConstraint(condition=Q(free_limit__gte=0), name="collecting_policy_limit_positive"),
        ]


class RegisterSession(OwnedByOrganization):
    """From the opening of a register to its corte. Once closed nothing of it changes and nothing enters it."""

    register = models.ForeignKey(CashRegister, on_delete=models.PROTECT, related_name="sessions")
    number = models.PositiveBigIntegerField("folio")
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()
    fund = models.DecimalField("fondo", max_digits=12, decimal_places=2)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    closed_at = models.DateTimeField(null=True)
    # How many of each bill and coin were counted: {"500": 3, "0.50": 4}.
    denominations: models.JSONField[Any, Any] = models.JSONField(null=True)
    reason = models.CharField("motivo de la diferencia", max_length=200, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "number"], name="session_one_per_number"),
            models.UniqueConstraint(
                fields=["register"], condition=Q(closed_at__isnull=True), name="session_one_open_per_register"
            ),
            models.CheckConstraint(condition=Q(fund__gte=0), name="session_fund_positive"),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, closed_by__isnull=True, denominations__isnull=True)
                | Q(closed_at__isnull=False, closed_by__isnull=False, denominations__isnull=False),
                name="session_closed_whole",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "-opened_at"], name="session_by_date"),
        ]

    def __str__(self) -> str:
        return self.folio

    @property
    def folio(self) -> str:
        return f"CORTE-{self.number:06d}"

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


class CashMovement(OwnedByOrganization):
    """Cash put into the drawer or taken out of it that no patient paid."""

    insert_only = True

    class Kind(models.TextChoices):
        DEPOSIT = "deposit", "Depósito de efectivo"
        WITHDRAWAL = "withdrawal", "Retiro de efectivo"

    session = models.ForeignKey(RegisterSession, on_delete=models.PROTECT, related_name="movements")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    reason = models.CharField(max_length=200)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    idempotency_key = models.UUIDField(unique=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="movement_amount_positive"),
        ]


class SessionCount(OwnedByOrganization):
    """Of one form of payment: what the system expected at the corte and what somebody counted."""

    insert_only = True

    session = models.ForeignKey(RegisterSession, on_delete=models.PROTECT, related_name="counts")
    forma_pago = models.CharField(max_length=2)
    expected = models.DecimalField(max_digits=18, decimal_places=2)
    counted = models.DecimalField(max_digits=18, decimal_places=2)

    class Meta:
        ordering: ClassVar[list[str]] = ["forma_pago"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["session", "forma_pago"], name="session_count_one_per_form"),
        ]

    @property
    def difference(self) -> Decimal:
        """What is over; negative when something is missing."""
        return self.counted - self.expected

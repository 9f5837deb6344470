"""Charge (remisión | copago), its lines, its counters and the Allocation to the document that invoices it."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from emite.cfdi.zones import zone_of
from emite.chargemaster.models import TREATMENT_CHOICES
from emite.charges.models.register import CashRegister
from emite.documents.models import FiscalDocument
from emite.issuers.models import Issuer
from emite.organizations.models import Branch, OwnedByOrganization


class ChargeCounter(OwnedByOrganization):
    """The next number of a kind of charge or slip, as a row that is locked when one is taken."""

    name = models.CharField(max_length=12)
    next_number = models.PositiveBigIntegerField(default=1)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "name"], name="charge_counter_one_per_name"),
        ]

    @staticmethod
    def take(organization_id: uuid.UUID, name: str, how_many: int = 1) -> int:
        """The next number, or the first of `how_many` in a row. Call inside the transaction that uses it."""
        ChargeCounter.objects.bulk_create(
            [ChargeCounter(organization_id=organization_id, name=name)], ignore_conflicts=True
        )
        counter = ChargeCounter.objects.select_for_update().get(organization_id=organization_id, name=name)
        ChargeCounter.objects.filter(pk=counter.pk).update(next_number=F("next_number") + how_many)
        return counter.next_number


#: How the folio of each kind of charge begins.
PREFIXES = {"remision": "REM", "copago": "COP", "anticipo": "ANT"}


class Charge(OwnedByOrganization):
    """What somebody owes for services, or leaves as a deposit for them (`anticipos.py`).

    Amounts are pesos with cents, equal to those of its CFDI.
    """

    class Kind(models.TextChoices):
        REMISION = "remision", "Remisión"
        COPAGO = "copago", "Copago"
        ANTICIPO = "anticipo", "Anticipo"

    class State(models.TextChoices):
        OPEN = "open", "Abierta"
        VOID = "void", "Cancelada"

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.REMISION)
    number = models.PositiveBigIntegerField("folio")
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    issued_at = models.DateTimeField()
    issued_on = models.DateField()
    # The postal code of the branch that charged it; None: where the issuer was then. It never changes (a trigger).
    lugar_expedicion = models.CharField(max_length=5, null=True, blank=True)
    # Whose name papers and lists say: several may share a postal code.
    branch = models.ForeignKey(
        Branch, on_delete=models.PROTECT, related_name="+", null=True, blank=True, db_index=False
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    # Staff's eyes only: the ticket and the portal never show who was treated.
    patient_name = models.CharField("paciente", max_length=200, blank=True)

    sub_total = models.DecimalField(max_digits=18, decimal_places=2)
    discount = models.DecimalField(max_digits=18, decimal_places=2)
    tax = models.DecimalField(max_digits=18, decimal_places=2)
    total = models.DecimalField(max_digits=18, decimal_places=2)
    paid = models.DecimalField(max_digits=18, decimal_places=2, default=Decimal(0))
    # When the last of it was paid: in which period the factura global takes it.
    paid_at = models.DateTimeField(null=True, blank=True)

    code_hash = models.BinaryField()
    code_cipher = models.BinaryField()
    code_revoked_at = models.DateTimeField(null=True, blank=True)
    idempotency_key = models.CharField(max_length=64, null=True, blank=True)
    # How the system that charges calls it.
    external_id = models.CharField("folio del otro sistema", max_length=64, null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    void_reason = models.CharField(max_length=200, blank=True)
    prints = models.PositiveIntegerField(default=0)
    code_fields: ClassVar[tuple[str, ...]] = ("code_cipher",)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "kind", "number"], name="charge_one_per_number"),
            models.UniqueConstraint(fields=["organization", "code_hash"], name="charge_one_per_code"),
            models.UniqueConstraint(
                fields=["organization", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="charge_one_per_key",
            ),
            models.UniqueConstraint(
                fields=["organization", "external_id"],
                condition=Q(external_id__isnull=False),
                name="charge_one_per_external_id",
            ),
            models.CheckConstraint(
                condition=Q(total__gt=0, sub_total__gt=0, discount__gte=0, tax__gte=0), name="charge_amounts_positive"
            ),
            models.CheckConstraint(
                condition=Q(total=F("sub_total") - F("discount") + F("tax")), name="charge_total_adds_up"
            ),
            models.CheckConstraint(condition=Q(paid__gte=0) & Q(paid__lte=F("total")), name="charge_paid_within_total"),
            models.CheckConstraint(
                condition=Q(paid__lt=F("total")) | Q(paid_at__isnull=False), name="charge_fully_paid_has_date"
            ),
            models.CheckConstraint(
                condition=Q(paid=F("total")) | Q(paid_at__isnull=True), name="charge_owed_has_no_paid_date"
            ),
            models.CheckConstraint(condition=Q(state="open") | Q(paid=0), name="charge_void_has_nothing_left"),
            models.CheckConstraint(
                condition=(Q(state="void") & Q(voided_at__isnull=False))
                | (Q(state="open") & Q(voided_at__isnull=True)),
                name="charge_void_has_date",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "-issued_at"], name="charge_by_date"),
            models.Index(fields=["organization", "paid_at", "id"], name="charge_by_payment"),
            models.Index(fields=["organization", "total", "-issued_at"], name="charge_by_total"),
            models.Index(
                fields=["organization", "-issued_at"],
                name="charge_owed",
                condition=Q(state="open", paid__lt=F("total")),
            ),
            models.Index(
                fields=["organization", "-issued_at"],
                name="charge_anticipos",
                condition=Q(state="open", kind="anticipo"),
            ),
            models.Index(
                fields=["organization", "branch", "-issued_at"],
                name="charge_by_branch",
                condition=Q(branch__isnull=False),
            ),
            # And charge_by_patient, of the trigrams of charges_plain(patient_name): see migrations 0005 and 0007.
        ]

    def __str__(self) -> str:
        return self.folio

    @property
    def folio(self) -> str:
        return f"{PREFIXES[self.kind]}-{self.number:06d}"

    @property
    def owed(self) -> Decimal:
        return self.total - self.paid

    @property
    def is_paid(self) -> bool:
        return self.paid == self.total

    @property
    def place(self) -> str:
        """The postal code where its CFDI is issued."""
        return self.lugar_expedicion or self.issuer.place_at(self.issued_at)

    @property
    def zone(self) -> ZoneInfo:
        """Whose clock its papers and its last day in the portal follow."""
        return zone_of(self.lugar_expedicion) if self.lugar_expedicion else self.organization.zone

    def last_portal_day(self) -> dt.date | None:
        """The last natural day, where it was charged, on which the portal invoices it; None: portal off."""
        if self.organization.portal_days is None:
            return None
        return self.issued_on + dt.timedelta(days=self.organization.portal_days)

    def portal_is_open(self, now: dt.datetime) -> bool:
        last_day = self.last_portal_day()
        return last_day is not None and now.astimezone(self.zone).date() <= last_day


class RemainingLines(models.Manager["ChargeLine"]):
    """Without what was returned whole: the lines that a ticket, the portal and the CFDI show."""

    def get_queryset(self) -> models.QuerySet[ChargeLine]:
        return super().get_queryset().filter(quantity__gt=0)


class ChargeLine(OwnedByOrganization):
    """One line, exactly as the CFDI will carry it. Quantities and prices up to six decimals, before tax.

    What was returned is taken off it and kept in a RefundLine; a line returned whole stays with quantity zero.
    """

    objects = RemainingLines()
    charged = models.Manager["ChargeLine"]()

    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=40, blank=True)
    description = models.CharField(max_length=1000)
    clave_prod_serv = models.CharField(max_length=8)
    clave_unidad = models.CharField(max_length=3)
    treatment = models.CharField(max_length=10, choices=TREATMENT_CHOICES)
    quantity = models.DecimalField(max_digits=18, decimal_places=6)
    unit_price = models.DecimalField(max_digits=18, decimal_places=6)
    discount = models.DecimalField(max_digits=18, decimal_places=6, default=Decimal(0))
    amount = models.DecimalField(max_digits=18, decimal_places=6)

    class Meta:
        ordering: ClassVar[list[str]] = ["position"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "charge", "position"], name="charge_line_one_per_position"),
            models.CheckConstraint(
                condition=Q(quantity__gte=0, unit_price__gt=0, discount__gte=0), name="charge_line_amounts_positive"
            ),
        ]


class Allocation(OwnedByOrganization):
    """A charge bound to the document that invoices it. At most one is live per charge (I1)."""

    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="allocations")
    document = models.ForeignKey(FiscalDocument, on_delete=models.PROTECT, related_name="allocations")
    register = models.ForeignKey(CashRegister, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    active = models.BooleanField(default=True)
    # The document is the charge less what deposits paid of it (path B of anticipos), not all of it.
    remnant = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["charge"], condition=Q(active=True), name="allocation_one_live_per_charge"),
            models.CheckConstraint(
                condition=Q(active=True, released_at__isnull=True) | Q(active=False, released_at__isnull=False),
                name="allocation_release_has_date",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "document"], name="allocation_by_document"),
        ]

"""GlobalPolicy, Closing and GlobalDocument (which periods become a factura global), and PortalRequest (what a patient
could not finish).

What enters a global is asked in `proposing`, the verbs live in `closing` and in `requests`. A charge is in a global
when its live allocation says.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from emite.charges.models import Charge
from emite.documents.models import FiscalDocument
from emite.invoices import periods
from emite.issuers.models import Issuer
from emite.organizations.models import OwnedByOrganization

PERIODICIDADES = tuple(periods.NAMES.items())
#: Conceptos of one document: what PACs are known to take in one call.
CEILING, MOST = 5000, 10_000


class GlobalPolicy(OwnedByOrganization):
    """How an organization closes its periods. Without a row: each month, automatically."""

    class Mode(models.TextChoices):
        AUTOMATIC = "automatic", "Automático al terminar el periodo"
        CONFIRM = "confirm", "Una persona lo confirma"

    mode = models.CharField(max_length=10, choices=Mode.choices, default=Mode.AUTOMATIC)
    periodicidad = models.CharField(max_length=2, choices=PERIODICIDADES, default=periods.MENSUAL)
    ceiling = models.PositiveIntegerField(default=CEILING, validators=[MinValueValidator(1), MaxValueValidator(MOST)])

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization"], name="global_policy_one"),
            models.CheckConstraint(
                condition=Q(ceiling__gte=1) & Q(ceiling__lte=MOST), name="global_policy_ceiling_possible"
            ),
        ]


class Closing(OwnedByOrganization):
    """One period of one issuer at one place of issue. `starts_at` and `ends_at` are its midnights (half open)."""

    class State(models.TextChoices):
        WAITING = "waiting", "Espera a una persona"
        RUNNING = "running", "En curso"
        STOPPED = "stopped", "Detenido"
        DONE = "done", "Cerrado"

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+")
    lugar_expedicion = models.CharField(max_length=5)
    periodicidad = models.CharField(max_length=2, choices=PERIODICIDADES)
    first_day = models.DateField()
    last_day = models.DateField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ceiling = models.PositiveIntegerField(default=CEILING)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    # Hours after the end of the period of the last alarm given; None: none yet.
    warned = models.PositiveSmallIntegerField(null=True, blank=True)

    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    automatic = models.BooleanField(default=False)
    asked_at = models.DateTimeField(null=True, blank=True)
    expected = models.PositiveIntegerField(default=0)
    allocated = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)
    last_text = models.TextField(blank=True)

    # Who builds it now, and when it is due
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["organization", "issuer", "lugar_expedicion", "periodicidad", "first_day"],
                name="closing_one_per_period",
            ),
            models.CheckConstraint(
                condition=Q(starts_at__lt=F("ends_at"), first_day__lte=F("last_day")), name="closing_period_has_days"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting") | Q(asked_at__isnull=False), name="closing_started_has_date"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_at"], condition=Q(state="running"), name="closing_due"),
            models.Index(fields=["organization", "-last_day"], name="closing_by_day"),
        ]

    def __str__(self) -> str:
        return f"{self.get_periodicidad_display()}: {self.period}"

    @property
    def period(self) -> periods.Period:
        return periods.Period(self.first_day, self.last_day, self.periodicidad)


class GlobalDocument(OwnedByOrganization):
    """A document of a closing, by its number in it, with how many charges it carries."""

    closing = models.ForeignKey(Closing, on_delete=models.PROTECT, related_name="documents")
    document = models.OneToOneField(FiscalDocument, on_delete=models.PROTECT, related_name="global_document")
    number = models.PositiveIntegerField()
    charges = models.PositiveIntegerField()

    class Meta:
        ordering: ClassVar[list[str]] = ["number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "closing", "number"], name="global_one_per_number"),
        ]


class PortalRequest(OwnedByOrganization):
    """Somebody with a ticket asks the staff to finish what the portal could not; or a person closes a refused one.

    At most one is open per charge. `receptor` is what was typed, and may be incomplete.
    """

    class Why(models.TextChoices):
        EXPIRED = "expired", "Pasó el plazo en línea"
        OFF = "off", "El portal está apagado"
        IN_GLOBAL = "in_global", "Está en la factura global"
        REFUSED = "refused", "El SAT rechazó los datos"

    class Ending(models.TextChoices):
        STAMPED = "stamped", "Se facturó"
        PERSON = "person", "La cerró una persona"

    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="requests")
    #: The refused document that a person put aside; None for what a patient asked.
    document = models.ForeignKey(FiscalDocument, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    why = models.CharField(max_length=10, choices=Why.choices)
    receptor = models.JSONField(default=dict)
    phone = models.CharField("teléfono", max_length=20, blank=True)
    email = models.EmailField("correo", blank=True)
    note = models.CharField("nota", max_length=200, blank=True)
    asked_at = models.DateTimeField()

    closed_at = models.DateTimeField(null=True, blank=True)
    ending = models.CharField(max_length=8, choices=Ending.choices, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    closing_reason = models.CharField("motivo", max_length=200, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["charge"], condition=Q(closed_at=None), name="portal_request_one_open_per_charge"
            ),
            models.UniqueConstraint(
                fields=["document"], condition=Q(document__isnull=False), name="portal_request_one_per_document"
            ),
            models.CheckConstraint(
                condition=Q(document__isnull=False) | Q(closed_at__isnull=False) | ~Q(phone="", email=""),
                name="portal_request_can_be_answered",
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None, ending="", closed_by=None)
                | Q(closed_at__isnull=False, ending="stamped", closed_by=None)
                | (Q(closed_at__isnull=False, ending="person", closed_by__isnull=False) & ~Q(closing_reason="")),
                name="portal_request_ends_with_a_reason",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "asked_at"], condition=Q(closed_at=None), name="portal_request_open"),
        ]

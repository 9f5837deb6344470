"""Organization, its settings ("Configuración de mejoras") and its members.

Fiscal identities (RFC, certificates, series) are not here: they live in `issuers`.
"""

from __future__ import annotations

import datetime as dt
from typing import ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models

from emite.cfdi.zones import zone_of
from emite.database.ids import uuid7


class Organization(models.Model):
    """A tenant. Its postal code gives the zone in which its days end."""

    class Kind(models.TextChoices):
        HOSPITAL = "hospital", "Hospital"
        PRACTICE = "practice", "Consultorio"
        INSURER = "insurer", "Aseguradora"
        ADMINISTRATOR = "administrator", "Administradora"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField("identificador en el enlace", max_length=40, unique=True)
    name = models.CharField("nombre comercial", max_length=120)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    postal_code = models.CharField("código postal", max_length=5)
    created_at = models.DateTimeField(auto_now_add=True)

    # Configuración de mejoras
    portal_days = models.PositiveSmallIntegerField(
        "días para facturar en línea",
        null=True,
        blank=True,
        help_text="Días naturales después de emitir la remisión. Vacío: portal apagado. 0: el mismo día.",
    )
    portal_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name="usuario facturador del portal",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    usos_offered = models.JSONField("usos ofrecidos", null=True, blank=True)

    # What patients see
    accent = models.CharField(
        "color", max_length=7, default="#0b5c63", validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$")]
    )
    logo = models.BinaryField(null=True, blank=True)
    logo_type = models.CharField(max_length=16, blank=True)
    address = models.CharField("domicilio", max_length=200, blank=True)
    support_phone = models.CharField("teléfono de ayuda", max_length=40, blank=True)
    support_email = models.EmailField("correo de ayuda", blank=True)
    support_hours = models.CharField("horario de caja", max_length=120, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(portal_days__isnull=True) | models.Q(portal_days__lte=366),
                name="organization_portal_days_within_a_year",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return zone_of(self.postal_code)

    def local_date(self, moment: dt.datetime) -> dt.date:
        """The calendar day of `moment` (aware) where the organization is."""
        return moment.astimezone(self.zone).date()

    def portal_is_on(self) -> bool:
        """Days are set and the portal's user still may issue invoices."""
        if self.portal_days is None or self.portal_user_id is None:
            return False
        return Membership.objects.filter(
            organization=self, user_id=self.portal_user_id, user__is_active=True, can_issue=True
        ).exists()


class OwnedByOrganization(models.Model):
    """Every table of a tenant: UUIDv7 key, tenant key. Indexes start with the tenant."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True


class Membership(OwnedByOrganization):
    """What a person may do in one organization. `can_issue` is the issuing permission."""

    class Role(models.TextChoices):
        ADMINISTRADOR = "administrador", "Administrador"
        FACTURADOR = "facturador", "Facturador"
        CAJERO = "cajero", "Cajero"
        CONSULTA = "consulta", "Consulta"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    can_issue = models.BooleanField("puede emitir facturas", default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "user"], name="membership_one_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"

    def may_collect(self) -> bool:
        return self.role in {self.Role.ADMINISTRADOR, self.Role.FACTURADOR, self.Role.CAJERO}

    def may_administer(self) -> bool:
        return self.role == self.Role.ADMINISTRADOR

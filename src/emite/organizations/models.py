"""Organization, its settings ("Configuración de mejoras"), its members and its bond with the portal.

Fiscal identities (RFC, certificates, series) are not here: they live in `issuers`.
"""

from __future__ import annotations

import datetime as dt
from typing import ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower

from emite.accounts.models import User
from emite.cfdi.zones import zone_of
from emite.database.ids import uuid7
from emite.database.kept import Given, Kept
from emite.organizations.permissions import ROLES, Need, Role, suffices


class Organization(models.Model):
    """A tenant. Its postal code gives the zone in which its days end."""

    class Kind(models.TextChoices):
        HOSPITAL = "hospital", "Hospital"
        PRACTICE = "practice", "Consultorio"
        INSURER = "insurer", "Aseguradora"
        ADMINISTRATOR = "administrator", "Administradora"

    class OwedAccounts(models.TextChoices):
        WAIT = "wait", "Mostrar cuánto falta: se factura al pagar el resto"
        DESK = "desk", "Mandar al paciente a caja"

    class LateRoad(models.TextChoices):
        EGRESO = "egreso", "Nota de crédito sobre la global (la global no se toca)"
        REBUILD = "rebuild", "Cancelar la global con motivo 04 y emitirla otra vez sin la remisión"

    class AnticipoRoad(models.TextChoices):
        EGRESO = "egreso", "Factura por el total de la cuenta y una nota de crédito que descuenta el anticipo"
        REMNANT = "remnant", "Factura por el remanente: el anticipo va como descuento, sin nota de crédito"

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
    correction_hours = models.PositiveSmallIntegerField(
        "horas para corregir datos en el portal",
        null=True,
        blank=True,
        help_text="Horas naturales después de timbrada. Vacío: se corrige en caja.",
    )
    usos_offered = models.JSONField("usos ofrecidos", null=True, blank=True)
    owed_accounts = models.CharField(
        "cuentas sin pagar por completo", max_length=8, choices=OwedAccounts.choices, default=OwedAccounts.WAIT
    )
    late_road = models.CharField(
        "factura de lo que ya está en la global", max_length=8, choices=LateRoad.choices, default=LateRoad.EGRESO
    )

    anticipo_road = models.CharField(
        "cómo se aplican los anticipos", max_length=8, choices=AnticipoRoad.choices, default=AnticipoRoad.EGRESO,
        db_default=AnticipoRoad.EGRESO,
    )  # fmt: skip

    # What patients see
    accent = models.CharField(
        "color", max_length=7, default="#0b5c63", validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$")]
    )
    logo = models.BinaryField(null=True, blank=True)
    logo_type = models.CharField(max_length=16, blank=True)
    portal_text = models.CharField("mensaje para el paciente", max_length=300, blank=True)
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
            models.CheckConstraint(
                condition=models.Q(correction_hours__isnull=True) | models.Q(correction_hours__range=(1, 168)),
                name="organization_correction_hours_within_a_week",
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

    @property
    def portal_user(self) -> User | None:
        """In whose name the portal issues: whoever made the live link, also when they lost the permission since."""
        link = PortalLink.objects.select_related("user").filter(organization=self, revoked_at=None).first()
        return link.user if link else None

    def portal_is_on(self) -> bool:
        """Support activated it, days are set, and whoever made the link still may issue invoices."""
        return self.portal_biller() is not None

    def portal_biller(self) -> User | None:
        """In whose name the portal issues now, or None: it is off, for whatever reason."""
        if self.portal_days is None:
            return None
        found = _PORTAL_BILLER.first(organization=self.pk)
        return found.user if found else None


class OwnedByOrganization(models.Model):
    """Every table of a tenant: UUIDv7 key, tenant key. Indexes start with the tenant."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")

    class Meta:
        abstract = True


class Branch(OwnedByOrganization):
    """A sucursal: where charges are made, and the postal code that is the LugarExpedicion of their invoices.

    Its postal code never changes (a trigger): one that moves is retired and another is added.
    """

    name = models.CharField("nombre", max_length=60)
    postal_code = models.CharField("código postal", max_length=5)
    # What its tickets say; empty: the postal code alone.
    address = models.CharField("domicilio", max_length=300, blank=True, default="", db_default="")
    active = models.BooleanField("en uso", default=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint("organization", Lower("name"), name="branch_one_per_name"),
        ]

    def __str__(self) -> str:
        return f"{self.name} (C.P. {self.postal_code})"

    @property
    def zone(self) -> ZoneInfo:
        return zone_of(self.postal_code)


class MembershipQuerySet(models.QuerySet["Membership"]):
    def active(self) -> MembershipQuerySet:
        """Of people who still belong to their organization and may log in."""
        return self.filter(deactivated_at=None, user__is_active=True)

    def who_may(self, need: Need) -> MembershipQuerySet:
        """The active ones that suffice: `Membership.may` as a query."""
        found = self.active().filter(role__in=ROLES[need])
        return found.filter(can_issue=True) if need is Need.ISSUE else found

    def linked(self) -> MembershipQuerySet:
        """Those in whose name their organization's portal issues."""
        alive = PortalLink.objects.filter(revoked_at=None)
        return self.filter(
            models.Exists(alive.filter(organization=models.OuterRef("organization"), user=models.OuterRef("user")))
        )


MembershipManager = models.Manager.from_queryset(MembershipQuerySet)

_PORTAL_BILLER: Kept[Membership] = Kept(
    lambda: (
        Membership.objects.who_may(Need.ISSUE)
        .linked()
        .filter(
            models.Exists(PortalActivation.objects.filter(organization=Given("organization"), state="approved")),
            organization=Given("organization"),
        )
        .select_related("user")[:1]
    )
)


class Membership(OwnedByOrganization):
    """What a person may do in one organization. `can_issue` is the issuing permission.

    Whoever leaves is deactivated, never deleted; a trigger keeps the last administrator in place.
    """

    Role = Role

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    can_issue = models.BooleanField("puede emitir facturas", default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    deactivated_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[MembershipManager[Membership]] = MembershipManager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "user"], name="membership_one_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"

    def may(self, need: Need) -> bool:
        return self.deactivated_at is None and suffices(need, role=self.role, can_issue=self.can_issue)

    def may_collect(self) -> bool:
        return self.may(Need.COLLECT)

    def may_issue(self) -> bool:
        return self.may(Need.ISSUE)

    def may_price(self) -> bool:
        return self.may(Need.PRICE)

    def may_import(self) -> bool:
        return self.may(Need.IMPORT)

    def may_administer(self) -> bool:
        return self.may(Need.ADMINISTER)


class PortalActivation(OwnedByOrganization):
    """One request to use the portal ("Solicitar activación") and what support answered. Never deleted.

    The portal of an organization is active while one of its rows is approved.
    """

    class State(models.TextChoices):
        REQUESTED = "requested", "Solicitada"
        APPROVED = "approved", "Activa"
        REFUSED = "refused", "Rechazada"
        SUSPENDED = "suspended", "Suspendida"

    state = models.CharField(max_length=10, choices=State.choices, default=State.REQUESTED)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField()
    note = models.CharField("mensaje para soporte", max_length=500, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField("motivo", max_length=500, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["organization"],
                condition=models.Q(state__in=["requested", "approved"]),
                name="activation_one_alive",
            ),
            models.CheckConstraint(
                condition=models.Q(state="requested", decided_at__isnull=True)
                | (~models.Q(state="requested") & models.Q(decided_at__isnull=False)),
                name="activation_decided_at",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["refused", "suspended"]) | ~models.Q(reason=""),
                name="activation_refusal_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} {self.state}"


class PortalLink(OwnedByOrganization):
    """The billing user logged in once: the portal issues in their name until the link is revoked.

    The row is all that the portal has: no password, no session, no key.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    linked_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["organization"], condition=models.Q(revoked_at__isnull=True), name="portal_link_one_alive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} {self.user_id}"


class Invitation(OwnedByOrganization):
    """An address that may join with a role. The link in the mail works once; only its hash is kept."""

    email = models.EmailField("correo electrónico")
    role = models.CharField("papel", max_length=16, choices=Role.choices)
    can_issue = models.BooleanField("puede emitir facturas", default=False)
    token_hash = models.BinaryField(max_length=32)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["token_hash"], name="invitation_one_per_token"),
            models.UniqueConstraint(
                fields=["organization", "email"],
                condition=models.Q(accepted_at__isnull=True, revoked_at__isnull=True),
                name="invitation_one_open_per_address",
            ),
            models.CheckConstraint(
                condition=models.Q(accepted_at__isnull=True) | models.Q(revoked_at__isnull=True),
                name="invitation_accepted_or_revoked",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} ({self.get_role_display()})"

    def is_open(self, now: dt.datetime) -> bool:
        return self.accepted_at is None and self.revoked_at is None and now < self.expires_at

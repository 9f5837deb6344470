"""Physician, Payer, Contract with its Tariff, CareService, InsurerInvoice and the services it takes.

Amounts of a service are pesos with cents before IVA. Patients are named here and nowhere below `invoices/building.py`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from emite.charges.models import Charge
from emite.documents.models import FiscalDocument
from emite.issuers.models import Issuer
from emite.organizations.models import Organization, OwnedByOrganization


class CodeSystem(models.TextChoices):
    """Whose codes name a service. Codes alone are kept: the texts of CPT belong to others."""

    CPT4 = "cpt4", "CPT4"
    OWN = "propio", "Códigos propios"


class Physician(OwnedByOrganization):
    """Who renders services. The kind chooses which consultations are offered first for linking."""

    class Kind(models.TextChoices):
        FIRST_CONTACT = "primer_contacto", "Médico de primer contacto"
        SPECIALIST = "especialista", "Médico especialista"

    name = models.CharField("nombre", max_length=200)
    kind = models.CharField("tipo", max_length=16, choices=Kind.choices)
    cedula = models.CharField("cédula profesional", max_length=12, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True)
    active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class Payer(OwnedByOrganization):
    """An insurer or administrator as this practice invoices it: its fiscal data and what it asks of an invoice.

    `account` is its own organization here, when it has one: invoices then arrive in its inbox.
    """

    name = models.CharField("nombre comercial", max_length=120)
    rfc = models.CharField("RFC", max_length=13)
    nombre = models.CharField("razón social", max_length=300)
    regimen_fiscal = models.CharField("régimen fiscal", max_length=3)
    postal_code = models.CharField("código postal", max_length=5)
    uso_cfdi = models.CharField("uso del CFDI", max_length=4, default="G03")
    is_administrator = models.BooleanField("es administradora", default=False)
    account = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    # How far the invoice's SubTotal may be from the services' sum.
    tolerance = models.DecimalField("tolerancia", max_digits=8, decimal_places=2, default=Decimal("0.01"))
    # What it wants to read in each line or in the conditions: name of the reference and whether it must be there.
    reference_label = models.CharField("referencia que pide", max_length=60, blank=True)
    reference_required = models.BooleanField("la referencia es obligatoria", default=False)
    # Regular expression that its folios must match; empty: any.
    folio_rule = models.CharField("forma del folio", max_length=120, blank=True)
    # It asks for the patient's name in each line, and this practice agreed to write it.
    names_patient = models.BooleanField("escribir el nombre del paciente", default=False)
    # The XML that it wants beside each CFDI, with `{total}` and the like in it; empty: none.
    addenda = models.TextField("addenda", blank=True, default="", db_default="")
    email = models.EmailField("correo de cuentas por pagar", blank=True)
    active = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "rfc"], name="payer_one_per_rfc"),
            models.CheckConstraint(condition=Q(tolerance__gte=0), name="payer_tolerance_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name


class PayerAccount(models.Model):
    """Whose invoices an insurer or administrator of this installation reviews, by RFC: said by support, once for all
    practices. It belongs to none of them."""

    rfc = models.CharField("RFC", max_length=13, primary_key=True)
    account = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return self.rfc


class Contract(OwnedByOrganization):
    """What a payer covers: who issues, and the patient's part of a service (deductible, copay, coinsurance)."""

    payer = models.ForeignKey(Payer, on_delete=models.PROTECT, related_name="contracts")
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+")
    name = models.CharField("plan", max_length=120)
    deductible = models.DecimalField("deducible por servicio", max_digits=12, decimal_places=2, default=Decimal(0))
    copay = models.DecimalField("copago", max_digits=12, decimal_places=2, default=Decimal(0))
    coinsurance = models.DecimalField("coaseguro, %", max_digits=5, decimal_places=2, default=Decimal(0))
    active = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "payer", "name"], name="contract_one_per_name"),
            models.CheckConstraint(
                condition=Q(deductible__gte=0, copay__gte=0, coinsurance__gte=0, coinsurance__lte=100),
                name="contract_parts_possible",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.payer} · {self.name}"


class Tariff(OwnedByOrganization):
    """What a contract pays for a code, before IVA."""

    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="tariffs")
    system = models.CharField(max_length=8, choices=CodeSystem.choices)
    code = models.CharField("código", max_length=20)
    fee = models.DecimalField("tarifa", max_digits=12, decimal_places=2)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "contract", "system", "code"], name="tariff_one_per_code"),
            models.CheckConstraint(condition=Q(fee__gt=0), name="tariff_positive"),
        ]


class CareService(OwnedByOrganization):
    """A service rendered to a patient: its fee is the patient's part plus the payer's, always."""

    class State(models.TextChoices):
        RENDERED = "rendered", "Realizado"
        VOID = "void", "Anulado"

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+")
    physician = models.ForeignKey(Physician, on_delete=models.PROTECT, related_name="+")
    payer = models.ForeignKey(Payer, on_delete=models.PROTECT, related_name="+")
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    patient_name = models.CharField("paciente", max_length=200)
    patient_email = models.EmailField("correo del paciente", blank=True)
    rendered_on = models.DateField("fecha del servicio")
    system = models.CharField(max_length=8, choices=CodeSystem.choices)
    code = models.CharField("código", max_length=20)
    description = models.CharField("servicio", max_length=200)
    reference = models.CharField("autorización o siniestro", max_length=60, blank=True)
    fee = models.DecimalField("honorario", max_digits=12, decimal_places=2)
    patient_part = models.DecimalField("parte del paciente", max_digits=12, decimal_places=2)
    payer_part = models.DecimalField("parte de la aseguradora", max_digits=12, decimal_places=2)
    # The charge on which the patient's part is collected and invoiced.
    charge = models.OneToOneField(Charge, on_delete=models.PROTECT, related_name="care_service", null=True, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.RENDERED)
    void_reason = models.CharField(max_length=200, blank=True)
    external_id = models.CharField("folio del otro sistema", max_length=64, null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(fee=F("patient_part") + F("payer_part")), name="service_parts_sum_to_fee"
            ),
            models.CheckConstraint(
                condition=Q(fee__gt=0, patient_part__gte=0, payer_part__gte=0), name="service_amounts_possible"
            ),
            models.UniqueConstraint(
                fields=["organization", "external_id"],
                condition=Q(external_id__isnull=False),
                name="service_one_per_external_id",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "payer", "rendered_on", "id"], name="service_by_payer"),
            models.Index(fields=["organization", "-rendered_on", "-id"], name="service_by_date"),
            models.Index(fields=["organization", "-created_at", "-id"], name="service_by_entry"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.rendered_on}"


class Appointment(OwnedByOrganization):
    """A service that somebody has an hour for. Rendered, it becomes that service, once."""

    class State(models.TextChoices):
        BOOKED = "booked", "Por atender"
        RENDERED = "rendered", "Realizada"
        CANCELLED = "cancelled", "Cancelada"

    at = models.DateTimeField("día y hora")
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+")
    physician = models.ForeignKey(Physician, on_delete=models.PROTECT, related_name="+")
    payer = models.ForeignKey(Payer, on_delete=models.PROTECT, related_name="+")
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    patient_name = models.CharField("paciente", max_length=200)
    patient_email = models.EmailField("correo del paciente", blank=True)
    system = models.CharField(max_length=8, choices=CodeSystem.choices)
    code = models.CharField("código", max_length=20)
    description = models.CharField("servicio", max_length=200)
    reference = models.CharField("autorización o siniestro", max_length=60, blank=True)
    # As they were typed; without them the plan's hold on the day that it is rendered.
    fee = models.DecimalField("honorario", max_digits=12, decimal_places=2, null=True, blank=True)
    patient_part = models.DecimalField("parte del paciente", max_digits=12, decimal_places=2, null=True, blank=True)
    state = models.CharField(max_length=9, choices=State.choices, default=State.BOOKED)
    service = models.OneToOneField(
        CareService, on_delete=models.PROTECT, related_name="appointment", null=True, blank=True
    )
    external_id = models.CharField("folio del otro sistema", max_length=64, null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(state="rendered", service__isnull=False)
                | Q(state__in=["booked", "cancelled"], service__isnull=True),
                name="appointment_rendered_has_its_service",
            ),
            models.UniqueConstraint(
                fields=["organization", "external_id"],
                condition=Q(external_id__isnull=False),
                name="appointment_one_per_external_id",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "at", "id"], name="appointment_by_day"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.at:%Y-%m-%d %H:%M}"


class ExternalCfdi(OwnedByOrganization):
    """A CFDI that this installation did not stamp: its bytes, and what was found of it when it came in."""

    uuid = models.UUIDField("folio fiscal")
    kind = models.CharField(max_length=1, choices=FiscalDocument.Kind.choices)
    rfc_emisor = models.CharField(max_length=13)
    rfc_receptor = models.CharField(max_length=13)
    serie = models.CharField(max_length=25, blank=True)
    folio = models.CharField(max_length=40, blank=True)
    total = models.DecimalField(max_digits=18, decimal_places=2)
    fecha = models.DateTimeField()
    xml = models.BinaryField()
    sha256 = models.BinaryField(max_length=32)
    findings = models.JSONField(default=list)
    stored_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    stored_at = models.DateTimeField()
    insert_only = True

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "uuid"], name="external_one_per_uuid"),
        ]


class ExternalDelivery(OwnedByOrganization):
    """A mail somebody asked for with the XML and the PDF of one of those. As `documents.Delivery` is of ours."""

    class State(models.TextChoices):
        PENDING = "pending", "Por enviar"
        SENT = "sent", "Enviado"
        FAILED = "failed", "No se pudo enviar"

    external = models.ForeignKey(ExternalCfdi, on_delete=models.PROTECT, related_name="deliveries")
    address = models.EmailField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    requested_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["organization", "external", "address"],
                condition=Q(state="pending"),
                name="external_delivery_one_pending_per_address",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_at"], condition=Q(state="pending"), name="external_delivery_due"),
        ]


class InsurerInvoice(OwnedByOrganization):
    """One invoice of a period's services to a payer, from its registration to its last word from the payer.

    Its control number is the CFDI's folio. What was paid and complemented is told by `settlements`.
    """

    class State(models.TextChoices):
        REGISTERED = "registered", "Registrada"
        STAMPING = "stamping", "Timbrándose"
        STAMPED = "stamped", "Timbrada"
        EXTERNAL = "external", "XML externo"
        CANCELLED = "cancelled", "Cancelada"
        DISCARDED = "discarded", "Descartada"

    class Review(models.TextChoices):
        """What the payer said. The label of the receipt is the one that physicians know from their insurers."""

        NONE = "none", "Sin recibir"
        RECEIVED = "received", "Aceptada|Aseguradora|Administradora"
        IN_REVIEW = "in_review", "En revisión"
        APPROVED = "approved", "Aprobada"
        REJECTED = "rejected", "Rechazada"

    class Actor(models.TextChoices):
        INSURER = "insurer", "Aseguradora"
        ADMINISTRATOR = "administrator", "Administradora"
        PHYSICIAN = "physician", "Registrado por el consultorio, con evidencia"

    #: In these its services are taken.
    LIVE = (State.REGISTERED, State.STAMPING, State.STAMPED, State.EXTERNAL)

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+")
    payer = models.ForeignKey(Payer, on_delete=models.PROTECT, related_name="invoices")
    control_number = models.CharField("No de Control Interno", max_length=40)
    invoice_date = models.DateField("fecha de factura")
    period_from = models.DateField()
    period_to = models.DateField()
    service_type = models.CharField("tipo de servicio", max_length=12, default="medico")
    state = models.CharField(max_length=12, choices=State.choices, default=State.REGISTERED)
    review = models.CharField(max_length=12, choices=Review.choices, default=Review.NONE)
    review_actor = models.CharField(max_length=14, choices=Actor.choices, blank=True)
    review_reason = models.CharField("motivo", max_length=500, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    # The CFDI: one of ours, or one that came from elsewhere. Its folio fiscal in both cases.
    document = models.OneToOneField(
        FiscalDocument, on_delete=models.PROTECT, related_name="insurer_invoice", null=True, blank=True
    )
    external = models.OneToOneField(
        ExternalCfdi, on_delete=models.PROTECT, related_name="insurer_invoice", null=True, blank=True
    )
    cfdi_uuid = models.UUIDField("folio fiscal", null=True, blank=True)
    # Why the last try to stamp it came to nothing, in words.
    failure = models.CharField("motivo del rechazo", max_length=400, blank=True)
    replaces = models.ForeignKey("self", on_delete=models.PROTECT, related_name="replaced_by", null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["organization", "issuer", "control_number"],
                condition=~Q(state="discarded"),
                name="insurer_invoice_one_per_control_number",
            ),
            models.UniqueConstraint(
                fields=["organization", "cfdi_uuid"],
                condition=Q(cfdi_uuid__isnull=False),
                name="insurer_invoice_one_per_uuid",
            ),
            models.CheckConstraint(
                condition=Q(document__isnull=True) | Q(external__isnull=True), name="insurer_invoice_one_cfdi"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["stamped", "external"]) | Q(cfdi_uuid__isnull=False),
                name="insurer_invoice_has_uuid",
            ),
            models.CheckConstraint(condition=Q(period_from__lte=F("period_to")), name="insurer_invoice_period"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "-created_at"], name="insurer_invoice_by_date"),
        ]

    def __str__(self) -> str:
        return self.control_number


class ServiceAllocation(OwnedByOrganization):
    """A service bound to the invoice that takes it. At most one is live per service."""

    service = models.ForeignKey(CareService, on_delete=models.PROTECT, related_name="allocations")
    invoice = models.ForeignKey(InsurerInvoice, on_delete=models.PROTECT, related_name="allocations")
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["service"], condition=Q(active=True), name="service_in_one_live_invoice"),
            models.CheckConstraint(
                condition=Q(active=True, released_at__isnull=True) | Q(active=False, released_at__isnull=False),
                name="service_release_has_date",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "invoice"], name="service_by_invoice"),
        ]

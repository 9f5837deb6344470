"""FiscalDocument (any CFDI: I, E, P) and its evidence: SealedXml, StampedXml, StampAttempt, DocumentEvent.

The database keeps the invariants (CHECK, UNIQUE, triggers in migrations); the verbs live in
`sealing` and `stamping`. What a document invoices (charges, payments) is not known here.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from emite.database.ids import uuid7
from emite.issuers.models import Issuer, PacAccount, Series, StoredCsd
from emite.organizations.models import OwnedByOrganization


class State(models.TextChoices):
    DRAFT = "draft", "Borrador"
    SEALED = "sealed", "Sellada"
    SENDING = "sending", "Enviándose al PAC"
    UNKNOWN = "unknown", "En duda: se consulta al PAC"
    HELD = "held", "Detenida: la revisa una persona"
    STAMPED = "stamped", "Timbrada"
    REJECTED = "rejected", "Rechazada"
    CANCELLED = "cancelled", "Cancelada"
    VOID = "void", "Descartada"


#: A worker still has something to do with these.
UNSETTLED = (State.DRAFT, State.SEALED, State.SENDING, State.UNKNOWN, State.HELD)
#: These carry a folio fiscal.
WITH_UUID = (State.STAMPED, State.CANCELLED)


class FiscalDocument(OwnedByOrganization):
    """One CFDI from draft to cancelled. `content` is the Comprobante without folio, date and seal."""

    class Kind(models.TextChoices):
        INGRESO = "I", "Ingreso"
        EGRESO = "E", "Egreso"
        PAGO = "P", "Pago"

    class Channel(models.TextChoices):
        PORTAL = "portal", "Portal"
        DESK = "desk", "Caja"
        GLOBAL = "global", "Factura global"
        INSURER = "insurer", "Aseguradora"
        PAYMENT = "payment", "Complemento de pago"

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+")
    series = models.ForeignKey(Series, on_delete=models.PROTECT, related_name="+")
    pac_account = models.ForeignKey(PacAccount, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=1, choices=Kind.choices)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    content = models.JSONField()
    receptor_rfc = models.CharField(max_length=13)
    total = models.DecimalField(max_digits=18, decimal_places=2)
    idempotency_key = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    # The seal: which revision of the bytes is the one that counts (I5)
    seal_rev = models.PositiveSmallIntegerField(default=0)
    serie = models.CharField(max_length=25, null=True, blank=True)
    folio = models.CharField(max_length=40, null=True, blank=True)
    sealed_at = models.DateTimeField(null=True, blank=True)

    # Who drives it now, and when it is due
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField(null=True, blank=True)

    # Sends of the present revision whose end nobody knows
    first_sent_at = models.DateTimeField(null=True, blank=True)
    last_sent_at = models.DateTimeField(null=True, blank=True)
    in_doubt = models.BooleanField(default=False)
    not_found = models.PositiveSmallIntegerField(default=0)
    lookups = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    # A person wants it discarded once it is proved that it was not stamped
    discard_asked_at = models.DateTimeField(null=True, blank=True)

    # How it ended
    uuid = models.UUIDField("folio fiscal", unique=True, null=True, blank=True)
    stamped_at = models.DateTimeField(null=True, blank=True)
    last_code = models.CharField(max_length=20, blank=True)
    last_text = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(state__in=State.values), name="document_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=WITH_UUID, uuid__isnull=False, stamped_at__isnull=False)
                | (~Q(state__in=WITH_UUID) & Q(uuid__isnull=True, stamped_at__isnull=True)),
                name="document_uuid_iff_stamped",
            ),
            models.CheckConstraint(
                condition=Q(state__in=(State.DRAFT, State.VOID, State.REJECTED))
                | Q(folio__isnull=False, seal_rev__gte=1),
                name="document_sealed_has_folio",
            ),
            models.CheckConstraint(condition=Q(total__gte=0), name="document_total_not_negative"),
            models.UniqueConstraint(
                fields=["organization", "issuer", "serie", "folio"],
                # What the SAT never took keeps its folio as evidence, and whoever agreed on that folio uses it again.
                condition=Q(folio__isnull=False) & ~Q(state__in=(State.REJECTED, State.VOID)),
                name="document_one_per_folio",
            ),
            models.UniqueConstraint(fields=["organization", "idempotency_key"], name="document_one_per_key"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_at"], condition=Q(state__in=UNSETTLED), name="document_due"),
            models.Index(fields=["organization", "-created_at"], name="document_by_date"),
            models.Index(
                fields=["organization", "-created_at"], condition=Q(state=State.REJECTED), name="document_rejected"
            ),
            models.Index(fields=["organization"], condition=Q(state__in=UNSETTLED), name="document_unsettled"),
        ]

    def __str__(self) -> str:
        return f"{self.serie or ''}{self.folio or ''} {self.get_state_display()}"

    @property
    def is_settled(self) -> bool:
        return self.state not in UNSETTLED

    @property
    def place(self) -> str:
        """The postal code where it is issued, whose clock says its day. Of a deferred content nothing else is read."""
        if "content" not in self.get_deferred_fields():
            return str(self.content["lugar_expedicion"])
        found = FiscalDocument.objects.filter(organization_id=self.organization_id, pk=self.pk)
        return str(found.values_list("content__lugar_expedicion", flat=True).get())

    @property
    def pac_key(self) -> str:
        """The key under which a PAC de-duplicates: this document at this revision of its bytes."""
        return f"{self.id}-{self.seal_rev}"


class SealedXml(OwnedByOrganization):
    """The bytes as sealed, one row per revision, never changed (I5)."""

    document = models.ForeignKey(FiscalDocument, on_delete=models.PROTECT, related_name="sealed")
    seal_rev = models.PositiveSmallIntegerField()
    xml = models.BinaryField()
    sha256 = models.BinaryField(max_length=32)
    fecha = models.DateTimeField()
    csd = models.ForeignKey(StoredCsd, on_delete=models.PROTECT, related_name="+")
    insert_only = True

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "document", "seal_rev"], name="sealed_one_per_revision"),
        ]


class StampedXml(OwnedByOrganization):
    """The CFDI: stored in the transaction that learns it, never changed (I7). The truth of every print."""

    document_id = models.UUIDField()
    uuid = models.UUIDField(unique=True)
    xml = models.BinaryField()
    sha256 = models.BinaryField(max_length=32)
    stored_at = models.DateTimeField()
    insert_only = True

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "document_id"], name="stamped_one_per_document"),
        ]


class Addenda(OwnedByOrganization):
    """What the receiver asked to read beside this CFDI, as its profile said when it was issued (`cfdi.addenda`)."""

    document = models.OneToOneField(FiscalDocument, on_delete=models.PROTECT, related_name="addenda")
    template = models.TextField()
    insert_only = True


class StampAttempt(OwnedByOrganization):
    """Evidence of the talk with the PAC: one row before the first byte leaves, one when it ends (I6)."""

    class Phase(models.TextChoices):
        SENT = "sent", "Se envía"
        ANSWERED = "answered", "Respuesta"

    class Operation(models.TextChoices):
        STAMP = "stamp", "Timbrar"
        LOOKUP = "lookup", "Consultar"

    document_id = models.UUIDField()
    seal_rev = models.PositiveSmallIntegerField()
    number = models.PositiveIntegerField()
    phase = models.CharField(max_length=10, choices=Phase.choices)
    operation = models.CharField(max_length=10, choices=Operation.choices)
    pac_account_id = models.UUIDField()
    at = models.DateTimeField()
    outcome = models.CharField(max_length=20, blank=True)
    http = models.PositiveSmallIntegerField(null=True, blank=True)
    code = models.CharField(max_length=20, blank=True)
    elapsed_ms = models.PositiveIntegerField(null=True, blank=True)
    raw = models.BinaryField(null=True, blank=True)
    insert_only = True

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["organization", "document_id", "number", "phase"], name="attempt_one_per_phase"
            ),
        ]


class DocumentEvent(OwnedByOrganization):
    """The document's life as people read it: when, what, who."""

    document_id = models.UUIDField()
    at = models.DateTimeField()
    what = models.CharField(max_length=20)
    who = models.CharField(max_length=120, blank=True)
    detail = models.JSONField(default=dict)
    insert_only = True

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "document_id", "at"], name="event_by_document"),
        ]


class Delivery(OwnedByOrganization):
    """A mail somebody asked for with the XML and the PDF. Its failure never touches the document."""

    class State(models.TextChoices):
        PENDING = "pending", "Por enviar"
        SENT = "sent", "Enviado"
        FAILED = "failed", "No se pudo enviar"

    document = models.ForeignKey(FiscalDocument, on_delete=models.PROTECT, related_name="deliveries")
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
                fields=["organization", "document", "address"],
                condition=Q(state="pending"),
                name="delivery_one_pending_per_address",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_at"], condition=Q(state="pending"), name="delivery_due"),
        ]


class Quarantine(models.Model):
    """A backup was restored: until `lifted_at` nothing is sealed nor sent, by any organization."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    #: The moment of which the backup is.
    taken_at = models.DateTimeField()
    restored_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(lifted_at=None, lifted_by="") | (Q(lifted_at__isnull=False) & ~Q(lifted_by="")),
                name="quarantine_lifted_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.taken_at:%Y-%m-%d %H:%M} {'terminada' if self.lifted_at else 'abierta'}"


class ScrubRound(models.Model):
    """How far the reading of all stored CFDI has come (`scrubbing`). One row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    #: The last one read; None at the beginning of a round.
    after = models.UUIDField(null=True, blank=True)
    began_at = models.DateTimeField()
    #: How many there were when this round began.
    size = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"desde {self.began_at:%Y-%m-%d}"


class Damage(OwnedByOrganization):
    """A stored CFDI that is no longer as it was stored, until it is repaired."""

    document_id = models.UUIDField()
    what = models.CharField(max_length=200)
    found_at = models.DateTimeField()
    repaired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["organization", "document_id"], condition=Q(repaired_at=None), name="damage_one_open"
            ),
        ]

    def __str__(self) -> str:
        return self.what

"""ReceivedInvoice with its ReviewEvents, PayerPayment with its shares, ReceivedComplement, Notice to a supplier.

Legal moves and sums are kept by the database (migrations/0002_guards.py); the verbs live in `receiving`, `deciding`,
`paying` and `telling`.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from emite.care.models import InsurerInvoice
from emite.organizations.models import OwnedByOrganization
from emite.pac.port import SatEstado

#: `ReceivedInvoice.owed` as a query says it; of one that was paid too much, less than nothing.
OWED = F("total") - F("credited") - F("paid") - F("said")
#: SAT's word on a CFDI is old after so long: whoever pays is told.
STALE = dt.timedelta(days=10)


class ReceivedInvoice(OwnedByOrganization):
    """An invoice of a supplier as it arrived. `supplier` and `invoice` are keys in the supplier's organization."""

    class State(models.TextChoices):
        RECEIVED = "received", "Recibida"
        IN_REVIEW = "in_review", "En revisión"
        APPROVED = "approved", "Aprobada"
        REJECTED = "rejected", "Rechazada"
        WITHDRAWN = "withdrawn", "Cancelada por su emisor"

    #: Somebody here still has to say something.
    OPEN = (State.RECEIVED, State.IN_REVIEW)

    supplier = models.UUIDField()
    invoice = models.UUIDField()
    supplier_name = models.CharField("proveedor", max_length=120)
    rfc_emisor = models.CharField("RFC", max_length=13)
    nombre_emisor = models.CharField("razón social", max_length=300)
    rfc_receptor = models.CharField(max_length=13)
    uuid = models.UUIDField("folio fiscal")
    control_number = models.CharField("No de Control Interno", max_length=40)
    fecha = models.DateTimeField()
    period_from = models.DateField()
    period_to = models.DateField()
    services = models.PositiveIntegerField()
    sub_total = models.DecimalField(max_digits=18, decimal_places=2)
    total = models.DecimalField(max_digits=18, decimal_places=2)
    xml = models.BinaryField()
    #: What was found on arrival: {code, message, grave}.
    findings = models.JSONField(default=list)
    has_faults = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RECEIVED)
    reason = models.CharField("motivo", max_length=500, blank=True)
    received_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    scheduled_on = models.DateField("pago programado", null=True, blank=True)
    # Moved by a trigger with the shares.
    paid = models.DecimalField(max_digits=18, decimal_places=2, default=Decimal(0))
    # And by others with its credit notes, and with what its supplier says that it got otherwise.
    credited = models.DecimalField(max_digits=18, decimal_places=2, default=Decimal(0))
    said = models.DecimalField(max_digits=18, decimal_places=2, default=Decimal(0), db_default=Decimal(0))
    sat_estado = models.CharField(max_length=20, blank=True)
    #: EstatusCancelacion, in SAT's words.
    sat_process = models.CharField(max_length=60, blank=True, default="", db_default="")
    sat_asked_at = models.DateTimeField(null=True, blank=True)
    #: When the worker looks whether SAT is to be asked again; never once its word is the last one.
    sat_due_at = models.DateTimeField(null=True, blank=True, db_default=Now())
    #: In a row without an answer.
    sat_tries = models.PositiveSmallIntegerField(default=0, db_default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "uuid"], name="received_invoice_one_per_uuid"),
            models.CheckConstraint(
                condition=Q(total__gt=0, paid__gte=0, paid__lte=F("total")), name="received_invoice_paid_within_total"
            ),
            models.CheckConstraint(
                condition=Q(credited__gte=0, credited__lte=F("total")), name="received_invoice_credited_within_total"
            ),
            models.CheckConstraint(
                condition=~Q(state="rejected") | ~Q(reason=""), name="received_invoice_rejected_says_why"
            ),
            models.CheckConstraint(
                condition=Q(paid=0) | Q(state="approved"), name="received_invoice_only_approved_is_paid"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "state", "-received_at"], name="received_invoice_by_state"),
            models.Index(fields=["organization", "rfc_emisor"], name="received_invoice_by_supplier"),
            models.Index(fields=["sat_due_at"], condition=Q(sat_due_at__isnull=False), name="received_invoice_sat_due"),
        ]

    def __str__(self) -> str:
        return self.control_number

    @property
    def owed(self) -> Decimal:
        return max(self.total - self.credited - self.paid - self.said, Decimal(0))

    @property
    def too_much(self) -> Decimal:
        """Paid above what it is worth after its credit notes: the supplier holds it."""
        return max(self.paid + self.said + self.credited - self.total, Decimal(0))

    @property
    def label(self) -> str:
        """What the inbox says: once money moved, the money."""
        if self.state == self.State.APPROVED and (self.paid or self.said):
            return "PAGADO" if not self.owed else "Pagado parcial"
        return self.get_state_display()

    @property
    def in_cancellation(self) -> bool:
        """Its issuer asked the SAT to cancel it, and the SAT has not said the last word."""
        return self.sat_estado != SatEstado.CANCELADO.value and self.sat_process.lower() == "en proceso"

    @property
    def trouble(self) -> str:
        """What SAT's last word has against it; empty when that was "Vigente", or none came yet."""
        if self.sat_estado == SatEstado.CANCELADO.value:
            return "Cancelada ante el SAT"
        if self.in_cancellation:
            return "En cancelación ante el SAT"
        return "El SAT no la encuentra" if self.sat_estado == SatEstado.NOT_FOUND.value else ""

    def doubt(self, now: dt.datetime) -> str:
        """Why nobody should pay it without asking the SAT; empty when it said "Vigente" lately."""
        if self.trouble or self.sat_asked_at is None:
            return self.trouble or "El SAT aún no contesta por ella"
        days = (now - self.sat_asked_at).days
        return f"Se preguntó al SAT hace {days} días" if now - self.sat_asked_at > STALE else ""


class ReviewEvent(OwnedByOrganization):
    """One line of an invoice's history at the payer: when, who, what."""

    invoice = models.ForeignKey(ReceivedInvoice, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField()
    who = models.CharField(max_length=254)
    what = models.CharField(max_length=200)
    insert_only = True

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "invoice", "at"], name="review_event_by_invoice"),
        ]


class PayerPayment(OwnedByOrganization):
    """One transfer to one supplier's RFC, over one or many of its invoices. Undone, never changed."""

    supplier = models.UUIDField()
    rfc_emisor = models.CharField(max_length=13)
    paid_at = models.DateTimeField("fecha del pago")
    forma_pago = models.CharField("forma de pago", max_length=2)
    amount = models.DecimalField("monto", max_digits=18, decimal_places=2)
    operation = models.CharField("referencia", max_length=100, blank=True)
    registered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    registered_at = models.DateTimeField()
    idempotency_key = models.CharField(max_length=64)
    undone_at = models.DateTimeField(null=True, blank=True)
    # Nobody here: its supplier did.
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    undone_reason = models.CharField("motivo", max_length=200, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "idempotency_key"], name="payer_payment_one_per_key"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payer_payment_positive"),
            models.CheckConstraint(
                condition=Q(undone_at__isnull=True) | ~Q(undone_reason=""), name="payer_payment_undone_with_reason"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "-paid_at"], name="payer_payment_by_date"),
        ]

    @property
    def undone_words(self) -> str:
        """Who took it back; empty while it stands."""
        if self.undone_at is None:
            return ""
        return "Deshecho" if self.undone_by_id else "Revertido por el emisor"


class PayerShare(OwnedByOrganization):
    """What a payment settles of one invoice."""

    payment = models.ForeignKey(PayerPayment, on_delete=models.PROTECT, related_name="shares")
    invoice = models.ForeignKey(ReceivedInvoice, on_delete=models.PROTECT, related_name="shares")
    amount = models.DecimalField(max_digits=18, decimal_places=2)
    insert_only = True

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["payment", "invoice"], name="payer_share_one_per_invoice"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payer_share_positive"),
        ]


class ReceivedComplement(OwnedByOrganization):
    """The complement of a payment, as it arrived. It counts until its issuer cancels it before the SAT."""

    payment = models.ForeignKey(
        PayerPayment, on_delete=models.PROTECT, related_name="complements", null=True, blank=True
    )
    supplier = models.UUIDField()
    uuid = models.UUIDField("folio fiscal")
    invoices = models.ManyToManyField(ReceivedInvoice, related_name="complements", through="ComplementCovers")
    xml = models.BinaryField()
    received_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "uuid"], name="received_complement_one_per_uuid"),
        ]


class ComplementCovers(OwnedByOrganization):
    """An invoice that a complement speaks of."""

    complement = models.ForeignKey(ReceivedComplement, on_delete=models.PROTECT, related_name="covers")
    invoice = models.ForeignKey(ReceivedInvoice, on_delete=models.PROTECT, related_name="covered")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["complement", "invoice"], name="complement_covers_once"),
        ]


class ReceivedCredit(OwnedByOrganization):
    """A credit note of an invoice, as it arrived. It counts until its issuer cancels it before the SAT."""

    invoice = models.ForeignKey(ReceivedInvoice, on_delete=models.PROTECT, related_name="credits")
    uuid = models.UUIDField("folio fiscal")
    total = models.DecimalField(max_digits=18, decimal_places=2)
    xml = models.BinaryField()
    received_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "uuid"], name="received_credit_one_per_uuid"),
            models.CheckConstraint(condition=Q(total__gt=0), name="received_credit_positive"),
        ]


class SaidPayment(OwnedByOrganization):
    """Money that a supplier wrote down for an invoice and that nobody registered here. It counts until it is undone."""

    invoice = models.ForeignKey(ReceivedInvoice, on_delete=models.PROTECT, related_name="said_payments")
    #: The share of the supplier's payment.
    share = models.UUIDField()
    amount = models.DecimalField(max_digits=18, decimal_places=2)
    paid_at = models.DateTimeField()
    operation = models.CharField(max_length=100, blank=True)
    received_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "share"], name="said_payment_one_per_share"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="said_payment_positive"),
        ]


class Notice(OwnedByOrganization):
    """What a supplier must still be told: a decision on an invoice, or a payment. The worker carries it over."""

    supplier = models.UUIDField()
    invoice = models.ForeignKey(ReceivedInvoice, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    payment = models.ForeignKey(PayerPayment, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    made_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(invoice__isnull=False, payment__isnull=True)
                | Q(invoice__isnull=True, payment__isnull=False),
                name="notice_of_one_thing",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="notice_due"),
        ]


class ElsewhereWatch(OwnedByOrganization):
    """When SAT is asked again of an invoice that was stamped elsewhere and whose payer has no organization here."""

    invoice = models.OneToOneField(InsurerInvoice, on_delete=models.PROTECT, related_name="sat_watch")
    estado = models.CharField(max_length=20, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="elsewhere_watch_due"),
        ]

"""PayerWord (what a payer said of an invoice), TransferEvidence (proof of its payment), ShortPayment (what it kept).

None of them ever changes. The verbs live in `hearing` and `transferring`.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from emite.care.models import InsurerInvoice
from emite.organizations.models import OwnedByOrganization
from emite.settlements.models import Receivable, ReceivedPayment


class Evidence(OwnedByOrganization):
    """A note, a file, or both: who wrote it down and when."""

    note = models.CharField("nota", max_length=500, blank=True)
    file = models.BinaryField(null=True, blank=True)
    file_type = models.CharField(max_length=16, blank=True)
    registered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    registered_at = models.DateTimeField()
    insert_only = True

    class Meta:
        abstract = True


class PayerWord(Evidence):
    """What the payer said of one invoice, as the practice heard it."""

    class Said(models.TextChoices):
        RECEIVED = "received", "La recibió para su revisión"
        IN_REVIEW = "in_review", "La está revisando"
        APPROVED = "approved", "La aprobó"
        REJECTED = "rejected", "La rechazó"

    invoice = models.ForeignKey(InsurerInvoice, on_delete=models.PROTECT, related_name="words")
    said = models.CharField("qué dijo", max_length=12, choices=Said.choices)
    said_on = models.DateField("qué día lo dijo")
    reason = models.CharField("motivo", max_length=500, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~Q(note="") | Q(file__isnull=False), name="payer_word_has_evidence"),
            models.CheckConstraint(condition=~Q(said="rejected") | ~Q(reason=""), name="payer_word_rejection_says_why"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "invoice", "registered_at"], name="payer_word_by_invoice"),
        ]

    def __str__(self) -> str:
        return self.get_said_display()


class TransferEvidence(Evidence):
    """The proof of a payment that the practice registered itself."""

    payment = models.OneToOneField(ReceivedPayment, on_delete=models.PROTECT, related_name="evidence")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=~Q(note="") | Q(file__isnull=False), name="transfer_has_evidence"),
        ]

    def __str__(self) -> str:
        return str(self.payment)


class ShortPayment(OwnedByOrganization):
    """Why a payment did not settle the whole of an invoice. What was kept stays owed until something settles it."""

    class Why(models.TextChoices):
        PENDING = "pending", "Pendiente de pago"
        GLOSA = "glosa", "Glosa"
        ISR = "isr", "ISR retenido de más"

    payment = models.ForeignKey(ReceivedPayment, on_delete=models.PROTECT, related_name="short")
    receivable = models.ForeignKey(Receivable, on_delete=models.PROTECT, related_name="short")
    why = models.CharField("diferencia", max_length=8, choices=Why.choices)
    amount = models.DecimalField(max_digits=18, decimal_places=2)
    insert_only = True

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["payment", "receivable"], name="short_payment_one_per_invoice"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="short_payment_positive"),
        ]

    def __str__(self) -> str:
        return self.get_why_display()

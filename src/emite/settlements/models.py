"""Receivable (what a PPD invoice is still owed), ReceivedPayment with its shares, and PaymentComplement (type P).

Balances move only with payments and credit notes, and never below zero: migrations/0002_guards.py. The verbs live in
`receivables`, `paying` and `complementing`.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from emite.care.models import ExternalCfdi
from emite.charges.models import Payment
from emite.credits import deposits
from emite.credits.models import CreditNote
from emite.documents.models import FiscalDocument
from emite.issuers.models import Issuer
from emite.organizations.models import OwnedByOrganization


class Receivable(OwnedByOrganization):
    """A PPD invoice, ours or taken in, and what is left of it. `taxes`: its bases by group (`cfdi.cobranza`)."""

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+")
    document = models.OneToOneField(
        FiscalDocument, on_delete=models.PROTECT, related_name="receivable", null=True, blank=True
    )
    external = models.OneToOneField(
        ExternalCfdi, on_delete=models.PROTECT, related_name="receivable", null=True, blank=True
    )
    cfdi_uuid = models.UUIDField("folio fiscal")
    payer_rfc = models.CharField(max_length=13)
    receptor = models.JSONField()
    serie = models.CharField(max_length=25, blank=True)
    folio = models.CharField(max_length=40, blank=True)
    currency = models.CharField(max_length=3, default="MXN")
    total = models.DecimalField(max_digits=18, decimal_places=2)
    taxes = models.JSONField(default=list)
    issued_at = models.DateTimeField()
    opened_at = models.DateTimeField()
    # Moved by triggers only.
    paid = models.DecimalField(max_digits=18, decimal_places=2, default=Decimal(0))
    credited = models.DecimalField(max_digits=18, decimal_places=2, default=Decimal(0))
    parcialidades = models.PositiveSmallIntegerField(default=0)
    # Its CFDI was cancelled: nothing is owed any more.
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "cfdi_uuid"], name="receivable_one_per_uuid"),
            models.CheckConstraint(
                condition=Q(document__isnull=False, external__isnull=True)
                | Q(document__isnull=True, external__isnull=False),
                name="receivable_one_cfdi",
            ),
            models.CheckConstraint(
                condition=Q(total__gt=0, paid__gte=0, credited__gte=0, total__gte=F("paid") + F("credited")),
                name="receivable_never_negative",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "payer_rfc", "issued_at"], name="receivable_by_payer"),
        ]

    def __str__(self) -> str:
        return f"{self.serie}{self.folio}" or str(self.cfdi_uuid).upper()

    @property
    def balance(self) -> Decimal:
        return self.total - self.credited - self.paid

    @property
    def is_open(self) -> bool:
        return self.closed_at is None and self.balance > 0

    @property
    def waits_for_note(self) -> bool:
        """A credit note of it is being stamped: what is owed is not known yet."""
        notes = CreditNote.objects.filter(organization_id=self.organization_id, original_id=self.document_id)
        return self.document_id is not None and notes.filter(active=True, settled_at=None).exists()

    @property
    def waits_for_deposit(self) -> bool:
        """A deposit paid some of it and the note that takes it back is still to come: the balance has it twice."""
        return self.document_id is not None and deposits.invoice_lacks_a_note(self.organization_id, self.document_id)


class ReceivedPayment(OwnedByOrganization):
    """Money that came in for PPD invoices of one issuer and one payer. Undone, never changed."""

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+")
    payer_rfc = models.CharField(max_length=13)
    paid_at = models.DateTimeField("fecha del pago")
    forma_pago = models.CharField("forma de pago", max_length=2)
    currency = models.CharField(max_length=3, default="MXN")
    exchange_rate = models.DecimalField(max_digits=18, decimal_places=6, default=Decimal(1))
    amount = models.DecimalField("monto", max_digits=18, decimal_places=2)
    operation = models.CharField("número de operación", max_length=100, blank=True)
    payer_bank_rfc = models.CharField("RFC del banco que envía", max_length=13, blank=True)
    payer_account = models.CharField("cuenta que envía", max_length=50, blank=True)
    own_bank_rfc = models.CharField("RFC del banco que recibe", max_length=13, blank=True)
    own_account = models.CharField("cuenta que recibe", max_length=50, blank=True)
    # The payment at a cash register that this is, for accounts of the desk.
    # It stands once: with the invoice's end it is undone, and is a payment of the one that invoices its charge next.
    desk_payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, related_name="received", null=True, blank=True, db_index=False
    )
    registered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    registered_at = models.DateTimeField()
    idempotency_key = models.CharField(max_length=64)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    undone_reason = models.CharField("motivo", max_length=200, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "idempotency_key"], name="received_one_per_key"),
            models.UniqueConstraint(
                fields=["desk_payment"], condition=Q(undone_at__isnull=True), name="received_one_per_desk_payment"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="received_positive"),
            models.CheckConstraint(condition=~Q(forma_pago="99"), name="received_form_known"),
            models.CheckConstraint(
                condition=Q(undone_at__isnull=True) | ~Q(undone_reason=""), name="received_undone_with_reason"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "-paid_at"], name="received_by_date"),
        ]

    def __str__(self) -> str:
        abroad = "" if self.currency == "MXN" else f" {self.currency}"
        return f"{self.paid_at:%d/%m/%Y} ${self.amount:,.2f}{abroad}"


class PaymentShare(OwnedByOrganization):
    """What a payment settles of one invoice, with the balances that its complement tells. `taxes`: its part of each."""

    payment = models.ForeignKey(ReceivedPayment, on_delete=models.PROTECT, related_name="shares")
    receivable = models.ForeignKey(Receivable, on_delete=models.PROTECT, related_name="shares")
    amount = models.DecimalField(max_digits=18, decimal_places=2)
    # Units of the invoice's currency for one of the payment's.
    equivalence = models.DecimalField(max_digits=20, decimal_places=10, default=Decimal(1))
    number = models.PositiveSmallIntegerField("parcialidad")
    balance_before = models.DecimalField(max_digits=18, decimal_places=2)
    balance_after = models.DecimalField(max_digits=18, decimal_places=2)
    taxes = models.JSONField(default=list)
    insert_only = True

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["payment", "receivable"], name="share_one_per_invoice"),
            models.CheckConstraint(
                condition=Q(amount__gt=0, balance_after__gte=0, balance_before=F("amount") + F("balance_after")),
                name="share_adds_up",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "receivable", "number"], name="share_by_receivable"),
        ]


class PaymentComplement(OwnedByOrganization):
    """The complement that a payment must have: due with the payment, and at most one is live for it."""

    class State(models.TextChoices):
        DUE = "due", "Pendiente"
        ASKED = "asked", "Timbrándose"
        STAMPED = "stamped", "Timbrado"
        EXTERNAL = "external", "XML externo"
        CANCELLED = "cancelled", "Cancelado"

    class How(models.TextChoices):
        INBOX = "inbox", "En la bandeja de la aseguradora"
        MAIL = "mail", "Enviado por correo"
        PERSON = "person", "Registrado por una persona"

    #: There is a CFDI, or there will be one at any moment.
    HELD = (State.ASKED, State.STAMPED, State.EXTERNAL)
    DONE = (State.STAMPED, State.EXTERNAL)

    payment = models.ForeignKey(ReceivedPayment, on_delete=models.PROTECT, related_name="complements")
    state = models.CharField(max_length=9, choices=State.choices, default=State.DUE)
    due_on = models.DateField("fecha límite")
    document = models.OneToOneField(
        FiscalDocument, on_delete=models.PROTECT, related_name="payment_complement", null=True, blank=True
    )
    external = models.OneToOneField(
        ExternalCfdi, on_delete=models.PROTECT, related_name="payment_complement", null=True, blank=True
    )
    # Why the last try came to nothing, in words.
    failure = models.CharField(max_length=400, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    delivered_how = models.CharField(max_length=6, choices=How.choices, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["payment"], condition=~Q(state="cancelled"), name="complement_one_live_per_payment"
            ),
            models.CheckConstraint(
                condition=Q(state="due", document__isnull=True, external__isnull=True)
                | Q(state__in=["asked", "stamped"], document__isnull=False, external__isnull=True)
                | Q(state="external", document__isnull=True, external__isnull=False)
                | Q(state="cancelled"),
                name="complement_cfdi_by_state",
            ),
            models.CheckConstraint(
                condition=Q(delivered_at__isnull=True, delivered_how="")
                | (Q(delivered_at__isnull=False) & ~Q(delivered_how="")),
                name="complement_delivered_somehow",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "due_on"], condition=Q(state="due"), name="complement_due"),
            models.Index(fields=["created_at"], condition=Q(state="asked"), name="complement_asked"),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()} {self.due_on}"

    def days_left(self, today: dt.date) -> int:
        """Days until the last one on which it may be issued; negative when it is late."""
        return (self.due_on - today).days

    @property
    def is_delivered(self) -> bool:
        """ "Complemento Cargado": there is a CFDI and the payer has it."""
        return self.state in self.DONE and self.delivered_at is not None

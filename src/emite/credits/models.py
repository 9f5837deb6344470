"""CreditNote (a document of type E on one charge of an ingreso), its balances, and LateRequest.

The database keeps every sum within what was invoiced (migrations/0002_guards.py); the verbs live in `crediting`,
`lateness`, `anticipos` and `settling`.
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from emite.charges.models import AnticipoApplication, CashRegister, Charge
from emite.documents.models import FiscalDocument, State
from emite.organizations.models import OwnedByOrganization


class CreditNote(OwnedByOrganization):
    """A document of type E that takes income back. `active` until its document comes to nothing or is cancelled.

    Of an invoice to an insurer it has no charge: what it takes from is the invoice itself (`settlements.disallowing`).
    """

    class Reason(models.TextChoices):
        DEVOLUCION = "devolucion", "Devolución"
        DESCUENTO = "descuento", "Descuento"
        BONIFICACION = "bonificacion", "Bonificación"
        GLOSA = "glosa", "Glosa"
        LATE = "late", "Sale de la global para facturarse a su cliente"
        ANTICIPO = "anticipo", "Aplicación de anticipo"

    document = models.OneToOneField(FiscalDocument, on_delete=models.PROTECT, related_name="credit_note")
    original = models.ForeignKey(FiscalDocument, on_delete=models.PROTECT, related_name="credit_notes")
    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="credit_notes", null=True, blank=True)
    reason = models.CharField("motivo", max_length=12, choices=Reason.choices)
    # Of the egreso that applies a deposit to the invoice of its account
    application = models.ForeignKey(
        AnticipoApplication, on_delete=models.PROTECT, related_name="notes", null=True, blank=True, db_index=False
    )
    explanation = models.CharField("qué pasó", max_length=200, blank=True)
    forma_pago = models.CharField(max_length=2)
    total = models.DecimalField(max_digits=18, decimal_places=2)
    active = models.BooleanField(default=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    # Whose drawer gives the cash back once it is stamped, and when it did
    register = models.ForeignKey(CashRegister, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    paid_out_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(total__gt=0), name="credit_note_total_positive"),
            models.CheckConstraint(
                condition=Q(paid_out_at__isnull=True) | Q(register__isnull=False), name="credit_note_cash_of_a_register"
            ),
            models.CheckConstraint(
                condition=Q(reason="anticipo", application__isnull=False)
                | (~Q(reason="anticipo") & Q(application__isnull=True)),
                name="credit_note_of_an_application",
            ),
            models.UniqueConstraint(
                fields=["application"], condition=Q(active=True), name="credit_note_one_live_per_application"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "charge", "created_at"], name="credit_note_by_charge"),
            models.Index(fields=["created_at"], condition=Q(settled_at__isnull=True), name="credit_note_unsettled"),
            models.Index(
                fields=["application", "original"],
                condition=Q(application__isnull=False),
                name="credit_note_by_application",
            ),
            models.Index(
                fields=["organization"],
                condition=Q(register__isnull=False, paid_out_at__isnull=True),
                name="credit_note_owes_cash",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} ${self.total:,.2f}"

    @property
    def owes_cash(self) -> bool:
        """Stamped, and its money is still in the drawer."""
        stamped = self.document.state == State.STAMPED
        return self.register_id is not None and self.paid_out_at is None and stamped


class CreditBalance(OwnedByOrganization):
    """Of a line of an ingreso, its net (`tax` empty) or one of its taxes: the cents that there were and are credited.

    Its row is locked while something is taken from it, and no sum passes its ceiling.
    """

    document = models.ForeignKey(FiscalDocument, on_delete=models.PROTECT, related_name="+")
    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    position = models.PositiveIntegerField()
    tax = models.CharField(max_length=24, blank=True)
    ceiling = models.DecimalField(max_digits=18, decimal_places=2)
    credited = models.DecimalField(max_digits=18, decimal_places=2, default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["organization", "document", "charge", "position", "tax"],
                nulls_distinct=False,
                name="credit_balance_one_per_tax",
            ),
            models.CheckConstraint(
                condition=Q(credited__gte=0) & Q(credited__lte=F("ceiling")), name="credit_within_invoice"
            ),
        ]


class CreditLine(OwnedByOrganization):
    """What a note takes from one balance."""

    note = models.ForeignKey(CreditNote, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveIntegerField()
    tax = models.CharField(max_length=24, blank=True)
    amount = models.DecimalField(max_digits=18, decimal_places=2)
    insert_only = True

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["note", "position", "tax"], name="credit_line_one_per_tax"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="credit_line_positive"),
        ]


#: The states in which somebody still has something to do.
LATE_OPEN = ("cancelling", "crediting", "issuing", "waiting")
#: And of them, those that wait for a machine and not for a person.
LATE_MOVING = ("cancelling", "crediting", "issuing")


class LateRequest(OwnedByOrganization):
    """A client asks for an invoice of what a factura global carries: first it leaves the global, then the invoice.

    It leaves by an E on the global (`note`, from `crediting` on) or because the global is cancelled with motivo 04
    (`cancelling`, without note). Until the end it is under way: income may stand in neither document, never in both.
    """

    class State(models.TextChoices):
        CANCELLING = "cancelling", "Se cancela la factura global"
        CREDITING = "crediting", "Se saca de la factura global"
        ISSUING = "issuing", "Se timbra la factura de su cliente"
        WAITING = "waiting", "Espera datos fiscales corregidos"
        DONE = "done", "Facturada a su cliente"
        FAILED = "failed", "No se pudo sacar de la global: nada cambió"
        RETURNED = "returned", "Volvió a una factura global"

    OPEN_STATES = (State.CANCELLING, State.CREDITING, State.ISSUING, State.WAITING)

    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="late_requests")
    original = models.ForeignKey(FiscalDocument, on_delete=models.PROTECT, related_name="+")
    note = models.OneToOneField(
        CreditNote, on_delete=models.PROTECT, related_name="late_request", null=True, blank=True
    )
    nominative = models.ForeignKey(FiscalDocument, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.CREDITING)
    channel = models.CharField(max_length=10, choices=FiscalDocument.Channel.choices)
    # What was asked for: who receives it, where it is sent, whether it names who was treated.
    receptor = models.JSONField()
    email = models.EmailField(blank=True)
    with_patient = models.BooleanField(default=False)
    idempotency_key = models.CharField(max_length=64)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    last_code = models.CharField(max_length=20, blank=True)
    last_text = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["charge"],
                condition=Q(state__in=LATE_OPEN),
                name="late_request_one_open_per_charge",
            ),
            models.UniqueConstraint(fields=["organization", "idempotency_key"], name="late_request_one_per_key"),
            models.CheckConstraint(
                condition=Q(state__in=LATE_OPEN, finished_at__isnull=True)
                | (~Q(state__in=LATE_OPEN) & Q(finished_at__isnull=False)),
                name="late_request_end_has_date",
            ),
            models.CheckConstraint(
                condition=~Q(state="crediting") | Q(note__isnull=False), name="late_request_has_its_note"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_at"], condition=Q(state__in=LATE_OPEN), name="late_request_due"),
        ]

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN_STATES

"""CancellationRequest with its signed bytes, events and acuse, and Substitution: the one operation with two live CFDI.

What an answer means is in `machine`; the verbs in `requesting`, `following` and `substituting`. What may never happen
is refused by the database (migrations/0002_guards.py).
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from emite.cancellations.received_models import AnswerAcuse as AnswerAcuse
from emite.cancellations.received_models import PendingList as PendingList
from emite.cancellations.received_models import ReceivedCancellation as ReceivedCancellation
from emite.cancellations.received_models import SignedAnswer as SignedAnswer
from emite.cfdi.cancelacion import Motivo
from emite.documents.models import FiscalDocument
from emite.issuers.models import StoredCsd
from emite.organizations.models import OwnedByOrganization


class State(models.TextChoices):
    ASKED = "asked", "Pedida"
    SIGNED = "signed", "Firmada, por enviar"
    SENDING = "sending", "Enviándose al SAT"
    REQUESTED = "requested", "Solicitada al SAT"
    IN_PROCESS = "in_process", "En proceso: espera al receptor"
    CANCELLED = "cancelled", "Cancelada"
    REJECTED = "rejected", "La rechazó el receptor"
    REFUSED = "refused", "No la admitió el SAT"
    DROPPED = "dropped", "Sin efecto"


#: Somebody still has something to do with these: a worker, SAT or the receptor.
OPEN = (State.ASKED, State.SIGNED, State.SENDING, State.REQUESTED, State.IN_PROCESS)
#: Nothing has left our machine yet: may still be taken back.
UNSENT = (State.ASKED,)


class CancellationRequest(OwnedByOrganization):
    """One request to cancel one CFDI. `substitute` goes with motivo 01."""

    document = models.ForeignKey(FiscalDocument, on_delete=models.PROTECT, related_name="cancellations")
    substitute = models.ForeignKey(FiscalDocument, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    motivo = models.CharField(max_length=2, choices=[(each.value, each.value) for each in Motivo])
    state = models.CharField(max_length=10, choices=State.choices, default=State.ASKED)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    asked_at = models.DateTimeField()

    # As computed when it was asked for; SAT's word is in the columns below.
    acceptance = models.CharField(max_length=10)
    accept_by = models.DateField(null=True, blank=True)

    estado = models.CharField(max_length=20, blank=True)
    es_cancelable = models.CharField(max_length=60, blank=True)
    estatus = models.CharField(max_length=60, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)

    attempts = models.PositiveIntegerField(default=0)
    checks = models.PositiveIntegerField(default=0)
    first_sent_at = models.DateTimeField(null=True, blank=True)
    # The last send whose end nobody knows, and the refusal of a later one, which is not final meanwhile
    doubted_at = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    last_code = models.CharField(max_length=20, blank=True)
    last_text = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(state__in=State.values), name="cancellation_state_known"),
            models.UniqueConstraint(
                fields=["document"], condition=Q(state__in=OPEN), name="cancellation_one_open_per_document"
            ),
            models.CheckConstraint(
                condition=Q(motivo="01", substitute__isnull=False) | (~Q(motivo="01") & Q(substitute__isnull=True)),
                name="cancellation_substitute_iff_01",
            ),
            models.CheckConstraint(
                condition=Q(substitute__isnull=True) | ~Q(substitute=F("document")), name="cancellation_not_of_itself"
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN, finished_at__isnull=True)
                | (~Q(state__in=OPEN) & Q(finished_at__isnull=False, next_at__isnull=True)),
                name="cancellation_finished_has_date",
            ),
            models.CheckConstraint(
                condition=~Q(state="cancelled") | Q(estado="Cancelado"), name="cancellation_only_by_sats_word"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_at"], condition=Q(state__in=OPEN), name="cancellation_due"),
            models.Index(fields=["organization", "document", "-asked_at"], name="cancellation_by_document"),
        ]

    def __str__(self) -> str:
        return f"{self.document_id} {self.motivo} {self.get_state_display()}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


class SignedRequest(OwnedByOrganization):
    """The bytes as signed with the CSD: one per request, the same for every send."""

    request = models.OneToOneField(CancellationRequest, on_delete=models.PROTECT, related_name="signed")
    xml = models.BinaryField()
    sha256 = models.BinaryField(max_length=32)
    csd = models.ForeignKey(StoredCsd, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField()
    insert_only = True


class Acuse(OwnedByOrganization):
    """SAT's acknowledgement as it came: the only evidence that the request was made."""

    request = models.ForeignKey(CancellationRequest, on_delete=models.PROTECT, related_name="acuses")
    code = models.CharField(max_length=10)
    xml = models.BinaryField()
    sha256 = models.BinaryField(max_length=32)
    stored_at = models.DateTimeField()
    insert_only = True


class CancellationEvent(OwnedByOrganization):
    """Every moment of a request: who asked, what was sent, what SAT and the PAC answered, word for word."""

    request = models.ForeignKey(CancellationRequest, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField()
    what = models.CharField(max_length=20)
    who = models.CharField(max_length=120, blank=True)
    code = models.CharField(max_length=20, blank=True)
    detail = models.JSONField(default=dict)
    raw = models.BinaryField(null=True, blank=True)
    insert_only = True

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "request", "at"], name="cancellation_event_by_date"),
        ]


class Substitution(OwnedByOrganization):
    """One CFDI taking another's place. While it is open both may be live: the only case in which a charge has two."""

    class State(models.TextChoices):
        STAMPING = "stamping", "Se timbra la nueva"
        CANCELLING = "cancelling", "Se cancela la anterior"
        REFUSED = "refused", "La anterior sigue viva"
        UNDOING = "undoing", "Se cancela la nueva"
        DONE = "done", "Sustituida"
        UNDONE = "undone", "Se conservó la anterior"
        FAILED = "failed", "La nueva no se timbró"

    OPEN_STATES: ClassVar[tuple[str, ...]] = (State.STAMPING, State.CANCELLING, State.REFUSED, State.UNDOING)

    original = models.ForeignKey(FiscalDocument, on_delete=models.PROTECT, related_name="substitutions")
    substitute = models.OneToOneField(FiscalDocument, on_delete=models.PROTECT, related_name="substitution")
    state = models.CharField(max_length=10, choices=State.choices, default=State.STAMPING)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["original"],
                condition=Q(state__in=("stamping", "cancelling", "refused", "undoing")),
                name="substitution_one_open_per_document",
            ),
            models.CheckConstraint(condition=~Q(original=F("substitute")), name="substitution_of_another"),
            models.CheckConstraint(
                condition=Q(state__in=("stamping", "cancelling", "refused", "undoing"), finished_at__isnull=True)
                | Q(state__in=("done", "undone", "failed"), finished_at__isnull=False),
                name="substitution_finished_has_date",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["asked_at"], condition=Q(state="stamping"), name="substitution_to_go_on"),
        ]

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN_STATES


class GlobalRebuild(OwnedByOrganization):
    """A factura global that is cancelled with motivo 04 and issued again without what its clients asked for.

    From SAT's "Cancelado" until `rebuilt` is stamped the income of what stays is on its way: this row says so. The
    sales that leave are the `LateRequest`s of the original.
    """

    class State(models.TextChoices):
        CANCELLING = "cancelling", "Se cancela la factura global"
        STAMPING = "stamping", "Se timbra la que la sustituye"
        STOPPED = "stopped", "La que la sustituye no se timbró"
        DONE = "done", "Emitida otra vez"
        FAILED = "failed", "No se pudo cancelar: nada cambió"

    OPEN_STATES: ClassVar[tuple[str, ...]] = (State.CANCELLING, State.STAMPING, State.STOPPED)

    original = models.ForeignKey(FiscalDocument, on_delete=models.PROTECT, related_name="rebuilds")
    request = models.OneToOneField(CancellationRequest, on_delete=models.PROTECT, related_name="rebuild")
    rebuilt = models.OneToOneField(
        FiscalDocument, on_delete=models.PROTECT, related_name="rebuild_of", null=True, blank=True
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.CANCELLING)
    tries = models.PositiveSmallIntegerField(default=0)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    last_code = models.CharField(max_length=20, blank=True)
    last_text = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["original"],
                condition=Q(state__in=("cancelling", "stamping", "stopped")),
                name="rebuild_one_open_per_global",
            ),
            models.CheckConstraint(condition=~Q(original=F("rebuilt")), name="rebuild_is_another"),
            models.CheckConstraint(
                condition=~Q(state="stamping") | Q(rebuilt__isnull=False), name="rebuild_stamps_a_document"
            ),
            models.CheckConstraint(
                condition=Q(state__in=("cancelling", "stamping", "stopped"), finished_at__isnull=True)
                | Q(state__in=("done", "failed"), finished_at__isnull=False),
                name="rebuild_end_has_date",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["next_at"], condition=Q(state__in=("cancelling", "stamping", "stopped")), name="rebuild_due"
            ),
        ]

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN_STATES

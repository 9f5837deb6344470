"""A cancellation that somebody else asks for, of a CFDI that one of our taxpayers received: what SAT waits for from us.

Verbs in `received` (the list), `answering` (a person's word) and `handing_in` (the worker). What may never happen is
refused by the database (migrations/0005_received_cancellations.py).
"""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from emite.cfdi.respuesta import Respuesta
from emite.issuers.models import Issuer, StoredCsd
from emite.organizations.models import OwnedByOrganization


class PendingList(OwnedByOrganization):
    """When a taxpayer's list was asked of its PAC, and is again."""

    issuer = models.OneToOneField(Issuer, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(null=True, blank=True)
    #: The last time that the PAC gave it whole.
    told_at = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField()
    last_text = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["next_at"], name="pending_list_due")]


class ReceivedCancellation(OwnedByOrganization):
    """One CFDI that our taxpayer received and whose issuer asks to cancel it."""

    class State(models.TextChoices):
        PENDING = "pending", "Por contestar"
        ANSWERING = "answering", "Se entrega la respuesta"
        ACCEPTED = "accepted", "Aceptada"
        REJECTED = "rejected", "Rechazada"
        EXPIRED = "expired", "Vencida: el silencio la aceptó"
        GONE = "gone", "Ya no espera respuesta"

    OPEN: ClassVar[tuple[str, ...]] = (State.PENDING, State.ANSWERING)

    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="+")
    uuid = models.UUIDField("folio fiscal")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    first_seen_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    #: Counted from the day on which it was first seen: SAT's own may be earlier.
    due = models.DateField()

    answer = models.CharField(max_length=10, choices=[(each.value, each.value) for each in Respuesta], blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    answered_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField("motivo", max_length=200, blank=True)

    attempts = models.PositiveIntegerField(default=0)
    # The last send whose end nobody knows
    doubted_at = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    last_code = models.CharField(max_length=20, blank=True)
    last_text = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["issuer", "uuid"], condition=Q(state__in=("pending", "answering")), name="received_one_open"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("answering", "accepted", "rejected"))
                | ~Q(answer="") & Q(answered_by__isnull=False, answered_at__isnull=False),
                name="received_answer_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(state="answering", next_at__isnull=False) | ~Q(state="answering") & Q(next_at=None),
                name="received_due_iff_answering",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("pending", "answering"), finished_at=None)
                | ~Q(state__in=("pending", "answering")) & Q(finished_at__isnull=False),
                name="received_finished_has_date",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "due"], condition=Q(finished_at=None), name="received_open"),
            models.Index(fields=["next_at"], condition=Q(state="answering"), name="received_due"),
        ]

    def __str__(self) -> str:
        return f"{self.uuid} {self.get_state_display()}"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN


class SignedAnswer(OwnedByOrganization):
    """The bytes of one answer as signed with the CSD: the same for every send."""

    request = models.ForeignKey(ReceivedCancellation, on_delete=models.PROTECT, related_name="signed")
    answer = models.CharField(max_length=10)
    xml = models.BinaryField()
    sha256 = models.BinaryField(max_length=32)
    csd = models.ForeignKey(StoredCsd, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField()
    insert_only = True


class AnswerAcuse(OwnedByOrganization):
    """What came back for it: SAT's acuse where the PAC hands it on, else the PAC's own answer as it came."""

    request = models.ForeignKey(ReceivedCancellation, on_delete=models.PROTECT, related_name="acuses")
    code = models.CharField(max_length=10)
    is_sats = models.BooleanField()
    content = models.BinaryField()
    sha256 = models.BinaryField(max_length=32)
    stored_at = models.DateTimeField()
    insert_only = True

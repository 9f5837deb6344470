"""What is left to do about a charge that the desk cannot do by itself: it waits for somebody, with its reason."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from emite.charges.models.charge import Charge
from emite.organizations.models import OwnedByOrganization


class FollowUp(OwnedByOrganization):
    """Asked for at the desk and not done: nothing of the charge or of its invoice has changed because of it."""

    class Kind(models.TextChoices):
        CREDIT_NOTE = "credit_note", "Devolución que requiere nota de crédito"
        WRONG_PERSON = "wrong_person", "Otra persona facturó el ticket"

    charge = models.ForeignKey(Charge, on_delete=models.PROTECT, related_name="follow_ups")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    reason = models.CharField("qué pasó", max_length=400)
    # How to reach whoever asked. Staff's eyes only.
    contact = models.CharField("contacto", max_length=120, blank=True)
    amount = models.DecimalField("cuánto", max_digits=18, decimal_places=2, null=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    done_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    done_at = models.DateTimeField(null=True)
    outcome = models.CharField("cómo se resolvió", max_length=400, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["charge", "kind"], condition=Q(done_at__isnull=True), name="follow_up_one_waiting_per_kind"
            ),
            models.CheckConstraint(
                condition=Q(done_at__isnull=True, done_by__isnull=True)
                | (Q(done_at__isnull=False, done_by__isnull=False) & ~Q(outcome="")),
                name="follow_up_done_says_how",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "at"], condition=Q(done_at__isnull=True), name="follow_up_waiting"),
        ]

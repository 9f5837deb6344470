"""ApiKey and IdempotentRequest; WebhookEndpoint and WebhookDelivery.

Secrets: a key is kept as a hash, a webhook's secret sealed for the worker. Verbs live in the files beside.
"""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from emite.organizations.models import OwnedByOrganization


class Scope(models.TextChoices):
    """What a key may do; its user's role and permission are asked besides."""

    CHARGES_READ = "charges:read", "Consultar remisiones, códigos y tickets"
    CHARGES_WRITE = "charges:write", "Crear y cancelar remisiones, registrar pagos"
    INVOICES_READ = "invoices:read", "Consultar facturas, XML y PDF"
    INVOICES_WRITE = "invoices:write", "Solicitar facturas"


class ApiKey(OwnedByOrganization):
    """A key of another system. It acts as `user`, never beyond what that person may do."""

    name = models.CharField("nombre", max_length=60)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    # Found by its prefix, proved by the hash of 256 random bits: too many to guess, so no slow hash is needed.
    prefix = models.CharField(max_length=12, unique=True)
    secret_hash = models.BinaryField(max_length=32)
    scopes = models.JSONField()
    per_minute = models.PositiveIntegerField("solicitudes por minuto", default=600)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField("vence")
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(expires_at__gt=models.F("created_at")), name="api_key_expires_later"),
            models.CheckConstraint(condition=Q(per_minute__gt=0), name="api_key_rate_positive"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "-created_at"], name="api_key_by_date"),
        ]

    def __str__(self) -> str:
        return self.name

    def is_live(self, now: dt.datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at

    def allows(self, scope: str) -> bool:
        return scope in self.scopes


class IdempotentRequest(OwnedByOrganization):
    """A POST that may be repeated: what was asked under a key, and what it made once it ended.

    Unfinished until `finished_at`; after `locked_until` an unfinished one may be taken over.
    """

    key = models.CharField(max_length=255)
    asked_hash = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()
    locked_until = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.JSONField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "key"], name="idempotent_one_per_key"),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, outcome__isnull=True)
                | Q(finished_at__isnull=False, outcome__isnull=False),
                name="idempotent_finished_has_outcome",
            ),
        ]

    def __str__(self) -> str:
        return self.key


class WebhookEndpoint(OwnedByOrganization):
    """An address of another system that is told of events."""

    url = models.CharField("dirección", max_length=500)
    events = models.JSONField()
    sealed_secret = models.BinaryField()
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    sealed_fields: ClassVar[dict[str, str]] = {"sealed_secret": "webhook"}

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["organization", "url"], condition=Q(active=True), name="webhook_one_active_per_url"
            ),
        ]

    def __str__(self) -> str:
        return self.url


class WebhookDelivery(OwnedByOrganization):
    """One event on its way to one address. Inserted with the change it tells of; `event_id` is equal in every try."""

    class State(models.TextChoices):
        PENDING = "pending", "Por enviar"
        SENT = "sent", "Entregado"
        FAILED = "failed", "No se pudo entregar"

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries")
    event_id = models.UUIDField()
    event = models.CharField(max_length=40)
    body = models.JSONField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    created_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    last_status = models.PositiveSmallIntegerField(null=True, blank=True)
    last_error = models.CharField(max_length=200, blank=True)
    last_ms = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "endpoint", "event_id"], name="webhook_one_per_event"),
            models.CheckConstraint(
                condition=Q(state="pending", next_at__isnull=False) | ~Q(state="pending"), name="webhook_pending_is_due"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_at"], condition=Q(state="pending"), name="webhook_due"),
            models.Index(fields=["organization", "-created_at"], name="webhook_by_date"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.get_state_display()}"

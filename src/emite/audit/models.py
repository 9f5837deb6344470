"""AuditEvent: one link of an organization's chain. Rows are added, never changed (triggers and rights see to it).
How links are hashed lives in recording."""

from typing import Any, ClassVar

from django.db import models

from emite.database.ids import uuid7


class AuditEvent(models.Model):
    """`actor` did `action` to `subject`. Chains start at position 1, whose `prev_hash` is 32 zero bytes.

    `organization_id` is a plain column (organizations live above); acts on the installation have UUID zero.
    """

    insert_only = True

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization_id = models.UUIDField()
    position = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=254)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=120)
    before: "models.JSONField[Any, Any]" = models.JSONField(null=True)
    after: "models.JSONField[Any, Any]" = models.JSONField(null=True)
    reason = models.CharField(max_length=500, blank=True)
    ip = models.GenericIPAddressField(null=True)
    prev_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization_id", "position"], name="audit_one_per_position"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization_id", "subject", "position"], name="audit_by_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.position} {self.action} {self.subject}"

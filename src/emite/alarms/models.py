"""An alarm from the minute in which it is first seen until the one in which it is not there any more."""

from __future__ import annotations

import uuid
from typing import ClassVar, Final

from django.db import models
from django.db.models import Q

from emite.database.ids import uuid7

#: Whose alarms are the operator's: those of the whole installation.
INSTALLATION: Final = uuid.UUID(int=0)


class Kind(models.TextChoices):
    QUARANTINE = "quarantine", "Respaldo restaurado"
    DAMAGE = "damage", "CFDI dañado"
    DISK = "disk", "Disco casi lleno"
    DATABASE_CLOCK = "database_clock", "Reloj de la base"
    QUEUE = "queue", "Cola atrasada"
    CERTIFICATE = "certificate", "Certificado de sello"
    PAC = "pac", "PAC sin respuesta"
    PAC_CLOCK = "pac_clock", "Reloj"
    STAMPS = "stamps", "Timbres por acabarse"
    MANIFEST = "manifest", "Carta manifiesto"
    HELD = "held", "CFDI detenidos"
    DOUBT = "doubt", "CFDI en duda"
    CLOSING = "closing", "Factura global"
    COMPLEMENTS = "complements", "Complementos de pago"


class Alarm(models.Model):
    """`subject` tells alarms of one kind apart; `words` say what and how to cure it; `grade` grows as it gets worse.

    `organization_id` is a plain column: the installation's own alarms have UUID zero.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization_id = models.UUIDField()
    kind = models.CharField(max_length=16, choices=Kind.choices)
    subject = models.CharField(max_length=80, blank=True)
    words = models.CharField(max_length=400)
    grade = models.PositiveIntegerField()
    opened_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["organization_id", "kind", "subject"], condition=Q(closed_at=None), name="alarm_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"

"""SatWord (what SAT said of a document), Comparison (one run over a window) and Difference (what did not agree)."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from emite.documents.models import FiscalDocument
from emite.organizations.models import OwnedByOrganization


class SatWord(OwnedByOrganization):
    """SAT's last word on a stamped document; asked with longer and longer pauses until SAT knows it."""

    document = models.OneToOneField(FiscalDocument, on_delete=models.PROTECT, related_name="+")
    estado = models.CharField(max_length=20, blank=True)
    es_cancelable = models.CharField(max_length=60, blank=True)
    estatus = models.CharField(max_length=60, blank=True)
    efos = models.CharField(max_length=10, blank=True)
    asked = models.PositiveIntegerField(default=0)
    asked_at = models.DateTimeField(null=True, blank=True)
    #: None once SAT has said something that does not change by waiting.
    next_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_at"], condition=Q(next_at__isnull=False), name="sat_word_due"),
        ]


class Comparison(OwnedByOrganization):
    """One run: every document of a window asked of SAT, and of the PAC what came to nothing here."""

    class State(models.TextChoices):
        WAITING = "waiting", "Por empezar"
        RUNNING = "running", "En curso"
        DONE = "done", "Terminada"

    since = models.DateTimeField()
    until = models.DateTimeField()
    #: The organization's day whose night it is; None for one that a person asked for.
    day = models.DateField(null=True, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    compared = models.PositiveIntegerField(default=0)
    differing = models.PositiveIntegerField(default=0)
    unanswered = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["organization", "day"], condition=Q(day__isnull=False), name="comparison_one_per_night"
            ),
            models.UniqueConstraint(
                fields=["organization"], condition=Q(finished_at__isnull=True), name="comparison_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(state="done", finished_at__isnull=False) | ~Q(state="done") & Q(finished_at__isnull=True),
                name="comparison_done_has_date",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "-asked_at"], name="comparison_by_date"),
        ]


class Difference(OwnedByOrganization):
    """A document of which SAT or the PAC says something else than we do, or one of theirs that we do not have. Open
    until it agrees or a person says why."""

    class Kind(models.TextChoices):
        NOT_AT_SAT = "not_at_sat", "El SAT no la encuentra"
        CANCELLED_AT_SAT = "cancelled", "El SAT la tiene cancelada y aquí está viva"
        ALIVE_AT_SAT = "alive", "Aquí está cancelada y el SAT la tiene vigente"
        ORPHAN = "orphan", "El PAC tiene timbrada una que aquí no se emitió"
        DUPLICATE = "duplicate", "Está timbrada dos veces"
        UNKNOWN = "unknown", "El PAC tiene una que este sistema no conoce"

    class Ending(models.TextChoices):
        GONE = "gone", "Ya coincide"
        MENDED = "mended", "Se registró aquí"
        PERSON = "person", "La cerró una persona"

    #: None for a stamp of ours that no document here is of (UNKNOWN), and only then.
    document = models.ForeignKey(FiscalDocument, on_delete=models.PROTECT, related_name="+", null=True, blank=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    #: The folio fiscal that it is about: the document's, or the other one's.
    uuid = models.UUIDField()
    #: An orphan's or a duplicate's CFDI as the PAC gave it, its stamp verified.
    xml = models.BinaryField(null=True, blank=True)
    #: SAT's answer as it came.
    raw = models.BinaryField(null=True, blank=True)
    found_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    ending = models.CharField(max_length=6, choices=Ending.choices, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    reason = models.CharField("motivo", max_length=200, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["document", "kind", "uuid"], condition=Q(closed_at__isnull=True), name="difference_one_open"
            ),
            models.UniqueConstraint(
                fields=["organization", "kind", "uuid"],
                condition=Q(document__isnull=True, closed_at__isnull=True),
                name="difference_one_open_unknown",
            ),
            models.CheckConstraint(
                condition=Q(kind="unknown", document=None) | ~Q(kind="unknown") & Q(document__isnull=False),
                name="difference_unknown_iff_no_document",
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None, ending="", closed_by=None)
                | Q(closed_at__isnull=False, ending="gone", closed_by=None)
                | Q(closed_at__isnull=False, ending__in=("mended", "person"), closed_by__isnull=False),
                name="difference_ends_by_somebody",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["organization", "found_at"], condition=Q(closed_at=None), name="difference_open"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.uuid}"

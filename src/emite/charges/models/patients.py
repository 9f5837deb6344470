"""The words that patients' names are made of: what a misspelt one is compared with."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from emite.organizations.models import OwnedByOrganization


class PatientWord(OwnedByOrganization):
    """A word of some patient's name, as charges_plain() writes it. Its index of trigrams: see migration 0008."""

    word = models.CharField(max_length=40)
    # When a new charge had it last: the latest of all is how far charges were read.
    read_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization", "word"], name="patient_word_once"),
        ]

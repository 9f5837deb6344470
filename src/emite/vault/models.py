"""DataKey: an organization's key, itself sealed under the installation's KEK. KeyMark: which keys this database knows.
Organizations live above the vault, so their id is a plain column."""

from typing import ClassVar

from django.db import models

from emite.database.ids import uuid7


class DataKey(models.Model):
    """Seals the secrets of one organization. `wrapped` opens with the KEK, which only the worker reads."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization_id = models.UUIDField()
    version = models.PositiveIntegerField(default=1)
    wrapped = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organization_id", "version"], name="data_key_one_per_version"),
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} v{self.version}"


class KeyMark(models.Model):
    """The id of a key that this database's secrets or codes were sealed with; never the key (see marks)."""

    name = models.CharField(max_length=20)
    kid = models.CharField(max_length=8)
    noted_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["name", "kid"], name="key_mark_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.kid}"

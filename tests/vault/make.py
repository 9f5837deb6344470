"""A table that holds secrets, declared as any app may declare one.
Its life in the database is conftest's."""

from typing import ClassVar

from django.db import models


class Safe(models.Model):
    """Somebody's secrets: a key that the worker opens, and a ticket code."""

    organization_id = models.UUIDField()
    secret = models.BinaryField(default=b"")
    code = models.BinaryField(default=b"")

    sealed_fields: ClassVar[dict[str, str]] = {"secret": "test"}
    code_fields: ClassVar[tuple[str, ...]] = ("code",)

    class Meta:
        app_label = "vault"
        db_table = "test_vault_safe"

    def __str__(self) -> str:
        return str(self.pk)

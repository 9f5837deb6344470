"""Find the deposits of an organization without reading its other charges."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("charges", "0010_anticipo_guards")]

    operations = [
        AddIndexConcurrently(
            "charge",
            models.Index(
                fields=["organization", "-issued_at"],
                condition=models.Q(("kind", "anticipo"), ("state", "open")),
                name="charge_anticipos",
            ),
        ),
    ]

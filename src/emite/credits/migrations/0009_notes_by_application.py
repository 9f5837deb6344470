"""Find the egreso of an application, and let only one of them live."""

from django.contrib.postgres.operations import AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("credits", "0008_anticipos")]

    operations = [
        ValidateConstraint("creditnote", "credit_note_of_an_application"),
        AddIndexConcurrently(
            "creditnote",
            models.Index(
                fields=["application", "original"],
                condition=models.Q(("application__isnull", False)),
                name="credit_note_by_application",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS credit_note_one_live_per_application "
                    "ON credits_creditnote (application_id) WHERE active",
                    "DROP INDEX CONCURRENTLY IF EXISTS credit_note_one_live_per_application",
                )
            ],
            state_operations=[
                migrations.AddConstraint(
                    "creditnote",
                    models.UniqueConstraint(
                        condition=models.Q(("active", True)),
                        fields=("application",),
                        name="credit_note_one_live_per_application",
                    ),
                )
            ],
        ),
    ]

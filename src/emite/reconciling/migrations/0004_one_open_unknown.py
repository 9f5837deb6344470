"""The rule of 0003 holds for what was there, and one folio is unknown once: made while people work."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations, models

ONE = models.UniqueConstraint(
    condition=models.Q(("closed_at__isnull", True), ("document__isnull", True)),
    fields=("organization", "kind", "uuid"),
    name="difference_one_open_unknown",
)
INDEX = """
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS difference_one_open_unknown
    ON reconciling_difference (organization_id, kind, uuid) WHERE closed_at IS NULL AND document_id IS NULL
"""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("reconciling", "0003_unknown_stamps")]

    operations = [
        ValidateConstraint("difference", "difference_unknown_iff_no_document"),
        migrations.RunSQL(
            INDEX,
            "DROP INDEX difference_one_open_unknown",
            state_operations=[migrations.AddConstraint("difference", ONE)],
        ),
    ]

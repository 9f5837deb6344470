"""Find the charges of a branch without reading those of the others. Empty where there are no branches."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("charges", "0013_branch_of_charge")]

    operations = [
        AddIndexConcurrently(
            "charge",
            models.Index(
                fields=["organization", "branch", "-issued_at"],
                condition=models.Q(("branch__isnull", False)),
                name="charge_by_branch",
            ),
        ),
    ]

"""Which branch made a charge, beside its postal code: several branches may share one. It never changes either."""

import django.db.models.deletion
from django.db import migrations, models

FORWARDS = """
CREATE TRIGGER charges_guard_branch BEFORE UPDATE OF branch_id ON charges_charge
    FOR EACH ROW WHEN (NEW.branch_id IS DISTINCT FROM OLD.branch_id)
    EXECUTE FUNCTION charges_guard_place();
"""
BACKWARDS = "DROP TRIGGER charges_guard_branch ON charges_charge;"


class Migration(migrations.Migration):
    dependencies = [("charges", "0012_branches"), ("organizations", "0008_branch_address")]

    operations = [
        migrations.AddField(
            "charge",
            "branch",
            models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organizations.branch",
            ),
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]

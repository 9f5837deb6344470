"""Where a register stands and where a charge was made. A charge without a place is of its issuer's: nothing to fill."""

import django.db.models.deletion
from django.db import migrations, models

FORWARDS = """
CREATE FUNCTION charges_guard_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a charge stays where it was made' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER charges_guard_place BEFORE UPDATE OF lugar_expedicion ON charges_charge
    FOR EACH ROW WHEN (NEW.lugar_expedicion IS DISTINCT FROM OLD.lugar_expedicion)
    EXECUTE FUNCTION charges_guard_place();
"""
BACKWARDS = "DROP TRIGGER charges_guard_place ON charges_charge; DROP FUNCTION charges_guard_place();"


class Migration(migrations.Migration):
    dependencies = [("charges", "0011_deposits_by_date"), ("organizations", "0007_branches")]

    operations = [
        migrations.AddField(
            "cashregister",
            "branch",
            models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="registers",
                to="organizations.branch",
            ),
        ),
        migrations.AddField("charge", "lugar_expedicion", models.CharField(blank=True, max_length=5, null=True)),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]

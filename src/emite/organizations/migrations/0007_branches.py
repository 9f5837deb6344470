"""Branches. Their postal code never changes and none is deleted: charges, invoices and closings follow from it."""

import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

import emite.database.ids

FORWARDS = """
CREATE FUNCTION organizations_branch_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a branch is retired, never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.organization_id, NEW.postal_code) IS DISTINCT FROM (OLD.organization_id, OLD.postal_code) THEN
        RAISE EXCEPTION 'a branch stays where it is' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER branch_guard BEFORE UPDATE OR DELETE ON organizations_branch
    FOR EACH ROW EXECUTE FUNCTION organizations_branch_guard();
"""
BACKWARDS = "DROP TRIGGER branch_guard ON organizations_branch; DROP FUNCTION organizations_branch_guard();"


class Migration(migrations.Migration):
    dependencies = [("organizations", "0006_late_road")]

    operations = [
        migrations.CreateModel(
            name="Branch",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=60, verbose_name="nombre")),
                ("postal_code", models.CharField(max_length=5, verbose_name="código postal")),
                ("active", models.BooleanField(default=True, verbose_name="en uso")),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organizations.organization",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("organization"),
                        django.db.models.functions.text.Lower("name"),
                        name="branch_one_per_name",
                    )
                ],
            },
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]

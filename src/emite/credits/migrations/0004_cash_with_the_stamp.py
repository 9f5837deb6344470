"""The cash of a note leaves the drawer when it is stamped: whose drawer promised it, and when it was given."""

import django.db.models.deletion
from django.db import migrations, models

GUARD = """
CREATE FUNCTION credits_guard_cash() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.paid_out_at IS NOT NULL AND NEW.paid_out_at IS DISTINCT FROM OLD.paid_out_at THEN
        RAISE EXCEPTION 'money given is given once' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.paid_out_at IS NULL AND NEW.paid_out_at IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM documents_fiscaldocument WHERE id = NEW.document_id AND state = 'stamped') THEN
        RAISE EXCEPTION 'no money is given for a credit note that is not stamped'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER credits_guard_cash BEFORE UPDATE ON credits_creditnote
    FOR EACH ROW EXECUTE FUNCTION credits_guard_cash();
"""
# As in 0002, with `paid_out_at` among what may change.
FACTS = """
DO $do$
BEGIN
    EXECUTE replace(pg_get_functiondef('credits_guard_note'::regproc), '{active,settled_at}', '%s');
END $do$
"""


class Migration(migrations.Migration):
    dependencies = [("credits", "0003_leaving_a_global"), ("charges", "0007_found_by_index")]

    operations = [
        migrations.AddField(
            "creditnote",
            "register",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="charges.cashregister",
            ),
        ),
        migrations.AddField("creditnote", "paid_out_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddConstraint(
            "creditnote",
            models.CheckConstraint(
                condition=models.Q(paid_out_at__isnull=True) | models.Q(register__isnull=False),
                name="credit_note_cash_of_a_register",
            ),
        ),
        migrations.AddIndex(
            "creditnote",
            models.Index(
                condition=models.Q(register__isnull=False, paid_out_at__isnull=True),
                fields=["organization"],
                name="credit_note_owes_cash",
            ),
        ),
        migrations.RunSQL(FACTS % "{active,settled_at,paid_out_at}", migrations.RunSQL.noop),
        migrations.RunSQL(GUARD, "DROP FUNCTION credits_guard_cash() CASCADE"),
    ]

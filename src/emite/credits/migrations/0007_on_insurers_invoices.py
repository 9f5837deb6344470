"""A credit note also stands on an invoice to an insurer, which has services and no charge."""

import django.db.models.deletion
from django.db import migrations, models

LINES = """
CREATE OR REPLACE FUNCTION credits_count_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE credits_creditbalance b SET credited = b.credited + NEW.amount
        FROM credits_creditnote n
        WHERE n.id = NEW.note_id AND n.active AND n.organization_id = NEW.organization_id
          AND b.organization_id = n.organization_id AND b.document_id = n.original_id
          AND b.charge_id IS NOT DISTINCT FROM n.charge_id
          AND b.position = NEW.position AND b.tax = NEW.tax;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'nothing of the invoice to take this from' USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'credit_within_invoice';
    END IF;
    RETURN NEW;
END $$;
"""

NOTES = """
CREATE OR REPLACE FUNCTION credits_guard_note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE became varchar; moving text[] := '{active,settled_at,paid_out_at}';
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a credit note is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        PERFORM 1 FROM documents_fiscaldocument i, documents_fiscaldocument e
            WHERE i.id = NEW.original_id AND i.kind = 'I' AND i.state = 'stamped'
              AND i.organization_id = NEW.organization_id
              AND e.id = NEW.document_id AND e.kind = 'E' AND e.total = NEW.total AND e.issuer_id = i.issuer_id
              AND e.organization_id = NEW.organization_id
              AND CASE WHEN NEW.charge_id IS NULL THEN EXISTS (
                      SELECT 1 FROM care_insurerinvoice v WHERE v.document_id = i.id AND v.state = 'stamped'
                        AND v.organization_id = NEW.organization_id)
                  ELSE EXISTS (
                      SELECT 1 FROM charges_allocation a
                      WHERE a.charge_id = NEW.charge_id AND a.document_id = i.id AND a.active) END;
        IF NOT FOUND OR NOT NEW.active THEN
            RAISE EXCEPTION 'an egreso credits a live ingreso of its charge or of its insurer'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF to_jsonb(NEW) - moving IS DISTINCT FROM to_jsonb(OLD) - moving OR (NEW.active AND NOT OLD.active) THEN
        RAISE EXCEPTION 'a fact of the credit note would change' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.active AND NOT NEW.active THEN
        SELECT state INTO became FROM documents_fiscaldocument WHERE id = NEW.document_id;
        IF became NOT IN ('rejected', 'void', 'cancelled') THEN
            RAISE EXCEPTION 'the document of this credit note is alive' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        UPDATE credits_creditbalance b SET credited = b.credited - l.amount
            FROM credits_creditline l
            WHERE l.note_id = NEW.id AND b.organization_id = NEW.organization_id AND b.document_id = NEW.original_id
              AND b.charge_id IS NOT DISTINCT FROM NEW.charge_id AND b.position = l.position AND b.tax = l.tax;
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("credits", "0006_by_cancelling"), ("care", "0002_insurer_invoices")]

    operations = [
        migrations.AlterField(
            "creditnote",
            "charge",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="credit_notes",
                to="charges.charge",
            ),
        ),
        migrations.AlterField(
            "creditbalance",
            "charge",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="charges.charge",
            ),
        ),
        migrations.RemoveConstraint("creditbalance", "credit_balance_one_per_tax"),
        migrations.AddConstraint(
            "creditbalance",
            models.UniqueConstraint(
                fields=("organization", "document", "charge", "position", "tax"),
                nulls_distinct=False,
                name="credit_balance_one_per_tax",
            ),
        ),
        migrations.RunSQL(LINES, migrations.RunSQL.noop),
        migrations.RunSQL(NOTES, migrations.RunSQL.noop),
    ]

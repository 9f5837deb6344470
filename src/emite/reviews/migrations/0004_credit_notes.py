"""The credit notes of a received invoice: it is owed so much less, and nobody pays more than that."""

import django.db.models.deletion
from django.db import migrations, models

import emite.database.ids

#: As in 0002, with `credited` moved by its notes, and payments within what is left.
INVOICE = """
DO $do$
DECLARE body text := pg_get_functiondef('reviews_guard_invoice'::regproc);
BEGIN
    body := replace(body, 'scheduled_on,paid,sat_estado', 'scheduled_on,paid,credited,sat_estado');
    body := replace(body, 'NEW.paid <> OLD.paid AND', '(NEW.paid, NEW.credited) <> (OLD.paid, OLD.credited) AND');
    body := replace(body, 'OR NEW.paid <> 0 THEN', 'OR NEW.paid <> 0 OR NEW.credited <> 0 THEN');
    EXECUTE body;
    body := pg_get_functiondef('reviews_count_share'::regproc);
    EXECUTE replace(body, 'AND i.supplier = p.supplier',
        'AND i.paid + NEW.amount <= i.total - i.credited AND i.supplier = p.supplier');
END $do$;
"""

NOTES = """
CREATE FUNCTION reviews_count_credit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.cancelled_at IS NOT NULL OR NEW.cancelled_at IS NULL
        OR to_jsonb(NEW) - 'cancelled_at' IS DISTINCT FROM to_jsonb(OLD) - 'cancelled_at') THEN
        RAISE EXCEPTION 'a received credit note only ends' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    UPDATE reviews_receivedinvoice i
        SET credited = i.credited + CASE WHEN TG_OP = 'INSERT' THEN NEW.total ELSE -NEW.total END
        WHERE i.id = NEW.invoice_id AND i.organization_id = NEW.organization_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a credit note is of an invoice of the same payer'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER reviews_count_credit AFTER INSERT OR UPDATE ON reviews_receivedcredit
    FOR EACH ROW EXECUTE FUNCTION reviews_count_credit();
CREATE TRIGGER never_deleted BEFORE DELETE ON reviews_receivedcredit
    FOR EACH ROW EXECUTE FUNCTION reviews_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("reviews", "0003_undone_payments"), ("organizations", "0001_initial")]

    operations = [
        migrations.AddField(
            "receivedinvoice", "credited", models.DecimalField(decimal_places=2, default=0, max_digits=18)
        ),
        migrations.AddConstraint(
            "receivedinvoice",
            models.CheckConstraint(
                condition=models.Q(credited__gte=0, credited__lte=models.F("total")),
                name="received_invoice_credited_within_total",
            ),
        ),
        migrations.CreateModel(
            "ReceivedCredit",
            [
                (
                    "id",
                    models.UUIDField(
                        default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("uuid", models.UUIDField(verbose_name="folio fiscal")),
                ("total", models.DecimalField(decimal_places=2, max_digits=18)),
                ("xml", models.BinaryField()),
                ("received_at", models.DateTimeField()),
                ("cancelled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credits",
                        to="reviews.receivedinvoice",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            "receivedcredit",
            models.UniqueConstraint(fields=("organization", "uuid"), name="received_credit_one_per_uuid"),
        ),
        migrations.AddConstraint(
            "receivedcredit",
            models.CheckConstraint(condition=models.Q(total__gt=0), name="received_credit_positive"),
        ),
        migrations.RunSQL(INVOICE, migrations.RunSQL.noop),
        migrations.RunSQL(NOTES, "DROP FUNCTION reviews_count_credit() CASCADE"),
    ]

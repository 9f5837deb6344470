"""What a supplier wrote down as paid: the payer owes so much less, and nobody pays it twice."""

from decimal import Decimal

import django.db.models.deletion
from django.db import migrations, models

import emite.database.ids

#: As in 0004, with `said` moved by the supplier's payments.
INVOICE = """
DO $do$
DECLARE body text := pg_get_functiondef('reviews_guard_invoice'::regproc);
BEGIN
    body := replace(body, 'paid,credited,sat_estado', 'paid,credited,said,sat_estado');
    body := replace(body, '(NEW.paid, NEW.credited) <> (OLD.paid, OLD.credited) AND',
        '(NEW.paid, NEW.credited, NEW.said) <> (OLD.paid, OLD.credited, OLD.said) AND');
    body := replace(body, 'OR NEW.credited <> 0 THEN', 'OR NEW.credited <> 0 OR NEW.said <> 0 THEN');
    EXECUTE body;
    body := pg_get_functiondef('reviews_count_share'::regproc);
    EXECUTE replace(body, '<= i.total - i.credited AND', '<= i.total - i.credited - i.said AND');
END $do$;
"""

SAID = """
CREATE FUNCTION reviews_count_said() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.undone_at IS NOT NULL OR NEW.undone_at IS NULL
        OR to_jsonb(NEW) - 'undone_at' IS DISTINCT FROM to_jsonb(OLD) - 'undone_at') THEN
        RAISE EXCEPTION 'what a supplier says it got only ends' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    UPDATE reviews_receivedinvoice i
        SET said = i.said + CASE WHEN TG_OP = 'INSERT' THEN NEW.amount ELSE -NEW.amount END
        WHERE i.id = NEW.invoice_id AND i.organization_id = NEW.organization_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a payment is of an invoice of the same payer'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER reviews_count_said AFTER INSERT OR UPDATE ON reviews_saidpayment
    FOR EACH ROW EXECUTE FUNCTION reviews_count_said();
CREATE TRIGGER never_deleted BEFORE DELETE ON reviews_saidpayment
    FOR EACH ROW EXECUTE FUNCTION reviews_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("reviews", "0005_complements_end"), ("organizations", "0001_initial")]

    operations = [
        migrations.AddField(
            "receivedinvoice",
            "said",
            models.DecimalField(db_default=Decimal(0), decimal_places=2, default=Decimal(0), max_digits=18),
        ),
        migrations.CreateModel(
            "SaidPayment",
            [
                (
                    "id",
                    models.UUIDField(
                        default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("share", models.UUIDField()),
                ("amount", models.DecimalField(decimal_places=2, max_digits=18)),
                ("paid_at", models.DateTimeField()),
                ("operation", models.CharField(blank=True, max_length=100)),
                ("received_at", models.DateTimeField()),
                ("undone_at", models.DateTimeField(blank=True, null=True)),
                (
                    "invoice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="said_payments",
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
            "saidpayment",
            models.UniqueConstraint(fields=("organization", "share"), name="said_payment_one_per_share"),
        ),
        migrations.AddConstraint(
            "saidpayment",
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="said_payment_positive"),
        ),
        migrations.RunSQL(INVOICE, migrations.RunSQL.noop),
        migrations.RunSQL(SAID, "DROP FUNCTION reviews_count_said() CASCADE"),
    ]

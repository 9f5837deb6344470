"""A payment of a payer may be undone, once and with its reason: what it settled is owed again."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

GUARD = """
DROP TRIGGER insert_only ON reviews_payerpayment;
CREATE FUNCTION reviews_guard_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE undoing text[] := '{undone_at,undone_by_id,undone_reason}';
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a payment is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF to_jsonb(NEW) - undoing IS DISTINCT FROM to_jsonb(OLD) - undoing OR OLD.undone_at IS NOT NULL
        OR NEW.undone_at IS NULL THEN
        RAISE EXCEPTION 'a fact of the payment would change' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    UPDATE reviews_receivedinvoice i SET paid = i.paid - s.amount
        FROM reviews_payershare s
        WHERE s.payment_id = NEW.id AND i.id = s.invoice_id AND i.organization_id = NEW.organization_id;
    RETURN NEW;
END $$;
CREATE TRIGGER reviews_guard_payment BEFORE UPDATE OR DELETE ON reviews_payerpayment
    FOR EACH ROW EXECUTE FUNCTION reviews_guard_payment();
"""

UNGUARD = """
DROP FUNCTION reviews_guard_payment() CASCADE;
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON reviews_payerpayment
    FOR EACH ROW EXECUTE FUNCTION reviews_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("reviews", "0002_guards"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField("payerpayment", "undone_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField(
            "payerpayment",
            "undone_by",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            "payerpayment",
            "undone_reason",
            models.CharField(blank=True, max_length=200, verbose_name="motivo"),
        ),
        migrations.AddConstraint(
            "payerpayment",
            models.CheckConstraint(
                condition=models.Q(undone_at__isnull=True) | ~models.Q(undone_reason=""),
                name="payer_payment_undone_with_reason",
            ),
        ),
        migrations.RunSQL(GUARD, UNGUARD),
    ]

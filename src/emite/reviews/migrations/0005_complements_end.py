"""A received complement counts until its issuer cancels it; nothing else of it ever changes."""

from django.db import migrations, models

GUARD = """
CREATE FUNCTION reviews_guard_complement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.cancelled_at IS NOT NULL OR NEW.cancelled_at IS NULL
        OR to_jsonb(NEW) - 'cancelled_at' IS DISTINCT FROM to_jsonb(OLD) - 'cancelled_at' THEN
        RAISE EXCEPTION 'a received complement only ends' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER reviews_guard_complement BEFORE UPDATE ON reviews_receivedcomplement
    FOR EACH ROW EXECUTE FUNCTION reviews_guard_complement();
CREATE TRIGGER never_deleted BEFORE DELETE ON reviews_receivedcomplement
    FOR EACH ROW EXECUTE FUNCTION reviews_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("reviews", "0004_credit_notes")]

    operations = [
        migrations.AddField("receivedcomplement", "cancelled_at", models.DateTimeField(blank=True, null=True)),
        migrations.RunSQL(
            GUARD,
            "DROP FUNCTION reviews_guard_complement() CASCADE; DROP TRIGGER never_deleted ON reviews_receivedcomplement",
        ),
    ]

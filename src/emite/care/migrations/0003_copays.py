"""What a patient is charged for a service is at most the patient's part of it: kept by the database, whoever asks."""

from django.db import migrations

COPAY = """
CREATE FUNCTION care_copay_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.charge_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM charges_charge c
        WHERE c.id = NEW.charge_id AND c.organization_id = NEW.organization_id AND c.issuer_id = NEW.issuer_id
            AND c.kind = 'copago' AND c.sub_total - c.discount <= NEW.patient_part) THEN
        RAISE EXCEPTION 'the copay is above the part of its patient' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER care_copay_guard BEFORE INSERT OR UPDATE OF charge_id, patient_part, issuer_id ON care_careservice
    FOR EACH ROW EXECUTE FUNCTION care_copay_guard();
"""


class Migration(migrations.Migration):

    dependencies = [
        ("care", "0002_insurer_invoices"),
        ("charges", "0007_found_by_index"),
    ]

    operations = [migrations.RunSQL(COPAY, "DROP FUNCTION care_copay_guard() CASCADE")]

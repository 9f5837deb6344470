"""The services of an invoice that was cancelled pass to the one that took its place, already stamped."""

from django.db import migrations

BOUND = """
CREATE OR REPLACE FUNCTION care_services_bound() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM bound b
        JOIN care_careservice s ON s.id = b.service_id
        JOIN care_insurerinvoice i ON i.id = b.invoice_id
        WHERE b.active AND (s.state <> 'rendered' OR b.amount <> s.payer_part
            OR NOT (i.state = 'registered' OR (i.state IN ('stamping', 'stamped') AND EXISTS (
                SELECT 1 FROM care_insurerinvoice r JOIN care_serviceallocation a ON a.invoice_id = r.id
                WHERE r.id = i.replaces_id AND r.state = 'cancelled' AND a.service_id = s.id AND NOT a.active
                  AND a.amount = b.amount)))
            OR b.amount <= 0 OR s.issuer_id <> i.issuer_id OR s.payer_id <> i.payer_id
            OR s.organization_id <> i.organization_id OR b.organization_id <> i.organization_id)) THEN
        RAISE EXCEPTION 'the service cannot be in that invoice' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("care", "0005_agenda")]

    operations = [migrations.RunSQL(BOUND, migrations.RunSQL.noop)]

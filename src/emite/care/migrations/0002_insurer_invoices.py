"""What an invoice to an insurer may become, and the services that it holds: kept by the database, whoever asks."""

from django.db import migrations, models

INVOICE = """
CREATE FUNCTION care_invoice_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE cfdi text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an invoice to an insurer is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.organization_id, NEW.issuer_id, NEW.payer_id, NEW.control_number) IS DISTINCT FROM
        (OLD.organization_id, OLD.issuer_id, OLD.payer_id, OLD.control_number)
        OR (OLD.cfdi_uuid IS NOT NULL AND NEW.cfdi_uuid IS DISTINCT FROM OLD.cfdi_uuid) THEN
        RAISE EXCEPTION 'a fact of the invoice would change' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state = OLD.state THEN
        RETURN NEW;
    END IF;
    IF NOT (OLD.state || '>' || NEW.state = ANY (ARRAY[
        'registered>stamping', 'registered>external', 'registered>discarded',
        'stamping>stamped', 'stamping>registered', 'stamped>cancelled', 'external>cancelled'])) THEN
        RAISE EXCEPTION 'illegal move % > %', OLD.state, NEW.state USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT state INTO cfdi FROM documents_fiscaldocument WHERE id = NEW.document_id;
    IF (NEW.state = 'stamped' AND cfdi IS DISTINCT FROM 'stamped')
        OR (NEW.state = 'registered' AND cfdi IS NOT NULL AND cfdi NOT IN ('rejected', 'void'))
        OR (NEW.state = 'cancelled' AND cfdi IS NOT NULL AND cfdi <> 'cancelled') THEN
        RAISE EXCEPTION 'its CFDI is %', cfdi USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER care_invoice_guard BEFORE UPDATE OR DELETE ON care_insurerinvoice
    FOR EACH ROW EXECUTE FUNCTION care_invoice_guard();

CREATE FUNCTION care_invoice_frees() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state IN ('cancelled', 'discarded')
        AND EXISTS (SELECT 1 FROM care_serviceallocation WHERE invoice_id = NEW.id AND active) THEN
        RAISE EXCEPTION 'services are still bound to an invoice that has ended'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER care_invoice_frees AFTER UPDATE ON care_insurerinvoice
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION care_invoice_frees();
"""

ALLOCATION = """
CREATE FUNCTION care_services_bound() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM bound b
        JOIN care_careservice s ON s.id = b.service_id
        JOIN care_insurerinvoice i ON i.id = b.invoice_id
        WHERE b.active AND (i.state <> 'registered' OR s.state <> 'rendered' OR b.amount <> s.payer_part
            OR b.amount <= 0 OR s.issuer_id <> i.issuer_id OR s.payer_id <> i.payer_id
            OR s.organization_id <> i.organization_id OR b.organization_id <> i.organization_id)) THEN
        RAISE EXCEPTION 'the service cannot be in that invoice' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER care_services_bound AFTER INSERT ON care_serviceallocation
    REFERENCING NEW TABLE AS bound FOR EACH STATEMENT EXECUTE FUNCTION care_services_bound();

CREATE FUNCTION care_services_freed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM changed n JOIN former o ON o.id = n.id
        WHERE (n.service_id, n.invoice_id, n.amount) <> (o.service_id, o.invoice_id, o.amount)
            OR (n.active AND NOT o.active)) THEN
        RAISE EXCEPTION 'an allocation only ends' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM changed n JOIN care_insurerinvoice i ON i.id = n.invoice_id
        WHERE NOT n.active AND i.state NOT IN ('registered', 'cancelled', 'discarded')) THEN
        RAISE EXCEPTION 'the services of a live invoice stay in it' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER care_services_freed AFTER UPDATE ON care_serviceallocation
    REFERENCING OLD TABLE AS former NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION care_services_freed();
"""

SERVICE = """
CREATE FUNCTION care_service_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.state, NEW.fee, NEW.patient_part, NEW.payer_part, NEW.code, NEW.system, NEW.issuer_id, NEW.payer_id)
        IS DISTINCT FROM
        (OLD.state, OLD.fee, OLD.patient_part, OLD.payer_part, OLD.code, OLD.system, OLD.issuer_id, OLD.payer_id)
        AND EXISTS (SELECT 1 FROM care_serviceallocation WHERE service_id = OLD.id AND active) THEN
        RAISE EXCEPTION 'a service in a live invoice stays as it is'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER care_service_guard BEFORE UPDATE ON care_careservice
    FOR EACH ROW EXECUTE FUNCTION care_service_guard();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('care', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='insurerinvoice',
            name='failure',
            field=models.CharField(blank=True, max_length=400, verbose_name='motivo del rechazo'),
        ),
        migrations.AddField(
            model_name='payer',
            name='names_patient',
            field=models.BooleanField(default=False, verbose_name='escribir el nombre del paciente'),
        ),
        migrations.RunSQL(INVOICE, "DROP FUNCTION care_invoice_guard() CASCADE; DROP FUNCTION care_invoice_frees() CASCADE"),
        migrations.RunSQL(
            ALLOCATION, "DROP FUNCTION care_services_bound() CASCADE; DROP FUNCTION care_services_freed() CASCADE"
        ),
        migrations.RunSQL(SERVICE, "DROP FUNCTION care_service_guard() CASCADE"),
    ]

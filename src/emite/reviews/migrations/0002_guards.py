"""What a received invoice may become, and that what was paid of it is what its shares say: kept by the database."""

from django.db import migrations

INVOICE = """
CREATE FUNCTION reviews_guard_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a received invoice is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'received' OR NEW.paid <> 0 THEN
            RAISE EXCEPTION 'an invoice arrives neither decided nor paid'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF to_jsonb(NEW) - '{state,reason,seen_at,decided_at,scheduled_on,paid,sat_estado,sat_asked_at}'::text[]
        IS DISTINCT FROM
        to_jsonb(OLD) - '{state,reason,seen_at,decided_at,scheduled_on,paid,sat_estado,sat_asked_at}'::text[] THEN
        RAISE EXCEPTION 'a fact of the received invoice would change' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.paid <> OLD.paid AND pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'what was paid only moves with its payments' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state <> OLD.state AND NOT (OLD.state || '>' || NEW.state = ANY (ARRAY[
        'received>in_review', 'received>approved', 'received>rejected', 'received>withdrawn',
        'in_review>approved', 'in_review>rejected', 'in_review>withdrawn',
        'approved>rejected', 'approved>withdrawn', 'rejected>in_review', 'rejected>withdrawn'])) THEN
        RAISE EXCEPTION 'illegal move % > %', OLD.state, NEW.state USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER reviews_guard_invoice BEFORE INSERT OR UPDATE OR DELETE ON reviews_receivedinvoice
    FOR EACH ROW EXECUTE FUNCTION reviews_guard_invoice();
"""

SHARES = """
CREATE FUNCTION reviews_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON reviews_payershare
    FOR EACH ROW EXECUTE FUNCTION reviews_refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON reviews_payerpayment
    FOR EACH ROW EXECUTE FUNCTION reviews_refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON reviews_reviewevent
    FOR EACH ROW EXECUTE FUNCTION reviews_refuse_change();

CREATE FUNCTION reviews_count_share() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE reviews_receivedinvoice i SET paid = i.paid + NEW.amount
        FROM reviews_payerpayment p
        WHERE i.id = NEW.invoice_id AND p.id = NEW.payment_id
          AND i.organization_id = NEW.organization_id AND p.organization_id = NEW.organization_id
          AND i.supplier = p.supplier AND i.rfc_emisor = p.rfc_emisor;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a payment settles invoices of its own supplier'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER reviews_count_share AFTER INSERT ON reviews_payershare
    FOR EACH ROW EXECUTE FUNCTION reviews_count_share();

CREATE FUNCTION reviews_payment_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE shares numeric;
BEGIN
    SELECT sum(amount) INTO shares FROM reviews_payershare WHERE payment_id = NEW.id;
    IF shares IS DISTINCT FROM NEW.amount THEN
        RAISE EXCEPTION 'the shares of a payment sum to it' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER reviews_payment_adds_up AFTER INSERT ON reviews_payerpayment
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION reviews_payment_adds_up();
"""


class Migration(migrations.Migration):
    dependencies = [("reviews", "0001_initial")]

    operations = [
        migrations.RunSQL(INVOICE, "DROP FUNCTION reviews_guard_invoice() CASCADE"),
        migrations.RunSQL(
            SHARES,
            "DROP FUNCTION reviews_refuse_change() CASCADE; DROP FUNCTION reviews_count_share() CASCADE;"
            "DROP FUNCTION reviews_payment_adds_up() CASCADE",
        ),
    ]

"""What code must not be trusted with: balances that move only with payments and credit notes, in their order."""

from django.db import migrations

RECEIVABLES = """
CREATE FUNCTION settlements_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON settlements_paymentshare
    FOR EACH ROW EXECUTE FUNCTION settlements_refuse_change();

CREATE FUNCTION settlements_guard_receivable() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE moving text[] := '{paid,credited,parcialidades,closed_at}'; noted numeric;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a receivable is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        SELECT coalesce(sum(n.total), 0) INTO noted FROM credits_creditnote n
            WHERE n.original_id = NEW.document_id AND n.active AND n.organization_id = NEW.organization_id;
        IF NEW.paid <> 0 OR NEW.parcialidades <> 0 OR NEW.credited <> noted THEN
            RAISE EXCEPTION 'a receivable begins with its credit notes and nothing paid'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF to_jsonb(NEW) - moving IS DISTINCT FROM to_jsonb(OLD) - moving
        OR (NEW.closed_at IS NULL AND OLD.closed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'a fact of the receivable would change' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF pg_trigger_depth() < 2 AND (NEW.paid, NEW.credited, NEW.parcialidades)
        IS DISTINCT FROM (OLD.paid, OLD.credited, OLD.parcialidades) THEN
        RAISE EXCEPTION 'a balance only moves with payments and credit notes'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.closed_at IS NOT NULL AND NEW.paid > 0 THEN
        RAISE EXCEPTION 'what was paid is still applied to it' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER settlements_guard_receivable BEFORE INSERT OR UPDATE OR DELETE ON settlements_receivable
    FOR EACH ROW EXECUTE FUNCTION settlements_guard_receivable();
"""

SHARES = """
CREATE FUNCTION settlements_count_share() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE settlements_receivable r SET paid = r.paid + NEW.amount, parcialidades = r.parcialidades + 1
        FROM settlements_receivedpayment p
        WHERE r.id = NEW.receivable_id AND r.organization_id = NEW.organization_id AND r.closed_at IS NULL
          AND p.id = NEW.payment_id AND p.organization_id = NEW.organization_id AND p.undone_at IS NULL
          AND p.issuer_id = r.issuer_id AND p.payer_rfc = r.payer_rfc
          AND NEW.number = r.parcialidades + 1 AND NEW.balance_before = r.total - r.credited - r.paid;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this share does not follow the last one of its invoice'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'share_follows';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER settlements_count_share AFTER INSERT ON settlements_paymentshare
    FOR EACH ROW EXECUTE FUNCTION settlements_count_share();
"""

PAYMENTS = """
CREATE FUNCTION settlements_guard_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE undoing text[] := '{undone_at,undone_by_id,undone_reason}'; newest boolean;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a payment is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF to_jsonb(NEW) - undoing IS DISTINCT FROM to_jsonb(OLD) - undoing OR OLD.undone_at IS NOT NULL THEN
        RAISE EXCEPTION 'a fact of the payment would change' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.undone_at IS NOT NULL THEN
        PERFORM 1 FROM settlements_paymentcomplement c
            WHERE c.payment_id = NEW.id AND c.state IN ('asked', 'stamped', 'external');
        IF FOUND THEN
            RAISE EXCEPTION 'its complement is alive' USING ERRCODE = 'integrity_constraint_violation',
                CONSTRAINT = 'undone_without_complement';
        END IF;
        SELECT bool_and(s.number = r.parcialidades) INTO newest
            FROM settlements_paymentshare s JOIN settlements_receivable r ON r.id = s.receivable_id
            WHERE s.payment_id = NEW.id;
        IF NOT newest THEN
            RAISE EXCEPTION 'later payments of its invoices come first' USING
                ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'undone_newest_first';
        END IF;
        UPDATE settlements_receivable r SET paid = r.paid - s.amount, parcialidades = r.parcialidades - 1
            FROM settlements_paymentshare s
            WHERE s.payment_id = NEW.id AND r.id = s.receivable_id AND r.organization_id = NEW.organization_id;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER settlements_guard_payment BEFORE UPDATE OR DELETE ON settlements_receivedpayment
    FOR EACH ROW EXECUTE FUNCTION settlements_guard_payment();
"""

COMPLEMENTS = """
CREATE FUNCTION settlements_guard_complement() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE became varchar;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a complement is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state IS DISTINCT FROM OLD.state AND NOT (OLD.state || '>' || NEW.state = ANY (ARRAY[
        'due>asked', 'due>external', 'due>cancelled',
        'asked>stamped', 'asked>due', 'stamped>cancelled', 'external>cancelled'])) THEN
        RAISE EXCEPTION 'illegal move % > %', OLD.state, NEW.state USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.organization_id, NEW.payment_id, NEW.created_at) IS DISTINCT FROM
       (OLD.organization_id, OLD.payment_id, OLD.created_at) THEN
        RAISE EXCEPTION 'a fact of the complement would change' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT state INTO became FROM documents_fiscaldocument WHERE id = OLD.document_id;
    IF (OLD.state = 'asked' AND NEW.state = 'due' AND became NOT IN ('rejected', 'void'))
        OR (NEW.state = 'stamped' AND OLD.state = 'asked' AND became <> 'stamped')
        OR (OLD.state = 'stamped' AND NEW.state = 'cancelled' AND became <> 'cancelled') THEN
        RAISE EXCEPTION 'its document is %', became USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER settlements_guard_complement BEFORE UPDATE OR DELETE ON settlements_paymentcomplement
    FOR EACH ROW EXECUTE FUNCTION settlements_guard_complement();
"""

#: A credit note takes from what is owed the moment it is asked for, and gives it back when it comes to nothing.
CREDITS = """
CREATE FUNCTION settlements_count_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.active THEN
        UPDATE settlements_receivable SET credited = credited + NEW.total
            WHERE document_id = NEW.original_id AND organization_id = NEW.organization_id;
    ELSIF TG_OP = 'UPDATE' AND OLD.active AND NOT NEW.active THEN
        UPDATE settlements_receivable SET credited = credited - NEW.total
            WHERE document_id = NEW.original_id AND organization_id = NEW.organization_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER settlements_count_note AFTER INSERT OR UPDATE OF active ON credits_creditnote
    FOR EACH ROW EXECUTE FUNCTION settlements_count_note();
"""

#: PPD invoices that are stamped: few beside the others, looked for at every sweep.
WAITING = """
CREATE INDEX document_ppd_stamped ON documents_fiscaldocument (organization_id, stamped_at)
    WHERE kind = 'I' AND state = 'stamped' AND content ->> 'metodo_pago' = 'PPD'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("settlements", "0001_initial"),
        ("credits", "0004_cash_with_the_stamp"),
        ("documents", "0006_folio_of_what_came_to_nothing"),
    ]

    operations = [
        migrations.RunSQL(
            RECEIVABLES,
            "DROP FUNCTION settlements_refuse_change() CASCADE; DROP FUNCTION settlements_guard_receivable() CASCADE",
        ),
        migrations.RunSQL(SHARES, "DROP FUNCTION settlements_count_share() CASCADE"),
        migrations.RunSQL(PAYMENTS, "DROP FUNCTION settlements_guard_payment() CASCADE"),
        migrations.RunSQL(COMPLEMENTS, "DROP FUNCTION settlements_guard_complement() CASCADE"),
        migrations.RunSQL(CREDITS, "DROP FUNCTION settlements_count_note() CASCADE"),
        migrations.RunSQL(WAITING, "DROP INDEX document_ppd_stamped"),
    ]

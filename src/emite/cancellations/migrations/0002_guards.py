"""What code must not be trusted with: a document cancelled without SAT's word, a charge left bound to it, bytes that change."""

from django.db import migrations

INSERT_ONLY = ("signedrequest", "acuse", "cancellationevent")

REFUSE = """
CREATE FUNCTION cancellations_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""

REQUEST = """
CREATE FUNCTION cancellations_guard_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a cancellation is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state IS DISTINCT FROM OLD.state AND NOT (OLD.state || '>' || NEW.state = ANY (ARRAY[
        'asked>signed', 'asked>in_process', 'asked>cancelled', 'asked>refused', 'asked>dropped',
        'signed>sending', 'signed>in_process', 'signed>cancelled', 'signed>refused',
        'sending>signed', 'sending>requested', 'sending>refused',
        'requested>signed', 'requested>in_process', 'requested>cancelled', 'requested>rejected',
        'in_process>cancelled', 'in_process>rejected'])) THEN
        RAISE EXCEPTION 'illegal move % > %', OLD.state, NEW.state USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.organization_id, NEW.document_id, NEW.substitute_id, NEW.motivo, NEW.asked_at)
        IS DISTINCT FROM (OLD.organization_id, OLD.document_id, OLD.substitute_id, OLD.motivo, OLD.asked_at) THEN
        RAISE EXCEPTION 'a fact of the cancellation would change' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state = 'sending' AND NOT EXISTS (
        SELECT 1 FROM documents_fiscaldocument d LEFT JOIN documents_fiscaldocument s ON s.id = NEW.substitute_id
        WHERE d.id = NEW.document_id AND d.state = 'stamped'
            AND (NEW.substitute_id IS NULL OR s.state = 'stamped')) THEN
        RAISE EXCEPTION 'only a stamped document is cancelled, and only once its substitute is stamped'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER cancellations_guard BEFORE UPDATE OR DELETE ON cancellations_cancellationrequest
    FOR EACH ROW EXECUTE FUNCTION cancellations_guard_request();
"""

SUBSTITUTION = """
CREATE FUNCTION cancellations_guard_substitution() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a substitution is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state IS DISTINCT FROM OLD.state AND NOT (OLD.state || '>' || NEW.state = ANY (ARRAY[
        'stamping>cancelling', 'stamping>refused', 'stamping>failed', 'stamping>undone', 'stamping>done',
        'cancelling>refused', 'cancelling>done', 'cancelling>undone', 'cancelling>failed',
        'refused>cancelling', 'refused>undoing', 'refused>done', 'refused>undone', 'refused>failed',
        'undoing>refused', 'undoing>undone', 'undoing>done', 'undoing>failed'])) THEN
        RAISE EXCEPTION 'illegal move % > %', OLD.state, NEW.state USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.organization_id, NEW.original_id, NEW.substitute_id) IS DISTINCT FROM
        (OLD.organization_id, OLD.original_id, OLD.substitute_id) THEN
        RAISE EXCEPTION 'a fact of the substitution would change' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER cancellations_guard BEFORE UPDATE OR DELETE ON cancellations_substitution
    FOR EACH ROW EXECUTE FUNCTION cancellations_guard_substitution();
"""

# At the commit, so that the order inside of the transaction is free. That no charge is freed before is
# invoices' guard of the allocation.
CANCELLED = """
CREATE FUNCTION cancellations_guard_cancelled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM cancellations_cancellationrequest r
            WHERE r.document_id = NEW.id AND r.state = 'cancelled') THEN
        RAISE EXCEPTION 'only the SAT cancels' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF EXISTS (SELECT 1 FROM charges_allocation a WHERE a.document_id = NEW.id AND a.active) THEN
        RAISE EXCEPTION 'a cancelled document frees its charges at once'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF EXISTS (SELECT 1 FROM cancellations_substitution s
            WHERE NEW.id IN (s.original_id, s.substitute_id)
                AND s.state IN ('stamping', 'cancelling', 'refused', 'undoing')) THEN
        RAISE EXCEPTION 'a substitution ends with either of its documents'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER cancellations_guard_cancelled AFTER UPDATE OF state ON documents_fiscaldocument
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state = 'cancelled' AND OLD.state <> 'cancelled')
    EXECUTE FUNCTION cancellations_guard_cancelled();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("cancellations", "0001_initial"),
        ("documents", "0004_a_way_out"),
        ("invoices", "0002_portal_requests"),
    ]

    operations = [
        migrations.RunSQL(REFUSE, "DROP FUNCTION cancellations_refuse_change() CASCADE"),
        *[
            migrations.RunSQL(
                f"CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON cancellations_{table} "
                "FOR EACH ROW EXECUTE FUNCTION cancellations_refuse_change()",
                f"DROP TRIGGER insert_only ON cancellations_{table}",
            )
            for table in INSERT_ONLY
        ],
        migrations.RunSQL(REQUEST, "DROP FUNCTION cancellations_guard_request() CASCADE"),
        migrations.RunSQL(SUBSTITUTION, "DROP FUNCTION cancellations_guard_substitution() CASCADE"),
        migrations.RunSQL(CANCELLED, "DROP FUNCTION cancellations_guard_cancelled() CASCADE"),
    ]

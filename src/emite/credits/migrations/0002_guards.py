"""What code must not be trusted with: no egreso takes more than its ingreso has, per line and per tax."""

from django.db import migrations

LINES = """
CREATE FUNCTION credits_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON credits_creditline
    FOR EACH ROW EXECUTE FUNCTION credits_refuse_change();

CREATE FUNCTION credits_count_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE credits_creditbalance b SET credited = b.credited + NEW.amount
        FROM credits_creditnote n
        WHERE n.id = NEW.note_id AND n.active AND n.organization_id = NEW.organization_id
          AND b.organization_id = n.organization_id AND b.document_id = n.original_id AND b.charge_id = n.charge_id
          AND b.position = NEW.position AND b.tax = NEW.tax;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'nothing of the invoice to take this from' USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'credit_within_invoice';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER credits_count_line AFTER INSERT ON credits_creditline
    FOR EACH ROW EXECUTE FUNCTION credits_count_line();
"""

#: Its balances only move when lines are counted, and are never taken away.
BALANCES = """
CREATE FUNCTION credits_guard_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.credited <> 0 THEN
            RAISE EXCEPTION 'a balance begins with nothing credited' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' OR pg_trigger_depth() < 2
        OR to_jsonb(NEW) - 'credited' IS DISTINCT FROM to_jsonb(OLD) - 'credited' THEN
        RAISE EXCEPTION 'a balance only moves with its credit notes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER credits_guard_balance BEFORE INSERT OR UPDATE OR DELETE ON credits_creditbalance
    FOR EACH ROW EXECUTE FUNCTION credits_guard_balance();
"""

NOTES = """
CREATE FUNCTION credits_guard_note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE became varchar;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a credit note is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        PERFORM 1 FROM documents_fiscaldocument i, documents_fiscaldocument e, charges_allocation a
            WHERE i.id = NEW.original_id AND i.kind = 'I' AND i.state = 'stamped'
              AND i.organization_id = NEW.organization_id
              AND e.id = NEW.document_id AND e.kind = 'E' AND e.total = NEW.total AND e.issuer_id = i.issuer_id
              AND e.organization_id = NEW.organization_id
              AND a.charge_id = NEW.charge_id AND a.document_id = NEW.original_id AND a.active;
        IF NOT FOUND OR NOT NEW.active THEN
            RAISE EXCEPTION 'an egreso credits a live ingreso of its charge'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF to_jsonb(NEW) - '{active,settled_at}'::text[] IS DISTINCT FROM to_jsonb(OLD) - '{active,settled_at}'::text[]
        OR (NEW.active AND NOT OLD.active) THEN
        RAISE EXCEPTION 'a fact of the credit note would change' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.active AND NOT NEW.active THEN
        SELECT state INTO became FROM documents_fiscaldocument WHERE id = NEW.document_id;
        IF became NOT IN ('rejected', 'void', 'cancelled') THEN
            RAISE EXCEPTION 'the document of this credit note is alive' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        UPDATE credits_creditbalance b SET credited = b.credited - l.amount
            FROM credits_creditline l
            WHERE l.note_id = NEW.id AND b.organization_id = NEW.organization_id AND b.document_id = NEW.original_id
              AND b.charge_id = NEW.charge_id AND b.position = l.position AND b.tax = l.tax;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER credits_guard_note BEFORE INSERT OR UPDATE OR DELETE ON credits_creditnote
    FOR EACH ROW EXECUTE FUNCTION credits_guard_note();

CREATE FUNCTION credits_note_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE lines numeric;
BEGIN
    SELECT sum(CASE WHEN left(l.tax, 1) = 'R' THEN -l.amount ELSE l.amount END) INTO lines
        FROM credits_creditline l WHERE l.note_id = NEW.id;
    IF lines IS DISTINCT FROM NEW.total THEN
        RAISE EXCEPTION 'the lines of the credit note come to % and not to %', lines, NEW.total
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'credit_note_adds_up';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER credits_note_adds_up AFTER INSERT ON credits_creditnote
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION credits_note_adds_up();
"""

LATE = """
CREATE FUNCTION credits_guard_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a late request is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state IS DISTINCT FROM OLD.state AND NOT (OLD.state || '>' || NEW.state = ANY (ARRAY[
        'crediting>issuing', 'crediting>waiting', 'crediting>failed', 'crediting>returned',
        'issuing>done', 'issuing>waiting',
        'waiting>done', 'waiting>returned'])) THEN
        RAISE EXCEPTION 'illegal move % > %', OLD.state, NEW.state USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.organization_id, NEW.charge_id, NEW.original_id, NEW.note_id, NEW.receptor, NEW.asked_by_id)
        IS DISTINCT FROM
        (OLD.organization_id, OLD.charge_id, OLD.original_id, OLD.note_id, OLD.receptor, OLD.asked_by_id) THEN
        RAISE EXCEPTION 'a fact of the late request would change' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER credits_guard_late BEFORE UPDATE OR DELETE ON credits_laterequest
    FOR EACH ROW EXECUTE FUNCTION credits_guard_late();
"""


class Migration(migrations.Migration):
    dependencies = [("credits", "0001_initial")]

    operations = [
        migrations.RunSQL(
            LINES, "DROP FUNCTION credits_refuse_change() CASCADE; DROP FUNCTION credits_count_line() CASCADE"
        ),
        migrations.RunSQL(BALANCES, "DROP FUNCTION credits_guard_balance() CASCADE"),
        migrations.RunSQL(
            NOTES, "DROP FUNCTION credits_guard_note() CASCADE; DROP FUNCTION credits_note_adds_up() CASCADE"
        ),
        migrations.RunSQL(LATE, "DROP FUNCTION credits_guard_late() CASCADE"),
    ]

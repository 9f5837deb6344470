"""A refusal is not final while a send is in doubt; nothing is credited on what is ending, nor ended under a credit."""

from django.db import migrations, models

REQUEST = """
CREATE OR REPLACE FUNCTION cancellations_guard_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a cancellation is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state IS DISTINCT FROM OLD.state AND NOT (OLD.state || '>' || NEW.state = ANY (ARRAY[
        'asked>signed', 'asked>in_process', 'asked>cancelled', 'asked>refused', 'asked>dropped',
        'signed>sending', 'signed>in_process', 'signed>cancelled', 'signed>refused', 'signed>rejected',
        'sending>signed', 'sending>requested', 'sending>refused',
        'requested>signed', 'requested>in_process', 'requested>cancelled', 'requested>rejected',
        'in_process>cancelled', 'in_process>rejected'])) THEN
        RAISE EXCEPTION 'illegal move % > %', OLD.state, NEW.state USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.organization_id, NEW.document_id, NEW.substitute_id, NEW.motivo, NEW.asked_at)
        IS DISTINCT FROM (OLD.organization_id, OLD.document_id, OLD.substitute_id, OLD.motivo, OLD.asked_at) THEN
        RAISE EXCEPTION 'a fact of the cancellation would change' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.state = 'sending' AND NEW.state = 'refused' AND OLD.doubted_at IS NOT NULL THEN
        RAISE EXCEPTION 'no refusal is final while an earlier send is in doubt'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.state <> 'sending' AND NEW.state = 'sending' AND OLD.refused_at IS NOT NULL THEN
        RAISE EXCEPTION 'what was refused in doubt is not sent again' USING ERRCODE = 'integrity_constraint_violation';
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
"""

# Each takes the ingreso's row, as the code does: of a credit and an ending asked at once, the second sees the first.
ENDING = """
CREATE FUNCTION cancellations_guard_credit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM documents_fiscaldocument WHERE id = NEW.original_id FOR NO KEY UPDATE;
    IF EXISTS (SELECT 1 FROM cancellations_cancellationrequest r
               WHERE r.document_id = NEW.original_id AND r.finished_at IS NULL)
        OR EXISTS (SELECT 1 FROM cancellations_substitution s
                   WHERE NEW.original_id IN (s.original_id, s.substitute_id) AND s.finished_at IS NULL) THEN
        RAISE EXCEPTION 'nothing is credited on what is being cancelled or substituted'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER cancellations_guard_credit BEFORE INSERT ON credits_creditnote
    FOR EACH ROW EXECUTE FUNCTION cancellations_guard_credit();

CREATE FUNCTION cancellations_guard_asked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM documents_fiscaldocument WHERE id = NEW.document_id FOR NO KEY UPDATE;
    IF EXISTS (SELECT 1 FROM credits_creditnote n JOIN documents_fiscaldocument e ON e.id = n.document_id
               WHERE n.original_id = NEW.document_id AND n.active
                 AND e.state NOT IN ('rejected', 'void', 'cancelled')) THEN
        RAISE EXCEPTION 'what a live credit note is of cannot be cancelled'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER cancellations_guard_asked BEFORE INSERT ON cancellations_cancellationrequest
    FOR EACH ROW EXECUTE FUNCTION cancellations_guard_asked();
"""


class Migration(migrations.Migration):
    dependencies = [("cancellations", "0002_guards"), ("credits", "0003_leaving_a_global")]

    operations = [
        migrations.AddField("cancellationrequest", "doubted_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("cancellationrequest", "refused_at", models.DateTimeField(blank=True, null=True)),
        migrations.RunSQL(REQUEST, migrations.RunSQL.noop),
        migrations.RunSQL(
            ENDING, "DROP FUNCTION cancellations_guard_credit() CASCADE; DROP FUNCTION cancellations_guard_asked() CASCADE"
        ),
    ]

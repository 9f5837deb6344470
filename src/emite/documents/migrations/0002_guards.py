"""The invariants that code must not be trusted with: rows that only grow, moves that exist, facts that stay."""

from django.db import migrations

INSERT_ONLY = ("sealedxml", "stampedxml", "stampattempt", "documentevent")

REFUSE = """
CREATE FUNCTION documents_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""

GUARD = """
CREATE FUNCTION documents_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a fiscal document is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state IS DISTINCT FROM OLD.state AND NOT (OLD.state || '>' || NEW.state = ANY (ARRAY[
        'draft>sealed', 'draft>rejected', 'draft>void', 'draft>stamped',
        'sealed>sending', 'sealed>draft', 'sealed>held', 'sealed>stamped',
        'sending>sealed', 'sending>unknown', 'sending>rejected', 'sending>stamped',
        'unknown>sealed', 'unknown>draft', 'unknown>held', 'unknown>stamped',
        'held>draft', 'held>stamped',
        'stamped>cancelled'])) THEN
        RAISE EXCEPTION 'illegal move % > %', OLD.state, NEW.state USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.content IS DISTINCT FROM OLD.content
        OR NEW.organization_id <> OLD.organization_id OR NEW.issuer_id <> OLD.issuer_id
        OR NEW.total <> OLD.total OR NEW.idempotency_key <> OLD.idempotency_key
        OR (OLD.uuid IS NOT NULL AND NEW.uuid IS DISTINCT FROM OLD.uuid)
        OR (OLD.folio IS NOT NULL AND (NEW.folio, NEW.serie) IS DISTINCT FROM (OLD.folio, OLD.serie)) THEN
        RAISE EXCEPTION 'a fact of the document would change' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.seal_rev NOT IN (OLD.seal_rev, OLD.seal_rev + 1)
        OR (NEW.seal_rev > OLD.seal_rev AND OLD.state <> 'draft') THEN
        RAISE EXCEPTION 'only a draft is sealed, one revision at a time'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER documents_guard BEFORE UPDATE OR DELETE ON documents_fiscaldocument
    FOR EACH ROW EXECUTE FUNCTION documents_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("documents", "0001_initial")]

    operations = [
        migrations.RunSQL(REFUSE, "DROP FUNCTION documents_refuse_change() CASCADE"),
        migrations.RunSQL(GUARD, "DROP FUNCTION documents_guard() CASCADE"),
        *[
            migrations.RunSQL(
                f"CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON documents_{table} "
                "FOR EACH ROW EXECUTE FUNCTION documents_refuse_change()",
                f"DROP TRIGGER insert_only ON documents_{table}",
            )
            for table in INSERT_ONLY
        ],
    ]

"""A charge is also freed of a live CFDI when all that it has there was taken back by stamped egresos."""

from django.db import migrations

GUARD = """
CREATE OR REPLACE FUNCTION allocation_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.active AND NOT EXISTS (
        SELECT 1 FROM documents_fiscaldocument d
        WHERE d.id = OLD.document_id AND d.state IN ('rejected', 'void', 'cancelled'))
        AND NOT (TG_OP = 'UPDATE' AND credits_wholly_credited(OLD.document_id, OLD.charge_id)) THEN
        RAISE EXCEPTION 'a charge is not freed of a document that is or may be stamped'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
"""
BEFORE = """
CREATE OR REPLACE FUNCTION allocation_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.active AND NOT EXISTS (
        SELECT 1 FROM documents_fiscaldocument d
        WHERE d.id = OLD.document_id AND d.state IN ('rejected', 'void', 'cancelled')) THEN
        RAISE EXCEPTION 'a charge is not freed of a document that is or may be stamped'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
DROP FUNCTION credits_wholly_credited(uuid, uuid);
"""
WHOLLY = """
CREATE FUNCTION credits_wholly_credited(ingreso uuid, wanted uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM credits_creditbalance b WHERE b.document_id = ingreso AND b.charge_id = wanted)
       AND NOT EXISTS (SELECT 1 FROM credits_creditbalance b
                       WHERE b.document_id = ingreso AND b.charge_id = wanted AND b.credited <> b.ceiling)
       AND NOT EXISTS (SELECT 1 FROM credits_creditnote n JOIN documents_fiscaldocument d ON d.id = n.document_id
                       WHERE n.original_id = ingreso AND n.charge_id = wanted AND n.active AND d.state <> 'stamped')
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("credits", "0002_guards"), ("invoices", "0002_portal_requests")]

    operations = [
        migrations.RunSQL(WHOLLY, migrations.RunSQL.noop),
        migrations.RunSQL(GUARD, BEFORE),
    ]

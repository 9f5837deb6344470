"""What may never be lost: the last administrator, the history of activations and links. The old column goes."""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION organizations_keep_administrator() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.role <> 'administrador' OR OLD.deactivated_at IS NOT NULL THEN
        RETURN NULL;
    END IF;
    -- Two administrators who remove each other wait here, and the second finds nobody left.
    PERFORM 1 FROM organizations_organization WHERE id = OLD.organization_id FOR UPDATE;
    IF NOT EXISTS (SELECT 1 FROM organizations_membership WHERE organization_id = OLD.organization_id
                   AND role = 'administrador' AND deactivated_at IS NULL) THEN
        RAISE EXCEPTION 'the last administrator stays' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER membership_keep_administrator AFTER UPDATE OR DELETE ON organizations_membership
    FOR EACH ROW EXECUTE FUNCTION organizations_keep_administrator();

CREATE FUNCTION organizations_activation_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an activation is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT (OLD.state || '>' || NEW.state = ANY (ARRAY[
        'requested>approved', 'requested>refused', 'approved>suspended'])) THEN
        RAISE EXCEPTION 'illegal move % > %', OLD.state, NEW.state USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER activation_guard BEFORE UPDATE OR DELETE ON organizations_portalactivation
    FOR EACH ROW EXECUTE FUNCTION organizations_activation_guard();

CREATE FUNCTION organizations_link_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.revoked_at IS NOT NULL
        OR (NEW.organization_id, NEW.user_id, NEW.linked_at) IS DISTINCT FROM
           (OLD.organization_id, OLD.user_id, OLD.linked_at) THEN
        RAISE EXCEPTION 'the history of a link stays' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER link_guard BEFORE UPDATE OR DELETE ON organizations_portallink
    FOR EACH ROW EXECUTE FUNCTION organizations_link_guard();
"""
BACKWARDS = """
DROP TRIGGER membership_keep_administrator ON organizations_membership;
DROP FUNCTION organizations_keep_administrator();
DROP TRIGGER activation_guard ON organizations_portalactivation;
DROP FUNCTION organizations_activation_guard();
DROP TRIGGER link_guard ON organizations_portallink;
DROP FUNCTION organizations_link_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("organizations", "0003_portal_user_becomes_link")]
    operations = [
        migrations.RemoveField(model_name="organization", name="portal_user"),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]

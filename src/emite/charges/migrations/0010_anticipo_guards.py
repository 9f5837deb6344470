"""What code must not be trusted with: a deposit gives only what it has, and form 30 is only ever a deposit."""

from django.db import migrations

#: Both charges are held until the commit, so that two who apply the same deposit come one after the other.
APPLICATION = """
CREATE FUNCTION charges_guard_anticipo() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an application is undone, never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF NEW.active OR to_jsonb(NEW) - 'active' IS DISTINCT FROM to_jsonb(OLD) - 'active'
            OR NOT EXISTS (SELECT 1 FROM charges_slipvoid v WHERE v.slip_id = NEW.slip_id) THEN
            RAISE EXCEPTION 'an application only ends, with its slip' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    PERFORM 1 FROM charges_charge c WHERE c.id IN (NEW.deposit_id, NEW.account_id) ORDER BY c.id FOR NO KEY UPDATE;
    PERFORM 1 FROM charges_charge d JOIN charges_charge c ON c.organization_id = d.organization_id
            AND c.issuer_id = d.issuer_id
        JOIN charges_paymentslip s ON s.id = NEW.slip_id AND s.charge_id = c.id AND s.amount = NEW.amount
        WHERE d.id = NEW.deposit_id AND c.id = NEW.account_id AND d.organization_id = NEW.organization_id
          AND d.kind = 'anticipo' AND d.state = 'open' AND c.kind <> 'anticipo' AND c.state = 'open';
    IF NOT FOUND OR NOT NEW.active THEN
        RAISE EXCEPTION 'a deposit pays an account of the same issuer'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'anticipo_pays_an_account';
    END IF;
    PERFORM 1 FROM charges_allocation a JOIN documents_fiscaldocument i ON i.id = a.document_id
        WHERE a.charge_id = NEW.deposit_id AND a.active AND i.state = 'stamped' AND i.channel <> 'global';
    IF NOT FOUND OR EXISTS (SELECT 1 FROM charges_allocation a WHERE a.charge_id = NEW.account_id AND a.active) THEN
        RAISE EXCEPTION 'the deposit has a CFDI of its own and the account has none yet'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'anticipo_before_the_invoice';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER charges_guard_anticipo BEFORE INSERT OR UPDATE OR DELETE ON charges_anticipoapplication
    FOR EACH ROW EXECUTE FUNCTION charges_guard_anticipo();
"""

#: Whoever undoes the slip undoes what it says.
UNDONE = """
CREATE FUNCTION charges_undo_anticipo() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE charges_anticipoapplication SET active = false WHERE slip_id = NEW.slip_id AND active;
    RETURN NULL;
END $$;
CREATE TRIGGER charges_undo_anticipo AFTER INSERT ON charges_slipvoid
    FOR EACH ROW EXECUTE FUNCTION charges_undo_anticipo();
"""

#: At the commit: a slip is of a deposit with all of its payments or with none.
FORM = """
CREATE FUNCTION charges_check_anticipo_slip(wanted uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE by_deposit numeric; paid numeric;
BEGIN
    SELECT coalesce(sum(a.amount), 0) INTO by_deposit FROM charges_anticipoapplication a WHERE a.slip_id = wanted;
    SELECT coalesce(sum(p.amount), 0) INTO paid FROM charges_payment p
        WHERE p.slip_id = wanted AND p.forma_pago = '30';
    IF by_deposit IS DISTINCT FROM paid THEN
        RAISE EXCEPTION 'form 30 comes to % and deposits to %', paid, by_deposit
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'form_30_is_a_deposit';
    END IF;
END $$;
CREATE FUNCTION charges_anticipo_slip() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM charges_check_anticipo_slip(NEW.slip_id); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER form_30_is_a_deposit AFTER INSERT ON charges_payment
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.forma_pago = '30')
    EXECUTE FUNCTION charges_anticipo_slip();
CREATE CONSTRAINT TRIGGER form_30_is_a_deposit AFTER INSERT ON charges_anticipoapplication
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION charges_anticipo_slip();

CREATE FUNCTION charges_refuse_form_30() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what a deposit paid is not given back as money' USING ERRCODE = 'integrity_constraint_violation',
        CONSTRAINT = 'form_30_is_a_deposit';
END $$;
CREATE TRIGGER charges_refuse_form_30 BEFORE INSERT ON charges_refundpart
    FOR EACH ROW WHEN (NEW.forma_pago = '30') EXECUTE FUNCTION charges_refuse_form_30();
"""

#: And it keeps what it gave: with this the sum of what is applied never passes what was paid.
WITHIN = """
CREATE FUNCTION charges_anticipo_within() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE deposit charges_charge; applied numeric;
BEGIN
    IF TG_TABLE_NAME = 'charges_charge' THEN deposit := NEW;
    ELSE SELECT c.* INTO deposit FROM charges_charge c WHERE c.id = NEW.deposit_id; END IF;
    SELECT coalesce(sum(a.amount), 0) INTO applied
        FROM charges_anticipoapplication a WHERE a.deposit_id = deposit.id AND a.active;
    IF applied > deposit.paid THEN
        RAISE EXCEPTION 'applied % of a deposit of %', applied, deposit.paid
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'anticipo_within_deposit';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER charges_anticipo_within AFTER INSERT ON charges_anticipoapplication
    FOR EACH ROW EXECUTE FUNCTION charges_anticipo_within();
CREATE TRIGGER charges_anticipo_within AFTER UPDATE OF paid ON charges_charge
    FOR EACH ROW WHEN (NEW.kind = 'anticipo' AND NEW.paid < OLD.paid) EXECUTE FUNCTION charges_anticipo_within();
"""


class Migration(migrations.Migration):
    dependencies = [("charges", "0009_anticipos")]

    operations = [
        migrations.RunSQL(APPLICATION, "DROP FUNCTION charges_guard_anticipo() CASCADE"),
        migrations.RunSQL(UNDONE, "DROP FUNCTION charges_undo_anticipo() CASCADE"),
        migrations.RunSQL(
            FORM,
            "DROP FUNCTION charges_anticipo_slip() CASCADE; DROP FUNCTION charges_refuse_form_30() CASCADE;"
            "DROP FUNCTION charges_check_anticipo_slip(uuid)",
        ),
        migrations.RunSQL(WITHIN, "DROP FUNCTION charges_anticipo_within() CASCADE"),
    ]

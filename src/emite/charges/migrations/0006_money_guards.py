"""What code must not be trusted with: money that adds up, cortes that stay closed, corrections that are rows."""

from django.db import migrations

INSERT_ONLY = (
    "payment", "slipvoid", "refund", "refundline", "refundpart", "cashmovement", "sessioncount",
)  # fmt: skip

REFUSE = """
CREATE FUNCTION charges_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""

#: Of a slip only the count of its prints moves.
SLIP = """
CREATE FUNCTION charges_guard_slip() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR to_jsonb(NEW) - 'prints' IS DISTINCT FROM to_jsonb(OLD) - 'prints' THEN
        RAISE EXCEPTION 'a slip is never changed' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER charges_guard_slip BEFORE UPDATE OR DELETE ON charges_paymentslip
    FOR EACH ROW EXECUTE FUNCTION charges_guard_slip();
"""

#: A session is opened, then closed once.
SESSION = """
CREATE FUNCTION charges_guard_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.closed_at IS NOT NULL
        OR (NEW.register_id, NEW.organization_id, NEW.number, NEW.fund, NEW.opened_at, NEW.opened_by_id)
           IS DISTINCT FROM
           (OLD.register_id, OLD.organization_id, OLD.number, OLD.fund, OLD.opened_at, OLD.opened_by_id) THEN
        RAISE EXCEPTION 'a session is only closed, once' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER charges_guard_session BEFORE UPDATE OR DELETE ON charges_registersession
    FOR EACH ROW EXECUTE FUNCTION charges_guard_session();

CREATE FUNCTION charges_guard_opening() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM charges_cashregister
        WHERE id = NEW.register_id AND organization_id = NEW.organization_id AND active AND NOT web_invoicing;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this register takes no money' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER charges_guard_opening BEFORE INSERT ON charges_registersession
    FOR EACH ROW EXECUTE FUNCTION charges_guard_opening();
"""

#: What enters a session holds it open until the commit: a closing waits for it, and then counts it.
ENTRY = """
CREATE FUNCTION charges_guard_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE closed timestamptz;
BEGIN
    IF NEW.session_id IS NULL THEN RETURN NEW; END IF;
    SELECT s.closed_at INTO closed FROM charges_registersession s
        WHERE s.id = NEW.session_id AND s.organization_id = NEW.organization_id FOR SHARE;
    IF NOT FOUND OR closed IS NOT NULL THEN
        RAISE EXCEPTION 'the session is closed' USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'session_is_open';
    END IF;
    RETURN NEW;
END $$;
"""
ENTERS = ("paymentslip", "slipvoid", "refund", "cashmovement")

#: A charge that a document invoices, or asks to, keeps its amounts; it may only be paid further.
CHARGE = """
CREATE FUNCTION charges_guard_charge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.paid < OLD.paid
        OR (NEW.total, NEW.sub_total, NEW.discount, NEW.tax, NEW.state)
           IS DISTINCT FROM (OLD.total, OLD.sub_total, OLD.discount, OLD.tax, OLD.state))
        AND EXISTS (SELECT 1 FROM charges_allocation a WHERE a.charge_id = NEW.id AND a.active) THEN
        RAISE EXCEPTION 'a live document invoices this charge' USING ERRCODE = 'integrity_constraint_violation',
            CONSTRAINT = 'charge_is_free';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER charges_guard_charge BEFORE UPDATE OF paid, total, sub_total, discount, tax, state ON charges_charge
    FOR EACH ROW EXECUTE FUNCTION charges_guard_charge();

CREATE FUNCTION charges_guard_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.quantity > OLD.quantity
        OR to_jsonb(NEW) - '{quantity,discount,amount}'::text[]
           IS DISTINCT FROM to_jsonb(OLD) - '{quantity,discount,amount}'::text[]
        OR EXISTS (SELECT 1 FROM charges_allocation a WHERE a.charge_id = NEW.charge_id AND a.active) THEN
        RAISE EXCEPTION 'a line only gives back, while no document invoices it'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'charge_is_free';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER charges_guard_line BEFORE UPDATE OR DELETE ON charges_chargeline
    FOR EACH ROW EXECUTE FUNCTION charges_guard_line();
"""

#: At the commit: what a charge says was paid is its payments, less those undone, less what was given back; in each
#: form of payment no more was given back than was paid.
BALANCE = """
CREATE FUNCTION charges_net_by_form(charge uuid) RETURNS TABLE (forma_pago varchar, net numeric)
LANGUAGE sql STABLE AS $$
    SELECT m.forma_pago, sum(m.amount) FROM (
        SELECT p.forma_pago, p.amount FROM charges_payment p
        WHERE p.charge_id = charge AND NOT EXISTS (SELECT 1 FROM charges_slipvoid v WHERE v.slip_id = p.slip_id)
        UNION ALL
        SELECT r.forma_pago, -r.amount FROM charges_refund d JOIN charges_refundpart r ON r.refund_id = d.id
        WHERE d.charge_id = charge) m
    GROUP BY m.forma_pago
$$;

CREATE FUNCTION charges_check_balance(wanted uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE said numeric; summed numeric; least numeric;
BEGIN
    SELECT c.paid INTO said FROM charges_charge c WHERE c.id = wanted;
    SELECT coalesce(sum(net), 0), coalesce(min(net), 0) INTO summed, least FROM charges_net_by_form(wanted);
    IF said IS DISTINCT FROM summed OR least < 0 THEN
        RAISE EXCEPTION 'paid % is not what came in less what went out: %, least form %', said, summed, least
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'charge_paid_adds_up';
    END IF;
END $$;

CREATE FUNCTION charges_balance_of_charge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM charges_check_balance(NEW.id); RETURN NULL; END $$;
CREATE FUNCTION charges_balance_of_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM charges_check_balance(NEW.charge_id); RETURN NULL; END $$;
CREATE FUNCTION charges_balance_of_void() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM charges_check_balance((SELECT s.charge_id FROM charges_paymentslip s WHERE s.id = NEW.slip_id));
    RETURN NULL;
END $$;
CREATE FUNCTION charges_balance_of_part() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM charges_check_balance((SELECT d.charge_id FROM charges_refund d WHERE d.id = NEW.refund_id));
    PERFORM 1 FROM charges_refund d WHERE d.id = NEW.refund_id
        AND d.amount = (SELECT sum(r.amount) FROM charges_refundpart r WHERE r.refund_id = d.id);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the parts of a refund are not its amount'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'refund_parts_add_up';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER charge_paid_adds_up AFTER UPDATE OF paid ON charges_charge
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.paid IS DISTINCT FROM NEW.paid)
    EXECUTE FUNCTION charges_balance_of_charge();
CREATE CONSTRAINT TRIGGER charge_paid_adds_up AFTER INSERT ON charges_payment
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION charges_balance_of_row();
CREATE CONSTRAINT TRIGGER charge_paid_adds_up AFTER INSERT ON charges_slipvoid
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION charges_balance_of_void();
CREATE CONSTRAINT TRIGGER charge_paid_adds_up AFTER INSERT ON charges_refundpart
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION charges_balance_of_part();
"""


def each(tables, name, function, events="UPDATE OR DELETE"):
    return [
        migrations.RunSQL(
            f"CREATE TRIGGER {name} BEFORE {events} ON charges_{table} FOR EACH ROW EXECUTE FUNCTION {function}()",
            f"DROP TRIGGER {name} ON charges_{table}",
        )
        for table in tables
    ]


class Migration(migrations.Migration):
    dependencies = [("charges", "0005_registers_and_refunds")]

    operations = [
        migrations.RunSQL(REFUSE, "DROP FUNCTION charges_refuse_change() CASCADE"),
        *each(INSERT_ONLY, "insert_only", "charges_refuse_change"),
        migrations.RunSQL(SLIP, "DROP FUNCTION charges_guard_slip() CASCADE"),
        migrations.RunSQL(
            SESSION, "DROP FUNCTION charges_guard_session() CASCADE; DROP FUNCTION charges_guard_opening() CASCADE"
        ),
        migrations.RunSQL(ENTRY, "DROP FUNCTION charges_guard_entry() CASCADE"),
        *each(ENTERS, "session_is_open", "charges_guard_entry", "INSERT"),
        migrations.RunSQL(
            CHARGE, "DROP FUNCTION charges_guard_charge() CASCADE; DROP FUNCTION charges_guard_line() CASCADE"
        ),
        migrations.RunSQL(
            BALANCE,
            "DROP FUNCTION charges_balance_of_charge() CASCADE; DROP FUNCTION charges_balance_of_row() CASCADE;"
            "DROP FUNCTION charges_balance_of_void() CASCADE; DROP FUNCTION charges_balance_of_part() CASCADE;"
            "DROP FUNCTION charges_check_balance(uuid); DROP FUNCTION charges_net_by_form(uuid)",
        ),
    ]

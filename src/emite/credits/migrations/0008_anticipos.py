"""The egreso that applies a deposit; and a deposit is never credited what it gave to an account."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

#: Of a deposit, what was applied and what was credited are together no more than was paid.
NOTES = """
CREATE FUNCTION credits_anticipo_within(wanted uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE had numeric; applied numeric; credited numeric;
BEGIN
    SELECT c.paid INTO had FROM charges_charge c WHERE c.id = wanted AND c.kind = 'anticipo' FOR NO KEY UPDATE;
    IF NOT FOUND THEN RETURN; END IF;
    SELECT coalesce(sum(a.amount), 0) INTO applied
        FROM charges_anticipoapplication a WHERE a.deposit_id = wanted AND a.active;
    SELECT coalesce(sum(n.total), 0) INTO credited FROM credits_creditnote n
        JOIN charges_allocation a ON a.charge_id = n.charge_id AND a.document_id = n.original_id AND a.active
        WHERE n.charge_id = wanted AND n.active AND n.reason <> 'late';
    IF applied > 0 AND applied + credited > had THEN
        RAISE EXCEPTION 'applied % and credited % of a deposit of %', applied, credited, had
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'anticipo_within_deposit';
    END IF;
END $$;

CREATE FUNCTION credits_check_application() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM credits_anticipo_within(NEW.deposit_id); RETURN NULL; END $$;
CREATE TRIGGER credits_check_application AFTER INSERT ON charges_anticipoapplication
    FOR EACH ROW EXECUTE FUNCTION credits_check_application();

CREATE FUNCTION credits_check_anticipo() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.application_id IS NULL THEN
        PERFORM credits_anticipo_within(NEW.charge_id);
        RETURN NULL;
    END IF;
    PERFORM 1 FROM charges_anticipoapplication a
        WHERE a.id = NEW.application_id AND a.organization_id = NEW.organization_id AND a.active
          AND a.account_id = NEW.charge_id AND a.amount = NEW.total;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the egreso is not of what was applied' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER credits_check_anticipo AFTER INSERT ON credits_creditnote
    FOR EACH ROW EXECUTE FUNCTION credits_check_anticipo();
"""


class Migration(migrations.Migration):
    dependencies = [("credits", "0007_on_insurers_invoices"), ("charges", "0010_anticipo_guards")]

    operations = [
        migrations.AddField(
            "creditnote",
            "application",
            models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="notes",
                to="charges.anticipoapplication",
            ),
        ),
        migrations.AlterField(
            "creditnote",
            "reason",
            models.CharField(
                choices=[
                    ("devolucion", "Devolución"),
                    ("descuento", "Descuento"),
                    ("bonificacion", "Bonificación"),
                    ("glosa", "Glosa"),
                    ("late", "Sale de la global para facturarse a su cliente"),
                    ("anticipo", "Aplicación de anticipo"),
                ],
                max_length=12,
                verbose_name="motivo",
            ),
        ),
        AddConstraintNotValid(
            "creditnote",
            models.CheckConstraint(
                condition=models.Q(
                    models.Q(("application__isnull", False), ("reason", "anticipo")),
                    models.Q(models.Q(("reason", "anticipo"), _negated=True), ("application__isnull", True)),
                    _connector="OR",
                ),
                name="credit_note_of_an_application",
            ),
        ),
        migrations.RunSQL(
            NOTES,
            "DROP FUNCTION credits_check_application() CASCADE; DROP FUNCTION credits_check_anticipo() CASCADE;"
            "DROP FUNCTION credits_anticipo_within(uuid)",
        ),
    ]

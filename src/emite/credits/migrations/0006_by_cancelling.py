"""A charge may leave a factura global because that one is cancelled (motivo 04), and not only by an egreso."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

LATE = """
CREATE OR REPLACE FUNCTION credits_guard_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a late request is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state IS DISTINCT FROM OLD.state AND NOT (OLD.state || '>' || NEW.state = ANY (ARRAY[
        'cancelling>crediting', 'cancelling>issuing', 'cancelling>waiting', 'cancelling>failed',
        'crediting>issuing', 'crediting>waiting', 'crediting>failed', 'crediting>returned',
        'issuing>done', 'issuing>waiting',
        'waiting>done', 'waiting>returned'])) THEN
        RAISE EXCEPTION 'illegal move % > %', OLD.state, NEW.state USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.note_id IS NULL AND NEW.note_id IS NOT NULL AND NEW.state <> 'crediting' THEN
        RAISE EXCEPTION 'an egreso is for a charge that leaves by it' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.organization_id, NEW.charge_id, NEW.original_id, NEW.receptor, NEW.asked_by_id)
        IS DISTINCT FROM (OLD.organization_id, OLD.charge_id, OLD.original_id, OLD.receptor, OLD.asked_by_id)
        OR (OLD.note_id IS NOT NULL AND NEW.note_id IS DISTINCT FROM OLD.note_id) THEN
        RAISE EXCEPTION 'a fact of the late request would change' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('charges', '0007_found_by_index'),
        ('credits', '0005_channels'),
        ('documents', '0006_folio_of_what_came_to_nothing'),
        ('organizations', '0006_late_road'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='laterequest',
            name='late_request_one_open_per_charge',
        ),
        migrations.RemoveConstraint(
            model_name='laterequest',
            name='late_request_end_has_date',
        ),
        migrations.RemoveIndex(
            model_name='laterequest',
            name='late_request_due',
        ),
        migrations.AlterField(
            model_name='laterequest',
            name='note',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='late_request', to='credits.creditnote'),
        ),
        migrations.AlterField(
            model_name='laterequest',
            name='state',
            field=models.CharField(choices=[('cancelling', 'Se cancela la factura global'), ('crediting', 'Se saca de la factura global'), ('issuing', 'Se timbra la factura de su cliente'), ('waiting', 'Espera datos fiscales corregidos'), ('done', 'Facturada a su cliente'), ('failed', 'No se pudo sacar de la global: nada cambió'), ('returned', 'Volvió a una factura global')], default='crediting', max_length=10),
        ),
        migrations.AddIndex(
            model_name='laterequest',
            index=models.Index(condition=models.Q(('state__in', ('cancelling', 'crediting', 'issuing', 'waiting'))), fields=['next_at'], name='late_request_due'),
        ),
        migrations.AddConstraint(
            model_name='laterequest',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('cancelling', 'crediting', 'issuing', 'waiting'))), fields=('charge',), name='late_request_one_open_per_charge'),
        ),
        migrations.AddConstraint(
            model_name='laterequest',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state__in', ('cancelling', 'crediting', 'issuing', 'waiting'))), models.Q(models.Q(('state__in', ('cancelling', 'crediting', 'issuing', 'waiting')), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='late_request_end_has_date'),
        ),
        migrations.AddConstraint(
            model_name='laterequest',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'crediting'), _negated=True), ('note__isnull', False), _connector='OR'), name='late_request_has_its_note'),
        ),
        migrations.RunSQL(LATE, migrations.RunSQL.noop),
    ]

"""Facturas globales that are cancelled with motivo 04 and issued again, and what may never happen to them."""

import django.db.models.deletion
import emite.database.ids
from django.conf import settings
from django.db import migrations, models

GUARD = """
CREATE FUNCTION cancellations_guard_rebuild() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a rebuilt global is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state IS DISTINCT FROM OLD.state AND NOT (OLD.state || '>' || NEW.state = ANY (ARRAY[
        'cancelling>stamping', 'cancelling>stopped', 'cancelling>done', 'cancelling>failed',
        'stamping>done', 'stamping>stopped', 'stopped>stamping', 'stopped>done'])) THEN
        RAISE EXCEPTION 'illegal move % > %', OLD.state, NEW.state USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.organization_id, NEW.original_id, NEW.request_id, NEW.asked_by_id)
        IS DISTINCT FROM (OLD.organization_id, OLD.original_id, OLD.request_id, OLD.asked_by_id)
        OR (NEW.rebuilt_id IS DISTINCT FROM OLD.rebuilt_id AND NEW.state <> 'stamping') THEN
        RAISE EXCEPTION 'a fact of the rebuilt global would change' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER cancellations_guard BEFORE UPDATE OR DELETE ON cancellations_globalrebuild
    FOR EACH ROW EXECUTE FUNCTION cancellations_guard_rebuild();

CREATE FUNCTION cancellations_guard_handed_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM cancellations_globalrebuild g WHERE g.original_id = NEW.id AND g.state = 'cancelling')
        OR EXISTS (SELECT 1 FROM credits_laterequest l WHERE l.original_id = NEW.id AND l.state = 'cancelling') THEN
        RAISE EXCEPTION 'a cancelled global hands on its charges at once'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER cancellations_guard_handed_on AFTER UPDATE OF state ON documents_fiscaldocument
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.state = 'cancelled' AND OLD.state <> 'cancelled')
    EXECUTE FUNCTION cancellations_guard_handed_on();
"""
UNGUARD = """
DROP FUNCTION cancellations_guard_rebuild() CASCADE;
DROP FUNCTION cancellations_guard_handed_on() CASCADE;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('cancellations', '0003_doubt_and_ending'),
        ('credits', '0006_by_cancelling'),
        ('documents', '0006_folio_of_what_came_to_nothing'),
        ('organizations', '0006_late_road'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='GlobalRebuild',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('cancelling', 'Se cancela la factura global'), ('stamping', 'Se timbra la que la sustituye'), ('stopped', 'La que la sustituye no se timbró'), ('done', 'Emitida otra vez'), ('failed', 'No se pudo cancelar: nada cambió')], default='cancelling', max_length=10)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('asked_at', models.DateTimeField()),
                ('next_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('last_code', models.CharField(blank=True, max_length=20)),
                ('last_text', models.TextField(blank=True)),
                ('asked_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('original', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rebuilds', to='documents.fiscaldocument')),
                ('rebuilt', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='rebuild_of', to='documents.fiscaldocument')),
                ('request', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='rebuild', to='cancellations.cancellationrequest')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state__in', ('cancelling', 'stamping', 'stopped'))), fields=['next_at'], name='rebuild_due')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ('cancelling', 'stamping', 'stopped'))), fields=('original',), name='rebuild_one_open_per_global'), models.CheckConstraint(condition=models.Q(('original', models.F('rebuilt')), _negated=True), name='rebuild_is_another'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'stamping'), _negated=True), ('rebuilt__isnull', False), _connector='OR'), name='rebuild_stamps_a_document'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state__in', ('cancelling', 'stamping', 'stopped'))), models.Q(('finished_at__isnull', False), ('state__in', ('done', 'failed'))), _connector='OR'), name='rebuild_end_has_date')],
            },
        ),
        migrations.RunSQL(GUARD, UNGUARD),
    ]

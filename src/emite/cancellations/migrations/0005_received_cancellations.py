"""Cancellations that others ask for of what our taxpayers received, and what may never happen to them."""

import django.db.models.deletion
import emite.database.ids
from django.conf import settings
from django.db import migrations, models

GUARD = """
CREATE FUNCTION cancellations_guard_received() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a received cancellation is never deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state IS DISTINCT FROM OLD.state AND NOT (OLD.state || '>' || NEW.state = ANY (ARRAY[
        'pending>answering', 'pending>expired', 'pending>gone',
        'answering>pending', 'answering>accepted', 'answering>rejected', 'answering>gone', 'answering>expired'])) THEN
        RAISE EXCEPTION 'illegal move % > %', OLD.state, NEW.state USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.organization_id, NEW.issuer_id, NEW.uuid, NEW.first_seen_at, NEW.due)
        IS DISTINCT FROM (OLD.organization_id, OLD.issuer_id, OLD.uuid, OLD.first_seen_at, OLD.due)
        OR (OLD.state <> 'pending' AND NEW.answer <> OLD.answer) THEN
        RAISE EXCEPTION 'a fact of the received cancellation would change'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state IN ('accepted', 'rejected') AND NOT EXISTS (SELECT 1 FROM cancellations_answeracuse a
        WHERE a.request_id = NEW.id) THEN
        RAISE EXCEPTION 'only what SAT acknowledged is answered' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER cancellations_guard BEFORE UPDATE OR DELETE ON cancellations_receivedcancellation
    FOR EACH ROW EXECUTE FUNCTION cancellations_guard_received();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON cancellations_signedanswer
    FOR EACH ROW EXECUTE FUNCTION cancellations_refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON cancellations_answeracuse
    FOR EACH ROW EXECUTE FUNCTION cancellations_refuse_change();
"""
UNGUARD = """
DROP FUNCTION cancellations_guard_received() CASCADE;
DROP TRIGGER insert_only ON cancellations_signedanswer;
DROP TRIGGER insert_only ON cancellations_answeracuse;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('cancellations', '0004_rebuilt_globals'),
        ('issuers', '0006_pac_pace'),
        ('organizations', '0006_late_road'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ReceivedCancellation',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('uuid', models.UUIDField(verbose_name='folio fiscal')),
                ('state', models.CharField(choices=[('pending', 'Por contestar'), ('answering', 'Se entrega la respuesta'), ('accepted', 'Aceptada'), ('rejected', 'Rechazada'), ('expired', 'Vencida: el silencio la aceptó'), ('gone', 'Ya no espera respuesta')], default='pending', max_length=10)),
                ('first_seen_at', models.DateTimeField()),
                ('seen_at', models.DateTimeField()),
                ('due', models.DateField()),
                ('answer', models.CharField(blank=True, choices=[('Aceptacion', 'Aceptacion'), ('Rechazo', 'Rechazo')], max_length=10)),
                ('answered_at', models.DateTimeField(blank=True, null=True)),
                ('reason', models.CharField(blank=True, max_length=200, verbose_name='motivo')),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('doubted_at', models.DateTimeField(blank=True, null=True)),
                ('lease_owner', models.CharField(blank=True, max_length=64)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('next_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('last_code', models.CharField(blank=True, max_length=20)),
                ('last_text', models.CharField(blank=True, max_length=500)),
                ('answered_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('issuer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='issuers.issuer')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
            ],
        ),
        migrations.CreateModel(
            name='AnswerAcuse',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('code', models.CharField(max_length=10)),
                ('is_sats', models.BooleanField()),
                ('content', models.BinaryField()),
                ('sha256', models.BinaryField(max_length=32)),
                ('stored_at', models.DateTimeField()),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('request', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='acuses', to='cancellations.receivedcancellation')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='SignedAnswer',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('answer', models.CharField(max_length=10)),
                ('xml', models.BinaryField()),
                ('sha256', models.BinaryField(max_length=32)),
                ('signed_at', models.DateTimeField()),
                ('csd', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='issuers.storedcsd')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('request', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='signed', to='cancellations.receivedcancellation')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='PendingList',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('asked_at', models.DateTimeField(blank=True, null=True)),
                ('told_at', models.DateTimeField(blank=True, null=True)),
                ('next_at', models.DateTimeField()),
                ('last_text', models.CharField(blank=True, max_length=300)),
                ('issuer', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='issuers.issuer')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
            ],
            options={
                'indexes': [models.Index(fields=['next_at'], name='pending_list_due')],
            },
        ),
        migrations.AddIndex(
            model_name='receivedcancellation',
            index=models.Index(condition=models.Q(('finished_at', None)), fields=['organization', 'due'], name='received_open'),
        ),
        migrations.AddIndex(
            model_name='receivedcancellation',
            index=models.Index(condition=models.Q(('state', 'answering')), fields=['next_at'], name='received_due'),
        ),
        migrations.AddConstraint(
            model_name='receivedcancellation',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('pending', 'answering'))), fields=('issuer', 'uuid'), name='received_one_open'),
        ),
        migrations.AddConstraint(
            model_name='receivedcancellation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ('answering', 'accepted', 'rejected')), _negated=True), models.Q(models.Q(('answer', ''), _negated=True), ('answered_at__isnull', False), ('answered_by__isnull', False)), _connector='OR'), name='received_answer_by_somebody'),
        ),
        migrations.AddConstraint(
            model_name='receivedcancellation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('next_at__isnull', False), ('state', 'answering')), models.Q(models.Q(('state', 'answering'), _negated=True), ('next_at', None)), _connector='OR'), name='received_due_iff_answering'),
        ),
        migrations.AddConstraint(
            model_name='receivedcancellation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('finished_at', None), ('state__in', ('pending', 'answering'))), models.Q(models.Q(('state__in', ('pending', 'answering')), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='received_finished_has_date'),
        ),
        migrations.RunSQL(GUARD, UNGUARD),
    ]

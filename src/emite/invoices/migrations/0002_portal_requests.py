"""What patients could not finish; and a charge is freed only of a document that cannot be a live CFDI any more."""

import django.db.models.deletion
import emite.database.ids
from django.conf import settings
from django.db import migrations, models

_GUARD = """
CREATE FUNCTION allocation_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.active AND NOT EXISTS (
        SELECT 1 FROM documents_fiscaldocument d
        WHERE d.id = OLD.document_id AND d.state IN ('rejected', 'void', 'cancelled')) THEN
        RAISE EXCEPTION 'a charge is not freed of a document that is or may be stamped'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER allocation_freed BEFORE UPDATE OF active ON charges_allocation
    FOR EACH ROW WHEN (OLD.active AND NOT NEW.active) EXECUTE FUNCTION allocation_guard();
CREATE TRIGGER allocation_kept BEFORE DELETE ON charges_allocation
    FOR EACH ROW EXECUTE FUNCTION allocation_guard();
"""
_NO_GUARD = """
DROP TRIGGER allocation_kept ON charges_allocation;
DROP TRIGGER allocation_freed ON charges_allocation;
DROP FUNCTION allocation_guard();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('charges', '0004_paid_at'),
        ('documents', '0004_a_way_out'),
        ('invoices', '0001_initial'),
        ('organizations', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='PortalRequest',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('why', models.CharField(choices=[('expired', 'Pasó el plazo en línea'), ('off', 'El portal está apagado'), ('in_global', 'Está en la factura global'), ('refused', 'El SAT rechazó los datos')], max_length=10)),
                ('receptor', models.JSONField(default=dict)),
                ('phone', models.CharField(blank=True, max_length=20, verbose_name='teléfono')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='correo')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='nota')),
                ('asked_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('ending', models.CharField(blank=True, choices=[('stamped', 'Se facturó'), ('person', 'La cerró una persona')], max_length=8)),
                ('closing_reason', models.CharField(blank=True, max_length=200, verbose_name='motivo')),
                ('charge', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='requests', to='charges.charge')),
                ('closed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('document', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='documents.fiscaldocument')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('closed_at', None)), fields=['organization', 'asked_at'], name='portal_request_open')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('closed_at', None)), fields=('charge',), name='portal_request_one_open_per_charge'), models.UniqueConstraint(condition=models.Q(('document__isnull', False)), fields=('document',), name='portal_request_one_per_document'), models.CheckConstraint(condition=models.Q(('document__isnull', False), models.Q(('email', ''), ('phone', ''), _negated=True), _connector='OR'), name='portal_request_can_be_answered'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at', None), ('closed_by', None), ('ending', '')), models.Q(('closed_at__isnull', False), ('closed_by', None), ('ending', 'stamped')), models.Q(('closed_at__isnull', False), ('closed_by__isnull', False), ('ending', 'person'), models.Q(('closing_reason', ''), _negated=True)), _connector='OR'), name='portal_request_ends_with_a_reason')],
            },
        ),
        migrations.RunSQL(_GUARD, _NO_GUARD),
    ]

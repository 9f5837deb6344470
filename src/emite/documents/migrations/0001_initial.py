"""First tables."""

import django.db.models.deletion
import emite.database.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('issuers', '0001_initial'),
        ('organizations', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='FiscalDocument',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('I', 'Ingreso'), ('E', 'Egreso'), ('P', 'Pago')], max_length=1)),
                ('channel', models.CharField(choices=[('portal', 'Portal'), ('desk', 'Caja')], max_length=10)),
                ('state', models.CharField(choices=[('draft', 'Borrador'), ('sealed', 'Sellada'), ('sending', 'Enviándose al PAC'), ('unknown', 'En duda: se consulta al PAC'), ('held', 'Detenida: la revisa una persona'), ('stamped', 'Timbrada'), ('rejected', 'Rechazada'), ('cancelled', 'Cancelada'), ('void', 'Descartada')], default='draft', max_length=10)),
                ('content', models.JSONField()),
                ('receptor_rfc', models.CharField(max_length=13)),
                ('total', models.DecimalField(decimal_places=2, max_digits=18)),
                ('idempotency_key', models.CharField(max_length=64)),
                ('created_at', models.DateTimeField()),
                ('seal_rev', models.PositiveSmallIntegerField(default=0)),
                ('serie', models.CharField(blank=True, max_length=25, null=True)),
                ('folio', models.CharField(blank=True, max_length=40, null=True)),
                ('sealed_at', models.DateTimeField(blank=True, null=True)),
                ('lease_owner', models.CharField(blank=True, max_length=64)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('next_at', models.DateTimeField(blank=True, null=True)),
                ('first_sent_at', models.DateTimeField(blank=True, null=True)),
                ('last_sent_at', models.DateTimeField(blank=True, null=True)),
                ('in_doubt', models.BooleanField(default=False)),
                ('not_found', models.PositiveSmallIntegerField(default=0)),
                ('lookups', models.PositiveIntegerField(default=0)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('uuid', models.UUIDField(blank=True, null=True, unique=True, verbose_name='folio fiscal')),
                ('stamped_at', models.DateTimeField(blank=True, null=True)),
                ('last_code', models.CharField(blank=True, max_length=20)),
                ('last_text', models.TextField(blank=True)),
                ('issuer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='issuers.issuer')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('pac_account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='issuers.pacaccount')),
                ('series', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='issuers.series')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state__in', ('draft', 'sealed', 'sending', 'unknown', 'held'))), fields=['next_at'], name='document_due'), models.Index(fields=['organization', '-created_at'], name='document_by_date')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'sealed', 'sending', 'unknown', 'held', 'stamped', 'rejected', 'cancelled', 'void'])), name='document_state_known'), models.CheckConstraint(condition=models.Q(models.Q(('stamped_at__isnull', False), ('state__in', ('stamped', 'cancelled')), ('uuid__isnull', False)), models.Q(models.Q(('state__in', ('stamped', 'cancelled')), _negated=True), ('stamped_at__isnull', True), ('uuid__isnull', True)), _connector='OR'), name='document_uuid_iff_stamped'), models.CheckConstraint(condition=models.Q(('state__in', ('draft', 'void', 'rejected')), models.Q(('folio__isnull', False), ('seal_rev__gte', 1)), _connector='OR'), name='document_sealed_has_folio'), models.CheckConstraint(condition=models.Q(('total__gte', 0)), name='document_total_not_negative'), models.UniqueConstraint(condition=models.Q(('folio__isnull', False)), fields=('organization', 'issuer', 'serie', 'folio'), name='document_one_per_folio'), models.UniqueConstraint(fields=('organization', 'idempotency_key'), name='document_one_per_key')],
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('address', models.EmailField(max_length=254)),
                ('state', models.CharField(choices=[('pending', 'Por enviar'), ('sent', 'Enviado'), ('failed', 'No se pudo enviar')], default='pending', max_length=8)),
                ('requested_at', models.DateTimeField()),
                ('next_at', models.DateTimeField(blank=True, null=True)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('last_error', models.CharField(blank=True, max_length=200)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('document', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='documents.fiscaldocument')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'pending')), fields=['next_at'], name='delivery_due')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'pending')), fields=('organization', 'document', 'address'), name='delivery_one_pending_per_address')],
            },
        ),
        migrations.CreateModel(
            name='SealedXml',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('seal_rev', models.PositiveSmallIntegerField()),
                ('xml', models.BinaryField()),
                ('sha256', models.BinaryField(max_length=32)),
                ('fecha', models.DateTimeField()),
                ('csd', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='issuers.storedcsd')),
                ('document', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sealed', to='documents.fiscaldocument')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'document', 'seal_rev'), name='sealed_one_per_revision')],
            },
        ),
        migrations.CreateModel(
            name='StampAttempt',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('document_id', models.UUIDField()),
                ('seal_rev', models.PositiveSmallIntegerField()),
                ('number', models.PositiveIntegerField()),
                ('phase', models.CharField(choices=[('sent', 'Se envía'), ('answered', 'Respuesta')], max_length=10)),
                ('operation', models.CharField(choices=[('stamp', 'Timbrar'), ('lookup', 'Consultar')], max_length=10)),
                ('pac_account_id', models.UUIDField()),
                ('at', models.DateTimeField()),
                ('outcome', models.CharField(blank=True, max_length=20)),
                ('http', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('code', models.CharField(blank=True, max_length=20)),
                ('elapsed_ms', models.PositiveIntegerField(blank=True, null=True)),
                ('raw', models.BinaryField(blank=True, null=True)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'document_id', 'number', 'phase'), name='attempt_one_per_phase')],
            },
        ),
        migrations.CreateModel(
            name='StampedXml',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('document_id', models.UUIDField()),
                ('uuid', models.UUIDField(unique=True)),
                ('xml', models.BinaryField()),
                ('sha256', models.BinaryField(max_length=32)),
                ('stored_at', models.DateTimeField()),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'document_id'), name='stamped_one_per_document')],
            },
        ),
        migrations.CreateModel(
            name='DocumentEvent',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('document_id', models.UUIDField()),
                ('at', models.DateTimeField()),
                ('what', models.CharField(max_length=20)),
                ('who', models.CharField(blank=True, max_length=120)),
                ('detail', models.JSONField(default=dict)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
            ],
            options={
                'indexes': [models.Index(fields=['organization', 'document_id', 'at'], name='event_by_document')],
            },
        ),
    ]

"""First tables."""

import django.db.models.deletion
import emite.database.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('organizations', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Issuer',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('rfc', models.CharField(max_length=13, verbose_name='RFC')),
                ('nombre', models.CharField(max_length=300, verbose_name='nombre o razón social')),
                ('regimen_fiscal', models.CharField(max_length=3, verbose_name='régimen fiscal')),
                ('postal_code', models.CharField(max_length=5, verbose_name='CP del domicilio fiscal')),
                ('lugar_expedicion', models.CharField(max_length=5, verbose_name='CP del lugar de expedición')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'rfc'), name='issuer_one_per_rfc')],
            },
        ),
        migrations.CreateModel(
            name='PacAccount',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('provider', models.CharField(max_length=20)),
                ('base_url', models.CharField(max_length=200)),
                ('user', models.CharField(max_length=120)),
                ('sealed_password', models.BinaryField()),
                ('dedup', models.CharField(blank=True, max_length=10)),
                ('visible_after', models.DurationField(blank=True, null=True)),
                ('max_processing', models.DurationField(blank=True, null=True)),
                ('active', models.BooleanField(default=True)),
                ('failures', models.PositiveIntegerField(default=0)),
                ('open_until', models.DateTimeField(blank=True, null=True)),
                ('clock_offset_ms', models.IntegerField(default=0)),
                ('issuer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pac_accounts', to='issuers.issuer')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('active', True)), fields=('organization', 'issuer'), name='pac_account_one_active')],
            },
        ),
        migrations.CreateModel(
            name='Series',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=25, verbose_name='serie')),
                ('next_folio', models.PositiveBigIntegerField(default=1)),
                ('issuer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='series', to='issuers.issuer')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'issuer', 'name'), name='series_one_per_name')],
            },
        ),
        migrations.CreateModel(
            name='StoredCsd',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('no_certificado', models.CharField(max_length=20)),
                ('certificate', models.BinaryField()),
                ('sealed_key', models.BinaryField()),
                ('not_before', models.DateTimeField()),
                ('not_after', models.DateTimeField()),
                ('active', models.BooleanField(default=True)),
                ('uploaded_at', models.DateTimeField(auto_now_add=True)),
                ('retired_at', models.DateTimeField(blank=True, null=True)),
                ('issuer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='csds', to='issuers.issuer')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('active', True)), fields=('organization', 'issuer'), name='csd_one_active')],
            },
        ),
    ]

"""Activation, link and invitations; members leave instead of being deleted."""

import django.db.models.deletion
import emite.database.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('organizations', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='membership',
            name='deactivated_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='organization',
            name='owed_accounts',
            field=models.CharField(choices=[('wait', 'Mostrar cuánto falta: se factura al pagar el resto'), ('desk', 'Mandar al paciente a caja')], default='wait', max_length=8, verbose_name='cuentas sin pagar por completo'),
        ),
        migrations.AddField(
            model_name='organization',
            name='portal_text',
            field=models.CharField(blank=True, max_length=300, verbose_name='mensaje para el paciente'),
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('email', models.EmailField(max_length=254, verbose_name='correo electrónico')),
                ('role', models.CharField(choices=[('administrador', 'Administrador'), ('facturador', 'Facturador'), ('cajero', 'Cajero'), ('consulta', 'Consulta')], max_length=16, verbose_name='papel')),
                ('can_issue', models.BooleanField(default=False, verbose_name='puede emitir facturas')),
                ('token_hash', models.BinaryField(max_length=32)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('accepted_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('accepted_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('invited_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('token_hash',), name='invitation_one_per_token'), models.UniqueConstraint(condition=models.Q(('accepted_at__isnull', True), ('revoked_at__isnull', True)), fields=('organization', 'email'), name='invitation_one_open_per_address'), models.CheckConstraint(condition=models.Q(('accepted_at__isnull', True), ('revoked_at__isnull', True), _connector='OR'), name='invitation_accepted_or_revoked')],
            },
        ),
        migrations.CreateModel(
            name='PortalActivation',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('requested', 'Solicitada'), ('approved', 'Activa'), ('refused', 'Rechazada'), ('suspended', 'Suspendida')], default='requested', max_length=10)),
                ('asked_at', models.DateTimeField()),
                ('note', models.CharField(blank=True, max_length=500, verbose_name='mensaje para soporte')),
                ('decided_at', models.DateTimeField(null=True)),
                ('reason', models.CharField(blank=True, max_length=500, verbose_name='motivo')),
                ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ['requested', 'approved'])), fields=('organization',), name='activation_one_alive'), models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('state', 'requested')), models.Q(models.Q(('state', 'requested'), _negated=True), ('decided_at__isnull', False)), _connector='OR'), name='activation_decided_at'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['refused', 'suspended']), _negated=True), models.Q(('reason', ''), _negated=True), _connector='OR'), name='activation_refusal_says_why')],
            },
        ),
        migrations.CreateModel(
            name='PortalLink',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('linked_at', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(null=True)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('revoked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('revoked_at__isnull', True)), fields=('organization',), name='portal_link_one_alive')],
            },
        ),
    ]

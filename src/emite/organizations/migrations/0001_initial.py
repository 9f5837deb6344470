"""First tables."""

import django.core.validators
import django.db.models.deletion
import emite.database.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '__first__'),
    ]

    operations = [
        migrations.CreateModel(
            name='Organization',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('slug', models.SlugField(max_length=40, unique=True, verbose_name='identificador en el enlace')),
                ('name', models.CharField(max_length=120, verbose_name='nombre comercial')),
                ('kind', models.CharField(choices=[('hospital', 'Hospital'), ('practice', 'Consultorio'), ('insurer', 'Aseguradora'), ('administrator', 'Administradora')], max_length=16)),
                ('postal_code', models.CharField(max_length=5, verbose_name='código postal')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('portal_days', models.PositiveSmallIntegerField(blank=True, help_text='Días naturales después de emitir la remisión. Vacío: portal apagado. 0: el mismo día.', null=True, verbose_name='días para facturar en línea')),
                ('usos_offered', models.JSONField(blank=True, null=True, verbose_name='usos ofrecidos')),
                ('accent', models.CharField(default='#0b5c63', max_length=7, validators=[django.core.validators.RegexValidator('^#[0-9a-fA-F]{6}$')], verbose_name='color')),
                ('logo', models.BinaryField(blank=True, null=True)),
                ('logo_type', models.CharField(blank=True, max_length=16)),
                ('address', models.CharField(blank=True, max_length=200, verbose_name='domicilio')),
                ('support_phone', models.CharField(blank=True, max_length=40, verbose_name='teléfono de ayuda')),
                ('support_email', models.EmailField(blank=True, max_length=254, verbose_name='correo de ayuda')),
                ('support_hours', models.CharField(blank=True, max_length=120, verbose_name='horario de caja')),
                ('portal_user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='usuario facturador del portal')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('portal_days__isnull', True), ('portal_days__lte', 366), _connector='OR'), name='organization_portal_days_within_a_year')],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('role', models.CharField(choices=[('administrador', 'Administrador'), ('facturador', 'Facturador'), ('cajero', 'Cajero'), ('consulta', 'Consulta')], max_length=16)),
                ('can_issue', models.BooleanField(default=False, verbose_name='puede emitir facturas')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'user'), name='membership_one_per_person')],
            },
        ),
    ]

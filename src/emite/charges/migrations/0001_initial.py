"""First tables."""

import django.db.models.deletion
import django.db.models.expressions
import emite.database.ids
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '__first__'),
        ('documents', '0001_initial'),
        ('issuers', '0001_initial'),
        ('organizations', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='CashRegister',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=60, verbose_name='nombre')),
                ('web_invoicing', models.BooleanField(default=False, verbose_name='Facturación web')),
                ('active', models.BooleanField(default=True)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'name'), name='register_one_per_name'), models.UniqueConstraint(condition=models.Q(('active', True), ('web_invoicing', True)), fields=('organization',), name='register_one_for_web')],
            },
        ),
        migrations.CreateModel(
            name='Charge',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('remision', 'Remisión'), ('copago', 'Copago')], default='remision', max_length=10)),
                ('number', models.PositiveBigIntegerField(verbose_name='folio')),
                ('state', models.CharField(choices=[('open', 'Abierta'), ('void', 'Cancelada')], default='open', max_length=8)),
                ('issued_at', models.DateTimeField()),
                ('issued_on', models.DateField()),
                ('patient_name', models.CharField(blank=True, max_length=200, verbose_name='paciente')),
                ('sub_total', models.DecimalField(decimal_places=2, max_digits=18)),
                ('discount', models.DecimalField(decimal_places=2, max_digits=18)),
                ('tax', models.DecimalField(decimal_places=2, max_digits=18)),
                ('total', models.DecimalField(decimal_places=2, max_digits=18)),
                ('paid', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=18)),
                ('code_hash', models.BinaryField()),
                ('code_cipher', models.BinaryField()),
                ('code_revoked_at', models.DateTimeField(blank=True, null=True)),
                ('voided_at', models.DateTimeField(blank=True, null=True)),
                ('void_reason', models.CharField(blank=True, max_length=200)),
                ('prints', models.PositiveIntegerField(default=0)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('issuer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='issuers.issuer')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
            ],
            options={
                'indexes': [models.Index(fields=['organization', '-issued_at'], name='charge_by_date')],
                'constraints': [models.UniqueConstraint(fields=('organization', 'kind', 'number'), name='charge_one_per_number'), models.UniqueConstraint(fields=('organization', 'code_hash'), name='charge_one_per_code'), models.CheckConstraint(condition=models.Q(('discount__gte', 0), ('sub_total__gt', 0), ('tax__gte', 0), ('total__gt', 0)), name='charge_amounts_positive'), models.CheckConstraint(condition=models.Q(('total', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('sub_total'), '-', models.F('discount')), '+', models.F('tax')))), name='charge_total_adds_up'), models.CheckConstraint(condition=models.Q(('paid__gte', 0), ('paid__lte', models.F('total'))), name='charge_paid_within_total'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'void'), ('voided_at__isnull', False)), models.Q(('state', 'open'), ('voided_at__isnull', True)), _connector='OR'), name='charge_void_has_date')],
            },
        ),
        migrations.CreateModel(
            name='Allocation',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField()),
                ('released_at', models.DateTimeField(blank=True, null=True)),
                ('document', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='allocations', to='documents.fiscaldocument')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('register', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='charges.cashregister')),
                ('charge', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='allocations', to='charges.charge')),
            ],
            options={
                'indexes': [models.Index(fields=['organization', 'document'], name='allocation_by_document')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('active', True)), fields=('charge',), name='allocation_one_live_per_charge'), models.CheckConstraint(condition=models.Q(models.Q(('active', True), ('released_at__isnull', True)), models.Q(('active', False), ('released_at__isnull', False)), _connector='OR'), name='allocation_release_has_date')],
            },
        ),
        migrations.CreateModel(
            name='ChargeCounter',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=12)),
                ('next_number', models.PositiveBigIntegerField(default=1)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'name'), name='charge_counter_one_per_name')],
            },
        ),
        migrations.CreateModel(
            name='ChargeLine',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('position', models.PositiveSmallIntegerField()),
                ('code', models.CharField(blank=True, max_length=40)),
                ('description', models.CharField(max_length=1000)),
                ('clave_prod_serv', models.CharField(max_length=8)),
                ('clave_unidad', models.CharField(max_length=3)),
                ('treatment', models.CharField(choices=[('iva16', 'IVA 16 %'), ('iva8', 'IVA 8 % (frontera)'), ('iva0', 'IVA 0 %'), ('exento', 'Exento de IVA'), ('no_objeto', 'No objeto de impuesto')], max_length=10)),
                ('quantity', models.DecimalField(decimal_places=6, max_digits=18)),
                ('unit_price', models.DecimalField(decimal_places=6, max_digits=18)),
                ('discount', models.DecimalField(decimal_places=6, default=Decimal('0'), max_digits=18)),
                ('amount', models.DecimalField(decimal_places=6, max_digits=18)),
                ('charge', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='charges.charge')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
            ],
            options={
                'ordering': ['position'],
                'constraints': [models.UniqueConstraint(fields=('organization', 'charge', 'position'), name='charge_line_one_per_position'), models.CheckConstraint(condition=models.Q(('discount__gte', 0), ('quantity__gt', 0), ('unit_price__gt', 0)), name='charge_line_amounts_positive')],
            },
        ),
        migrations.CreateModel(
            name='PaymentSlip',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveBigIntegerField(verbose_name='folio')),
                ('paid_at', models.DateTimeField()),
                ('amount', models.DecimalField(decimal_places=2, max_digits=18)),
                ('cash_received', models.DecimalField(blank=True, decimal_places=2, max_digits=18, null=True)),
                ('prints', models.PositiveIntegerField(default=0)),
                ('idempotency_key', models.CharField(blank=True, max_length=64, null=True)),
                ('cashier', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('charge', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='slips', to='charges.charge')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('register', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='charges.cashregister')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'number'), name='slip_one_per_number'), models.UniqueConstraint(condition=models.Q(('idempotency_key__isnull', False)), fields=('organization', 'idempotency_key'), name='slip_one_per_key'), models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='slip_amount_positive')],
            },
        ),
        migrations.CreateModel(
            name='Payment',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('forma_pago', models.CharField(max_length=2)),
                ('amount', models.DecimalField(decimal_places=2, max_digits=18)),
                ('charge', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='charges.charge')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
                ('slip', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='charges.paymentslip')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='payment_amount_positive')],
            },
        ),
    ]

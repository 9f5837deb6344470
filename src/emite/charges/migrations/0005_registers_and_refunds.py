"""Register sessions with their corte, voids and refunds as rows, what is left to do, and what charges are found by."""

import django.db.models.deletion
import emite.database.ids
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


#: Without accents and in lower case, so that an index can hold it. The extensions may live in a schema of their own.
PLAIN = """
DO $do$
DECLARE home text;
BEGIN
    SELECT n.nspname INTO home FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'unaccent';
    IF home IS NULL OR NOT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm') THEN
        RAISE EXCEPTION 'Faltan las extensiones pg_trgm y unaccent: pida al administrador de PostgreSQL que ejecute '
            'CREATE EXTENSION pg_trgm; CREATE EXTENSION unaccent; en esta base y repita la migración.';
    END IF;
    EXECUTE format('CREATE FUNCTION charges_plain(text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE '
        'AS $fn$ BEGIN RETURN lower(%1$I.unaccent(%2$L::regdictionary, $1)); END $fn$', home, home || '.unaccent');
END $do$
"""

#: Who already charges goes on as before; the rule is on for whoever comes after.
AS_BEFORE = """
INSERT INTO charges_collectingpolicy (id, organization_id, needs_open_register, free_limit)
SELECT gen_random_uuid(), id, false, 2000 FROM organizations_organization
"""


class Migration(migrations.Migration):

    dependencies = [
        ('charges', '0004_paid_at'),
        ('issuers', '0001_initial'),
        ('organizations', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(PLAIN, "DROP FUNCTION charges_plain(text)"),
        migrations.CreateModel(
            name='CashMovement',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('deposit', 'Depósito de efectivo'), ('withdrawal', 'Retiro de efectivo')], max_length=10)),
                ('amount', models.DecimalField(decimal_places=2, max_digits=12)),
                ('reason', models.CharField(max_length=200)),
                ('at', models.DateTimeField()),
                ('idempotency_key', models.UUIDField(unique=True)),
            ],
        ),
        migrations.CreateModel(
            name='CollectingPolicy',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('needs_open_register', models.BooleanField(default=True, verbose_name='exigir caja abierta')),
                ('free_limit', models.DecimalField(decimal_places=2, default=Decimal('2000'), max_digits=12, verbose_name='límite del cajero')),
            ],
        ),
        migrations.CreateModel(
            name='FollowUp',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('credit_note', 'Devolución que requiere nota de crédito'), ('wrong_person', 'Otra persona facturó el ticket')], max_length=12)),
                ('reason', models.CharField(max_length=400, verbose_name='qué pasó')),
                ('contact', models.CharField(blank=True, max_length=120, verbose_name='contacto')),
                ('amount', models.DecimalField(decimal_places=2, max_digits=18, null=True, verbose_name='cuánto')),
                ('at', models.DateTimeField()),
                ('done_at', models.DateTimeField(null=True)),
                ('outcome', models.CharField(blank=True, max_length=400, verbose_name='cómo se resolvió')),
            ],
        ),
        migrations.CreateModel(
            name='Refund',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveBigIntegerField(verbose_name='folio')),
                ('whole', models.BooleanField()),
                ('amount', models.DecimalField(decimal_places=2, max_digits=18)),
                ('total_before', models.DecimalField(decimal_places=2, max_digits=18)),
                ('total_after', models.DecimalField(decimal_places=2, max_digits=18)),
                ('reason', models.CharField(max_length=200)),
                ('at', models.DateTimeField()),
                ('idempotency_key', models.UUIDField(unique=True)),
            ],
        ),
        migrations.CreateModel(
            name='RefundLine',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('quantity', models.DecimalField(decimal_places=6, max_digits=18)),
                ('discount', models.DecimalField(decimal_places=6, max_digits=18)),
                ('amount', models.DecimalField(decimal_places=6, max_digits=18)),
            ],
        ),
        migrations.CreateModel(
            name='RefundPart',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('forma_pago', models.CharField(max_length=2)),
                ('amount', models.DecimalField(decimal_places=2, max_digits=18)),
            ],
            options={
                'ordering': ['forma_pago'],
            },
        ),
        migrations.CreateModel(
            name='RegisterSession',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveBigIntegerField(verbose_name='folio')),
                ('opened_at', models.DateTimeField()),
                ('fund', models.DecimalField(decimal_places=2, max_digits=12, verbose_name='fondo')),
                ('closed_at', models.DateTimeField(null=True)),
                ('denominations', models.JSONField(null=True)),
                ('reason', models.CharField(blank=True, max_length=200, verbose_name='motivo de la diferencia')),
            ],
        ),
        migrations.CreateModel(
            name='SessionCount',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('forma_pago', models.CharField(max_length=2)),
                ('expected', models.DecimalField(decimal_places=2, max_digits=18)),
                ('counted', models.DecimalField(decimal_places=2, max_digits=18)),
            ],
            options={
                'ordering': ['forma_pago'],
            },
        ),
        migrations.CreateModel(
            name='SlipVoid',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('reason', models.CharField(max_length=200)),
                ('at', models.DateTimeField()),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.RemoveConstraint(
            model_name='chargeline',
            name='charge_line_amounts_positive',
        ),
        migrations.AddField(
            model_name='cashregister',
            name='paper_width',
            field=models.PositiveSmallIntegerField(choices=[(58, '58 mm'), (80, '80 mm')], default=80, verbose_name='ancho del papel'),
        ),
        migrations.AddField(
            model_name='cashregister',
            name='printer_host',
            field=models.CharField(blank=True, max_length=253, verbose_name='impresora'),
        ),
        migrations.AddField(
            model_name='cashregister',
            name='printer_port',
            field=models.PositiveIntegerField(default=9100, verbose_name='puerto'),
        ),
        migrations.AddField(
            model_name='payment',
            name='last4',
            field=models.CharField(blank=True, max_length=4, verbose_name='últimos cuatro dígitos'),
        ),
        migrations.AddIndex(
            model_name='charge',
            index=models.Index(fields=['organization', 'total', '-issued_at'], name='charge_by_total'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('last4', ''), _negated=True), fields=['organization', 'last4', '-id'], name='payment_by_last4'),
        ),
        migrations.AddConstraint(
            model_name='charge',
            constraint=models.CheckConstraint(condition=models.Q(('paid', models.F('total')), ('paid_at__isnull', True), _connector='OR'), name='charge_owed_has_no_paid_date'),
        ),
        migrations.AddConstraint(
            model_name='charge',
            constraint=models.CheckConstraint(condition=models.Q(('state', 'open'), ('paid', 0), _connector='OR'), name='charge_void_has_nothing_left'),
        ),
        migrations.AddConstraint(
            model_name='chargeline',
            constraint=models.CheckConstraint(condition=models.Q(('discount__gte', 0), ('quantity__gte', 0), ('unit_price__gt', 0)), name='charge_line_amounts_positive'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('last4', ''), models.Q(('forma_pago__in', ('04', '28', '29')), ('last4__regex', '^[0-9]{4}$')), _connector='OR'), name='payment_last4_of_a_card'),
        ),
        migrations.AddField(
            model_name='cashmovement',
            name='by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='cashmovement',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization'),
        ),
        migrations.AddField(
            model_name='collectingpolicy',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization'),
        ),
        migrations.AddField(
            model_name='followup',
            name='by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='followup',
            name='charge',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='follow_ups', to='charges.charge'),
        ),
        migrations.AddField(
            model_name='followup',
            name='done_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='followup',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization'),
        ),
        migrations.AddField(
            model_name='refund',
            name='by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='refund',
            name='charge',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='charges.charge'),
        ),
        migrations.AddField(
            model_name='refund',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization'),
        ),
        migrations.AddField(
            model_name='refund',
            name='register',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='charges.cashregister'),
        ),
        migrations.AddField(
            model_name='refundline',
            name='line',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='returned', to='charges.chargeline'),
        ),
        migrations.AddField(
            model_name='refundline',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization'),
        ),
        migrations.AddField(
            model_name='refundline',
            name='refund',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='charges.refund'),
        ),
        migrations.AddField(
            model_name='refundpart',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization'),
        ),
        migrations.AddField(
            model_name='refundpart',
            name='refund',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='parts', to='charges.refund'),
        ),
        migrations.AddField(
            model_name='registersession',
            name='closed_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='registersession',
            name='opened_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='registersession',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization'),
        ),
        migrations.AddField(
            model_name='registersession',
            name='register',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sessions', to='charges.cashregister'),
        ),
        migrations.AddField(
            model_name='refund',
            name='session',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='charges.registersession'),
        ),
        migrations.AddField(
            model_name='cashmovement',
            name='session',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='movements', to='charges.registersession'),
        ),
        migrations.AddField(
            model_name='paymentslip',
            name='session',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='slips', to='charges.registersession'),
        ),
        migrations.AddField(
            model_name='sessioncount',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization'),
        ),
        migrations.AddField(
            model_name='sessioncount',
            name='session',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='counts', to='charges.registersession'),
        ),
        migrations.AddField(
            model_name='slipvoid',
            name='by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='slipvoid',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization'),
        ),
        migrations.AddField(
            model_name='slipvoid',
            name='session',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='voids', to='charges.registersession'),
        ),
        migrations.AddField(
            model_name='slipvoid',
            name='slip',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='undone', to='charges.paymentslip'),
        ),
        migrations.AddConstraint(
            model_name='collectingpolicy',
            constraint=models.UniqueConstraint(fields=('organization',), name='collecting_policy_one_per_organization'),
        ),
        migrations.AddConstraint(
            model_name='collectingpolicy',
            constraint=models.CheckConstraint(condition=models.Q(('free_limit__gte', 0)), name='collecting_policy_limit_positive'),
        ),
        migrations.AddIndex(
            model_name='followup',
            index=models.Index(condition=models.Q(('done_at__isnull', True)), fields=['organization', 'at'], name='follow_up_waiting'),
        ),
        migrations.AddConstraint(
            model_name='followup',
            constraint=models.UniqueConstraint(condition=models.Q(('done_at__isnull', True)), fields=('charge', 'kind'), name='follow_up_one_waiting_per_kind'),
        ),
        migrations.AddConstraint(
            model_name='followup',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('done_at__isnull', True), ('done_by__isnull', True)), models.Q(('done_at__isnull', False), ('done_by__isnull', False), models.Q(('outcome', ''), _negated=True)), _connector='OR'), name='follow_up_done_says_how'),
        ),
        migrations.AddConstraint(
            model_name='refundline',
            constraint=models.UniqueConstraint(fields=('refund', 'line'), name='refund_line_once'),
        ),
        migrations.AddConstraint(
            model_name='refundline',
            constraint=models.CheckConstraint(condition=models.Q(('discount__gte', 0), ('quantity__gt', 0)), name='refund_line_positive'),
        ),
        migrations.AddConstraint(
            model_name='refundpart',
            constraint=models.UniqueConstraint(fields=('refund', 'forma_pago'), name='refund_part_one_per_form'),
        ),
        migrations.AddConstraint(
            model_name='refundpart',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='refund_part_positive'),
        ),
        migrations.AddIndex(
            model_name='registersession',
            index=models.Index(fields=['organization', '-opened_at'], name='session_by_date'),
        ),
        migrations.AddConstraint(
            model_name='registersession',
            constraint=models.UniqueConstraint(fields=('organization', 'number'), name='session_one_per_number'),
        ),
        migrations.AddConstraint(
            model_name='registersession',
            constraint=models.UniqueConstraint(condition=models.Q(('closed_at__isnull', True)), fields=('register',), name='session_one_open_per_register'),
        ),
        migrations.AddConstraint(
            model_name='registersession',
            constraint=models.CheckConstraint(condition=models.Q(('fund__gte', 0)), name='session_fund_positive'),
        ),
        migrations.AddConstraint(
            model_name='registersession',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', True), ('closed_by__isnull', True), ('denominations__isnull', True)), models.Q(('closed_at__isnull', False), ('closed_by__isnull', False), ('denominations__isnull', False)), _connector='OR'), name='session_closed_whole'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.UniqueConstraint(fields=('organization', 'number'), name='refund_one_per_number'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gte', 0), ('total_after__gte', 0), ('total_before__gt', models.F('total_after'))), name='refund_takes_something_off'),
        ),
        migrations.AddConstraint(
            model_name='cashmovement',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='movement_amount_positive'),
        ),
        migrations.AddConstraint(
            model_name='sessioncount',
            constraint=models.UniqueConstraint(fields=('session', 'forma_pago'), name='session_count_one_per_form'),
        ),
        migrations.RunSQL(
            "CREATE INDEX charge_by_patient ON charges_charge USING gin (charges_plain(patient_name) gin_trgm_ops)",
            "DROP INDEX charge_by_patient",
        ),
        migrations.RunSQL(AS_BEFORE, migrations.RunSQL.noop),
    ]

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
            name='ChargeItem',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('code', models.CharField(max_length=40, verbose_name='código propio')),
                ('description', models.CharField(max_length=200, verbose_name='descripción')),
                ('clave_prod_serv', models.CharField(max_length=8, verbose_name='clave SAT')),
                ('clave_unidad', models.CharField(max_length=3, verbose_name='clave de unidad')),
                ('treatment', models.CharField(choices=[('iva16', 'IVA 16 %'), ('iva8', 'IVA 8 % (frontera)'), ('iva0', 'IVA 0 %'), ('exento', 'Exento de IVA'), ('no_objeto', 'No objeto de impuesto')], max_length=10, verbose_name='tratamiento de IVA')),
                ('unit_price', models.DecimalField(decimal_places=6, max_digits=18, verbose_name='precio sin IVA')),
                ('active', models.BooleanField(default=True)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'code'), name='charge_item_one_per_code'), models.CheckConstraint(condition=models.Q(('unit_price__gt', 0)), name='charge_item_price_positive')],
            },
        ),
    ]

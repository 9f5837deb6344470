"""By which path of SAT's guide an organization invoices an account that a deposit paid some of."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('organizations', '0008_branch_address'),
    ]

    operations = [
        migrations.AddField(
            model_name='organization',
            name='anticipo_road',
            field=models.CharField(choices=[('egreso', 'Factura por el total de la cuenta y una nota de crédito que descuenta el anticipo'), ('remnant', 'Factura por el remanente: el anticipo va como descuento, sin nota de crédito')], db_default='egreso', default='egreso', max_length=8, verbose_name='cómo se aplican los anticipos'),
        ),
    ]

"""By which road an organization invoices what a factura global carries already."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('organizations', '0005_correction_hours'),
    ]

    operations = [
        migrations.AddField(
            model_name='organization',
            name='late_road',
            field=models.CharField(choices=[('egreso', 'Nota de crédito sobre la global (la global no se toca)'), ('rebuild', 'Cancelar la global con motivo 04 y emitirla otra vez sin la remisión')], default='egreso', max_length=8, verbose_name='factura de lo que ya está en la global'),
        ),
    ]

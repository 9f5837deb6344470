"""What a register took stands once as a payment; undone with its invoice it is one of the invoice that follows."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("settlements", "0003_untold_complements_end")]

    operations = [
        migrations.AlterField(
            "receivedpayment",
            "desk_payment",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="received",
                to="charges.payment",
            ),
        ),
        migrations.AddConstraint(
            "receivedpayment",
            models.UniqueConstraint(
                condition=models.Q(undone_at__isnull=True),
                fields=("desk_payment",),
                name="received_one_per_desk_payment",
            ),
        ),
    ]

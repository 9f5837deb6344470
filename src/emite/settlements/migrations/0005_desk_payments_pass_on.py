"""What a register took stands once as a payment; undone with its invoice it is one of the invoice that follows."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("settlements", "0004_one_standing_desk_payment")]

    operations = [
        migrations.AlterField(
            "receivedpayment",
            "desk_payment",
            models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="received",
                to="charges.payment",
            ),
        ),
    ]

"""Find what SAT is to be asked of without reading the other invoices."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("reviews", "0008_sat_asked_again_guard")]

    operations = [
        AddIndexConcurrently(
            "receivedinvoice",
            models.Index(
                fields=["sat_due_at"],
                condition=models.Q(("sat_due_at__isnull", False)),
                name="received_invoice_sat_due",
            ),
        ),
    ]

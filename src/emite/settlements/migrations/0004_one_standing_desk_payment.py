"""The index that keeps what a register took from standing twice, made while people work."""

from django.db import migrations, models

ONE = models.UniqueConstraint(
    condition=models.Q(undone_at__isnull=True), fields=("desk_payment",), name="received_one_per_desk_payment"
)
INDEX = """
CREATE UNIQUE INDEX CONCURRENTLY received_one_per_desk_payment ON settlements_receivedpayment (desk_payment_id)
    WHERE undone_at IS NULL
"""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("settlements", "0003_untold_complements_end")]

    operations = [
        migrations.RunSQL(
            INDEX,
            "DROP INDEX received_one_per_desk_payment",
            state_operations=[migrations.AddConstraint("receivedpayment", ONE)],
        ),
    ]

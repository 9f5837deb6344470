"""When a charge was fully paid, told by its last slip for those that already are."""

from typing import ClassVar

from django.db import migrations, models
from django.db.models import F, Q

FILL = """
UPDATE charges_charge c SET paid_at = s.at
FROM (SELECT charge_id, max(paid_at) AS at FROM charges_paymentslip GROUP BY charge_id) s
WHERE s.charge_id = c.id AND c.paid = c.total
"""


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("charges", "0003_external_id")]

    operations: ClassVar[list[migrations.operations.base.Operation]] = [
        migrations.AddField("charge", "paid_at", models.DateTimeField(blank=True, null=True)),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AddConstraint(
            "charge",
            models.CheckConstraint(
                condition=Q(paid__lt=F("total")) | Q(paid_at__isnull=False), name="charge_fully_paid_has_date"
            ),
        ),
        migrations.AddIndex(
            "charge", models.Index(fields=["organization", "paid_at", "id"], name="charge_by_payment")
        ),
    ]

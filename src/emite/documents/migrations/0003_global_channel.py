"""Documents that are born of a month's close."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("documents", "0002_guards")]

    operations: ClassVar[list[migrations.operations.base.Operation]] = [
        migrations.AlterField(
            "fiscaldocument",
            "channel",
            models.CharField(
                choices=[("portal", "Portal"), ("desk", "Caja"), ("global", "Factura global")], max_length=10
            ),
        ),
    ]

"""The XML that an insurer asks for beside each CFDI."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("care", "0007_external_delivery"),
    ]

    operations = [
        migrations.AddField(
            model_name="payer",
            name="addenda",
            field=models.TextField(blank=True, db_default="", default="", verbose_name="addenda"),
        ),
    ]

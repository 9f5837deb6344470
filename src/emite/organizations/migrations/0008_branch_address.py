"""The address that a branch's tickets say."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("organizations", "0007_branches")]

    operations = [
        migrations.AddField(
            "branch",
            "address",
            models.CharField(blank=True, db_default="", default="", max_length=300, verbose_name="domicilio"),
        ),
    ]

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("care", "0003_copays"),
        ("organizations", "0005_correction_hours"),
    ]

    operations = [
        migrations.CreateModel(
            name="PayerAccount",
            fields=[
                ("rfc", models.CharField(max_length=13, primary_key=True, serialize=False, verbose_name="RFC")),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
            ],
        ),
    ]

"""Deposits: a kind of charge, and what they pay of another."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import emite.database.ids


def to(model, name):
    return models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name=name, to=model)


class Migration(migrations.Migration):
    dependencies = [
        ("charges", "0008_patient_words"),
        ("organizations", "0006_late_road"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            "charge",
            "kind",
            models.CharField(
                choices=[("remision", "Remisión"), ("copago", "Copago"), ("anticipo", "Anticipo")],
                default="remision",
                max_length=10,
            ),
        ),
        migrations.CreateModel(
            name="AnticipoApplication",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=2, max_digits=18)),
                ("active", models.BooleanField(default=True)),
                ("at", models.DateTimeField()),
                ("organization", to("organizations.organization", "+")),
                ("deposit", to("charges.charge", "applications")),
                ("account", to("charges.charge", "anticipos")),
                (
                    "slip",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="anticipo", to="charges.paymentslip"
                    ),
                ),
                ("by", to(settings.AUTH_USER_MODEL, "+")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="anticipo_amount_positive"),
                    models.CheckConstraint(
                        condition=models.Q(("deposit", models.F("account")), _negated=True),
                        name="anticipo_pays_another_charge",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("active", True)),
                        fields=("account", "deposit"),
                        name="anticipo_one_live_per_pair",
                    ),
                ],
            },
        ),
    ]

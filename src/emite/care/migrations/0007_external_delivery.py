"""Mails with a CFDI that was stamped elsewhere."""

import django.db.models.deletion
import emite.database.ids
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("care", "0006_services_handed_on"),
        ("organizations", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="ExternalDelivery",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("address", models.EmailField(max_length=254)),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "Por enviar"), ("sent", "Enviado"), ("failed", "No se pudo enviar")],
                        default="pending",
                        max_length=8,
                    ),
                ),
                ("requested_at", models.DateTimeField()),
                ("next_at", models.DateTimeField(blank=True, null=True)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("last_error", models.CharField(blank=True, max_length=200)),
                (
                    "external",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="deliveries", to="care.externalcfdi"
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "pending")), fields=["next_at"], name="external_delivery_due"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "pending")),
                        fields=("organization", "external", "address"),
                        name="external_delivery_one_pending_per_address",
                    )
                ],
            },
        ),
    ]

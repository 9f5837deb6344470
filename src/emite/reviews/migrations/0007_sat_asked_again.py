"""SAT is asked again of what was received, and of what was stamped elsewhere for payers without an account."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now

import emite.database.ids


class Migration(migrations.Migration):
    dependencies = [
        ("reviews", "0006_said_payments"),
        ("care", "0006_services_handed_on"),
        ("organizations", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            "receivedinvoice",
            "sat_process",
            models.CharField(blank=True, db_default="", default="", max_length=60),
        ),
        migrations.AddField(
            "receivedinvoice", "sat_due_at", models.DateTimeField(blank=True, db_default=Now(), null=True)
        ),
        migrations.AddField("receivedinvoice", "sat_tries", models.PositiveSmallIntegerField(db_default=0, default=0)),
        migrations.CreateModel(
            "ElsewhereWatch",
            [
                (
                    "id",
                    models.UUIDField(
                        default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("estado", models.CharField(blank=True, max_length=20)),
                ("asked_at", models.DateTimeField(blank=True, null=True)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                (
                    "invoice",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sat_watch",
                        to="care.insurerinvoice",
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
                        condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="elsewhere_watch_due"
                    )
                ],
            },
        ),
    ]

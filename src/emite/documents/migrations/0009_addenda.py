"""What the receiver of a CFDI asked to read beside it."""

import django.db.models.deletion
from django.db import migrations, models

import emite.database.ids


class Migration(migrations.Migration):
    dependencies = [
        ("documents", "0008_scrubbing"),
        ("organizations", "0008_branch_address"),
    ]

    operations = [
        migrations.CreateModel(
            name="Addenda",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("template", models.TextField()),
                (
                    "document",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="addenda",
                        to="documents.fiscaldocument",
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
                "abstract": False,
            },
        ),
    ]

"""A stamp that the PAC holds and that no document here is of is a difference too, without a document."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

KINDS = [
    ("not_at_sat", "El SAT no la encuentra"),
    ("cancelled", "El SAT la tiene cancelada y aquí está viva"),
    ("alive", "Aquí está cancelada y el SAT la tiene vigente"),
    ("orphan", "El PAC tiene timbrada una que aquí no se emitió"),
    ("duplicate", "Está timbrada dos veces"),
    ("unknown", "El PAC tiene una que este sistema no conoce"),
]
IFF = models.Q(("document", None), ("kind", "unknown")) | ~models.Q(("kind", "unknown")) & models.Q(
    ("document__isnull", False)
)


class Migration(migrations.Migration):
    dependencies = [("reconciling", "0002_stamped_lately"), ("documents", "0008_scrubbing")]

    operations = [
        migrations.AlterField(
            "difference",
            "document",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="documents.fiscaldocument",
            ),
        ),
        migrations.AlterField("difference", "kind", models.CharField(choices=KINDS, max_length=10)),
        AddConstraintNotValid(
            "difference", models.CheckConstraint(condition=IFF, name="difference_unknown_iff_no_document")
        ),
    ]

"""For how long a payer may mend its own invoice in the portal."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("organizations", "0004_setup_guards")]

    operations = [
        migrations.AddField(
            "organization",
            "correction_hours",
            models.PositiveSmallIntegerField(
                "horas para corregir datos en el portal", null=True, blank=True,
                help_text="Horas naturales después de timbrada. Vacío: se corrige en caja.",
            ),
        ),
        migrations.AddConstraint(
            "organization",
            models.CheckConstraint(
                condition=models.Q(correction_hours__isnull=True) | models.Q(correction_hours__range=(1, 168)),
                name="organization_correction_hours_within_a_week",
            ),
        ),
    ]

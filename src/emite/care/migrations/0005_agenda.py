import django.db.models.deletion
import emite.database.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("care", "0004_payer_accounts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Appointment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="día y hora")),
                ("patient_name", models.CharField(max_length=200, verbose_name="paciente")),
                ("patient_email", models.EmailField(blank=True, max_length=254, verbose_name="correo del paciente")),
                ("system", models.CharField(choices=[("cpt4", "CPT4"), ("propio", "Códigos propios")], max_length=8)),
                ("code", models.CharField(max_length=20, verbose_name="código")),
                ("description", models.CharField(max_length=200, verbose_name="servicio")),
                ("reference", models.CharField(blank=True, max_length=60, verbose_name="autorización o siniestro")),
                (
                    "fee",
                    models.DecimalField(
                        blank=True, decimal_places=2, max_digits=12, null=True, verbose_name="honorario"
                    ),
                ),
                (
                    "patient_part",
                    models.DecimalField(
                        blank=True, decimal_places=2, max_digits=12, null=True, verbose_name="parte del paciente"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("booked", "Por atender"), ("rendered", "Realizada"), ("cancelled", "Cancelada")],
                        default="booked",
                        max_length=9,
                    ),
                ),
                (
                    "external_id",
                    models.CharField(blank=True, max_length=64, null=True, verbose_name="folio del otro sistema"),
                ),
                ("created_at", models.DateTimeField()),
            ],
        ),
        migrations.AddIndex(
            model_name="careservice",
            index=models.Index(fields=["organization", "-created_at", "-id"], name="service_by_entry"),
        ),
        migrations.AddField(
            model_name="appointment",
            name="contract",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="care.contract"
            ),
        ),
        migrations.AddField(
            model_name="appointment",
            name="created_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="appointment",
            name="issuer",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="issuers.issuer"),
        ),
        migrations.AddField(
            model_name="appointment",
            name="organization",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
            ),
        ),
        migrations.AddField(
            model_name="appointment",
            name="payer",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="care.payer"),
        ),
        migrations.AddField(
            model_name="appointment",
            name="physician",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="care.physician"),
        ),
        migrations.AddField(
            model_name="appointment",
            name="service",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="appointment",
                to="care.careservice",
            ),
        ),
        migrations.AddIndex(
            model_name="appointment",
            index=models.Index(fields=["organization", "at", "id"], name="appointment_by_day"),
        ),
        migrations.AddConstraint(
            model_name="appointment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("service__isnull", False), ("state", "rendered")),
                    models.Q(("service__isnull", True), ("state__in", ["booked", "cancelled"])),
                    _connector="OR",
                ),
                name="appointment_rendered_has_its_service",
            ),
        ),
        migrations.AddConstraint(
            model_name="appointment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("external_id__isnull", False)),
                fields=("organization", "external_id"),
                name="appointment_one_per_external_id",
            ),
        ),
    ]

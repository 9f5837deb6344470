"""A portal that worked before stays active and linked: its user becomes the link."""

from django.db import migrations
from django.utils import timezone


def forwards(apps, schema_editor):
    Organization = apps.get_model("organizations", "Organization")
    Activation = apps.get_model("organizations", "PortalActivation")
    Link = apps.get_model("organizations", "PortalLink")
    now = timezone.now()
    for organization in Organization.objects.exclude(portal_user=None):
        Activation.objects.create(
            organization=organization, state="approved", asked_at=now, decided_at=now,
            reason="Ya estaba encendido cuando la activación empezó a pedirse.",
        )
        Link.objects.create(organization=organization, user_id=organization.portal_user_id, linked_at=now)


class Migration(migrations.Migration):
    dependencies = [("organizations", "0002_setup")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]

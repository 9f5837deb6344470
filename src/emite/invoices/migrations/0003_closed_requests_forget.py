"""A closed request keeps nothing of whoever asked."""

from django.db import migrations, models
from django.db.models import Q

FORGET = """
UPDATE invoices_portalrequest SET receptor = '{}', phone = '', email = '', note = '' WHERE closed_at IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [("invoices", "0002_portal_requests")]

    operations = [
        migrations.RemoveConstraint("portalrequest", "portal_request_can_be_answered"),
        migrations.AddConstraint(
            "portalrequest",
            models.CheckConstraint(
                condition=Q(document__isnull=False) | Q(closed_at__isnull=False) | ~Q(phone="", email=""),
                name="portal_request_can_be_answered",
            ),
        ),
        migrations.RunSQL(FORGET, migrations.RunSQL.noop),
    ]

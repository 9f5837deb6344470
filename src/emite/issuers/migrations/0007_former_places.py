"""Where an issuer was before it moved. Of those that moved before this, nothing is known: they stay where they are."""

from django.db import migrations, models
from django.db.models import Value


class Migration(migrations.Migration):
    dependencies = [("issuers", "0006_pac_pace")]

    operations = [
        migrations.AddField(
            "issuer",
            "former_places",
            models.JSONField(blank=True, db_default=Value([], models.JSONField()), default=list),
        ),
    ]

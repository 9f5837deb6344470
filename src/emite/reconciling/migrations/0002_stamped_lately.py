"""The sweep asks each minute what was stamped lately: it must not read the whole table for that."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("reconciling", "0001_initial"), ("documents", "0005_insurer_and_payment_channels")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX document_stamped_lately ON documents_fiscaldocument (stamped_at) WHERE state = 'stamped'",
            "DROP INDEX document_stamped_lately",
        ),
    ]

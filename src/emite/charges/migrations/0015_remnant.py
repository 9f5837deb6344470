"""Which invoices are an account less its deposits. None were before."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("charges", "0014_by_branch")]

    operations = [
        migrations.AddField("allocation", "remnant", models.BooleanField(db_default=False, default=False)),
    ]

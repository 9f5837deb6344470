"""How many stamps a second are asked of a PAC account."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('issuers', '0005_pac_manifests'),
    ]

    operations = [
        migrations.AddField(
            model_name='pacaccount',
            name='pace',
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
    ]

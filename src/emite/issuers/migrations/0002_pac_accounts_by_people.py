"""A PAC account is replaced and tried by people."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('issuers', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='pacaccount',
            name='created_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='pacaccount',
            name='replaced_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='pacaccount',
            name='test_asked_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='pacaccount',
            name='test_ok',
            field=models.BooleanField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='pacaccount',
            name='test_text',
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AddField(
            model_name='pacaccount',
            name='tested_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]

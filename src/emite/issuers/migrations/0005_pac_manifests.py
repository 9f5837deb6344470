"""Evidence of the carta manifiesto with each PAC, and what an account has left."""

import django.db.models.deletion
import emite.database.ids
from django.db import migrations, models

INSERT_ONLY = """
CREATE FUNCTION issuers_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON issuers_pacmanifest
    FOR EACH ROW EXECUTE FUNCTION issuers_refuse_change();
"""
BACK = "DROP TRIGGER insert_only ON issuers_pacmanifest; DROP FUNCTION issuers_refuse_change();"


class Migration(migrations.Migration):

    dependencies = [
        ('issuers', '0004_fiscal_data'),
        ('organizations', '0004_setup_guards'),
    ]

    operations = [
        migrations.AddField(
            model_name='pacaccount',
            name='manifest_refused_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='pacaccount',
            name='stamps_alarm',
            field=models.PositiveIntegerField(default=100),
        ),
        migrations.AddField(
            model_name='pacaccount',
            name='stamps_asked_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='pacaccount',
            name='stamps_left',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name='PacManifest',
            fields=[
                ('id', models.UUIDField(default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('provider', models.CharField(max_length=20)),
                ('signed_on', models.DateField(verbose_name='fecha de firma')),
                ('pdf', models.BinaryField()),
                ('sha256', models.CharField(max_length=64)),
                ('recorded_by', models.CharField(max_length=254)),
                ('recorded_at', models.DateTimeField()),
                ('issuer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pac_manifests', to='issuers.issuer')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='organizations.organization')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('organization', 'issuer', 'provider', 'sha256'), name='pac_manifest_once')],
            },
        ),
        migrations.RunSQL(INSERT_ONLY, BACK),
    ]

"""The words of patients' names, with their trigrams: a misspelt name asks some thousands of rows and not a million."""

import django.db.models.deletion
from django.db import migrations, models

import emite.database.ids

WORDS = """
INSERT INTO charges_patientword (id, organization_id, word, read_at)
SELECT gen_random_uuid(), found.organization_id, found.word, now() FROM (
    SELECT DISTINCT c.organization_id, each.word
    FROM charges_charge c
    CROSS JOIN LATERAL regexp_split_to_table(charges_plain(c.patient_name), '[^[:alpha:]]+') AS each(word)
    WHERE c.patient_name <> '' AND length(each.word) BETWEEN 3 AND 40
) found
"""

#: No index of trigrams serves a table with a policy: the owner asks, in the scope that the policy would demand.
LIKE = """
DO $do$
DECLARE home text;
BEGIN
    SELECT n.nspname INTO home FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    WHERE e.extname = 'pg_trgm';
    EXECUTE format($make$
CREATE FUNCTION charges_words_like(owner uuid, typed text[], how_many int)
RETURNS TABLE (place int, word text, closeness real) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = %1$I, %2$I, pg_temp AS $fn$
BEGIN
    IF coalesce(current_setting('emite.organization', true), '') NOT IN ('all', owner::text) THEN RETURN; END IF;
    PERFORM set_config('pg_trgm.similarity_threshold', '0.3', true);
    RETURN QUERY SELECT t.at::int, w.word::text, w.near
        FROM unnest(typed) WITH ORDINALITY AS t(said, at)
        CROSS JOIN LATERAL (
            SELECT p.word, similarity(p.word, t.said) AS near FROM charges_patientword p
            WHERE p.organization_id = owner AND p.word %% t.said
            ORDER BY similarity(p.word, t.said) DESC, p.word LIMIT how_many
        ) w ORDER BY 1, 3 DESC, 2;
END $fn$ $make$, current_schema(), home);
    EXECUTE format('CREATE INDEX patient_word_alike ON charges_patientword USING gin (word %I.gin_trgm_ops)', home);
END $do$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("charges", "0007_found_by_index"),
        ("organizations", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="PatientWord",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=emite.database.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("word", models.CharField(max_length=40)),
                ("read_at", models.DateTimeField()),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organizations.organization",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("organization", "word"), name="patient_word_once"),
                ],
            },
        ),
        migrations.RunSQL(LIKE, "DROP FUNCTION charges_words_like(uuid, text[], int)"),
        migrations.RunSQL(WORDS, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="charge",
            index=models.Index(
                fields=["organization", "-issued_at"],
                name="charge_owed",
                condition=models.Q(state="open", paid__lt=models.F("total")),
            ),
        ),
    ]

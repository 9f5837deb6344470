"""A complement may be cancelled before anybody was told that it was stamped."""

from django.db import migrations

GUARD = """
DO $do$
DECLARE body text := pg_get_functiondef('settlements_guard_complement'::regproc);
BEGIN
    body := replace(body, '{0}', '{1}');
    EXECUTE replace(body, '{2}', '{3}');
END $do$;
"""
NOW = (
    "''asked>due'', ''stamped>cancelled''", "''asked>due'', ''asked>cancelled'', ''stamped>cancelled''",
    "(OLD.state = ''stamped'' AND NEW.state = ''cancelled''",
    "(OLD.state IN (''asked'', ''stamped'') AND NEW.state = ''cancelled''",
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("settlements", "0002_guards")]

    operations = [
        migrations.RunSQL(GUARD.format(*NOW), GUARD.format(NOW[1], NOW[0], NOW[3], NOW[2])),
    ]

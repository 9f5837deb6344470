"""What the SAT says of a received invoice may change, and when it is asked again."""

from django.db import migrations

#: As in 0006, with the columns of 0007.
INVOICE = """
DO $do$
DECLARE body text := pg_get_functiondef('reviews_guard_invoice'::regproc);
BEGIN
    EXECUTE replace(body, 'sat_estado,sat_asked_at}', 'sat_estado,sat_asked_at,sat_process,sat_due_at,sat_tries}');
END $do$;
"""


class Migration(migrations.Migration):
    dependencies = [("reviews", "0007_sat_asked_again")]

    operations = [migrations.RunSQL(INVOICE, migrations.RunSQL.noop)]

"""What the worker tidies every few minutes: uploads into envelopes, empty counters, jobs and letters nobody needs.
No fiscal row is ever touched here."""

import datetime as dt

import structlog
from django.contrib.sessions.models import Session
from django.db import close_old_connections, connection
from django.utils import timezone

from emite.accounts import standing
from emite.limits.counting import clean_up as forget_counters
from emite.ops import forgetting
from emite.vault import rotating

log = structlog.get_logger(__name__)

KEEP_FAILED_JOBS = dt.timedelta(days=7)

# A job only wakes; one left by a dead worker is a wake-up that the sweep has given again.
_FINISHED = """
DELETE FROM procrastinate_jobs j WHERE status IN ('failed', 'cancelled', 'aborted', 'succeeded')
AND NOT EXISTS (SELECT 1 FROM procrastinate_events e WHERE e.job_id = j.id AND e.at > %s)
"""
_ABANDONED = """
DELETE FROM procrastinate_jobs j WHERE status = 'doing' AND (worker_id IS NULL OR NOT EXISTS
(SELECT 1 FROM procrastinate_workers w WHERE w.id = j.worker_id AND w.last_heartbeat > %s))
"""


def clean_up(now: dt.datetime | None = None) -> None:
    """One round."""
    moment = now or timezone.now()
    close_old_connections()
    adopted = rotating.adopt()
    if adopted:
        log.info("secrets_enveloped", rows=adopted)
    forget_counters(moment)
    Session.objects.filter(expire_date__lt=moment).delete()
    standing.clean_up()
    forgetting.forget(moment)
    with connection.cursor() as cursor:
        cursor.execute(_FINISHED, [moment - KEEP_FAILED_JOBS])
        cursor.execute(_ABANDONED, [moment - dt.timedelta(minutes=10)])

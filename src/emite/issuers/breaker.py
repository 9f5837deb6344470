"""The circuit breaker of a PAC account: after five failures in a row it is asked only now and then.

It lives in the account's row so that every worker of every machine sees it.
"""

from __future__ import annotations

import datetime as dt

from django.db.models import F

from emite.issuers.models import PacAccount

FAILURES_TO_OPEN = 5
PROBE_EVERY = dt.timedelta(seconds=30)


def may_send(account: PacAccount, now: dt.datetime) -> bool:
    """Closed, or it is this caller's turn to probe (one caller per pause wins)."""
    if account.open_until is None:
        return True
    if now < account.open_until:
        return False
    won = PacAccount.objects.filter(pk=account.pk, open_until=account.open_until).update(open_until=now + PROBE_EVERY)
    account.refresh_from_db(fields=["open_until", "failures"])
    return won == 1 or account.open_until is None


def failed(account: PacAccount, now: dt.datetime) -> None:
    """Count a failure; the fifth in a row opens the breaker."""
    PacAccount.objects.filter(pk=account.pk).update(failures=F("failures") + 1)
    PacAccount.objects.filter(pk=account.pk, failures__gte=FAILURES_TO_OPEN).update(open_until=now + PROBE_EVERY)


def answered(account: PacAccount) -> None:
    """The PAC is well: close the breaker. Costs nothing when it is closed already."""
    if account.failures or account.open_until:
        PacAccount.objects.filter(pk=account.pk).update(failures=0, open_until=None)
        account.failures, account.open_until = 0, None

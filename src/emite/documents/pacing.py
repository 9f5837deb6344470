"""How many documents a second are sent to one PAC account, whoever sends them: workers, machines, organizations.

The account's line is a row of the database (`limits`): each document takes the next free moment in it and waits there
if that is soon, or gives up its worker and comes back when its turn is near. Nobody's document fails for it.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import Final

from emite.documents.models import FiscalDocument, State
from emite.documents.waking import wake_at
from emite.issuers.models import PacAccount
from emite.limits.counting import book
from emite.pac.connect import PACES

SCOPE: Final = "pac_pace"
#: Nobody looks at a screen until these are stamped.
UNHURRIED: Final = FiscalDocument.Channel.GLOBAL
#: How far ahead a moment may be taken: what nobody waits for leaves the nearer half to people.
WITHIN: Final = dt.timedelta(seconds=1)
WITHIN_LATER: Final = WITHIN / 2
#: Nobody's turn is looked at again later than this, however long the line.
LONGEST: Final = dt.timedelta(seconds=5)
LONGEST_LATER: Final = dt.timedelta(minutes=2)

_sleep = time.sleep


def pace_of(account: PacAccount) -> int:
    """Stamps a second; 0: without limit."""
    return PACES.get(account.provider, 0) if account.pace is None else account.pace


def turn(document: FiscalDocument, now: dt.datetime) -> dt.datetime | None:
    """None: it is this document's turn (waited for, if it was within a second). Else when to come again.

    Call outside of transactions.
    """
    account = document.pac_account
    pace = pace_of(account)
    if not pace:
        return None
    every, hurried = dt.timedelta(seconds=1) / pace, document.channel != UNHURRIED
    line = f"{account.provider} {account.base_url} {account.user}"
    place = book(SCOPE, line, every=every, within=WITHIN if hurried else WITHIN_LATER, now=now)
    if place.allowed:
        if place.retry_after:
            _sleep(place.retry_after.total_seconds())
        return None
    wait = place.retry_after + every * _ahead(document, now, hurried=hurried)
    moment = now + min(wait, LONGEST if hurried else LONGEST_LATER)
    if hurried:
        wake_at(document.pk, moment)
    return moment


def _ahead(document: FiscalDocument, now: dt.datetime, *, hurried: bool) -> int:
    """Who goes before it in turns by organization: as many of each as wait already of its own."""
    account = document.pac_account
    same = PacAccount.objects.filter(provider=account.provider, base_url=account.base_url, user=account.user)
    waiting = FiscalDocument.objects.filter(pac_account__in=same, state=State.SEALED, next_at__gt=now)
    if hurried:
        waiting = waiting.exclude(channel=UNHURRIED)
    own = waiting.filter(organization_id=document.organization_id).count()
    others = waiting.exclude(organization_id=document.organization_id)
    return own * (1 + others.values("organization_id").distinct().count())

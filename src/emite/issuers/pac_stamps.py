"""How many stamps a PAC account has left: asked every hour by a worker, an alarm when they run short."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Final

from django.db import transaction
from django.db.models import Q
from procrastinate.contrib.django import app

from emite.accounts.models import User
from emite.issuers.connecting import adapter
from emite.issuers.models import PacAccount
from emite.issuers.pac_accounts import may_administer, tell
from emite.pac.port import Credits
from emite.vault.boxes import CannotOpen
from emite.vault.keyfiles import KeyTrouble

ASK: Final = "emite.pac_stamps"
EVERY: Final = dt.timedelta(hours=1)


def watch(now: dt.datetime) -> int:
    """Have a worker ask for the accounts whose turn it is; each once an hour whatever comes of it."""
    due = Q(stamps_asked_at=None) | Q(stamps_asked_at__lt=now - EVERY)
    keys = list(PacAccount.objects.filter(due, active=True).exclude(provider="sandbox").values_list("pk", flat=True))
    asked = 0
    for pk in keys:
        if PacAccount.objects.filter(due, pk=pk).update(stamps_asked_at=now):
            app.configure_task(ASK).defer(pk=str(pk))
            asked += 1
    return asked


def ask(pk: uuid.UUID, *, now: dt.datetime) -> None:
    """Ask the PAC and keep what it says; what it does not say leaves the last figure. Worker only."""
    account = PacAccount.objects.select_related("issuer").get(pk=pk)
    try:
        told = adapter(account).credits(account.issuer.rfc)
    except (ValueError, CannotOpen, KeyTrouble):
        return  # the try of the connection says so, in words
    if isinstance(told, Credits):
        PacAccount.objects.filter(pk=pk).update(stamps_left=told.left, stamps_asked_at=now)


def alarm_at(account: PacAccount, count: int, *, user: User | None, now: dt.datetime) -> None:
    """Be told when fewer than `count` are left; 0: never. Raises NotAllowed."""
    may_administer(user, account.organization_id)
    with transaction.atomic():
        PacAccount.objects.filter(pk=account.pk).update(stamps_alarm=count)
        tell(account, "pac_account.alarm", user, now, alarm=count)


def runs_short(account: PacAccount) -> bool:
    """Fewer left than the account's alarm."""
    return account.stamps_left is not None and account.stamps_left < account.stamps_alarm

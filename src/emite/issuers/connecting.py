"""From a PacAccount row to a live adapter (worker only: it opens the account's password), or to one that knows none."""

from __future__ import annotations

import threading

from django.conf import settings

from emite.issuers.keys import open_pac_password
from emite.issuers.models import PacAccount
from emite.pac.connect import PacConfig, connect
from emite.pac.http import Timeouts
from emite.pac.port import Pac
from emite.pac.reach import Reach

_adapters: dict[tuple[object, ...], Pac] = {}
_lock = threading.Lock()


def adapter(account: PacAccount) -> Pac:
    """The account's adapter; one per process and set of settings, so that connections are kept."""
    key = (
        account.pk, account.provider, account.base_url, account.user, account.dedup,
        account.visible_after, account.max_processing, bytes(account.sealed_password),
    )  # fmt: skip
    with _lock:
        if key not in _adapters:
            for earlier in [each for each in _adapters if each[0] == account.pk]:
                del _adapters[earlier]  # with the password that it held
            _adapters[key] = _connect(account, open_pac_password(account))
        return _adapters[key]


def keyless(account: PacAccount) -> Pac:
    """An adapter without the password: what the account can do and whose stamps are trusted, for any process.

    Raises ValueError (in Spanish) for a provider, class or address that can't be used.
    """
    return _connect(account, "")


def reach_of(provider: str) -> Reach:
    """Where an account of this provider may lead: the Internet, our own sandbox, and what the operator allows."""
    local = frozenset({settings.PAC_SANDBOX_PORT}) if provider == "sandbox" else frozenset()
    return Reach(tuple(settings.PAC_ALLOWED), local)


def _connect(account: PacAccount, password: str) -> Pac:
    return connect(
        PacConfig(
            provider=account.provider,
            base_url=account.base_url,
            user=account.user,
            password=password,
            dedup=account.dedup or None,
            trust_dir=settings.PAC_TRUST_DIR,
            visible_after=account.visible_after,
            max_processing=account.max_processing,
            reach=reach_of(account.provider),
        ),
        timeouts=Timeouts(*settings.PAC_TIMEOUTS),
    )

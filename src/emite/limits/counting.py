"""GCRA: `limit` hits at once, then one more every `per / limit`. One statement per hit, exact under rivals.
Successes need not be counted: a hospital's Wi-Fi is one address."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import F
from django.utils.crypto import salted_hmac

from emite.limits.models import LimitBucket


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether this hit fits, and if not how long until the next would (of `book`: how long until its moment)."""

    allowed: bool
    retry_after: dt.timedelta = dt.timedelta(0)


_HIT = """
INSERT INTO limits_limitbucket AS b (key, full_until, allowed) VALUES (%(key)s, %(now)s + %(step)s, true)
ON CONFLICT (key) DO UPDATE SET
    allowed = GREATEST(b.full_until, %(now)s) + %(step)s <= %(now)s + %(per)s,
    full_until = CASE WHEN GREATEST(b.full_until, %(now)s) + %(step)s <= %(now)s + %(per)s
                      THEN GREATEST(b.full_until, %(now)s) + %(step)s ELSE b.full_until END
RETURNING allowed, full_until
"""


def hit(scope: str, key: str, *, limit: int, per: dt.timedelta, now: dt.datetime) -> Verdict:
    """Count one hit of `key` and say whether it fits; a hit that does not fit is not counted.

    Call outside a transaction that may roll back. limit: hits that fit at once; per: the time in which they refill.
    """
    step = per / limit
    arguments: dict[str, Any] = {"key": _hidden(scope, key), "now": now, "step": step, "per": per}
    with connection.cursor() as cursor:
        cursor.execute(_HIT, arguments)
        allowed, full_until = cursor.fetchone()
    return Verdict(True) if allowed else Verdict(False, full_until + step - per - now)


def book(scope: str, key: str, *, every: dt.timedelta, within: dt.timedelta, now: dt.datetime) -> Verdict:
    """Take the next free moment of a line in which one goes `every` so often, if it is `within` so long from now.

    Allowed: `retry_after` is how long until that moment, which is the caller's alone. Else: how long until asking again
    may help. Call outside a transaction that may roll back.
    """
    arguments: dict[str, Any] = {"key": _hidden(scope, key), "now": now, "step": every, "per": within + every}
    with connection.cursor() as cursor:
        cursor.execute(_HIT, arguments)
        allowed, full_until = cursor.fetchone()
    return Verdict(True, full_until - every - now) if allowed else Verdict(False, full_until - within - now)


def give_back(scope: str, key: str, *, limit: int, per: dt.timedelta) -> None:
    """Uncount one hit that fitted: where only failures count, rivals must not all pass before the first is counted."""
    LimitBucket.objects.filter(key=_hidden(scope, key)).update(full_until=F("full_until") - per / limit)


def peek(scope: str, key: str, *, limit: int, per: dt.timedelta, now: dt.datetime) -> Verdict:
    """What hit() would answer, counting nothing: asked first where only failures count."""
    bucket = LimitBucket.objects.filter(key=_hidden(scope, key)).first()
    step = per / limit
    if bucket is None or max(bucket.full_until, now) + step <= now + per:
        return Verdict(True)
    return Verdict(False, bucket.full_until + step - per - now)


def forget(scope: str, key: str) -> None:
    """Empty a counter, e.g. after the right password."""
    LimitBucket.objects.filter(key=_hidden(scope, key)).delete()


def clean_up(now: dt.datetime) -> int:
    """Delete empty counters; returns how many."""
    return LimitBucket.objects.filter(full_until__lt=now).delete()[0]


def network(address: str) -> str:
    """The group an address is counted with: its /24, or its /56 in IPv6 (what one subscriber gets)."""
    try:
        ip = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 56), strict=False))


def _hidden(scope: str, key: str) -> bytes:
    """16 bytes: keyed with SECRET_KEY, so that the table tells nobody's address or code."""
    return salted_hmac("emite.limits", f"{scope}\0{key}", algorithm="sha256").digest()[:16]

"""The second step of logging in: six digits of an app (TOTP, RFC 6238) or a recovery code, each taken once.

The algorithm is `cryptography`'s. Who must have it is decided by `web.access`.
"""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.db import transaction

from emite.accounts.models import Authenticator, RecoveryCode, User
from emite.limits.counting import forget, hit
from emite.vault.codes import code_hash, decrypt_code, encrypt_code

STEP_SECONDS: Final = 30
#: Clocks of telephones differ: the step before and the one after are good too.
DRIFT: Final = (-1, 0, 1)
RECOVERY_CODES: Final = 10
_LETTERS: Final = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
#: Failures of one person, wherever they come from: six digits must not be guessed by a crowd.
FAILURES, WINDOW = 6, dt.timedelta(minutes=15)


class TooManyAttempts(Exception):
    """Wait; the right digits are not looked at either."""

    def __init__(self, wait: dt.timedelta) -> None:
        self.wait = wait
        super().__init__(str(wait))


def has(user: User) -> bool:
    return Authenticator.objects.filter(user=user).exclude(confirmed_at=None).exists()


def start(user: User) -> Authenticator:
    """A secret that waits for its first digits; the one of an earlier visit to the page stays the same."""
    made = Authenticator(user=user)
    made.secret_cipher = encrypt_code(user.pk, secrets.token_hex(20))
    Authenticator.objects.bulk_create([made], ignore_conflicts=True)
    return Authenticator.objects.get(user=user)


def address(authenticator: Authenticator, user: User) -> str:
    """What the QR says: `otpauth://totp/…`, as every app of this kind reads it."""
    return _totp(authenticator, user).get_provisioning_uri(user.email, "emite")


def confirm(user: User, digits: str, *, now: dt.datetime) -> list[str] | None:
    """The first digits turn it on: the recovery codes, shown this once; None for wrong digits.

    Raises TooManyAttempts.
    """
    with transaction.atomic():
        if not check(user, digits, now=now, confirmed=False):
            return None
        Authenticator.objects.filter(user=user, confirmed_at=None).update(confirmed_at=now)
        return new_recovery_codes(user)


def check(user: User, typed: str, *, now: dt.datetime, confirmed: bool = True) -> bool:
    """Digits of this half minute that nobody used, or a recovery code never used. Raises TooManyAttempts."""
    # Counted before it is looked at: rivals must not all guess before the first failure counts.
    verdict = hit("second-step", str(user.pk), limit=FAILURES, per=WINDOW, now=now)
    if not verdict.allowed:
        raise TooManyAttempts(verdict.retry_after)
    words = "".join(typed.split()).replace("-", "").upper()
    good = _digits(user, words, now, confirmed) if words.isdigit() else confirmed and _recovery(user, words, now)
    if good:
        forget("second-step", str(user.pk))
    return good


def new_recovery_codes(user: User) -> list[str]:
    """Ten fresh codes; the earlier ones are worth nothing."""
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(10)) for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        RecoveryCode.objects.filter(user=user).delete()
        RecoveryCode.objects.bulk_create(RecoveryCode(user=user, code_hash=code_hash(user.pk, one)) for one in codes)
    return [f"{one[:5]}-{one[5:]}" for one in codes]


def remove(user: User) -> bool:
    """Forget it, e.g. with the telephone; False when there was none."""
    with transaction.atomic():
        RecoveryCode.objects.filter(user=user).delete()
        return bool(Authenticator.objects.filter(user=user).delete()[0])


def _digits(user: User, words: str, now: dt.datetime, confirmed: bool) -> bool:
    found = Authenticator.objects.filter(user=user, confirmed_at__isnull=not confirmed).first()
    if found is None or not (words.isascii() and len(words) == 6):
        return False
    totp, step = _totp(found, user), int(now.timestamp()) // STEP_SECONDS
    for near in DRIFT:
        moment = step + near
        if secrets.compare_digest(totp.generate(moment * STEP_SECONDS), words.encode()):
            # Of two requests with the same digits, one wins.
            return bool(Authenticator.objects.filter(pk=found.pk, last_step__lt=moment).update(last_step=moment))
    return False


def _recovery(user: User, words: str, now: dt.datetime) -> bool:
    hidden = code_hash(user.pk, words)
    return bool(RecoveryCode.objects.filter(user=user, code_hash=hidden, used_at=None).update(used_at=now))


def _totp(authenticator: Authenticator, user: User) -> TOTP:
    secret = bytes.fromhex(decrypt_code(user.pk, bytes(authenticator.secret_cipher)))
    return TOTP(secret, 6, SHA1(), STEP_SECONDS)

"""The second step: digits taken once, guesses limited, secrets sealed and rotated with their ring."""

from __future__ import annotations

import datetime as dt

import pytest

from emite.accounts import second_step
from emite.accounts.models import Authenticator, User
from emite.accounts.second_step import TooManyAttempts
from emite.vault import rotating
from tests import make

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 22, 12, 0, 10, tzinfo=dt.UTC)


def digits(user: User, at: dt.datetime) -> str:
    """What the person's telephone shows."""
    found = Authenticator.objects.get(user=user)
    return second_step._totp(found, user).generate(int(at.timestamp())).decode()


@pytest.fixture
def alma() -> User:
    return make.user("Alma")


@pytest.fixture
def safe(alma: User) -> User:
    second_step.start(alma)
    assert second_step.confirm(alma, digits(alma, NOW), now=NOW)
    return alma


def test_it_counts_only_after_its_first_digits(alma: User) -> None:
    first = second_step.start(alma)
    assert second_step.start(alma) == first
    assert not second_step.has(alma)
    assert second_step.confirm(alma, "000000", now=NOW) is None
    codes = second_step.confirm(alma, f" {digits(alma, NOW)[:3]} {digits(alma, NOW)[3:]}", now=NOW)
    assert codes is not None
    assert len(set(codes)) == 10
    assert second_step.has(alma)
    assert "otpauth://totp/emite:" in second_step.address(first, alma)


def test_digits_are_good_for_their_half_minute_and_once(safe: User) -> None:
    later = NOW + dt.timedelta(minutes=5)
    shown = digits(safe, later)
    assert second_step.check(safe, shown, now=later)
    assert not second_step.check(safe, shown, now=later)
    assert not second_step.check(safe, digits(safe, later - dt.timedelta(seconds=30)), now=later)
    assert second_step.check(safe, digits(safe, later + dt.timedelta(seconds=30)), now=later)
    assert not second_step.check(safe, digits(safe, later), now=later + dt.timedelta(minutes=2))


def test_a_recovery_code_stands_in_once(safe: User) -> None:
    codes = second_step.new_recovery_codes(safe)
    assert second_step.check(safe, codes[0].lower(), now=NOW)
    assert not second_step.check(safe, codes[0], now=NOW)
    second_step.new_recovery_codes(safe)
    assert not second_step.check(safe, codes[1], now=NOW)
    assert not second_step.check(make.user("Berta"), codes[2], now=NOW)


def test_guesses_are_limited_even_for_the_right_digits(safe: User) -> None:
    later = NOW + dt.timedelta(hours=1)
    for _ in range(second_step.FAILURES):
        assert not second_step.check(safe, "000000", now=later)
    with pytest.raises(TooManyAttempts):
        second_step.check(safe, digits(safe, later), now=later)
    healed = later + second_step.WINDOW
    assert second_step.check(safe, digits(safe, healed), now=healed)


def test_the_secret_is_sealed_to_its_person_and_rotates(safe: User) -> None:
    kept = Authenticator.objects.get(user=safe)
    before, shown = bytes(kept.secret_cipher), digits(safe, NOW)
    rotating.rotate(make.now())
    kept.refresh_from_db()
    assert bytes(kept.secret_cipher) != before
    assert digits(safe, NOW) == shown
    assert list(rotating.unopenable()) == []
    kept.user = make.user("Carmen")
    kept.save()
    assert len(list(rotating.unopenable())) == 1


def test_removing_it_forgets_everything(safe: User) -> None:
    assert second_step.remove(safe)
    assert not second_step.remove(safe)
    assert not second_step.has(safe)
    assert not safe.recovery_codes.exists()

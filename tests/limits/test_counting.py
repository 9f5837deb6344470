"""Limits hold for all processes at once, forgive with time and keep no address."""

import datetime as dt
import threading

import pytest
from django.db import connection

from emite.limits.counting import Verdict, book, clean_up, forget, give_back, hit, network, peek
from emite.limits.models import LimitBucket

NOW = dt.datetime(2026, 11, 22, 18, tzinfo=dt.UTC)
TEN = dt.timedelta(minutes=10)


def knock(now: dt.datetime = NOW, key: str = "a", limit: int = 5) -> Verdict:
    return hit("bad code", key, limit=limit, per=TEN, now=now)


@pytest.mark.django_db
def test_the_limit_fits_at_once_and_refills_with_time() -> None:
    assert [knock().allowed for _ in range(6)] == [True] * 5 + [False]
    assert knock().retry_after == dt.timedelta(minutes=2)
    assert knock(NOW + dt.timedelta(seconds=119)).retry_after == dt.timedelta(seconds=1)
    assert knock(NOW + dt.timedelta(minutes=2)).allowed
    assert not knock(NOW + dt.timedelta(minutes=2)).allowed
    assert [knock(NOW + dt.timedelta(minutes=30)).allowed for _ in range(6)] == [True] * 5 + [False]


@pytest.mark.django_db
def test_keys_and_scopes_are_apart() -> None:
    for _ in range(5):
        knock()
    assert knock(key="b").allowed
    assert hit("rfc", "a", limit=5, per=TEN, now=NOW).allowed
    assert not knock().allowed


@pytest.mark.django_db
def test_peek_counts_nothing_and_agrees_with_hit() -> None:
    for _ in range(5):
        assert peek("bad code", "a", limit=5, per=TEN, now=NOW).allowed
        assert knock().allowed
    assert peek("bad code", "a", limit=5, per=TEN, now=NOW) == knock()
    assert LimitBucket.objects.count() == 1


@pytest.mark.django_db
def test_a_refused_hit_does_not_lengthen_the_wait() -> None:
    for _ in range(50):
        knock()
    assert knock().retry_after == dt.timedelta(minutes=2)


@pytest.mark.django_db
def test_a_hit_given_back_makes_room_for_one() -> None:
    for _ in range(5):
        knock()
    give_back("bad code", "a", limit=5, per=TEN)
    assert [knock().allowed for _ in range(2)] == [True, False]


@pytest.mark.django_db
def test_forgotten_and_cleaned() -> None:
    for _ in range(5):
        knock()
    forget("bad code", "a")
    assert knock().allowed
    assert clean_up(NOW) == 0
    assert clean_up(NOW + TEN) == 1


@pytest.mark.django_db
def test_no_address_is_kept() -> None:
    hit("ip", network("203.0.113.77"), limit=5, per=TEN, now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("SELECT limits_limitbucket::text, relpersistence FROM limits_limitbucket, pg_class "
                       "WHERE relname = 'limits_limitbucket'")  # fmt: skip
        row, persistence = cursor.fetchone()
    assert "203" not in row
    assert persistence == "u"


@pytest.mark.parametrize(
    ("address", "group"),
    [("203.0.113.77", "203.0.113.0/24"), ("2001:db8:1:2ff::9", "2001:db8:1:200::/56"),
     ("::ffff:203.0.113.9", "203.0.113.0/24"), ("fe80::1%eth0", "fe80::/56"), ("", "unknown"), ("x' OR 1", "unknown")],
)  # fmt: skip
def test_addresses_are_grouped_as_a_subscriber_gets_them(address: str, group: str) -> None:
    assert network(address) == group


@pytest.mark.django_db(transaction=True)
def test_rivals_share_one_limit() -> None:
    allowed = []

    def rush() -> None:
        try:
            allowed.extend(knock(limit=20).allowed for _ in range(10))
        finally:
            connection.close()

    threads = [threading.Thread(target=rush) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(allowed), sum(allowed)) == (60, 20)


@pytest.mark.django_db
def test_the_moments_of_a_line_are_taken_once_each_and_only_the_near_ones() -> None:
    second = dt.timedelta(seconds=1)
    taken = [book("line", "a", every=second / 4, within=second, now=NOW) for _ in range(6)]
    assert [each.retry_after / second for each in taken] == [0, 0.25, 0.5, 0.75, 1, 0.25]
    assert [each.allowed for each in taken] == [True] * 5 + [False]
    assert not book("line", "a", every=second / 4, within=second / 2, now=NOW + second / 4).allowed
    later = book("line", "a", every=second / 4, within=second, now=NOW + second / 4)
    assert (later.allowed, later.retry_after) == (True, second)
    assert book("line", "a", every=second / 4, within=second, now=NOW + 9 * second).retry_after == dt.timedelta(0)

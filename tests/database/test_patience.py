"""A change of tables never makes the portal wait: it gives up, comes back, and says why when it cannot."""

import contextlib
import threading
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection

from emite.database import migrating, patience
from emite.database.address import Dsn
from emite.database.trouble import DatabaseTrouble

HASTY = "-c lock_timeout=60ms -c statement_timeout=5s"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner() -> Iterator[Dsn]:
    """A table that somebody may be using."""
    with migrating.as_owner() as dsn, psycopg.connect(dsn.conninfo(), autocommit=True) as made:
        made.execute("CREATE TABLE patience (id int, note text)")
        try:
            yield dsn
        finally:
            made.execute("SET lock_timeout = '2s'")
            made.execute("DROP TABLE patience")


@pytest.fixture
def writer(owner: Dsn) -> Iterator[psycopg.Connection]:
    """In a transaction that has written in the table."""
    with contextlib.closing(psycopg.connect(owner.conninfo())) as connection:
        connection.execute("INSERT INTO patience VALUES (1)")
        yield connection


def _alter() -> None:
    with migrating.as_owner(HASTY), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE patience ADD COLUMN extra int")


def test_a_change_comes_back_when_the_writer_has_gone(owner: Dsn, writer: psycopg.Connection) -> None:
    said: list[str] = []
    patience.patiently(_alter, say=said.append, sleep=lambda _: writer.close())
    assert said == ["Una tabla está ocupada; se intenta de nuevo en 1 s."]
    with psycopg.connect(owner.conninfo()) as look:
        look.execute("SELECT extra FROM patience")


def test_a_change_that_never_finds_its_table_free_says_so(writer: psycopg.Connection) -> None:
    pauses: list[float] = []
    with pytest.raises(DatabaseTrouble, match="pg_stat_activity y repita: emite migrate"):
        patience.patiently(_alter, say=lambda _: None, sleep=pauses.append)
    assert pauses == list(patience.PAUSES)


@pytest.mark.usefixtures("owner")
def test_what_is_wrong_for_another_reason_is_raised_at_once() -> None:
    def wrong() -> None:
        with migrating.as_owner(HASTY), connection.cursor() as cursor:
            cursor.execute("ALTER TABLE patience ADD COLUMN id int")

    with pytest.raises(Exception, match="already exists"):
        patience.patiently(wrong, say=lambda _: None, sleep=lambda _: pytest.fail("tried again"))


def test_an_index_made_concurrently_waits_and_what_a_cut_left_of_it_goes_away(writer: psycopg.Connection) -> None:
    with migrating.as_owner(HASTY), connection.cursor() as cursor:
        with pytest.raises(Exception, match="lock timeout"):
            cursor.execute("CREATE INDEX CONCURRENTLY patience_note ON patience (note)")
        leaving = threading.Timer(0.3, writer.close)
        leaving.start()
        with connection.execute_wrapper(patience.unhurried):
            assert patience.drop_broken_indexes(connection) == ["public.patience_note"]
            cursor.execute("CREATE INDEX CONCURRENTLY patience_note ON patience (note)")
        leaving.join()
        assert patience.drop_broken_indexes(connection) == []
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("60ms",)


def test_two_that_migrate_take_turns(owner: Dsn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "LIMITS", HASTY)
    monkeypatch.setattr(patience, "PAUSES", (0.01,))
    with psycopg.connect(owner.conninfo(), autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [patience.TURN])
        with pytest.raises(DatabaseTrouble, match="no se esperó"):
            migrating.migrate(truncate=True, say=lambda _: None)

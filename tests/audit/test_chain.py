"""The chain of events: it grows in one line, refuses to be changed, and shows where it was."""

import datetime as dt
import threading
from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from emite.audit import record, verify_chain
from emite.audit.models import AuditEvent
from emite.audit.verifying import head
from emite.database import migrating

pytestmark = pytest.mark.django_db(transaction=True)

NOW = dt.datetime(2026, 11, 22, 18, tzinfo=dt.UTC)
TELMO, ANDES = UUID(int=1), UUID(int=2)


def grow(count: int = 5, organization: UUID = TELMO) -> list[AuditEvent]:
    return [
        record(organization_id=organization, actor="caja@telmo.mx", action="charge.void", subject=f"charge:{n}",
               before={"total": Decimal("10.00")}, after={"state": "void", "on": NOW}, reason="Error de captura",
               ip="2001:db8::1", now=NOW)
        for n in range(count)
    ]  # fmt: skip


def tamper(statement: str, *arguments: object) -> None:
    """What somebody with the owner's password could do."""
    with migrating.as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER audit_append_only")
        cursor.execute(statement, arguments)
        cursor.execute("ALTER TABLE audit_auditevent ENABLE TRIGGER audit_append_only")


def test_a_whole_chain_has_nothing_to_say() -> None:
    grow()
    grow(2, ANDES)
    record(organization_id=None, actor="root", action="keys.rotate", subject="installation", now=NOW)
    assert [verify_chain(who) for who in (TELMO, ANDES, None)] == [[], [], []]
    assert [e.position for e in AuditEvent.objects.filter(organization_id=ANDES).order_by("position")] == [1, 2]


@pytest.mark.parametrize("statement", ["UPDATE audit_auditevent SET actor = 'x'", "DELETE FROM audit_auditevent"])
def test_the_app_may_not_change_events(statement: str) -> None:
    grow(1)
    with pytest.raises(DatabaseError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("statement", ["UPDATE audit_auditevent SET actor = 'x'", "DELETE FROM audit_auditevent"])
def test_neither_may_the_owner_by_mistake(statement: str) -> None:
    grow(1)
    with migrating.as_owner(), pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    "column",
    ["actor = 'x'", "action = 'x'", "subject = 'x'", "reason = ''", "ip = NULL", "at = at + interval '1 second'",
     "before = NULL", """after = '{"state": "open"}'""", r"hash = '\x00'::bytea", r"prev_hash = '\x00'::bytea",
     "id = '00000000-0000-0000-0000-000000000009'"],
)  # fmt: skip
def test_every_changed_column_is_found(column: str) -> None:
    grow()
    tamper(f"UPDATE audit_auditevent SET {column} WHERE position = 3")
    assert 3 in {found.position for found in verify_chain(TELMO)}


def test_removed_moved_and_foreign_events_are_found() -> None:
    events = grow()
    tamper("DELETE FROM audit_auditevent WHERE id = %s", events[1].id)
    assert [found.position for found in verify_chain(TELMO)] == [2]
    tamper("UPDATE audit_auditevent SET position = 9 WHERE id = %s", events[4].id)
    assert 9 in {found.position for found in verify_chain(TELMO)}


def test_events_cut_from_the_end_are_missed_with_a_head_noted_before() -> None:
    events = grow()
    noted = head(TELMO)
    assert noted is not None
    assert (noted.position, noted.hash) == (5, bytes(events[4].hash))
    tamper("DELETE FROM audit_auditevent WHERE position >= 4")
    assert verify_chain(TELMO) == []
    assert [found.message for found in verify_chain(TELMO, known=noted)] == ["faltan los eventos del 4 al 5"]


def test_an_act_undone_leaves_no_event() -> None:
    def undone() -> None:
        with transaction.atomic():
            grow(1)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        undone()
    grow(1)
    assert verify_chain(TELMO) == []
    assert AuditEvent.objects.count() == 1


def in_threads(count: int, act: Callable[[], object]) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_rivals_make_one_line() -> None:
    in_threads(6, lambda: grow(10))
    positions = list(AuditEvent.objects.order_by("position").values_list("position", flat=True))
    assert positions == list(range(1, 61))
    assert verify_chain(TELMO) == []

"""Whose rows a statement may touch, told to PostgreSQL, whose policies hide every other organization's.

The second lock behind the ORM's filters. A request begins with nobody's rows and enters one organization once it
knows which (`enter`); commands and the worker are for all (`whole_process`). The value travels as SET LOCAL in front
of the first statement of a transaction: no round trip of its own, nothing left behind on a pooled connection.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import psycopg
from psycopg import sql

from emite.database.address import Dsn

SETTING = "emite.organization"
#: The same as SET LOCAL, for a statement that can be prepared.
TELL = f"SELECT set_config('{SETTING}', %s, true)"
NOBODY, EVERYBODY = "", "all"
POLICY = "organization"
#: In place of the scope that was told, when a savepoint may have taken it back.
UNSURE = "?"

#: None: nothing was said here, so what the process said counts.
_scope: ContextVar[str | None] = ContextVar("emite_organization", default=None)
_process = NOBODY

#: How the statements begin that read or write rows; checks put off until then read them too.
_TOUCHING = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "DECLARE", "EXPLAIN", "SET CONSTRAINTS")

Item = TypeVar("Item")
Execute = Callable[[Any, Any, bool, dict[str, Any]], Any]


def enter(organization_id: uuid.UUID) -> None:
    """From here to the end of the request, the rows of this organization. Only inside `nobody()`, which ends it."""
    if _scope.get() is None:
        raise RuntimeError("enter() needs a scope to end it")
    _scope.set(str(uuid.UUID(str(organization_id))))


def nobody() -> AbstractContextManager[None]:
    """No row of any organization, until somebody enters one."""
    return _within(NOBODY)


def organization(organization_id: uuid.UUID) -> AbstractContextManager[None]:
    """The rows of one organization inside this block."""
    return _within(str(uuid.UUID(str(organization_id))))


def everybody() -> AbstractContextManager[None]:
    """All rows inside this block. For operators, and for the doors that find out whose request this is."""
    return _within(EVERYBODY)


@contextmanager
def _within(scope: str | None) -> Iterator[None]:
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)


def whole_process() -> None:
    """This process works for all organizations: commands and the worker. Call before the first connection."""
    global _process
    _process = EVERYBODY


def process_scope() -> str:
    """What new connections of this process start with."""
    return _process


def carried(items: Iterator[Item]) -> Iterator[Item]:
    """Items made later, while a body is being sent, under the scope of now."""
    return _carried(_scope.get(), items)


def _carried(scope: str | None, items: Iterator[Item]) -> Iterator[Item]:
    while True:
        with _within(scope):
            try:
                item = next(items)
            except StopIteration:
                return
        yield item


def is_told(connection: Any) -> bool:
    """Whether the transaction under way knows the scope of now, so that a statement needs nothing in front of it."""
    scope = _scope.get()
    if scope is None:
        return connection.scope_told in (None, _process)
    return bool(connection.scope_told == scope)


def scoped(execute: Execute, statement: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Django's wrapper of every statement: puts the scope in front of those that touch rows.

    Once per transaction is enough, until it changes or a savepoint takes it back.
    """
    connection = context["connection"]
    if not connection.in_atomic_block:
        connection.scope_told = None
    if is_told(connection) or hasattr(context["cursor"].cursor, "scopeless"):
        return execute(statement, params, many, context)
    if not isinstance(statement, str) or not statement[:40].lstrip("( \n").upper().startswith(_TOUCHING):
        return execute(statement, params, many, context)
    scope = _scope.get()
    scope = _process if scope is None else scope
    cursor = context["cursor"].cursor
    order = f"SET LOCAL {SETTING} = '{scope}'"
    if hasattr(cursor, "scope"):
        cursor.scope = scope  # says it in its own way
        result = execute(statement, params, many, context)
    elif many or isinstance(cursor, psycopg.ServerCursor):
        result = _apart(execute, order, statement, params, many, context)
    else:
        result = execute(f"{order}; {statement}", params, many, context)
        cursor.nextset()
    # Only now: a statement that psycopg refused to send has told nothing.
    connection.scope_told = scope if connection.in_atomic_block else None
    return result


def _apart(execute: Execute, order: str, statement: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """For the few statements that cannot share one message with another."""
    from django.db import transaction

    connection = context["connection"]
    if not connection.in_atomic_block:
        with transaction.atomic(using=connection.alias):
            return _apart(execute, order, statement, params, many, context)
    with connection.cursor() as cursor:
        cursor.execute(order)
    return execute(statement, params, many, context)


# --- the policies -----------------------------------------------------------------------------------------------------

#: Tables with the key of a tenant, and whether each is protected.
_TABLES = """
SELECT c.relname, c.relrowsecurity AND EXISTS (
    SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = %s
)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
ORDER BY c.relname
"""

# Each sub-select is evaluated once per statement and not once per row.
_RULE = f"""(
    (SELECT current_setting('{SETTING}', true) = '{EVERYBODY}')
    OR organization_id = (
        SELECT CASE WHEN current_setting('{SETTING}', true) NOT IN ('{NOBODY}', '{EVERYBODY}')
                    THEN current_setting('{SETTING}', true)::uuid END
    )
)"""


def protect(owner: Dsn) -> list[str]:
    """A policy on each table of a tenant that has none yet; returns those tables.

    The owner is not bound by them (it migrates and backs up); the role of the app is.
    """
    with psycopg.connect(owner.conninfo()) as connection:
        bare = [name for name, ready in connection.execute(_TABLES, [POLICY]) if not ready]
        for table in bare:
            names = {"table": sql.Identifier(table), "policy": sql.Identifier(POLICY), "rule": sql.SQL(_RULE)}
            for order in (
                "DROP POLICY IF EXISTS {policy} ON {table}",
                "CREATE POLICY {policy} ON {table} USING {rule} WITH CHECK {rule}",
                "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            ):
                connection.execute(sql.SQL(order).format(**names))
    return bare


def tables(connection: psycopg.Connection[Any]) -> dict[str, bool]:
    """Every table of a tenant, and whether it has its policy."""
    return dict(connection.execute(_TABLES, [POLICY]).fetchall())

"""Changes of tables beside a service that works: one that finds its table taken gives up at once and comes back,
since whoever waits in front for a table makes every later reader wait behind it."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from psycopg import errors

from emite.database.trouble import DatabaseTrouble

Result = TypeVar("Result")

LOCK_SECONDS = 2
STATEMENT_MINUTES = 15
PAUSES = (1, 2, 4, 8, 15, 15, 15)

#: Held by whoever migrates: two machines that are upgraded at once take turns.
TURN = 0x656D697465  # "emite"

#: libpq's `options` of a connection that changes tables.
LIMITS = f"-c lock_timeout={LOCK_SECONDS}s -c statement_timeout={STATEMENT_MINUTES}min"

_BROKEN_INDEXES = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid AND n.nspname = current_schema() AND pg_has_role(c.relowner, 'USAGE')
  AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
"""


def patiently(
    act: Callable[[], Result], *, say: Callable[[str], None], sleep: Callable[[float], None] = time.sleep
) -> Result:
    """What `act` returns, once its tables were free. Raises DatabaseTrouble when they never were, or when one change
    took too long; what was done before the one that failed stays done."""
    for pause in (*PAUSES, None):
        try:
            return act()
        except Exception as error:
            if _is(error, errors.QueryCanceled):
                raise DatabaseTrouble(
                    f"Un cambio tardó más de {STATEMENT_MINUTES} minutos y se deshizo. Detenga emite y repita con: "
                    "emite migrate --no-limits"
                ) from error
            if not _is(error, errors.LockNotAvailable, errors.DeadlockDetected):
                raise
            if pause is None:
                raise DatabaseTrouble(
                    "Otra consulta no suelta una tabla que debe cambiar, así que no se esperó: emite sigue como "
                    "estaba. Vea cuál es en pg_stat_activity y repita: emite migrate"
                ) from error
            say(f"Una tabla está ocupada; se intenta de nuevo en {pause} s.")
            sleep(pause)
    raise AssertionError("the last pause returns or raises")


def unhurried(execute: Callable[..., Any], statement: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Django's execute_wrapper: what is done CONCURRENTLY blocks nobody, so it may wait as long as it takes."""
    if "CONCURRENTLY" not in str(statement).upper():
        return execute(statement, params, many, context)
    with context["connection"].connection.cursor() as cursor:
        before = [cursor.execute(f"SHOW {name}").fetchone()[0] for name in ("lock_timeout", "statement_timeout")]
        cursor.execute("SET lock_timeout = 0; SET statement_timeout = 0")
        try:
            return execute(statement, params, many, context)
        finally:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", before[:1])
            cursor.execute("SELECT set_config('statement_timeout', %s, false)", before[1:])


def drop_broken_indexes(connection: Any) -> list[str]:
    """Remove the indexes that a cut left half made, so that making them again finds their names free."""
    with connection.cursor() as cursor:
        cursor.execute(_BROKEN_INDEXES)
        names = [name for (name,) in cursor.fetchall()]
        for name in names:
            cursor.execute(f"DROP INDEX CONCURRENTLY {name}")
    return names


def _is(error: BaseException, *kinds: type[BaseException]) -> bool:
    """psycopg's error, bare or as the cause of Django's."""
    return isinstance(error, kinds) or isinstance(error.__cause__, kinds)

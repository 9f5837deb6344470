"""The connection that Django opens: its own for PostgreSQL, with the scope of tenancy in every statement."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import register_tzloader
from psycopg.pq import Format

from emite.database import tenancy


class _Prepared(base.ServerBindingCursor):
    """Each statement is parsed and planned once per connection."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)  # type: ignore[call-arg] # Django's stubs do not know its base
        self._open = connection

    def execute(self, query: Any, params: Any = None, **kwargs: Any) -> Any:
        return super().execute(query, params, prepare=True, **kwargs)  # type: ignore[misc]


class _OfNobody(_Prepared):
    """For tables of no organization: their rows are the same under any scope."""

    scopeless = True


class _Telling(_Prepared):
    """A prepared statement that says its scope first, where words in front of it would be planned anew each time."""

    scope: str = tenancy.NOBODY

    def execute(self, query: Any, params: Any = None, **kwargs: Any) -> Any:
        _Prepared(self._open).execute(tenancy.TELL, [self.scope])
        return super().execute(query, params, **kwargs)


class _TellingAlone(_Telling):
    """The same where no transaction is under way: both in one message, since a pipeline is one transaction until it is
    synchronized, so that the scope ends with the statement."""

    def execute(self, query: Any, params: Any = None, **kwargs: Any) -> Any:
        with self._open.pipeline():
            return super().execute(query, params, **kwargs)


class DatabaseWrapper(base.DatabaseWrapper):
    """`scope_told`: what the SET LOCAL of the transaction under way says; None when it has none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scope_told: str | None = None
        self.execute_wrappers.append(tenancy.scoped)

    def init_connection_state(self) -> None:
        super().init_connection_state()
        if tenancy.process_scope():
            # Bypasses Django's cursor: its first use would ask for this very state.
            self.connection.execute(f"SET {tenancy.SETTING} = '{tenancy.process_scope()}'")

    def kept_cursor(self, *, of_nobody: bool = False) -> Any:
        """For a statement that comes again and again: planned once, and its scope told with the fewest journeys."""
        self.close_if_health_check_failed()
        self.ensure_connection()
        if not self.in_atomic_block:
            self.scope_told = None
        if of_nobody:
            kind: type[_Prepared] = _OfNobody
        elif tenancy.is_told(self):
            kind = _Prepared
        else:
            kind = _Telling if self.in_atomic_block else _TellingAlone
        cursor = kind(self.connection)
        loader = self.connection.adapters.get_loader(base.TIMESTAMPTZ_OID, Format.TEXT)
        if self.timezone != loader.timezone:
            register_tzloader(self.timezone, cursor)
        return self._prepare_cursor(cursor)  # type: ignore[attr-defined] # Django's own, not in its stubs

    def _set_autocommit(self, autocommit: bool) -> None:
        self.scope_told = None  # a transaction begins or has ended
        super()._set_autocommit(autocommit)  # type: ignore[misc]

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)  # type: ignore[misc]
        if self.scope_told is not None:
            self.scope_told = tenancy.UNSURE  # perhaps said after that savepoint

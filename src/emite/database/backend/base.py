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


class _Telling(_Prepared):
    """A prepared statement that begins its transaction: the scope travels before it in the same message.

    A pipeline is one transaction until it is synchronized, so the scope ends with the statement that stands alone.
    Words in front of the statement, as other cursors have them, would be parsed and planned anew each time.
    """

    scope: str = tenancy.NOBODY

    def execute(self, query: Any, params: Any = None, **kwargs: Any) -> Any:
        with self._open.pipeline():
            _Prepared(self._open).execute(tenancy.TELL, [self.scope])
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

    def kept_cursor(self) -> Any:
        """For a statement that comes again and again: parsed and planned once, and no journey more for its scope."""
        self.close_if_health_check_failed()
        self.ensure_connection()
        if not self.in_atomic_block:
            self.scope_told = None
        cursor = (_Prepared if tenancy.is_told(self) else _Telling)(self.connection)
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

"""The connection that Django opens: its own for PostgreSQL, with the scope of tenancy in every statement."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base

from emite.database import tenancy


class DatabaseWrapper(base.DatabaseWrapper):
    """`scope_was_told`: the transaction under way has a SET LOCAL in it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scope_was_told = False
        self.execute_wrappers.append(tenancy.scoped)

    def init_connection_state(self) -> None:
        super().init_connection_state()
        if tenancy.process_scope():
            # Bypasses Django's cursor: its first use would ask for this very state.
            self.connection.execute(f"SET {tenancy.SETTING} = '{tenancy.process_scope()}'")

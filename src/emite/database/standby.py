"""A database that can only be read: a standby that took the place of its primary until somebody promotes it.

PostgreSQL says by itself, on each connection, whether it is one (`in_hot_standby`, `default_transaction_read_only`), so
that nobody has to ask. What cannot be written fails whole: nothing is half done.
"""

from __future__ import annotations

from typing import Any

from psycopg import errors

WORDS = "La base de datos es una copia de solo lectura"


def only_reads(connection: Any) -> bool:
    """Whether this connection of psycopg can write nothing now."""
    told = connection.pgconn.parameter_status
    return b"on" in (told(b"in_hot_standby"), told(b"default_transaction_read_only"))


def is_reading(connection: Any) -> bool:
    """The same of Django's connection, as it is now; one that is not open has nothing to say."""
    return connection.connection is not None and only_reads(connection.connection)


def refused_to_write(error: BaseException | None) -> bool:
    """Whether a statement failed because it would have written."""
    return isinstance(error, errors.ReadOnlySqlTransaction) or isinstance(
        error and error.__cause__, errors.ReadOnlySqlTransaction
    )

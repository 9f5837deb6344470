"""Migrations, run as the owner of the tables; the app role gets its rights afterwards.
Needs Django set up; the server must be running (embedded.ensure_running)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
from django.apps import apps
from django.core.management import call_command
from django.db import connections
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor

from emite.database import patience, rendering, roles, tenancy
from emite.database.address import ROLES, Dsn, dsn, is_external
from emite.database.trouble import DatabaseTrouble


def migrate(
    *, verbosity: int = 0, truncate: bool = False, limits: bool = True, say: Callable[[str], None] = print
) -> None:
    """Bring the tables to this version of the code as the owner; give them their policies and the app role its rights.

    limits: what finds its table taken does not wait in front of the service but comes back (patience).
    Raises DatabaseTrouble when the operator's server lacks an extension, or does not let a table be changed.
    """
    patience.patiently(lambda: _migrate_once(verbosity, truncate, patience.LIMITS if limits else ""), say=say)


def _migrate_once(verbosity: int, truncate: bool, settings: str) -> None:
    with as_owner(settings) as owner, psycopg.connect(owner.conninfo(), autocommit=True) as turn:
        turn.execute("SELECT pg_advisory_lock(%s)", [patience.TURN])
        if is_external():
            missing = roles.ensure_extensions(owner)
            if missing:
                raise DatabaseTrouble(
                    "Faltan extensiones en su PostgreSQL: pida al administrador que ejecute "
                    + " ".join(f"CREATE EXTENSION {name};" for name in missing)
                )
        connection = connections["default"]
        with connection.execute_wrapper(patience.unhurried), rendering.only_what_changes(_plan()):
            patience.drop_broken_indexes(connection)
            call_command("migrate", interactive=False, verbosity=verbosity)
        tenancy.protect(owner)
        app = dsn("app").user if is_external() else ROLES["app"]
        if app and app != owner.user:
            roles.grant(owner, app, insert_only=insert_only_tables(), truncate=truncate)


def pending() -> list[str]:
    """`app.migration` names not applied yet."""
    return [f"{migration.app_label}.{migration.name}" for migration in _plan()]


def _plan() -> list[Migration]:
    executor = MigrationExecutor(connections["default"])
    return [migration for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]


def unprotected() -> list[str]:
    """Tables of tenants without their policy: made by a version that had none."""
    connection = connections["default"]
    connection.ensure_connection()
    return [table for table, ready in tenancy.tables(connection.connection).items() if not ready]


def insert_only_tables() -> list[str]:
    """Tables whose model says `insert_only = True`: the app role may add rows and read them, no more."""
    return sorted(m._meta.db_table for m in apps.get_models() if getattr(m, "insert_only", False))


@contextmanager
def as_owner(settings: str = "") -> Iterator[Dsn]:
    """Django's default connection belongs to the owner of the tables inside this block, with these `-c` settings."""
    connection = connections["default"]
    before = connection.settings_dict
    name = str(before["NAME"])
    owner = dsn("owner") if is_external() else _owner_beside(before["HOST"], before["PORT"], name)
    if settings:
        options = dict(owner.options)
        options["options"] = f"{options.get('options', '')} {settings}".strip()
        owner = replace(owner, options=tuple(sorted(options.items())))
    connection.close()
    connection.settings_dict = {
        **before, **owner.django(), "CONN_MAX_AGE": 0, "TEST": before.get("TEST", {}),
    }  # fmt: skip
    try:
        yield owner
    finally:
        connection.close()
        connection.settings_dict = before


def _owner_beside(host: str, port: str, name: str) -> Dsn:
    return Dsn(host=str(host), port=str(port), dbname=name, user=ROLES["owner"])

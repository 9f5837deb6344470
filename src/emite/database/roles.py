"""Who may do what inside the database: the owner migrates, the app reads and writes, neither is a superuser.
Works on the embedded server; on the operator's it only grants (their roles are theirs)."""

from collections.abc import Iterable
from pathlib import Path

import psycopg
from psycopg import sql

from emite.database.address import DATABASE, ROLES, Dsn, dsn

EXTENSIONS = ("pg_trgm", "unaccent", "citext", "btree_gist")

# Raised whenever bootstrap() has something new to do on servers made earlier.
_BOOTSTRAPPED = "1"


def bootstrap(folder: Path) -> None:
    """Roles, database and extensions of the embedded server; nothing if they are there. Raises psycopg.Error."""
    mark = folder / "postgres.ready"
    if mark.exists() and mark.read_text(encoding="ascii").strip() == _BOOTSTRAPPED:
        return
    with psycopg.connect(dsn("admin", folder=folder, dbname="postgres").conninfo(), autocommit=True) as connection:
        for name in (ROLES["owner"], ROLES["app"]):
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
            connection.execute(
                sql.SQL("ALTER ROLE {} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS").format(
                    sql.Identifier(name)
                )
            )
    create_database(folder, DATABASE)
    mark.write_text(_BOOTSTRAPPED + "\n", encoding="ascii")


def create_database(folder: Path, name: str) -> Dsn:
    """An empty database of the owner with our extensions, on the embedded server; its address as the app role."""
    database, owner, app = (sql.Identifier(part) for part in (name, ROLES["owner"], ROLES["app"]))
    with psycopg.connect(dsn("admin", folder=folder, dbname="postgres").conninfo(), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(database, owner))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        connection.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(database, app))
    with psycopg.connect(dsn("admin", folder=folder, dbname=name).conninfo(), autocommit=True) as connection:
        for extension in EXTENSIONS:
            connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension)))
        connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        connection.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(owner))
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(app))
    return dsn("app", folder=folder, dbname=name)


def ensure_extensions(owner: Dsn) -> list[str]:
    """Create the extensions on the operator's server as its owner; returns those that only a superuser can create."""
    missing = []
    with psycopg.connect(owner.conninfo(), autocommit=True) as connection:
        for extension in EXTENSIONS:
            try:
                connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension)))
            except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFile):
                missing.append(extension)
            except psycopg.errors.FeatureNotSupported:
                missing.append(extension)
    return missing


def grant(owner: Dsn, app: str, *, insert_only: Iterable[str], truncate: bool = False) -> None:
    """What role `app` may do with the owner's tables: everything but changing or deleting rows of `insert_only`.

    truncate: also TRUNCATE, which tests use to clean up.
    """
    role = sql.Identifier(app)
    rights = "SELECT, INSERT, UPDATE, DELETE" + (", TRUNCATE" if truncate else "")
    with psycopg.connect(owner.conninfo()) as connection:
        for statement in (
            "GRANT USAGE ON SCHEMA public TO {}",
            f"GRANT {rights} ON ALL TABLES IN SCHEMA public TO {{}}",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}",
        ):
            connection.execute(sql.SQL(statement).format(role))
        for table in insert_only:
            connection.execute(sql.SQL("REVOKE UPDATE, DELETE ON {} FROM {}").format(sql.Identifier(table), role))
        connection.execute(sql.SQL("REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {}").format(role))

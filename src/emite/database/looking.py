"""Doctor's look at the database: what is true of it, what is wrong, in sentences. Changes nothing.
What lives inside the tables is for others to judge."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from emite.database import binaries, embedded, standby
from emite.database.address import dsn, is_external
from emite.database.folder import data_folder
from emite.database.roles import EXTENSIONS
from emite.database.trouble import DatabaseTrouble


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `ok` None: worth knowing, not wrong."""

    ok: bool | None
    text: str


def look_at_folder() -> Iterator[Finding]:
    """The data folder: there, ours, with room."""
    folder = data_folder()
    if not folder.is_dir():
        yield Finding(False, f"La carpeta de datos {folder} no existe. La crea: emite run")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding(False, f"No hay permiso para escribir en {folder}. Entre con el usuario que la creó.")
        return
    free = shutil.disk_usage(folder).free // 2**20
    enough = free >= 1024
    advice = "" if enough else ". Libere espacio: con el disco lleno no se timbra"
    yield Finding(enough or (None if free >= 256 else False), f"Carpeta de datos {folder}, {free:,} MB libres{advice}.")


def look_at_server() -> Iterator[Finding]:
    """The server as the app role meets it: answers, is new enough, trusts nobody, holds our extensions."""
    if is_external():
        where = "El servidor de DATABASE_URL"
    else:
        where = "La base de datos incluida"
        if not (data_folder() / "postgres" / "PG_VERSION").exists():
            yield Finding(None, "La base de datos incluida todavía no se ha creado. La crea: emite run")
            return
        yield from _embedded_files()
    try:
        with psycopg.connect(dsn("app").conninfo(), connect_timeout=5) as connection:
            version = connection.info.server_version
            yield Finding(version >= 150000, f"{where} responde: PostgreSQL {version // 10000}.{version % 10000}.")
            if standby.only_reads(connection):
                yield Finding(
                    None, f"{standby.WORDS}: se puede consultar, no cobrar ni timbrar, hasta que se promueva."
                )
            yield from _role(connection)
            yield from _extensions(connection)
            yield from _durability(connection)
    except psycopg.OperationalError as error:
        yield Finding(False, f"{where} no responde: {str(error).strip().splitlines()[-1]}")


def _embedded_files() -> Iterator[Finding]:
    folder = data_folder()
    data = folder / "postgres"
    try:
        user = binaries.server_user(data)
        programs = binaries.programs(folder, user)
        embedded.check_version(folder, programs)
    except DatabaseTrouble as trouble:
        yield Finding(False, str(trouble))
    except PermissionError:
        yield Finding(False, f"No hay permiso para mirar {data}. Entre con el usuario que la creó.")


def _role(connection: psycopg.Connection) -> Iterator[Finding]:
    row = connection.execute(
        "SELECT current_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    if row and row[1]:
        yield Finding(
            False,
            f"El usuario «{row[0]}» de la base es superusuario o ignora RLS: use uno sin privilegios en DATABASE_URL.",
        )
    owner = connection.execute(
        "SELECT pg_get_userbyid(relowner) = current_user FROM pg_class WHERE relname = 'django_migrations'"
    ).fetchone()
    if owner and owner[0]:
        yield Finding(
            None,
            "La aplicación es dueña de sus tablas, y al dueño no lo atan las políticas que separan organizaciones. "
            "Use dos usuarios: DATABASE_OWNER_URL para migrar y DATABASE_URL para trabajar.",
        )


def _extensions(connection: psycopg.Connection) -> Iterator[Finding]:
    there = {row[0] for row in connection.execute("SELECT extname FROM pg_extension")}
    missing = [name for name in EXTENSIONS if name not in there]
    if missing:
        yield Finding(False, f"Faltan extensiones de PostgreSQL: {', '.join(missing)}. Las crea: emite migrate")


def _durability(connection: psycopg.Connection) -> Iterator[Finding]:
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
        if row and row[0] == "off":
            yield Finding(
                False, f"PostgreSQL tiene {name} apagado: un corte de luz puede perder CFDI timbrados. Enciéndalo."
            )

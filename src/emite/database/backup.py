"""A backup in one file: what pg_dump gives, with a page that says what it is. And back into an empty database.

Not in it: the keys of the data folder (without them nothing sealed opens, so a stolen backup tells no secret) and the
sessions of people who are logged in.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final

import psycopg
from psycopg import sql

from emite.database import binaries, roles
from emite.database.address import DATABASE, Dsn, dsn, is_external
from emite.database.folder import data_folder
from emite.database.trouble import DatabaseTrouble

SUFFIX: Final = ".emite"
FORM: Final = 1
_PAGE, _DUMP = "respaldo.json", "base.dump"
_CHUNK: Final = 1 << 20
#: Whoever is logged in logs in again; a backup must not be a way in.
_WITHOUT: Final = ("django_session", "accounts_opensession")
#: Stands in the database from before the first byte of a backup until nothing can stamp any more: a restore that was
#: cut off is seen by whoever starts next, and taken up where it stopped.
_MARK: Final = "restore_under_way"
_EMPTY: Final = """
SELECT NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    AND relname <> %s)
"""
UNFINISHED: Final = (
    "Una restauración quedó a medias y nada puede iniciar así. Repita emite restore con el mismo archivo: sigue donde "
    "se quedó."
)


@dataclass(frozen=True, slots=True)
class Page:
    """What a backup says of itself. `taken_at`: everything up to then is in it."""

    form: int
    version: str
    taken_at: str
    server: str
    bytes: int
    sha256: str

    @property
    def moment(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self.taken_at)


def write(target: Path, *, version: str, now: dt.datetime) -> Page:
    """The whole database into `target`, complete or not there at all; only its owner may read the file.

    Raises DatabaseTrouble.
    """
    owner = owner_of()
    with psycopg.connect(owner.conninfo()) as connection:
        server = str(connection.info.server_version // 10000)
    draft = target.with_name(f".{target.name}.part")
    try:
        with os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            page = _written(file, owner, version=version, server=server, now=now)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except OSError as error:
        raise DatabaseTrouble(f"No se pudo escribir el respaldo en {target}: {error.strerror}.") from error
    finally:
        draft.unlink(missing_ok=True)
    return page


def _written(file: IO[bytes], owner: Dsn, *, version: str, server: str, now: dt.datetime) -> Page:
    command = _command("pg_dump", owner, "--format=custom", "--no-owner", "--no-privileges", "--exclude-extension=*")
    command += [f"--exclude-table-data={table}" for table in _WITHOUT]
    digest, size = hashlib.sha256(), 0
    # Stored, not deflated: pg_dump has compressed it already.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        with archive.open(_DUMP, "w", force_zip64=True) as entry, _process(command, owner) as dump:
            assert dump.stdout is not None
            while piece := dump.stdout.read(_CHUNK):
                digest.update(piece)
                size += len(piece)
                entry.write(piece)
        page = Page(FORM, version, now.isoformat(), server, size, digest.hexdigest())
        archive.writestr(_PAGE, json.dumps(asdict(page), indent=2) + "\n")
    return page


def read(source: Path) -> Page:
    """What the backup says of itself, after reading all of it. Raises DatabaseTrouble when a byte is not as written."""
    try:
        with zipfile.ZipFile(source) as archive:
            page = Page(**json.loads(archive.read(_PAGE)))
            if page.form != FORM:
                raise DatabaseTrouble(f"{source.name} lo escribió otro emite ({page.version}): restáurelo con ése.")
            digest = hashlib.sha256()
            with archive.open(_DUMP) as dump:
                while piece := dump.read(_CHUNK):
                    digest.update(piece)
    except FileNotFoundError as error:
        raise DatabaseTrouble(f"No existe {source}.") from error
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise DatabaseTrouble(f"{source.name} no es un respaldo de emite, o está incompleto.") from error
    if digest.hexdigest() != page.sha256:
        raise DatabaseTrouble(f"{source.name} está dañado: su contenido no es el que se escribió. Use otro respaldo.")
    return page


def restore(source: Path) -> None:
    """Put the backup into the empty database. All of it or nothing. Raises DatabaseTrouble."""
    owner = owner_of()
    # Extensions belong to the server; whoever prepared it made them.
    command = _command("pg_restore", owner, "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error")
    command.append(f"--dbname={owner.dbname}")
    with (
        zipfile.ZipFile(source) as archive,
        archive.open(_DUMP) as dump,
        _process(command, owner, reads=True) as loading,
    ):
        assert loading.stdin is not None
        with suppress(BrokenPipeError):  # it has ended: its own words say why
            while piece := dump.read(_CHUNK):
                loading.stdin.write(piece)


def begin(page: Page) -> None:
    """Say in the database that this backup is being put into it."""
    with psycopg.connect(owner_of().conninfo()) as connection:
        connection.execute(sql.SQL("CREATE TABLE {} (sha256 text)").format(sql.Identifier(_MARK)))
        connection.execute(sql.SQL("INSERT INTO {} VALUES (%s)").format(sql.Identifier(_MARK)), [page.sha256])


def under_way() -> str:
    """The fingerprint of the backup whose restore has not ended; "" if none is."""
    with psycopg.connect(owner_of().conninfo()) as connection:
        if connection.execute("SELECT to_regclass(%s)", [f"public.{_MARK}"]).fetchone() == (None,):
            return ""
        row = connection.execute(sql.SQL("SELECT sha256 FROM {}").format(sql.Identifier(_MARK))).fetchone()
    return str(row[0]) if row else ""


def end() -> None:
    """What `begin` said no longer holds."""
    with psycopg.connect(owner_of().conninfo()) as connection:
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(_MARK)))


def is_unfinished() -> bool:
    """Whether a restore was cut off here, as the application's role sees it."""
    with psycopg.connect(dsn("app").conninfo(), connect_timeout=5) as connection:
        return connection.execute("SELECT to_regclass(%s)", [f"public.{_MARK}"]).fetchone() != (None,)


def is_empty() -> bool:
    """Whether the database has no table but the mark."""
    with psycopg.connect(owner_of().conninfo()) as connection:
        return bool(connection.execute(_EMPTY, [_MARK]).fetchone()[0])  # type: ignore[index]


def visitors() -> int:
    """Connections of others to the database."""
    with psycopg.connect(owner_of().conninfo()) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        ).fetchone()
    return int(row[0]) if row else 0


def put_aside(now: dt.datetime) -> str:
    """Rename the embedded server's database and make an empty one in its place; the name it has now.

    Nothing is deleted. Raises DatabaseTrouble on the operator's own server, where that is theirs to do.
    """
    if is_external():
        raise DatabaseTrouble(
            "En su propio servidor prepare una base vacía y nómbrela en DATABASE_URL: la que tiene datos no se toca."
        )
    folder = data_folder()
    name = f"{DATABASE}_antes_{now:%Y%m%d%H%M%S}"
    admin = dsn("admin", folder=folder, dbname="postgres")
    with psycopg.connect(admin.conninfo(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(DATABASE), sql.Identifier(name))
        )
    roles.create_database(folder, DATABASE)
    return name


def put_back(name: str) -> None:
    """Undo `put_aside`: the database of that name is the one in use again; what took its place is dropped."""
    admin = dsn("admin", folder=data_folder(), dbname="postgres")
    with psycopg.connect(admin.conninfo(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(DATABASE)))
        connection.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(DATABASE))
        )


def owner_of() -> Dsn:
    """The owner of the tables in the database that Django uses now."""
    from django.db import connection

    if is_external():
        return dsn("owner")
    return dsn("owner", folder=data_folder(), dbname=str(connection.settings_dict["NAME"]))


def _command(program: str, owner: Dsn, *options: str) -> list[str]:
    """The wheel's program. The password goes in the environment: a list of processes is for everybody to read."""
    if is_external():
        user = binaries.server_user(data_folder() / "nothing")
    else:
        user = binaries.server_user(data_folder() / "postgres")
    path = binaries.programs(data_folder(), user).path(program)
    where = [f"--host={owner.host}", f"--port={owner.port}", f"--username={owner.user}", "--no-password"]
    dump = [f"--dbname={owner.dbname}"] if program == "pg_dump" else []
    return [str(path), *where, *dump, *options]


@contextmanager
def _process(command: list[str], owner: Dsn, *, reads: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    environment: dict[str, str] = {**binaries.environment(), "PGPASSWORD": owner.password}
    environment |= {f"PG{name.upper()}": value for name, value in owner.options if name.startswith("ssl")}
    pipe: Any = subprocess.PIPE
    with subprocess.Popen(
        command,
        env=environment,
        stdin=pipe if reads else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if reads else pipe,
        stderr=pipe,
    ) as process:
        yield process
        if process.stdin is not None:
            with suppress(BrokenPipeError):
                process.stdin.close()
        assert process.stderr is not None
        said = process.stderr.read().decode("utf-8", "replace").strip()
    if process.returncode:
        last = said.splitlines()[-1] if said else f"código {process.returncode}"
        raise DatabaseTrouble(f"PostgreSQL no terminó: {last}")

"""Which keys a database was sealed with, kept beside it by their ids: a node that brings other keys is turned away.

Without it, a second machine on the same database, or one whose `keys` folder was lost, would make keys of its own and
print codes that nobody else can find. Asked over psycopg alone, before Django and by small processes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import psycopg

from emite.database import backup
from emite.database.address import dsn
from emite.vault.keyfiles import KeyTrouble, Name, keys_folder, path_of, ring

#: What the web opens; the worker opens all.
OF_THE_WEB: tuple[Name, ...] = ("app/pepper", "app/codes", "app/worker_public")
_CONNECT_SECONDS = 5


class Unreachable(KeyTrouble):
    """The database could not be asked which keys it knows."""


def missing(names: Iterable[Name]) -> list[Name]:
    """Those whose file is not there."""
    return [name for name in names if not path_of(name).exists()]


def refuse_to_replace(names: Iterable[Name]) -> None:
    """Before keys are made: raises KeyTrouble if the database was sealed with keys of these names already.

    A database without tables knows none. Raises Unreachable when it does not answer.
    """
    lost = sorted(set(names) & (known() or {}).keys())
    if lost:
        raise KeyTrouble(
            f"Esta base ya tiene datos sellados con sus llaves, y aquí faltan: {', '.join(lost)}. Copie la carpeta "
            f"`keys` de la instalación (o de su resguardo) a {keys_folder()}, o nómbrela con EMITE_KEYS. "
            "No se creó ninguna llave."
        )


def confirm(names: Iterable[Name], now: dt.datetime) -> None:
    """The keys here are this database's: noted the first time, and whenever a new one has come into use.

    Before the tables are there nothing is noted. Raises KeyTrouble when a ring lacks the key that the database noted
    last; Unreachable when it does not answer.
    """
    noted = known()
    if noted is None:
        return
    fresh = []
    for name in names:
        here = ring(name)
        if name in noted and noted[name] not in here.keys:
            raise KeyTrouble(
                f"Las llaves «{name}» de {keys_folder()} no son las de esta base, o les falta la más nueva. Copie ahí "
                "la carpeta `keys` de la instalación (o de su resguardo), o nómbrela con EMITE_KEYS. No se cambió nada."
            )
        if noted.get(name) != here.active.kid:
            fresh.append((name, here.active.kid, now))
    if fresh:
        with _connected() as database:
            database.cursor().executemany(
                "INSERT INTO vault_keymark (name, kid, noted_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", fresh
            )


def known() -> dict[str, str] | None:
    """Name -> id of its newest key; None before the tables are there, or are ours to read."""
    try:
        with _connected() as database:
            return dict(database.execute("SELECT name, kid FROM vault_keymark ORDER BY id").fetchall())
    except psycopg.errors.UndefinedTable:
        return None
    except psycopg.errors.InsufficientPrivilege:
        if backup.is_unfinished():  # the tables are back, our rights in them not yet
            return None
        raise


def _connected() -> psycopg.Connection:
    try:
        return psycopg.connect(dsn("app").conninfo(), autocommit=True, connect_timeout=_CONNECT_SECONDS)
    except psycopg.OperationalError as error:
        raise Unreachable(
            "La base de datos no responde y no se pudo preguntar con qué llaves se selló. Revísela con: emite doctor"
        ) from error

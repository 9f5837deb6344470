"""What the sandbox PAC remembers: every stamp it has given, in its own SQLite file.
Not here: deciding whether to stamp (stamping.py), faults and settings (memory only: control.py)."""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

_TABLES = """
CREATE TABLE IF NOT EXISTS stamp (
    uuid TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    sello TEXT NOT NULL,
    rfc_emisor TEXT NOT NULL,
    rfc_receptor TEXT NOT NULL,
    serie TEXT NOT NULL,
    folio TEXT NOT NULL,
    total TEXT NOT NULL,
    tipo TEXT NOT NULL,
    stamped_at TEXT NOT NULL,
    visible_at TEXT NOT NULL,
    estado TEXT NOT NULL DEFAULT 'Vigente',
    xml BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS relation (
    related TEXT NOT NULL,
    uuid TEXT NOT NULL,
    kind TEXT NOT NULL,
    PRIMARY KEY (related, uuid, kind)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cancellation (
    uuid TEXT PRIMARY KEY,
    motivo TEXT NOT NULL,
    sustitucion TEXT NOT NULL,
    estatus TEXT NOT NULL,
    asked_at TEXT NOT NULL,
    effective_at TEXT NOT NULL,
    expires_on TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS receipt (
    uuid TEXT PRIMARY KEY,
    acuse BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS stamp_sha ON stamp (account, sha256);
CREATE INDEX IF NOT EXISTS stamp_key ON stamp (account, key);
CREATE INDEX IF NOT EXISTS stamp_folio ON stamp (account, rfc_emisor, serie, folio);
"""


class InUse(Exception):
    """Another sandbox PAC works on this folder."""


@dataclass(frozen=True, slots=True)
class StampRow:
    """One stamp. Times are UTC and aware."""

    uuid: str
    account: str
    key: str
    sha256: str
    sello: str
    rfc_emisor: str
    rfc_receptor: str
    serie: str
    folio: str
    total: str
    tipo: str
    stamped_at: datetime
    visible_at: datetime
    estado: str
    xml: bytes

    def listed(self) -> dict[str, str]:
        """Everything but the document, for reconciling."""
        fields = ("uuid", "account", "key", "sello", "rfc_emisor", "rfc_receptor", "serie", "folio", "total", "tipo")
        listed = {name: str(getattr(self, name)) for name in fields}
        return {**listed, "estado": self.estado, "stamped_at": self.stamped_at.isoformat()}


@dataclass(frozen=True, slots=True)
class CancelRow:
    """A cancellation that was asked for. `expires_on`: the receptor's silence accepts after that day; None: never."""

    uuid: str
    motivo: str
    sustitucion: str
    estatus: str
    asked_at: datetime
    effective_at: datetime
    expires_on: date | None


_COLUMNS = tuple(each.name for each in fields(StampRow))


def digest(document: bytes) -> str:
    """What "the same bytes" means to this PAC."""
    return hashlib.sha256(document).hexdigest()


class State:
    """The stamps, behind one lock: a PAC that decides one document at a time can't stamp one twice by a race.

    WAL with synchronous=NORMAL: a killed process loses nothing; a power cut may lose the last moments, which a test
    environment can bear. Raises `InUse` when another process has the folder.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._owner = os.open(folder / ".sandbox.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._owner)
            raise InUse(f"otro PAC simulado ya usa la carpeta {folder}") from None
        self._lock = threading.RLock()
        self._database = sqlite3.connect(folder / "state.sqlite3", check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_TABLES)

    def close(self) -> None:
        """Close the file and let another process have the folder."""
        with self._lock:
            self._database.close()
            os.close(self._owner)

    @contextmanager
    def deciding(self) -> Iterator[Callable[[StampRow], None]]:
        """Exclusive: what is looked up inside is still true when the given function stores the stamp; the stamp is
        committed when the block ends."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._insert
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def _insert(self, row: StampRow) -> None:
        held = [getattr(row, name) for name in _COLUMNS]  # astuple() would copy every value
        values = [each.isoformat() if isinstance(each, datetime) else each for each in held]
        self._database.execute(f"INSERT INTO stamp VALUES ({','.join('?' * len(values))})", values)  # noqa: S608

    def by_content(self, account: str, sha256: str) -> list[StampRow]:
        """Stamps of these bytes, oldest first."""
        return self._rows("account = ? AND sha256 = ?", account, sha256)

    def by_key(self, account: str, key: str) -> list[StampRow]:
        """Stamps given under this key, oldest first; the empty key is nobody's."""
        return self._rows("account = ? AND key = ?", account, key) if key else []

    def by_folio(self, account: str, rfc: str, serie: str, folio: str) -> list[StampRow]:
        """Stamps of an issuer's serie and folio, oldest first."""
        return self._rows("account = ? AND rfc_emisor = ? AND serie = ? AND folio = ?", account, rfc, serie, folio)

    def by_uuid(self, uuid: str) -> StampRow | None:
        """One stamp, or None."""
        rows = self._rows("uuid = ?", uuid.upper())
        return rows[0] if rows else None

    def of_issuer(self, account: str, rfc: str, since: datetime, until: datetime) -> list[StampRow]:
        """An issuer's stamps of a window, oldest first; without RFC, those of every issuer of the account."""
        rows = self._rows("account = ? AND (rfc_emisor = ? OR ? = '')", account, rfc, rfc)
        return [row for row in rows if since <= row.stamped_at < until]

    def all(self) -> list[StampRow]:
        """Every stamp of every account, oldest first."""
        return self._rows("1")

    def count(self) -> int:
        """How many stamps there are."""
        with self._lock:
            return int(self._database.execute("SELECT count(*) FROM stamp").fetchone()[0])

    def duplicates(self) -> dict[str, list[str]]:
        """Live stamps that share issuer, serie and folio, or a seal: "rfc serie folio" or "sello …" to their UUIDs."""
        groups: dict[str, list[str]] = {}
        query = (
            "SELECT rfc_emisor || ' ' || serie || ' ' || folio, sello, uuid FROM stamp "
            "WHERE estado = 'Vigente' ORDER BY stamped_at, uuid"
        )
        with self._lock:
            rows = self._database.execute(query).fetchall()
        for folio, sello, uuid in rows:
            groups.setdefault(folio, []).append(uuid)
            groups.setdefault(f"sello …{sello[-16:]}", []).append(uuid)
        return {name: uuids for name, uuids in groups.items() if len(uuids) > 1}

    def cancel(self, uuid: str) -> bool:
        """Mark a live stamp as cancelled. False when there is none."""
        with self._lock:
            done = self._database.execute(
                "UPDATE stamp SET estado = 'Cancelado' WHERE uuid = ? AND estado = 'Vigente'", (uuid.upper(),)
            )
            return done.rowcount == 1

    def relate(self, uuid: str, relations: Iterable[tuple[str, str]]) -> None:
        """Remember what a document refers to: (UUID, kind). Call while deciding."""
        rows = [(related, uuid, kind) for related, kind in relations]
        self._database.executemany("INSERT OR IGNORE INTO relation VALUES (?, ?, ?)", rows)

    def referring(self, uuid: str) -> list[tuple[str, str]]:
        """(UUID, kind) of every document that refers to this one."""
        with self._lock:
            query = "SELECT uuid, kind FROM relation WHERE related = ?"
            return [(row[0], row[1]) for row in self._database.execute(query, (uuid.upper(),))]

    def ask(self, row: CancelRow) -> None:
        """Keep a cancellation that was asked for; a second one takes the place of one that was refused."""
        moments = (row.asked_at.isoformat(), row.effective_at.isoformat())
        expires = row.expires_on.isoformat() if row.expires_on else None
        values = (row.uuid, row.motivo, row.sustitucion, row.estatus, *moments, expires)
        with self._lock:
            self._database.execute("INSERT OR REPLACE INTO cancellation VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def cancellation(self, uuid: str) -> CancelRow | None:
        """What was asked for this stamp, if anything."""
        with self._lock:
            found = self._database.execute("SELECT * FROM cancellation WHERE uuid = ?", (uuid.upper(),)).fetchone()
        if found is None:
            return None
        key, motivo, sustitucion, estatus, asked_at, effective_at, expires_on = found
        return CancelRow(
            key,
            motivo,
            sustitucion,
            estatus,
            datetime.fromisoformat(asked_at),
            datetime.fromisoformat(effective_at),
            date.fromisoformat(expires_on) if expires_on else None,
        )

    def waiting(self, estatus: str) -> list[str]:
        """The UUIDs whose cancellation stands so."""
        with self._lock:
            query = "SELECT uuid FROM cancellation WHERE estatus = ? ORDER BY asked_at, uuid"
            return [row[0] for row in self._database.execute(query, (estatus,))]

    def keep_receipt(self, uuid: str, acuse: bytes) -> None:
        """The acuse of this stamp's cancellation: the first, of the request that SAT received."""
        with self._lock:
            self._database.execute("INSERT OR IGNORE INTO receipt VALUES (?, ?)", (uuid.upper(), acuse))

    def receipt(self, uuid: str) -> bytes:
        """What was kept; empty without one."""
        with self._lock:
            found = self._database.execute("SELECT acuse FROM receipt WHERE uuid = ?", (uuid.upper(),)).fetchone()
        return bytes(found[0]) if found else b""

    def settle(self, uuid: str, estatus: str) -> None:
        """How a cancellation ended: an estatus of "Cancelado…" or "Plazo vencido" ends the stamp too."""
        with self._lock:
            self._database.execute("UPDATE cancellation SET estatus = ? WHERE uuid = ?", (estatus, uuid.upper()))
            if not estatus.startswith("Solicitud"):
                self.cancel(uuid)

    def forget(self) -> None:
        """Drop every stamp."""
        with self._lock:
            for table in ("stamp", "relation", "cancellation", "receipt"):
                self._database.execute(f"DELETE FROM {table}")  # noqa: S608 (our own names)

    def _rows(self, where: str, *values: str) -> list[StampRow]:
        with self._lock:
            query = f"SELECT * FROM stamp WHERE {where} ORDER BY stamped_at, uuid"  # noqa: S608 (our own text)
            rows = self._database.execute(query, values).fetchall()
        return [_row(row) for row in rows]


def _row(row: tuple[Any, ...]) -> StampRow:
    """A row of the table, whose columns are the fields in their order."""
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in ("stamped_at", "visible_at"):
        values[name] = datetime.fromisoformat(values[name])
    return StampRow(**values)

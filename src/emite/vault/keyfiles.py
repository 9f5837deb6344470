"""Rings of keys as small files: made once, read by whom may, replaced whole.
Not what the keys are used for. `app` keys serve the web and the worker, `worker` keys the worker alone."""

import base64
import datetime as dt
import fcntl
import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from emite.database.folder import data_folder
from emite.database.trouble import Trouble

Name = Literal["app/pepper", "app/codes", "app/worker_public", "worker/kek", "worker/hpke"]
# The worker's private key before its public half, which is computed from it.
NAMES: tuple[Name, ...] = ("app/pepper", "app/codes", "worker/kek", "worker/hpke", "app/worker_public")

KID_LENGTH = 8


class KeyTrouble(Trouble):
    """A key is missing, out of reach or badly kept; `str(error)` is a Spanish sentence with the cure."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key: 32 bytes, and since when it is no longer the one that seals (None while it is)."""

    kid: str
    secret: bytes
    made_at: dt.datetime | None
    replaced_at: dt.datetime | None = None

    def __repr__(self) -> str:
        return f"Key({self.kid})"


@dataclass(frozen=True, slots=True)
class Ring:
    """The keys of one use: the active one seals, all of them open."""

    active: Key
    keys: Mapping[str, Key]

    def get(self, kid: str) -> Key:
        if kid not in self.keys:
            raise KeyTrouble(f"Falta la llave {kid} con que se cifró este dato. Recupérela de su resguardo.")
        return self.keys[kid]


def keys_folder() -> Path:
    """EMITE_KEYS, or `keys` in the data folder."""
    named = os.environ.get("EMITE_KEYS", "").strip()
    return Path(named) if named else data_folder() / "keys"


def path_of(name: Name) -> Path:
    """The file of a ring: systemd's credential (`emite-worker-kek`) when there is one, else in the folder."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY", "")
    given = Path(credentials) / f"emite-{name.replace('/', '-')}"
    if credentials and given.exists():
        return given
    return keys_folder() / f"{name}.json"


_rings: dict[Path, tuple[tuple[int, int, int], Ring]] = {}


def ring(name: Name) -> Ring:
    """The ring as it is on disk now (a rotation elsewhere is seen at the next use).

    Raises KeyTrouble when it is missing, readable by strangers, or the worker's in a web process.
    """
    if name.startswith("worker/") and os.environ.get("EMITE_PROCESS") == "web":
        raise KeyTrouble("Este proceso atiende a la web y no abre las llaves del trabajador.")
    path = path_of(name)
    try:
        status = path.stat()
    except OSError as error:
        raise KeyTrouble(f"No se puede leer la llave {path}. Cree las llaves con: emite keys init") from error
    mark = (status.st_mtime_ns, status.st_ino, status.st_mode)
    held = _rings.get(path)
    if held and held[0] == mark:
        return held[1]
    if status.st_mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise KeyTrouble(f"Otros usuarios pueden leer o cambiar la llave {path}. Ciérrela con: chmod 600 {path}")
    try:
        loaded = _parse(path.read_text(encoding="ascii"))
    except PermissionError as error:
        raise KeyTrouble(f"Este usuario no puede leer la llave {path}.") from error
    except (ValueError, KeyError) as error:
        raise KeyTrouble(f"El archivo de la llave {path} está dañado. Recupérelo de su resguardo.") from error
    _rings[path] = (mark, loaded)
    return loaded


def ensure_keys(now: dt.datetime) -> list[Path]:
    """Make the rings that do not exist yet; returns the files made. Existing keys are never touched."""
    made = []
    for name in NAMES:
        path = path_of(name)
        if path.exists():
            continue
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _write(path, _dump([_new_key(name, now)]), replace=False):
            made.append(path)
    return made


def add_key(name: Name, now: dt.datetime) -> Key:
    """A new active key beside the earlier ones. For app/worker_public, the public half of the worker's active key."""
    with _locked(name):
        held = ring(name)
        key = _new_key(name, now)
        if key.kid not in held.keys:
            older = [Key(k.kid, k.secret, k.made_at, k.replaced_at or now) for k in held.keys.values()]
            _write(path_of(name), _dump([key, *older]), replace=True)
    return key


def drop_key(name: Name, kid: str) -> None:
    """Forget a key for ever. Refuses the active one."""
    with _locked(name):
        held = ring(name)
        if kid == held.active.kid:
            raise KeyTrouble(f"La llave {kid} está en uso y no se puede retirar.")
        _write(path_of(name), _dump([k for k in held.keys.values() if k.kid != kid]), replace=True)


@contextmanager
def _locked(name: Name) -> Iterator[None]:
    """One change of a ring at a time: of two writers at once the later would lose the other's key."""
    descriptor = os.open(path_of(name).parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _new_key(name: Name, now: dt.datetime) -> Key:
    if name == "app/worker_public":
        private = ring("worker/hpke").active
        public = X25519PrivateKey.from_private_bytes(private.secret).public_key().public_bytes_raw()
        return Key(private.kid, public, private.made_at)
    return Key(secrets.token_hex(KID_LENGTH // 2), secrets.token_bytes(32), now)


def _parse(text: str) -> Ring:
    data = json.loads(text)
    keys = {}
    for kid, entry in data["keys"].items():
        secret = base64.b64decode(entry["secret"], validate=True)
        if len(secret) != 32 or len(kid) != KID_LENGTH:
            raise ValueError("wrong length")
        keys[kid] = Key(kid, secret, _time(entry["made_at"]), _time(entry.get("replaced_at")))
    return Ring(keys[data["active"]], keys)


def _time(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


def _dump(keys: list[Key]) -> str:
    active = next(key for key in keys if key.replaced_at is None)
    entries = {
        key.kid: {
            "secret": base64.b64encode(key.secret).decode(),
            "made_at": key.made_at.isoformat() if key.made_at else None,
            **({"replaced_at": key.replaced_at.isoformat()} if key.replaced_at else {}),
        }
        for key in keys
    }
    return json.dumps({"active": active.kid, "keys": entries}, indent=1) + "\n"


def _write(path: Path, text: str, *, replace: bool) -> bool:
    """Put the file on disk whole; False if it was there and `replace` is not wished."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o400)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        if replace:
            was = path.stat()
            os.chmod(draft, stat.S_IMODE(was.st_mode))
            if (was.st_uid, was.st_gid) != (os.geteuid(), os.getegid()):
                os.chown(draft, was.st_uid, was.st_gid)
            draft.replace(path)
        else:
            os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True

"""The data folder: where it is, who may enter it, and the small secret files that live in it.
Not what others keep in it (keys: vault; mail: mailing; the server's files: embedded)."""

import errno
import os
import secrets
from pathlib import Path

from emite.database.trouble import DatabaseTrouble

ROOT_DEFAULT = Path("/var/lib/emite")


def data_folder() -> Path:
    """Absolute path of the one folder that holds everything; it need not exist yet.

    EMITE_DATA if set; else /var/lib/emite for root; else `emite` in the user's XDG data home.
    """
    named = os.environ.get("EMITE_DATA", "").strip()
    if named:
        return Path(named).expanduser().absolute()
    if os.geteuid() == 0:
        return ROOT_DEFAULT
    data_home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data_home) / "emite"


def ensure_folder(folder: Path | None = None) -> Path:
    """Create the data folder, closed to others, and return it.

    Root's folder lets others pass through (0711) because its database runs as another user; nobody can list it.
    Raises DatabaseTrouble when it belongs to somebody else or cannot be written.
    """
    folder = folder or data_folder()
    try:
        folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        owner = folder.stat().st_uid
        if owner not in (os.geteuid(), 0) and os.geteuid() != 0:
            raise DatabaseTrouble(
                f"La carpeta de datos {folder} pertenece a otro usuario del sistema (uid {owner}). "
                "Entre con ese usuario o nombre otra carpeta con EMITE_DATA."
            )
        if os.geteuid() == 0 and owner == 0:
            folder.chmod(0o711)
    except FileExistsError as error:
        raise DatabaseTrouble(f"{folder} no es una carpeta. Nombre otra con EMITE_DATA.") from error
    except OSError as error:
        raise DatabaseTrouble(f"No se puede usar la carpeta de datos {folder}: {said(error)}.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DatabaseTrouble(f"No hay permiso para escribir en la carpeta de datos {folder}.")
    return folder


def ensure_secret_key(folder: Path) -> str:
    """Django's SECRET_KEY of this installation: made once, readable by its owner only."""
    path = folder / "secret_key"
    return read_secret(path) or _write_once(path, secrets.token_urlsafe(48))


def read_secret(path: Path) -> str:
    """Content of a small secret file, "" if it is not there yet."""
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


def _write_once(path: Path, text: str) -> str:
    """Write `text` unless another process was first; return what the file holds in the end."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        return read_secret(path)
    finally:
        draft.unlink()
    return text


_SAID = {
    "ENOSPC": "el disco está lleno",
    "EDQUOT": "se agotó la cuota de disco",
    "EACCES": "no hay permiso",
    "EPERM": "no hay permiso",
    "EROFS": "el disco es de sólo lectura",
    "ENOENT": "no existe",
    "ENOTDIR": "una parte de la ruta no es una carpeta",
}


def said(error: OSError) -> str:
    """The operating system's reason in Spanish; its own words when we have none."""
    name = errno.errorcode.get(error.errno or 0, "")
    return _SAID.get(name) or (error.strerror or str(error))

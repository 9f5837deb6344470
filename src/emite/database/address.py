"""Which server, which database and as whom: answered from the environment and the data folder alone.
Connects to nothing and starts nothing (settings read this)."""

import hashlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from emite.database.folder import data_folder

Role = Literal["app", "owner", "admin"]

DATABASE = "emite"
PORT = 5432
ROLES: dict[Role, str] = {"app": "emite_app", "owner": "emite_owner", "admin": "emite_admin"}

# sockaddr_un holds 108 bytes with the closing NUL; macOS holds 104.
_SOCKET_PATH_MAX = 103


@dataclass(frozen=True, slots=True)
class Dsn:
    """Address of one database as one role. `host` may be the folder of a Unix socket."""

    host: str
    port: str
    dbname: str
    user: str
    password: str = field(default="", repr=False)
    options: tuple[tuple[str, str], ...] = ()

    def conninfo(self) -> str:
        """libpq's `key=value` line, password included: never log it."""
        from psycopg.conninfo import make_conninfo

        parts = {k: v for k, v in self.parts().items() if v}
        return make_conninfo("", **parts)

    def parts(self) -> dict[str, str]:
        named = {"host": self.host, "port": self.port, "dbname": self.dbname}
        return {**named, "user": self.user, "password": self.password, **dict(self.options)}

    def django(self) -> dict[str, Any]:
        """The connection part of an entry of DATABASES."""
        return {
            "ENGINE": "emite.database.backend",
            "HOST": self.host,
            "PORT": self.port,
            "NAME": self.dbname,
            "USER": self.user,
            "PASSWORD": self.password,
            "OPTIONS": dict(self.options),
        }


def is_external() -> bool:
    """Whether the operator brought a server of their own (DATABASE_URL)."""
    return bool(os.environ.get("DATABASE_URL", "").strip())


def dsn(role: Role = "app", *, folder: Path | None = None, dbname: str = DATABASE) -> Dsn:
    """Where `role` connects.

    With DATABASE_URL, its server: `app` is its user; `owner` (migrations) and `admin` are those of DATABASE_OWNER_URL,
    or the same user when there is none. Otherwise the embedded server's socket, where roles are proved by the
    operating system (peer), so no password exists.
    """
    if is_external() and folder is None:
        url = os.environ["DATABASE_URL"]
        if role != "app":
            url = os.environ.get("DATABASE_OWNER_URL", "").strip() or url
        return parse(url)
    return Dsn(host=str(socket_folder(folder or data_folder())), port=str(PORT), dbname=dbname, user=ROLES[role])


def parse(url: str) -> Dsn:
    """A `postgresql://` URL or libpq line as a Dsn. Raises psycopg.ProgrammingError if it is neither."""
    from psycopg.conninfo import conninfo_to_dict

    parts = {k: str(v) for k, v in conninfo_to_dict(url.strip()).items() if v is not None}
    main = {k: parts.pop(k, "") for k in ("host", "port", "dbname", "user", "password")}
    return Dsn(**main, options=tuple(sorted(parts.items())))


def socket_folder(folder: Path) -> Path:
    """The 0700 folder of the embedded server's socket: `run` in the data folder.

    A Unix socket's path has a hard limit, so a long data folder gets a short folder in the system's temporary one,
    named after it.
    """
    inside = folder / "run"
    if len(os.fsencode(inside / f".s.PGSQL.{PORT}")) <= _SOCKET_PATH_MAX:
        return inside
    mark = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    short = "/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir()
    return Path(short) / f"emite-{mark}"

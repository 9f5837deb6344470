"""The embedded server's three configuration files, written whole at each start: what is here is what runs.
The sizes suit a laptop; a hospital brings its own server."""

import os
import pwd
from pathlib import Path

from emite.database.address import PORT, ROLES
from emite.database.binaries import ServerUser

_HEADER = "# Lo escribe emite en cada arranque: los cambios hechos aquí se pierden.\n"

_SETTINGS = {
    "listen_addresses": "''",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "80",
    "shared_buffers": "64MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "1GB",
    "max_wal_size": "256MB",
    "min_wal_size": "64MB",
    "huge_pages": "off",
    "io_method": "sync",  # no resident I/O workers: an idle demo should weigh little
    "max_parallel_workers_per_gather": "0",  # containers often have 64 MB of /dev/shm
    "jit": "off",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_min_messages": "warning",
    # A statement may carry a person's data; the error and its place are enough.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_line_prefix": "'%m [%p] %u@%d '",
    "lc_messages": "'C'",
    "idle_in_transaction_session_timeout": "10min",
}

_ONLY_TESTS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


def write(data: Path, socket: Path, user: ServerUser, *, durable: bool) -> None:
    """Write postgresql.conf, pg_hba.conf and pg_ident.conf into `data`. Raises OSError."""
    settings = {**_SETTINGS, "unix_socket_directories": quoted(str(socket)), **({} if durable else _ONLY_TESTS)}
    _put(data / "postgresql.conf", "".join(f"{k} = {v}\n" for k, v in settings.items()), user)
    _put(data / "pg_hba.conf", "local all all peer map=emite\n", user)
    _put(data / "pg_ident.conf", "".join(f'emite "{who}" {role}\n' for who in _system_users(user)
                                         for role in ROLES.values()), user)  # fmt: skip


def _system_users(user: ServerUser) -> list[str]:
    """Who may open the socket anyhow: whoever starts us, the server's own user, root."""
    return sorted({user.name, pwd.getpwuid(os.geteuid()).pw_name, pwd.getpwuid(0).pw_name})


def quoted(value: str) -> str:
    """A value of postgresql.conf. A list-valued path is also quoted inside, for commas and spaces."""
    inner = value.replace('"', '""')
    return "'\"" + inner.replace("'", "''") + "\"'"


def _put(path: Path, text: str, user: ServerUser) -> None:
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(_HEADER + text)
    if not user.is_us:
        os.chown(draft, user.uid, user.gid)
    draft.replace(path)

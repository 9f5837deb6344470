"""The embedded PostgreSQL: made, started once, found again, stopped. Local socket only, nobody trusted.
Not who may do what inside it (roles) nor its tables (migrating)."""

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from emite.database import binaries, configuration, orphans, roles
from emite.database.address import PORT, Dsn, dsn, is_external, socket_folder
from emite.database.binaries import Programs, ServerUser
from emite.database.folder import data_folder, ensure_folder, said
from emite.database.trouble import DatabaseTrouble

START_SECONDS = 120.0  # a server that was killed replays its log first
STOP_SECONDS = 30.0
LEAST_FREE_BYTES = 64 * 2**20
_BACKENDS_LINGER = "pre-existing shared memory block"

_children: dict[int, subprocess.Popen[bytes]] = {}  # by pid: our own postmasters, to be reaped


@dataclass(frozen=True, slots=True)
class Place:
    """The folders of one embedded server, all derived from its data folder."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "postgres"

    @property
    def socket(self) -> Path:
        return socket_folder(self.folder)

    @property
    def log(self) -> Path:
        return self.folder / "log" / "postgres.log"


def ensure_running(folder: Path | None = None, *, durable: bool = True, die_with_us: bool = False) -> Dsn:
    """Address of a server that answers, as the app role; the embedded one is made and started if it has to be.

    durable: False turns fsync off, for tests only. die_with_us: the server stops when this process dies, however
    it dies (Linux); otherwise it stays for the next command. With DATABASE_URL nothing is started.
    Raises DatabaseTrouble with the reason and the cure.
    """
    if is_external() and folder is None:
        address = dsn("app")
        _check_external(address)
        return address
    place = Place(ensure_folder(folder or data_folder()))
    with _locked(place):
        if not answers(place.folder):
            _start(place, durable=durable, die_with_us=die_with_us)
        try:
            roles.bootstrap(place.folder)
        except psycopg.Error as error:
            raise DatabaseTrouble(f"La base de datos no terminó de prepararse: {error}") from error
    return dsn("app", folder=place.folder)


def answers(folder: Path) -> bool:
    """Whether the server of this data folder accepts connections now."""
    if not (socket_folder(folder) / f".s.PGSQL.{PORT}").exists():
        return False
    try:
        _knock(folder)
    except psycopg.OperationalError:
        return False
    return True


def has_data(folder: Path) -> bool:
    """Whether this data folder has a database, running or not."""
    return (Place(folder).data / "PG_VERSION").exists()


def stop(folder: Path | None = None) -> bool:
    """Stop the embedded server, waiting until its files are closed; False if it was not running."""
    place = Place(folder or data_folder())
    if not place.data.exists():
        return False
    with _locked(place):
        pid = _pid(place)
        if pid is None:
            return False
        for way, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5.0)):  # fast, then immediate
            os.kill(pid, way)
            if _ended(pid, seconds):
                return True
    raise DatabaseTrouble(f"La base de datos (proceso {pid}) no se detuvo en {STOP_SECONDS:.0f} segundos.")


def _start(place: Place, *, durable: bool, die_with_us: bool) -> None:
    _check_disk(place.folder)
    user = binaries.server_user(place.data)
    if not user.is_us:
        binaries.check_passage(place.data, user)
    programs = binaries.programs(place.folder, user)
    try:
        _make_folders(place, user)
        if not (place.data / "PG_VERSION").exists():
            _init(place, programs, user, durable=durable)
        check_version(place.folder, programs)
        configuration.write(place.data, place.socket, user, durable=durable)
        pid = _pid(place) or _launch(place, programs, user, die_with_us=die_with_us)
        if not _comes_up(place, pid) and _BACKENDS_LINGER in _last_words(place):
            time.sleep(1.0)  # children of a killed postmaster need a moment to notice
            pid = _launch(place, programs, user, die_with_us=die_with_us)
    except OSError as error:
        raise DatabaseTrouble(f"No se pudo iniciar la base de datos en {place.folder}: {said(error)}.") from error
    if not _comes_up(place, pid):
        raise DatabaseTrouble(_why(place))


def _make_folders(place: Place, user: ServerUser) -> None:
    place.log.parent.mkdir(mode=0o700, exist_ok=True)
    for folder in (place.data, place.socket):
        try:
            folder.mkdir(mode=0o700)
            if not user.is_us:
                os.chown(folder, user.uid, user.gid)
        except FileExistsError:
            # The short socket folder lives where anybody writes: another owner, or a link, is an impostor.
            there = folder.lstat()
            if there.st_uid != user.uid or not folder.is_dir() or folder.is_symlink():
                raise DatabaseTrouble(
                    f"La carpeta {folder} debía pertenecer a «{user.name}» y es de otro: bórrela o cámbiele el dueño."
                ) from None
            folder.chmod(0o700)


def _init(place: Place, programs: Programs, user: ServerUser, *, durable: bool) -> None:
    """Make a new cluster beside its final name, so that an interrupted one is never taken for a good one."""
    draft = place.data.with_name("postgres.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if not user.is_us:
        os.chown(draft, user.uid, user.gid)
    made = user.run([
        programs.path("initdb"), "--pgdata", draft, "--username=emite_admin", "--auth=peer", "--encoding=UTF8",
        "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", *([] if durable else ["--no-sync"]),
    ])  # fmt: skip
    if made.returncode:
        shutil.rmtree(draft, ignore_errors=True)
        last = (made.stderr.strip().splitlines() or [f"código {made.returncode}"])[-1]
        _check_disk(place.folder)
        raise DatabaseTrouble(f"No se pudo crear la base de datos en {place.data}: {last}")
    place.data.rmdir()
    draft.rename(place.data)


def _launch(place: Place, programs: Programs, user: ServerUser, *, die_with_us: bool) -> int:
    """Start the postmaster and return its process; the file of a dead one goes first."""
    (place.data / "postmaster.pid").unlink(missing_ok=True)
    if place.log.exists() and place.log.stat().st_size > 5 * 2**20:
        place.log.replace(place.log.with_suffix(".log.1"))
    with place.log.open("ab") as log:
        server = subprocess.Popen(
            [programs.path("postgres"), "-D", place.data],
            **user.identity(), cwd="/", env=binaries.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,  # Ctrl-C in the terminal is for emite, which then stops the server in order
            # Runs after the change of user, which would clear it; calls nothing but prctl.
            preexec_fn=orphans.on_parents_death(signal.SIGINT) if die_with_us else None,  # noqa: PLW1509
        )  # fmt: skip
    _children[server.pid] = server
    return server.pid


def _comes_up(place: Place, pid: int) -> bool:
    """Wait until the server answers; False when its process ended instead."""
    reason = ""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            _knock(place.folder)
            return True
        except psycopg.OperationalError as error:
            reason = str(error)
        if not _is_postgres(pid):
            _children.pop(pid, None)
            return False
        time.sleep(0.02)
    raise DatabaseTrouble(f"La base de datos no respondió en {START_SECONDS:.0f} segundos: {reason}")


def _last_words(place: Place) -> str:
    return "\n".join(place.log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])


def _why(place: Place) -> str:
    """The server's last words, in a sentence."""
    lines = _last_words(place).splitlines()
    if any("No space left on device" in line for line in lines):
        return f"La base de datos no pudo iniciar: el disco de {place.folder} está lleno. Libere espacio y repita."
    last = next((line for line in reversed(lines) if "FATAL" in line or "PANIC" in line), lines[-1] if lines else "")
    return f"La base de datos no pudo iniciar: {last.strip() or 'sin explicación'} (vea {place.log})."


def _knock(folder: Path) -> None:
    address = dsn("admin", folder=folder, dbname="postgres")
    psycopg.connect(address.conninfo(), connect_timeout=5, autocommit=True).close()


def _check_disk(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        raise DatabaseTrouble(
            f"El disco de {folder} está lleno: quedan {free // 2**20} MB y la base de datos necesita al menos "
            f"{LEAST_FREE_BYTES // 2**20} MB. Libere espacio y repita."
        )


def check_version(folder: Path, programs: Programs) -> None:
    """Refuse data made by another major version of PostgreSQL."""
    data = Place(folder).data
    found = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    if found != str(programs.major):
        raise DatabaseTrouble(
            f"Los datos de {data} son de PostgreSQL {found} y este programa trae el {programs.major}. "
            "Respáldelos con la versión anterior de emite y restáurelos con ésta; aquí no se tocó nada."
        )


def _check_external(address: Dsn) -> None:
    try:
        with psycopg.connect(address.conninfo(), connect_timeout=10) as connection:
            version = connection.info.server_version
    except psycopg.OperationalError as error:
        raise DatabaseTrouble(f"El servidor de DATABASE_URL no respondió: {str(error).strip()}") from error
    if version < 150000:
        raise DatabaseTrouble(f"DATABASE_URL lleva a PostgreSQL {version // 10000}; se necesita el 15 o posterior.")


def _pid(place: Place) -> int | None:
    """The live postmaster's process, None when it does not run (a file left by a crash does not count)."""
    try:
        lines = (place.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    if len(lines) < 2 or not lines[0].strip().isdigit():
        return None
    pid = int(lines[0])
    return pid if _is_postgres(pid) else None


def _is_postgres(pid: int) -> bool:
    """Whether `pid` lives and is a PostgreSQL: numbers are used again, above all in containers."""
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        return False
    proc = Path("/proc")
    if (proc / "self" / "stat").exists():
        try:
            words = (proc / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return False
        name, _, rest = words.partition("(")[2].rpartition(")")
        return name.startswith("postgres") and not rest.lstrip().startswith(("Z", "X"))
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _ended(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not _is_postgres(pid):
            _children.pop(pid, None)
            return True
        time.sleep(0.02)
    return False


@contextmanager
def _locked(place: Place) -> Iterator[None]:
    """One process at a time makes, starts or stops the server; the operating system frees a dead one's lock."""
    path = place.folder / "postgres.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DatabaseTrouble(f"No se puede usar {path}: {said(error)}.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

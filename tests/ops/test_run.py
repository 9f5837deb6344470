"""`emite run` from nothing to answering, and down again, leaving no process behind."""

import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from emite.database import embedded
from tests.ops.conftest import clean_environment


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(folder: Path, port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "emite", "run", "--port", str(port), "--workers", "1"],
        env=clean_environment(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def status(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/no-existe", timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def descendants(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(words[1]) == pid:
            child = int(path.parent.name)
            found += [child, *descendants(child)]
    return found


def gone(pids: list[int], seconds: float = 15.0) -> bool:
    def lives(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False

    deadline = time.monotonic() + seconds
    while any(lives(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_it_runs_alone_and_stops_whole(installation: Path) -> None:
    folder = installation
    port = free_port()
    running = start(folder, port)
    assert running.stdout is not None
    assert running.stderr is not None
    try:
        assert f"http://127.0.0.1:{port}" in running.stdout.readline(), running.stderr.read()
        assert status(port) == 404

        second = start(folder, free_port())
        assert second.wait(30) == 1
        assert second.stderr is not None
        assert f"Ya hay un emite corriendo con la carpeta {folder} (proceso {running.pid})" in second.stderr.read()

        taken = start(folder.with_name(folder.name + "-other"), port)
        assert taken.wait(30) == 1
        assert taken.stderr is not None
        assert f"No se puede escuchar en 127.0.0.1:{port}" in taken.stderr.read()

        family = descendants(running.pid)
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 0
        assert gone(family)
        assert not embedded.answers(folder)
    finally:
        running.kill()
        shutil.rmtree(folder.with_name(folder.name + "-other"), ignore_errors=True)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's death signal is Linux's")
def test_killed_outright_it_leaves_no_process_and_starts_again(installation: Path) -> None:
    port = free_port()
    running = start(installation, port)
    again = None
    try:
        assert running.stdout is not None
        assert running.stdout.readline()
        assert status(port) == 404
        family = descendants(running.pid)
        assert len(family) >= 4  # the database with its helpers, the web server with its worker, the worker
        running.kill()
        running.wait(10)
        assert gone(family, 30)
        again = start(installation, port)
        assert again.stdout is not None
        assert again.stdout.readline()
        assert status(port) == 404
        again.terminate()
        assert again.wait(30) == 0
    finally:
        running.kill()
        if again is not None:
            again.kill()

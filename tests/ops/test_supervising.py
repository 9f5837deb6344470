"""Children live as long as the supervisor does, fall and rise, and never outlive it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAM = """
import sys, pathlib
from emite.ops import supervising
from emite.ops.supervising import Child, HomeGone, Supervisor, NotReady
folder = pathlib.Path(sys.argv[1])
child = '''
import os, pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1])
(folder / f"{sys.argv[2]}.{os.getpid()}").touch()
if sys.argv[2] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (folder / "deaf").touch()
time.sleep(60)
'''
supervising.STOP_SECONDS = 1.0
children = [Child(name, [sys.executable, "-c", child, str(folder), name]) for name in sys.argv[2:]]
if "late" in sys.argv:
    children[-1].ready = lambda: False
try:
    code = Supervisor(children, home=folder).run(when_ready=lambda: print("ready", flush=True), ready_seconds=1.0)
except (NotReady, HomeGone) as error:
    print(error, flush=True)
    code = 3
sys.exit(code)
"""


def supervise(folder: Path, *names: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(folder), *names]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def pids(folder: Path, name: str) -> list[int]:
    return sorted(int(path.suffix[1:]) for path in folder.glob(f"{name}.*"))


def until(condition: Callable[[], object], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_in_order(tmp_path: Path, number: signal.Signals) -> None:
    supervisor = supervise(tmp_path, "a", "b")
    assert said(supervisor) == "ready\n"
    assert until(lambda: pids(tmp_path, "a") and pids(tmp_path, "b"))
    supervisor.send_signal(number)
    assert supervisor.wait(10) == 0
    assert not any(alive(pid) for pid in pids(tmp_path, "a") + pids(tmp_path, "b"))


def test_a_fallen_child_rises(tmp_path: Path) -> None:
    supervisor = supervise(tmp_path, "a")
    assert said(supervisor) == "ready\n"
    assert until(lambda: pids(tmp_path, "a"))
    os.kill(pids(tmp_path, "a")[0], signal.SIGKILL)
    assert until(lambda: len(pids(tmp_path, "a")) == 2)
    supervisor.terminate()
    assert supervisor.wait(10) == 0


def test_a_deaf_child_is_killed(tmp_path: Path) -> None:
    supervisor = supervise(tmp_path, "stubborn")
    assert said(supervisor) == "ready\n"
    assert until((tmp_path / "deaf").exists)
    supervisor.terminate()
    assert supervisor.wait(10) == 0
    assert not alive(pids(tmp_path, "stubborn")[0])


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's death signal is Linux's")
def test_no_orphan_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    supervisor = supervise(tmp_path, "a", "b")
    assert said(supervisor) == "ready\n"
    assert until(lambda: pids(tmp_path, "a") and pids(tmp_path, "b"))
    supervisor.kill()
    supervisor.wait(10)
    children = pids(tmp_path, "a") + pids(tmp_path, "b")
    assert until(lambda: not any(alive(pid) for pid in children))


def test_a_child_that_never_is_ready_stops_the_rest(tmp_path: Path) -> None:
    supervisor = supervise(tmp_path, "a", "late")
    assert said(supervisor) == "«late» no quedó listo en 1 segundos.\n"
    assert supervisor.wait(10) == 3
    assert not any(alive(pid) for pid in pids(tmp_path, "a") + pids(tmp_path, "late"))


def test_nothing_is_restarted_without_the_data_folder(tmp_path: Path) -> None:
    """A supervisor left behind by somebody who removed the folder ends, instead of restarting for ever."""
    home = tmp_path / "home"
    home.mkdir()
    supervisor = supervise(home, "a", "b")
    assert said(supervisor) == "ready\n"
    assert until(lambda: pids(home, "a") and pids(home, "b"))
    first, second = pids(home, "a")[0], pids(home, "b")[0]
    shutil.rmtree(home)
    os.kill(first, signal.SIGKILL)
    assert "ya no existe" in said(supervisor)
    assert supervisor.wait(10) == 3
    assert not alive(second)

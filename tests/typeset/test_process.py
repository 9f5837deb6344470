"""The typesetting process: faults, deaths, threads, forks, and what it never gets to know."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from emite.typeset import process
from emite.typeset.printing import Typesetter
from emite.typeset.process import Job, TypesetCrashed, TypesetRefused, TypesetTimeout, TypesettingProcess
from tests.typeset import make


@pytest.fixture
def compiler() -> Iterator[TypesettingProcess]:
    one = TypesettingProcess()
    yield one
    one.close()


def draw(compiler: TypesettingProcess, lines: int = 1) -> bytes:
    return Typesetter(compiler).invoice(*make.invoice(lines))


def wait_for(what: Callable[[], Any], seconds: float = 10) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.02)
    raise AssertionError("waited in vain")


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_one_child_serves_many_documents(compiler: TypesettingProcess) -> None:
    draw(compiler)
    first = compiler.child_pid
    draw(compiler, 2)
    assert first is not None
    assert compiler.child_pid == first


def test_child_killed_while_idle_is_replaced_without_a_word(compiler: TypesettingProcess) -> None:
    draw(compiler)
    first = compiler.child_pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not runs(first))
    assert draw(compiler).startswith(b"%PDF-")
    assert compiler.child_pid != first


def busy_ns(pid: int) -> int:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def test_child_killed_at_work_is_a_clear_fault_and_the_next_document_works(compiler: TypesettingProcess) -> None:
    draw(compiler)
    child = compiler.child_pid
    assert child is not None
    before = busy_ns(child)
    with ThreadPoolExecutor(1) as pool:
        drawing = pool.submit(draw, compiler, 199)
        wait_for(lambda: busy_ns(child) - before > 20_000_000)
        os.kill(child, signal.SIGKILL)
        with pytest.raises(TypesetCrashed, match="ended with -9"):
            drawing.result(30)
    assert draw(compiler).startswith(b"%PDF-")


def test_child_killed_before_it_had_the_document_costs_nothing(compiler: TypesettingProcess) -> None:
    draw(compiler)
    child = compiler.child_pid
    assert child is not None
    os.kill(child, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        drawing = pool.submit(draw, compiler)
        time.sleep(0.3)
        os.kill(child, signal.SIGKILL)
        assert drawing.result(30).startswith(b"%PDF-")
    assert compiler.child_pid not in {None, child}


def test_process_that_cannot_start_is_a_clear_fault(
    compiler: TypesettingProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    for lines in (1, 230):
        with pytest.raises(TypesetCrashed, match="no typesetting process starts"):
            draw(compiler, lines)
    monkeypatch.undo()
    assert draw(compiler).startswith(b"%PDF-")


def test_child_that_does_not_answer_is_ended_and_replaced(compiler: TypesettingProcess) -> None:
    draw(compiler)
    child = compiler.child_pid
    assert child is not None
    compiler.timeout = 0.3
    os.kill(child, signal.SIGSTOP)
    with pytest.raises(TypesetTimeout):
        draw(compiler)
    assert not runs(child)
    compiler.timeout = 20
    assert draw(compiler).startswith(b"%PDF-")


def test_who_waits_too_long_for_the_turn_is_told(compiler: TypesettingProcess) -> None:
    draw(compiler)
    child = compiler.child_pid
    assert child is not None
    os.kill(child, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(draw, compiler)
        time.sleep(0.1)
        compiler.timeout = 0.2
        with pytest.raises(TypesetTimeout, match="busy"):
            draw(compiler)
        os.kill(child, signal.SIGCONT)
        assert slow.result(10).startswith(b"%PDF-")


def test_document_that_typst_refuses_is_a_fault_and_not_a_death(compiler: TypesettingProcess) -> None:
    draw(compiler)
    child = compiler.child_pid
    with pytest.raises(TypesetRefused, match=r"invoice\.typ"):
        compiler.typeset(Job("invoice.typ", {"document": None}))
    assert draw(compiler).startswith(b"%PDF-")
    assert compiler.child_pid == child


def test_threads_at_once_get_their_own_documents(compiler: TypesettingProcess) -> None:
    expected = {lines: draw(compiler, lines) for lines in (1, 2, 3)}
    with ThreadPoolExecutor(6) as pool:
        drawn = list(pool.map(lambda lines: (lines, draw(compiler, lines)), [1, 2, 3] * 6))
    assert all(pdf == expected[lines] for lines, pdf in drawn)


def test_child_is_recycled_by_count_and_by_memory() -> None:
    for limits in ({"documents_per_child": 2}, {"rss_limit": 1}):
        one = TypesettingProcess(**limits)
        draw(one)
        draw(one)
        assert one.child_pid is None
        assert draw(one).startswith(b"%PDF-")
        one.close()


def test_long_document_gets_a_child_of_its_own_that_gives_way(
    compiler: TypesettingProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    niceness, typeset = [], process._Child.typeset

    def seen(child: process._Child, job: process.Job, deadline: float) -> bytes:
        niceness.append(os.getpriority(os.PRIO_PROCESS, child.process.pid) - os.getpriority(os.PRIO_PROCESS, 0))
        return typeset(child, job, deadline)

    monkeypatch.setattr(process._Child, "typeset", seen)
    assert draw(compiler, 230).startswith(b"%PDF-")
    assert compiler.child_pid is None
    draw(compiler)
    assert niceness[0] > niceness[1] == 0


def test_fork_gets_a_child_of_its_own_and_leaves_its_parents_alone(compiler: TypesettingProcess) -> None:
    expected = draw(compiler)
    child = compiler.child_pid
    forked = os.fork()
    if forked == 0:
        same = draw(compiler) == expected and compiler.child_pid not in {None, child}
        compiler.close()
        os._exit(0 if same else 1)
    _, status = os.waitpid(forked, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert draw(compiler) == expected
    assert compiler.child_pid == child


def test_close_ends_the_child_and_the_next_document_starts_another(compiler: TypesettingProcess) -> None:
    draw(compiler)
    child = compiler.child_pid
    assert child is not None
    compiler.close()
    assert not runs(child)
    assert draw(compiler).startswith(b"%PDF-")


DYING_PARENT = """
import os, signal
from emite.typeset import process, typesetter
from tests.typeset import make
typesetter().invoice(*make.invoice())
print(process.shared().child_pid, flush=True)
if os.fork() == 0:  # holds a copy of the socket, so that its closing tells the child nothing
    os.close(1)
    signal.pause()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_child_leaves_when_its_parent_is_killed() -> None:
    root = Path(__file__).resolve().parents[2]
    env = os.environ | {"PYTHONPATH": os.pathsep.join((str(root / "src"), str(root)))}
    parent = subprocess.Popen(
        [sys.executable, "-c", DYING_PARENT], env=env, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.wait(10)
        wait_for(lambda: not runs(child))
    finally:
        os.killpg(parent.pid, signal.SIGKILL)


def test_child_inherits_no_secret(compiler: TypesettingProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMITE_SECRET_KEY", "never-to-be-seen")
    monkeypatch.setenv("DATABASE_URL", "postgresql://x:never-to-be-seen@db/x")
    draw(compiler)
    seen = Path(f"/proc/{compiler.child_pid}/environ").read_bytes()
    assert b"never-to-be-seen" not in seen
    assert b"EMITE" not in seen


def test_typst_is_never_loaded_beside_us() -> None:
    code = "import sys, emite.typeset; sys.exit('typst' in sys.modules)"
    env = os.environ | {"PYTHONPATH": str(Path(process.__file__).parents[2])}
    assert subprocess.run([sys.executable, "-c", code], env=env, check=False).returncode == 0

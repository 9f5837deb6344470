"""The process beside the worker: there when something waits, again when it fell, never for ever and never two."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from emite.ops import aside

#: A process that lives until it is asked to end, and one that falls.
ALIVE = [sys.executable, "-c", "import time; time.sleep(60)"]
FALLS = [sys.executable, "-c", "raise SystemExit(3)"]


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether something waits, as the database would say."""
    said = [True]
    monkeypatch.setattr(aside, "_asked", lambda _: said[0])
    return said


def test_it_lives_while_something_waits_and_stops_with_the_worker(
    waiting: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aside, "emite", lambda *_: ALIVE)
    held = aside.Aside()
    waiting[0] = False
    held.tend()
    assert held.process is None
    waiting[0] = True
    held.tend()
    first = held.process
    assert first is not None
    held.tend()
    assert held.process is first
    first.kill()
    first.wait()
    held.tend()
    assert held.process is None, "it waits before it starts again"
    monkeypatch.setattr(held, "_due", 0.0)
    held.tend()
    assert held.process is not None
    held.stop()
    assert held.process.returncode == -signal.SIGTERM


def test_one_that_always_falls_is_tried_less_and_less(waiting: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "emite", lambda *_: FALLS)
    held, pauses = aside.Aside(), []
    for _ in range(3):
        monkeypatch.setattr(held, "_due", 0.0)
        held.tend()
        assert held.process is not None
        held.process.wait()
        held.tend()
        pauses.append(held._due - time.monotonic())
    assert pauses == pytest.approx([0.5, 1.0, 2.0], abs=0.2)


@pytest.mark.parametrize(("parent", "code"), [(os.getpid(), 0), (2**22 + 1, -signal.SIGKILL)], ids=["its own", "gone"])
def test_it_dies_with_its_worker_whatever_number_that_has(parent: int, code: int) -> None:
    program = "import signal, sys; from emite.database import orphans; "
    asked = "orphans.die_with_parent(signal.SIGKILL, parent=int(sys.argv[1]))"
    assert subprocess.run([sys.executable, "-c", program + asked, str(parent)]).returncode == code

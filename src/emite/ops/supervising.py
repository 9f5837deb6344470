"""Keeps child processes alive: starts them in order, restarts the fallen with patience, stops all at the end.
Knows nothing of what they do."""

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from emite.database import orphans
from emite.database.trouble import Trouble

log = structlog.get_logger(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
STEADY_SECONDS = 60.0  # a child that lived this long starts again with the first wait
STOP_SECONDS = 12.0


class NotReady(Trouble):
    """A child did not become ready; the message names it."""


class HomeGone(Trouble):
    """The folder that the children need was removed; restarting them for ever would help nobody."""


@dataclass(slots=True)
class Child:
    """One program to keep running. `ready` says when those after it may start."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: Callable[[], bool] | None = None
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait: float = FIRST_WAIT
    due: float | None = None

    def start(self) -> None:
        # Own session: Ctrl-C in the terminal reaches the supervisor only. If the supervisor is killed outright, the
        # kernel asks the child to end.
        self.process = subprocess.Popen(
            list(self.command),
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=orphans.on_parents_death(signal.SIGTERM),  # noqa: PLW1509 - calls nothing but prctl
        )
        self.started, self.due = time.monotonic(), None

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


def emite(*words: str) -> list[str]:
    """The command line of one of our own commands in a new process."""
    return [sys.executable, "-m", "emite", *words]


class Supervisor:
    """Runs children until SIGINT or SIGTERM, or until one falls when `home` (a folder they live on) is gone."""

    def __init__(self, children: Sequence[Child], *, home: Path | None = None) -> None:
        self.children = list(children)
        self.home = home
        self.stopping = False

    def run(self, *, when_ready: Callable[[], None] | None = None, ready_seconds: float = 60.0) -> int:
        """Start all, call `when_ready` once, keep them running; 0 after an orderly stop.

        Raises NotReady when a child is not ready in time, HomeGone when nothing could be started again; whatever was
        started is stopped first, in every case.
        """
        read, write = socket.socketpair()
        write.setblocking(False)
        previous = {s: signal.signal(s, self._stop) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        previous[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        wakeup = signal.set_wakeup_fd(write.fileno())
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(read, selectors.EVENT_READ)
                for child in self.children:
                    child.start()
                    self._await_ready(child, ready_seconds)
                if when_ready is not None and not self.stopping:
                    when_ready()
                while not self.stopping:
                    pause = self._tend()
                    if selector.select(pause):
                        read.recv(4096)
            return 0
        finally:
            # A second Ctrl-C must not cut the stop short.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            self._stop_all()
            signal.set_wakeup_fd(wakeup)
            for number, handler in previous.items():
                signal.signal(number, handler)
            read.close()
            write.close()

    def _stop(self, number: int, _frame: object) -> None:
        self.stopping = True

    def _await_ready(self, child: Child, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while child.ready is not None and not self.stopping and not child.ready():
            if not child.alive():
                raise NotReady(
                    f"«{child.name}» terminó al iniciar (código {child.process and child.process.returncode})."
                )
            if time.monotonic() > deadline:
                raise NotReady(f"«{child.name}» no quedó listo en {seconds:.0f} segundos.")
            time.sleep(0.03)

    def _tend(self) -> float | None:
        """Restart what fell and is due; returns seconds until the next restart, None if none waits."""
        now = time.monotonic()
        for child in self.children:
            if child.alive():
                continue
            if self.home is not None and not self.home.is_dir():
                raise HomeGone(f"La carpeta de datos {self.home} ya no existe: emite se detiene.")
            if child.due is None:
                if now - child.started > STEADY_SECONDS:
                    child.wait = FIRST_WAIT
                code = child.process.returncode if child.process else None
                log.warning("child_fell", process=child.name, exit_code=code, seconds=child.wait)
                child.due, child.wait = now + child.wait, min(child.wait * 2, LONGEST_WAIT)
            if child.due <= now:
                child.start()
        waits = [child.due - now for child in self.children if child.due is not None]
        return max(min(waits), 0.0) if waits else None

    def _stop_all(self) -> None:
        """Last started first to be asked; those that do not obey in time are killed with their descendants."""
        running = [child for child in reversed(self.children) if child.alive()]
        for child in running:
            assert child.process is not None
            child.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in running:
            assert child.process is not None
            try:
                child.process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                log.warning("child_killed", process=child.name, pid=child.process.pid)
            _kill_group(child.process)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End what is left of the child's session, itself included."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # nobody left, or (macOS) only zombies
        return
    finally:
        process.wait()

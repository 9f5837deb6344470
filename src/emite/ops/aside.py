"""The process beside the worker that writes and seals long documents: a month's end, an invoice of thousands of lines.

In the worker itself they would share its interpreter with the stamps that people wait for. It is another worker, of
the other queue (`documents.waking.ASIDE`): started when something waits there, nicer than everybody, bounded in memory,
gone once nothing is left and gone with the worker. Its death is any worker's: leases run out, the sweep wakes another.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from typing import Final

import structlog

from emite.database import orphans
from emite.documents.waking import ASIDE
from emite.ops.supervising import FIRST_WAIT, LONGEST_WAIT, STEADY_SECONDS, emite

log = structlog.get_logger(__name__)

#: One writes the next document while another is at the PAC.
CONCURRENCY: Final = 2
NICER: Final = 10
#: Several times what a document of 10,000 Conceptos takes: beyond it, the fault is ours and the machine stays whole.
MOST_MEMORY: Final = 2 * 2**30
LOOK_SECONDS, IDLE_SECONDS = 1.0, 15.0
STOP_SECONDS = 8.0

# Whoever is at it says so by its worker's heartbeat: the job of one that was killed stays "doing" for a while.
_BUSY = """
SELECT EXISTS (SELECT 1 FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
WHERE j.queue_name = %s AND (j.status = 'todo' AND (j.scheduled_at IS NULL OR j.scheduled_at <= now())
                             OR j.status = 'doing' AND w.last_heartbeat > now() - interval '30 seconds'))
"""
_WAITING = """
SELECT EXISTS (SELECT 1 FROM procrastinate_jobs
WHERE queue_name = %s AND status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now()))
"""


class Aside:
    """The worker's hold on that process. Every call comes from one thread, which lives as long as the worker: the
    kernel ends the process with the thread that started it."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self._started = self._due = 0.0
        self._wait = FIRST_WAIT

    def tend(self) -> None:
        """Start it if something waits and it is not there; one that falls starts again with patience."""
        if self.process is not None and not self._ended(self.process):
            return
        if time.monotonic() >= self._due and _asked(_WAITING):
            self.process = subprocess.Popen(emite("work", "--aside", str(os.getpid())), stdin=subprocess.DEVNULL)
            self._started = time.monotonic()
            log.info("aside_started", pid=self.process.pid)

    def _ended(self, process: subprocess.Popen[bytes]) -> bool:
        code = process.poll()
        if code is None:
            return False
        self.process = None
        if code == 0 or time.monotonic() - self._started > STEADY_SECONDS:
            self._wait = FIRST_WAIT
        if code != 0:
            log.warning("child_fell", process="aside", exit_code=code, seconds=self._wait)
            self._due = time.monotonic() + self._wait
            self._wait = min(self._wait * 2, LONGEST_WAIT)
        return True

    def stop(self) -> None:
        """Ask it to end; what it does not leave in order is left as by a crash."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def be(worker: int) -> None:
    """Called in that process before anything else: its place behind everybody, its bounds, its end with its worker."""
    orphans.die_with_parent(signal.SIGKILL, parent=worker)
    os.nice(NICER)
    if sys.platform == "linux":
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        most = MOST_MEMORY if hard == resource.RLIM_INFINITY else min(MOST_MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def end_when_idle() -> None:
    """Ask this process to end, as by its operator, once nothing was left to do for a while."""
    threading.Thread(target=_watch_idle, name="idle", daemon=True).start()


def _watch_idle() -> None:
    last = time.monotonic()
    while time.monotonic() - last < IDLE_SECONDS:
        time.sleep(LOOK_SECONDS)
        if _asked(_BUSY):
            last = time.monotonic()
    os.kill(os.getpid(), signal.SIGTERM)


def _asked(question: str) -> bool:
    """What the database says; no, while it is away: there is nothing to do either."""
    from django.db import OperationalError, close_old_connections, connection

    close_old_connections()
    try:
        with connection.cursor() as cursor:
            cursor.execute(question, [ASIDE])
            return bool(cursor.fetchone()[0])
    except OperationalError as error:
        log.warning("aside_without_database", detail=str(error).splitlines()[0])
        return False

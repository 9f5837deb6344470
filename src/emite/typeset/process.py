"""The typesetting process as its users see it: hand in a job from any thread, get a PDF or a clear exception.

One child lives as long as it is useful; a long document gets a child of its own, because typst keeps what it compiled
(5,000 rows: 450 MB). Nothing here, and nothing else in this process, loads typst.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from emite.typeset import fonts, worker

# What a child may know of our environment: never a key, a password or an address of a database.
INHERITED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "PYTHONPATH", "PYTHONHOME")


#: A long document takes seconds of a whole core: its child gives way to whoever answers or stamps.
NICER = 10


class TypesetFailed(Exception):
    """The document could not be typeset."""


class TypesetRefused(TypesetFailed):
    """typst refused the document: a fault of a template, or an image that it cannot draw."""


class TypesetTimeout(TypesetFailed):
    """No answer in time; the child was ended and the next job gets a fresh one."""


class TypesetCrashed(TypesetFailed):
    """The child died while it worked; the next job gets a fresh one."""


class _NeverBegan(Exception):
    """The child was gone before it had the job: no fault of the document."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to compile: `template` (a name in templates/), its `data`, the files it may read, and how long it is."""

    template: str
    data: Mapping[str, Any]
    files: Mapping[str, bytes] = field(default_factory=dict)
    standards: Sequence[str] = ()
    tags: bool = True
    timestamp: int = 0
    rows: int = 0

    def message(self) -> tuple[dict[str, Any], bytes]:
        """Header and payload as `worker.send` takes them."""
        files = {"data.json": json.dumps(self.data, ensure_ascii=False).encode(), **self.files}
        header = {
            "template": self.template,
            "files": [(name, len(content)) for name, content in files.items()],
            "standards": list(self.standards),
            "tags": self.tags,
            "timestamp": self.timestamp,
        }
        return header, b"".join(files.values())


class _Child:
    """One typesetting process and our end of the socket to it."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="emite-typeset-")
        self._channel, theirs = socket.socketpair()
        with theirs:
            # The file by its path, -P against its folder on sys.path: the child loads typst and nothing else of ours.
            numbers = [str(theirs.fileno()), str(os.getpid())]
            self.process = subprocess.Popen(
                [sys.executable, "-P", worker.__file__, *numbers, str(fonts.folder()), self._folder],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={name: os.environ[name] for name in INHERITED if name in os.environ},
            )
        self.documents = 0
        self.rss = 0

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def typeset(self, job: Job, deadline: float) -> bytes:
        began = False
        try:
            self._channel.settimeout(max(0.001, deadline - time.monotonic()))
            worker.send(self._channel, *job.message())
            began = worker.receive(self._channel, deadline)[0]["began"]
            answer, pdf = worker.receive(self._channel, deadline)
        except TimeoutError:
            raise TypesetTimeout(f"{job.template}: no answer in time") from None
        except (EOFError, OSError) as cause:
            if not began:
                raise _NeverBegan from cause
            code = self.end(patience=2)
            raise TypesetCrashed(f"{job.template}: the typesetting process ended with {code}") from cause
        self.documents += 1
        self.rss = answer["rss"]
        if "fault" in answer:
            raise TypesetRefused(f"{job.template}: {answer['fault']}")
        return pdf

    def end(self, patience: float = 0) -> int:
        """Make sure that it is gone and its folder with it; `patience` leaves it seconds to go by itself."""
        self._channel.close()
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
        code = self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)  # it may have removed it itself
        return code

    def forget(self) -> None:
        """Let go of a child that belongs to the process we were forked from."""
        self._channel.close()
        self.process.returncode = 0


class TypesettingProcess:
    """Typesets jobs one after another in a long-lived child; safe to use from any thread, and after a fork.

    A child is replaced after `documents_per_child` documents or once it holds more than `rss_limit` bytes. A job of
    more than `long_rows` rows runs in a child of its own with `long_timeout`; at most one such runs at a time.
    """

    def __init__(
        self,
        *,
        timeout: float = 20.0,
        long_timeout: float = 120.0,
        long_rows: int = 200,
        documents_per_child: int = 5_000,
        rss_limit: int = 256 * 1024 * 1024,
    ) -> None:
        self.timeout = timeout
        self.long_timeout = long_timeout
        self.long_rows = long_rows
        self.documents_per_child = documents_per_child
        self.rss_limit = rss_limit
        self._child: _Child | None = None
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._turn = threading.Lock()
        self._long_turn = threading.Lock()

    @property
    def child_pid(self) -> int | None:
        """The process id of the long-lived child, if one runs."""
        return self._child.process.pid if self._child is not None and self._child.alive else None

    def typeset(self, job: Job) -> bytes:
        """The PDF of `job`. Raises TypesetRefused, TypesetTimeout or TypesetCrashed."""
        if self._pid != os.getpid():
            self._after_fork()
        long = job.rows > self.long_rows
        turn = self._long_turn if long else self._turn
        deadline = time.monotonic() + (self.long_timeout if long else self.timeout)
        if not turn.acquire(timeout=deadline - time.monotonic()):
            raise TypesetTimeout(f"{job.template}: the typesetting process was busy")
        try:
            return self._alone(job, deadline) if long else self._with_child(job, deadline)
        finally:
            turn.release()

    def _alone(self, job: Job, deadline: float) -> bytes:
        child = _Child()
        with suppress(ProcessLookupError):  # gone already: what follows says so
            ours = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, child.process.pid, min(ours + NICER, 19))
        try:
            return child.typeset(job, deadline)
        except _NeverBegan:
            code = child.end(patience=2)
            raise TypesetCrashed(f"{job.template}: no typesetting process starts ({code})") from None
        finally:
            child.end()

    def _with_child(self, job: Job, deadline: float) -> bytes:
        if self._child is not None and not self._child.alive:
            self._drop()
        fresh = self._child is None
        child = self._child = self._child or _Child()
        try:
            pdf = child.typeset(job, deadline)
        except _NeverBegan:
            code = child.end(patience=2)
            self._drop()
            if not fresh:  # it died unnoticed since its last document
                return self._with_child(job, deadline)
            raise TypesetCrashed(f"{job.template}: no typesetting process starts ({code})") from None
        except (TypesetTimeout, TypesetCrashed):
            self._drop()
            raise
        if child.documents >= self.documents_per_child or child.rss > self.rss_limit:
            self._drop()
        return pdf

    def _drop(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None

    def _after_fork(self) -> None:
        if self._child is not None:
            self._child.forget()
            self._child = None
        self._begin()

    def close(self) -> None:
        """End the child. It can be used again: the next job starts another."""
        if self._pid != os.getpid():
            self._after_fork()
        with self._turn:
            self._drop()


_shared = TypesettingProcess()
atexit.register(_shared.close)


def shared() -> TypesettingProcess:
    """The one that everything in this process uses; it starts no child before its first job."""
    return _shared

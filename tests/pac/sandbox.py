"""Runs the real sandbox PAC as a process of its own, for any test that needs a PAC.

`with running_sandbox(tmp_path, dedup="key") as sandbox:` gives `.url`, `.config()`, `.pac()`; `.next("cut_after")`
and `.control(...)` make it misbehave; `.stats()` and `.stamps()` tell what it really did.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from emite.pac.connect import PacConfig, connect
from emite.pac.http import Timeouts
from emite.pac.port import Pac
from emite.pac.sandbox.authority import TestAuthority

CONTROL_TOKEN = "control-de-pruebas"


class Refused(Exception):
    """A control call was answered with something other than 200."""


@dataclass
class RunningSandbox:
    """A sandbox PAC that can be stopped and started again on the same folder and port."""

    folder: Path
    dedup: str = "content"
    user: str = "pruebas"
    password: str = "pruebas"
    extra: tuple[str, ...] = ()
    port: int = 0
    provider: str = "sandbox"
    """Whose protocol it speaks."""
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def trust_dir(self) -> Path:
        """Where the stamp signer's certificate lies."""
        return self.folder / "authority"

    @cached_property
    def authority(self) -> TestAuthority:
        """The sandbox's own, to issue CSD that it accepts."""
        return TestAuthority.open(self.folder)

    def config(self, **changes: Any) -> PacConfig:
        """The account as the application would store it."""
        given: dict[str, Any] = {
            "provider": self.provider, "base_url": self.url, "user": self.user, "password": self.password,
            "dedup": self.dedup, "trust_dir": self.trust_dir,
        }  # fmt: skip
        return PacConfig(**{**given, **changes})

    def pac(self, timeouts: Timeouts | None = None, **changes: Any) -> Pac:
        """Connected through the same port and HTTP stack as the application."""
        return connect(self.config(**changes), timeouts=timeouts)

    def control(self, action: str, method: str = "POST", **body: Any) -> dict[str, Any]:
        """A call under /_control/: faults, settings, stats, stamps, cancel, taxpayers, lco."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            text = json.dumps(body) if body else None
            connection.request(method, f"/_control/{action}", text, {"X-Control-Token": CONTROL_TOKEN})
            answer = connection.getresponse()
            said: dict[str, Any] = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200:
            raise Refused(f"{answer.status}: {said.get('mensaje')}")
        return said

    def next(self, *faults: str | dict[str, Any], op: str = "stamp") -> None:
        """The next calls of `op` meet these faults, one each."""
        plans = [{"op": op, **(each if isinstance(each, dict) else {"fault": each})} for each in faults]
        self.control("faults", next=plans)

    def behave(self) -> None:
        """No faults from now on."""
        self.control("faults", "DELETE")

    def sound(self) -> None:
        """As it began, whatever the test before left: no faults, today's clock, nothing late."""
        self.behave()
        self.control(
            "settings", clock_offset_seconds=0, blind_seconds=0, cancel_lag_seconds=0, repeated_with_xml=True,
            credits=None, cancel_code=None, down=False,
        )  # fmt: skip

    def stats(self) -> dict[str, Any]:
        """Counts: stamps, duplicates, duplicated, calls, faults, settings, now."""
        return self.control("stats", "GET")

    def stamps(self) -> list[dict[str, str]]:
        """Every stamp given, oldest first: uuid, key, sello, rfc_emisor, rfc_receptor, serie, folio, total…"""
        listed: list[dict[str, str]] = self.control("stamps", "GET")["stamps"]
        return listed

    def start(self, control_token: str | None = CONTROL_TOKEN) -> None:
        """Start the program and wait for its ready line."""
        arguments = [
            sys.executable, "-m", "emite.pac.sandbox", "--port", str(self.port), "--data", str(self.folder),
            "--dedup", self.dedup, "--as", self.provider.replace("sandbox", "emite"), "--user", self.user,
            "--password", self.password,
            *(["--control-token", control_token] if control_token else []), *self.extra,
        ]  # fmt: skip
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment())
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("listo http://"):
            self.stop()
            raise RuntimeError(f"the sandbox PAC did not start: {line!r}")
        self.port = urlsplit(line.split()[1]).port or 0

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process is None:
            return 0
        self.process.terminate()
        return self._ended(10)

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self._ended(10)

    def _ended(self, seconds: float) -> int:
        assert self.process is not None
        code = self.process.wait(timeout=seconds)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None
        return code


@contextmanager
def running_sandbox(folder: Path, dedup: str = "content", **options: Any) -> Iterator[RunningSandbox]:
    """A sandbox PAC for the length of a `with`. Its state and authority live in `folder`."""
    sandbox = RunningSandbox(folder, dedup, **options)
    sandbox.start()
    try:
        yield sandbox
    finally:
        sandbox.stop()


def environment() -> dict[str, str]:
    """Of a process that must find the package under test."""
    source = str(Path(__file__).parents[2] / "src")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([source, os.environ.get("PYTHONPATH", "")])}

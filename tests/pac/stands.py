"""What the contract suite needs of a provider: a PAC account whose far end can be told to fail.
A further adapter joins by one more class here and one more line in STANDS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from emite.cfdi.csd import Csd
from emite.cfdi.xml import parse
from emite.pac.http import Timeouts
from emite.pac.port import Pac
from tests.pac import make
from tests.pac.sandbox import RunningSandbox, running_sandbox

QUICK = Timeouts(connect=1, read=0.6, total=1.2)


class Stand(Protocol):
    """One account at one PAC, with its far end in hand."""

    has_sessions: bool
    """Whether a session can expire; else every call carries user and password."""

    def pac(self, *, password: str | None = None, down: bool = False) -> Pac:
        """Connected anew with the quick timeouts; `down`: to where nobody listens."""

    def csd(self) -> Csd:
        """Of an issuer that this PAC accepts."""

    def meets(self, *conditions: str) -> None:
        """The next stamp calls meet these conditions (the names of emite.pac.sandbox.faults), one each."""

    def blind(self, seconds: float) -> None:
        """New stamps stay out of look-ups for this long."""

    def bare_repeats(self) -> None:
        """A 307 comes without the document from now on."""

    def without_credits(self) -> None:
        """The account has no stamps left."""

    def uuids(self, xml: bytes) -> list[str]:
        """Every stamp that the far end really gave this document, oldest first."""

    def reset(self) -> None:
        """Forget stamps, faults and settings."""


class SandboxStand:
    """The sandbox PAC as a process, in any of its protocols."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self.has_sessions = sandbox.provider != "finkok"
        self._csd = make.csd(sandbox.authority)

    def pac(self, *, password: str | None = None, down: bool = False) -> Pac:
        changes = {"password": password} if password else {}
        if down:
            changes["base_url"] = "http://127.0.0.1:9"
        return self.sandbox.pac(QUICK, **changes)

    def csd(self) -> Csd:
        return self._csd

    def meets(self, *conditions: str) -> None:
        seconds = {"delay_before": 1.0, "delay_after": 1.0, "drip_after": 0.05}
        self.sandbox.next(*({"fault": each, "seconds": seconds.get(each, 0)} for each in conditions))

    def blind(self, seconds: float) -> None:
        self.sandbox.control("settings", blind_seconds=seconds)

    def bare_repeats(self) -> None:
        self.sandbox.control("settings", repeated_with_xml=False)

    def without_credits(self) -> None:
        self.sandbox.control("settings", credits=0)

    def uuids(self, xml: bytes) -> list[str]:
        # By its seal: a late answer to an earlier document may still be on its way.
        sello = parse(xml).get("Sello")
        return [row["uuid"] for row in self.sandbox.stamps() if row["sello"] == sello]

    def reset(self) -> None:
        self.sandbox.behave()
        self.sandbox.control("stamps", "DELETE")
        self.sandbox.control("settings", blind_seconds=0, repeated_with_xml=True, credits=None, clock_offset_seconds=0)


STANDS = ("sandbox-content", "sandbox-key", "sandbox-none", "finkok-content", "swsapien-key")


@contextmanager
def opened(name: str, folder: Path) -> Iterator[SandboxStand]:
    """The stand of a name in STANDS."""
    provider, _, dedup = name.partition("-")
    with running_sandbox(folder, dedup, provider=provider) as sandbox:
        yield SandboxStand(sandbox)

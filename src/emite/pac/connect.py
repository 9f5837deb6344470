"""From a PAC account's settings to a `Pac` that can be used. No network happens here.
Not here: how accounts are stored (issuers/), what adapters do (one file each)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from emite.pac.http import Timeouts, Transport
from emite.pac.port import Capabilities, Dedup, Pac
from emite.pac.sandboxpac import LOOKUPS, SandboxPac

PROVIDERS: Final = {"sandbox": "PAC simulado, sin valor fiscal"}
"""The PACs that have an adapter, by the name under which an account is stored."""


@dataclass(frozen=True, slots=True)
class PacConfig:
    """One account at one PAC. The three times are for accounts that differ from their provider's usual ones."""

    provider: str
    """"sandbox"."""
    base_url: str
    user: str
    password: str
    dedup: str | None = None
    """"content", "key" or "none"; None: the provider's usual class."""
    trust_dir: Path | None = None
    """Folder of the `.cer` of the stamp signers to trust."""
    visible_after: timedelta | None = None
    max_processing: timedelta | None = None
    key_ttl: timedelta | None = None

    def __repr__(self) -> str:
        return f"PacConfig({self.provider!r}, {self.base_url!r}, user={self.user!r})"


def connect(config: PacConfig, *, timeouts: Timeouts | None = None) -> Pac:
    """The adapter of an account. Raises ValueError (in Spanish) for a provider, class or address that can't be used."""
    if config.provider not in PROVIDERS:
        raise ValueError(f"no hay adaptador para el PAC {config.provider!r}")
    try:
        dedup = Dedup(config.dedup or Dedup.CONTENT)
    except ValueError:
        raise ValueError(f"no se conoce la forma de reconocer duplicados {config.dedup!r}") from None
    capabilities = Capabilities(
        dedup=dedup,
        lookup=LOOKUPS[dedup],
        key_ttl=config.key_ttl or (timedelta(hours=72) if dedup is Dedup.KEY else None),
        visible_after=config.visible_after or timedelta(seconds=10),
        max_processing=config.max_processing or timedelta(minutes=10),
    )
    transport = Transport(config.base_url, timeouts or Timeouts())
    return SandboxPac(
        transport, user=config.user, password=config.password, capabilities=capabilities, trust_dir=config.trust_dir
    )

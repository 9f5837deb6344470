"""From a PAC account's settings to a `Pac` that can be used. No network happens here but the look-up of a name.
Not here: how accounts are stored (issuers/), what adapters do (one file each)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from emite.pac import finkok, swsapien
from emite.pac.http import Timeouts, Transport
from emite.pac.port import Capabilities, Dedup, LookupBy, Pac
from emite.pac.reach import Reach, Unresolved
from emite.pac.sandboxpac import LOOKUPS, RFC, SandboxPac

PROVIDERS: Final = {
    "sandbox": "PAC simulado, sin valor fiscal",
    "finkok": "Finkok (Quadrum)",
    "swsapien": "SW sapien",
}
"""The PACs that have an adapter, by the name under which an account is stored."""
PACES: Final = {"finkok": 10, "swsapien": 10}
"""Stamps a second that are asked of an account at most. Neither publishes its limit: far below what their users report,
and above what a hospital needs. The sandbox has none."""
ADDRESSES: Final = {"finkok": finkok.URL, "swsapien": swsapien.URL}
"""Where each one stamps for real; their test environments have other hosts."""

_SECOND, _MINUTE, _HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)

# Finkok: content, 307 and `stamped` (its users have seen a fresh stamp missing from it for 30 seconds and more).
# SW: `customid` for 72 hours from its first use; a look-up that finds or says nothing, else sending again.
# max_processing: neither publishes one; ten minutes is far above what anybody reports.
USUAL: Final = {
    "finkok": Capabilities(
        Dedup.CONTENT,
        LookupBy.BYTES,
        None,
        60 * _SECOND,
        10 * _MINUTE,
        lists=True,
        answers_as=finkok.RFC,
        receipts=True,
    ),
    "swsapien": Capabilities(
        Dedup.KEY,
        LookupBy.NONE,
        72 * _HOUR,
        10 * _SECOND,
        10 * _MINUTE,
        lists=True,
        answers_as=swsapien.RFC,
        receipts=True,
    ),
}


@dataclass(frozen=True, slots=True)
class PacConfig:
    """One account at one PAC. The three times are for accounts that differ from their provider's usual ones."""

    provider: str
    """One of PROVIDERS."""
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
    reach: Reach = field(default_factory=Reach)

    def __repr__(self) -> str:
        return f"PacConfig({self.provider!r}, {self.base_url!r}, user={self.user!r})"


def stamps_for_real(provider: str, base_url: str) -> bool:
    """Whether what this account stamps has fiscal value: a real PAC outside of its test environment."""
    return provider != "sandbox" and not Transport(base_url).is_for_tests


def within_reach(config: PacConfig, *, seconds: float = 3.0) -> None:
    """Raise OutOfReach when its address leads where this account may not go. A name that does not resolve now passes:
    the try of the connection tells."""
    try:
        Transport(config.base_url, reach=config.reach).judged(time.monotonic() + seconds)
    except Unresolved:
        return


def connect(config: PacConfig, *, timeouts: Timeouts | None = None) -> Pac:
    """The adapter of an account. Raises ValueError (in Spanish) for a provider, class or address that can't be used."""
    if config.provider not in PROVIDERS:
        raise ValueError(f"no hay adaptador para el PAC {config.provider!r}")
    transport = Transport(config.base_url, timeouts or Timeouts(), config.reach)
    capabilities = _capabilities(config)
    return _ADAPTERS[config.provider](
        transport, user=config.user, password=config.password, capabilities=capabilities, trust_dir=config.trust_dir
    )


def _capabilities(config: PacConfig) -> Capabilities:
    """The provider's usual ones, with what differs in this account."""
    usual = USUAL.get(config.provider) or _sandbox(config.dedup)
    if config.dedup not in (None, usual.dedup.value):
        raise ValueError(f"{PROVIDERS[config.provider]} no reconoce duplicados así: {config.dedup!r}")
    return replace(
        usual,
        key_ttl=config.key_ttl or usual.key_ttl,
        visible_after=config.visible_after or usual.visible_after,
        max_processing=config.max_processing or usual.max_processing,
    )


def _sandbox(given: str | None) -> Capabilities:
    try:
        dedup = Dedup(given or Dedup.CONTENT)
    except ValueError:
        raise ValueError(f"no se conoce la forma de reconocer duplicados {given!r}") from None
    key_ttl = 72 * _HOUR if dedup is Dedup.KEY else None
    return Capabilities(
        dedup, LOOKUPS[dedup], key_ttl, 10 * _SECOND, 10 * _MINUTE, lists=True, answers_as=RFC, receipts=True
    )


_ADAPTERS: Final[dict[str, Callable[..., Pac]]] = {
    "sandbox": SandboxPac,
    "finkok": finkok.Finkok,
    "swsapien": swsapien.SwSapien,
}

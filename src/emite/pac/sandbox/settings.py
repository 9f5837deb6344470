"""What lasts until it is changed: clock, blindness, credits, outage. In memory; a restart forgets it.
Not here: single faults (faults.py), the HTTP calls that change these (control.py)."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass
class Settings:
    """The sandbox's lasting behaviour."""

    clock_offset_seconds: float = 0.0
    """Added to the real clock: dates, keys and blindness follow it."""
    blind_seconds: float | list[float] = 0.0
    """A new stamp is missing from look-ups for this long; [from, to] draws it for each stamp."""
    repeated_with_xml: bool = True
    """Whether a 307 carries the earlier document."""
    key_ttl_seconds: float = 72 * 3600.0
    """How long a key is remembered from its first use."""
    credits: int | None = None
    """Stamps left; None: without limit."""
    cancel_lag_seconds: float = 0.0
    """The PAC has acknowledged a cancellation, and the status service still knows nothing of it for this long."""
    cancel_code: str | None = None
    """What SAT says to every folio that it could cancel, instead of doing it: 206 or 211, say."""
    down: bool = False
    """Answer 503 to everything but control."""

    def change(self, given: dict[str, Any]) -> None:
        """Set what is given. Raises ValueError (in Spanish), and changes nothing, if a name or type is wrong."""
        kinds: dict[str, Any] = {
            "clock_offset_seconds": (int, float),
            "blind_seconds": (int, float, list),
            "repeated_with_xml": bool,
            "key_ttl_seconds": (int, float),
            "credits": (int, type(None)),
            "cancel_lag_seconds": (int, float),
            "cancel_code": (str, type(None)),
            "down": bool,
        }
        for name, value in given.items():
            if name not in kinds or not isinstance(value, kinds[name]):
                raise ValueError(f"ajuste que no existe o de otro tipo: {name!r}; son {', '.join(kinds)}")
        for name, value in given.items():
            setattr(self, name, value)

    def listed(self) -> dict[str, Any]:
        """As JSON."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def now(self) -> datetime:
        """The sandbox's clock, aware, UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.clock_offset_seconds)

    def cancelled_from(self, asked_at: datetime) -> datetime:
        """When the status service begins to see a cancellation asked for at `asked_at`."""
        return asked_at + timedelta(seconds=self.cancel_lag_seconds)

    def visible_from(self, stamped_at: datetime) -> datetime:
        """When look-ups begin to see a stamp of `stamped_at`."""
        blind = self.blind_seconds
        seconds = random.uniform(*blind) if isinstance(blind, list) else blind
        return stamped_at + timedelta(seconds=seconds)


_SPENDING = threading.Lock()


def spend(settings: Settings) -> None:
    """Take one credit, when they are counted."""
    with _SPENDING:
        if settings.credits is not None:
            settings.credits -= 1

"""A form carries the key of its opening: sent twice, it does one thing."""

from __future__ import annotations

import uuid


def key_of(typed: str) -> str:
    """The key that came back with the form; a new one for a form just opened, or whose key was spoiled."""
    try:
        return str(uuid.UUID(typed))
    except ValueError:
        return str(uuid.uuid4())

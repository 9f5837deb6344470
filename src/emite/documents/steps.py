"""Named places on the stamping road where a process may die. Nothing happens here in production.

A test that kills processes sets `hook`; the names are part of what it proves.
"""

from __future__ import annotations

from collections.abc import Callable

hook: Callable[[str], None] | None = None


def reached(step: str) -> None:
    """Tell the hook, if a test set one, that this step has been reached."""
    if hook is not None:
        hook(step)

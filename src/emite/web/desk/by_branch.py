"""Lists by branch: what the address asks for. Pages offer it only where the organization has branches."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Final

#: In the address, what no branch charged: it is of the issuer's own place.
OWN: Final = "emisor"


def asked(query: Mapping[str, str]) -> str:
    """A branch's key, OWN, or "" for all."""
    typed = query.get("sucursal", "")
    if typed == OWN:
        return OWN
    try:
        return str(uuid.UUID(typed))
    except ValueError:
        return ""


def condition(branch: str, prefix: str = "") -> dict[str, object]:
    """For `filter`: of the branch that `asked` read, by the road `prefix` to the charge."""
    if not branch:
        return {}
    return {f"{prefix}branch__isnull": True} if branch == OWN else {f"{prefix}branch": branch}

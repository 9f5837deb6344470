"""Where a request comes from. How often a place may fail is decided where it fails."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def address(request: HttpRequest) -> str:
    """The client's address; behind a trusted proxy, the last one that the proxy wrote down."""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.EMITE_TRUST_PROXY else ""
    if forwarded:
        return forwarded.rsplit(",", 1)[-1].strip()
    return str(request.META.get("REMOTE_ADDR", ""))

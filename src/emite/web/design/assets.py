"""Static files served by the app itself: names with a hash of the content, kept for a year by browsers.

Nothing is collected and no folder is written: files are found where the packages carry them, read once and kept.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage

_HASHED = re.compile(r"(.+)\.([0-9a-f]{12})(\.[^./]+)")
_READ: dict[str, Asset] = {}
_TEXT = {"text/css", "text/javascript", "application/javascript", "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes, the same zipped when that is smaller, and the hash that its address carries."""

    body: bytes
    zipped: bytes | None
    content_type: str
    digest: str


def asset(name: str) -> Asset | None:
    """The static file of this name, or None. Read again on every call while DEBUG is on."""
    found = None if settings.DEBUG else _READ.get(name)
    if found is None:
        found = _read(name)
        if found is not None:
            _READ[name] = found  # only what exists: nobody fills the memory with invented names
    return found


def split(address: str) -> tuple[str, str]:
    """`design/design.0123456789ab.css` is ("design/design.css", "0123456789ab"); the hash is "" without one."""
    match = _HASHED.fullmatch(address)
    return (match[1] + match[3], match[2]) if match else (address, "")


class AssetStorage(StaticFilesStorage):
    """What `{% static %}` asks: the address with the hash."""

    def url(self, name: str | None, *args: Any, **kwargs: Any) -> str:
        found = asset(name or "")
        if found is None:
            raise ValueError(f"static file not found: {name}")
        stem, dot, suffix = (name or "").rpartition(".")
        return f"{settings.STATIC_URL}{stem}.{found.digest}{dot}{suffix}"


def _read(name: str) -> Asset | None:
    path = finders.find(name)
    if not path or not Path(path).is_file():
        return None
    body = Path(path).read_bytes()
    content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    zipped = gzip.compress(body, 9, mtime=0) if content_type in _TEXT and len(body) > 500 else None
    if content_type in _TEXT:
        content_type += "; charset=utf-8"
    return Asset(body, zipped, content_type, hashlib.sha256(body).hexdigest()[:12])

"""An answer of the sandbox PAC before it is written, and the JSON of a request.
Not here: who answers what (program.py, control.py)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Reply:
    """An answer about to be written."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, status: int, said: dict[str, Any], **headers: str) -> Reply:
        """A JSON answer."""
        return cls(status, json.dumps(said, ensure_ascii=False).encode(), headers=headers)


def as_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; {} when it is anything else."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return given if isinstance(given, dict) else {}

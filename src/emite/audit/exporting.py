"""A chain as a file, the oldest event first, with every link's hash: whoever keeps it can prove the log later.

JSON lines carry each event exactly, in the order of columns that is hashed; CSV is for a spreadsheet.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Final

from emite.audit.models import AuditEvent
from emite.sheets import comma

COLUMNS: Final = (
    "id", "organization_id", "position", "at", "actor", "action", "subject", "before", "after", "reason", "ip",
    "prev_hash", "hash",
)  # fmt: skip


def json_lines(events: Iterable[AuditEvent]) -> Iterator[str]:
    for event in events:
        yield json.dumps(_told(event), ensure_ascii=False, separators=(",", ":")) + "\n"


def csv_lines(events: Iterable[AuditEvent]) -> Iterator[str]:
    yield comma.MARK + comma.line(COLUMNS)
    for event in events:
        yield comma.line(_cell(value) for value in _told(event).values())


def _told(event: AuditEvent) -> dict[str, object]:
    return {
        **{name: getattr(event, name) for name in COLUMNS},
        "id": str(event.id),
        "organization_id": str(event.organization_id),
        "at": event.at.isoformat(),
        "prev_hash": bytes(event.prev_hash).hex(),
        "hash": bytes(event.hash).hex(),
    }


def _cell(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)

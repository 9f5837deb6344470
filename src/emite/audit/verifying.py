"""Reads a chain from its first link and says where it was touched.
Adding links is recording's."""

from dataclasses import dataclass
from uuid import UUID

from emite.audit.models import AuditEvent
from emite.audit.recording import FIRST, INSTALLATION, digest


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain; kept elsewhere (mail, export) it proves that nothing was cut off since."""

    position: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Break:
    """The first thing wrong at a position, in Spanish."""

    position: int
    message: str


def head(organization_id: UUID | None) -> Head | None:
    last = AuditEvent.objects.filter(organization_id=organization_id or INSTALLATION).order_by("-position").first()
    return Head(last.position, bytes(last.hash)) if last else None


def verify_chain(organization_id: UUID | None, *, known: Head | None = None) -> list[Break]:
    """Every place where an event was changed, removed, inserted or moved; empty when the chain is whole.

    known: a head noted earlier; without it, events cut from the very end cannot be missed.
    """
    breaks: list[Break] = []
    before, expected = FIRST, 1
    events = AuditEvent.objects.filter(organization_id=organization_id or INSTALLATION).order_by("position")
    for event in events.iterator(chunk_size=2000):
        if event.position != expected:
            breaks.append(Break(expected, f"faltan eventos entre {expected} y {event.position - 1}"))
        elif bytes(event.prev_hash) != before:
            breaks.append(Break(event.position, "no enlaza con el evento anterior"))
        if digest(event) != bytes(event.hash):
            breaks.append(Break(event.position, "su contenido fue modificado"))
        if known is not None and event.position == known.position and bytes(event.hash) != known.hash:
            breaks.append(Break(event.position, "no es el evento que se anotó"))
        before, expected = bytes(event.hash), event.position + 1
    if known is not None and expected <= known.position:
        breaks.append(Break(expected, f"faltan los eventos del {expected} al {known.position}"))
    return breaks

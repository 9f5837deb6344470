"""A file that proves something: looked at by its bytes, never by its name."""

from __future__ import annotations

from dataclasses import dataclass

#: A scanned letter or the picture of a bank's page.
MAX_BYTES = 2_000_000
NOTE_LIMIT = 500
_KINDS = ((b"%PDF-", "application/pdf"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))
SUFFIXES = {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg"}


class Refused(Exception):
    """What was asked cannot be done. `field` names the input that cures it, or is empty; the message is for people."""

    def __init__(self, message: str, field: str = "") -> None:
        self.field, self.message = field, message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Proof:
    """A note, a file, or both."""

    note: str
    file: bytes | None
    file_type: str


def proof(note: str, data: bytes | None) -> Proof:
    """Raises Refused when there is neither, or when the file is none that anybody could open as a proof."""
    said = " ".join(note.split())
    if len(said) > NOTE_LIMIT:
        raise Refused(f"La nota lleva {NOTE_LIMIT} letras o menos.", "note")
    if not said and not data:
        raise Refused("Escriba una nota o elija un archivo: es la evidencia de lo que registra.", "note")
    if not data:
        return Proof(said, None, "")
    if len(data) > MAX_BYTES:
        raise Refused("El archivo pesa más de 2 MB: guárdelo más pequeño.", "file")
    kind = next((kind for start, kind in _KINDS if data.startswith(start)), None)
    if kind is None:
        raise Refused("El archivo debe ser un PDF o una imagen PNG o JPEG.", "file")
    return Proof(said, data, kind)

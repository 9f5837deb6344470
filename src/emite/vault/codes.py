"""Ticket codes at rest: a keyed hash to find them, an encrypted copy to print them again.
Their alphabet and check symbol live in charges.code."""

import hashlib
import hmac
from uuid import UUID

from emite.vault import boxes
from emite.vault.boxes import CannotOpen
from emite.vault.keyfiles import KID_LENGTH, ring

_HEAD = 1 + KID_LENGTH


def code_hash(organization_id: UUID, code: str) -> bytes:
    """32 bytes: HMAC-SHA-256 of the code under a pepper that no database dump holds."""
    pepper = ring("app/pepper").active.secret
    return hmac.new(pepper, b"emite|code|" + organization_id.bytes + code.encode(), hashlib.sha256).digest()


def encrypt_code(organization_id: UUID, code: str) -> bytes:
    """The code for reprints, sealed and bound to its organization."""
    key = ring("app/codes").active
    return boxes.lock(boxes.CODE + key.kid.encode(), key.secret, code.encode(), organization_id.bytes)


def decrypt_code(organization_id: UUID, sealed: bytes) -> str:
    """The code again. Raises CannotOpen."""
    if sealed[:1] != boxes.CODE:
        raise CannotOpen("no es un código cifrado")
    key = ring("app/codes").get(sealed[1:_HEAD].decode("ascii", "replace"))
    return boxes.unlock(_HEAD, key.secret, sealed, organization_id.bytes).decode()

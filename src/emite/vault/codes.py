"""Ticket codes at rest: a keyed hash to find them, an encrypted copy to print them again.
Their alphabet and check symbol live in charges.code."""

import hmac
from uuid import UUID

from emite.vault import boxes
from emite.vault.boxes import CannotOpen
from emite.vault.keyfiles import KID_LENGTH, ring

_HEAD = 1 + KID_LENGTH


class Keeper:
    """How an organization's codes are kept, with the keys of now: one for as many codes as are made at once."""

    __slots__ = ("_key", "_organization", "_pepper")

    def __init__(self, organization_id: UUID) -> None:
        self._organization = organization_id.bytes
        self._pepper, self._key = ring("app/pepper").active.secret, ring("app/codes").active

    def hash(self, code: str) -> bytes:
        """32 bytes: HMAC-SHA-256 of the code under a pepper that no database dump holds."""
        return _hash(self._pepper, self._organization, code)

    def encrypt(self, code: str) -> bytes:
        """The code for reprints, sealed and bound to its organization."""
        head = boxes.CODE + self._key.kid.encode()
        return boxes.lock(head, self._key.secret, code.encode(), self._organization)


def code_hash(organization_id: UUID, code: str) -> bytes:
    """What a code is found by, as a Keeper writes it."""
    return _hash(ring("app/pepper").active.secret, organization_id.bytes, code)


def encrypt_code(organization_id: UUID, code: str) -> bytes:
    """The code for reprints, as a Keeper writes it."""
    return Keeper(organization_id).encrypt(code)


def _hash(pepper: bytes, organization: bytes, code: str) -> bytes:
    return hmac.digest(pepper, b"emite|code|" + organization + code.encode(), "sha256")


def decrypt_code(organization_id: UUID, sealed: bytes) -> str:
    """The code again. Raises CannotOpen."""
    if sealed[:1] != boxes.CODE:
        raise CannotOpen("no es un código cifrado")
    key = ring("app/codes").get(sealed[1:_HEAD].decode("ascii", "replace"))
    return boxes.unlock(_HEAD, key.secret, sealed, organization_id.bytes).decode()

"""Sealed bytes: one letter for their kind, the key they need, a nonce, AES-256-GCM. And the words they are bound to.
Pure bytes in and out: which key comes from keyfiles, which record from the caller."""

import os
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE: Final = 12

# First byte of every sealed value.
FOR_WORKER: Final = b"W"  # HPKE to the worker's public key; then the key's id
ENVELOPE: Final = b"E"  # under the data key of an organization; then that key's UUID
DATA_KEY: Final = b"K"  # a data key under the KEK; then the KEK's id
CODE: Final = b"C"  # a ticket code; then the key's id


class CannotOpen(Exception):
    """The bytes were changed, belong to another record, or are not ours. Says no more on purpose."""


def aad(organization_id: UUID | str, purpose: str, record_id: UUID | str, version: int = 1) -> bytes:
    """What a sealed value is bound to: it opens for this record and use only, so rows cannot be swapped."""
    return f"{organization_id}|{purpose}|{record_id}|{version}".encode()


def lock(head: bytes, secret: bytes, plaintext: bytes, bound_to: bytes) -> bytes:
    """`head` + nonce + ciphertext; the head is authenticated too."""
    nonce = os.urandom(NONCE)
    return head + nonce + AESGCM(secret).encrypt(nonce, plaintext, head + bound_to)


def unlock(head_length: int, secret: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    """The plaintext. Raises CannotOpen."""
    head, nonce = sealed[:head_length], sealed[head_length : head_length + NONCE]
    try:
        return AESGCM(secret).decrypt(nonce, sealed[head_length + NONCE :], head + bound_to)
    except (InvalidTag, ValueError) as error:
        raise CannotOpen("no abre: los datos cambiaron o son de otro registro") from error

"""The envelope: KEK -> data key of the organization -> record. Worker only: it needs the KEK.
The web seals with worker.seal_for_worker and opens nothing."""

import os
from uuid import UUID

from emite.vault import boxes
from emite.vault.boxes import CannotOpen
from emite.vault.keyfiles import KID_LENGTH, ring
from emite.vault.models import DataKey

_HEAD = 1 + 16
_KEY_HEAD = 1 + KID_LENGTH


def seal(organization_id: UUID, plaintext: bytes, bound_to: bytes) -> bytes:
    """Sealed under the organization's newest data key, which is made on first use."""
    key = DataKey.objects.filter(organization_id=organization_id).order_by("-version").first()
    if key is None:
        made = DataKey(organization_id=organization_id)
        made.wrapped = wrap(made, os.urandom(32))
        DataKey.objects.bulk_create([made], ignore_conflicts=True)  # a rival may have been first
        key = DataKey.objects.get(organization_id=organization_id, version=1)
    return boxes.lock(boxes.ENVELOPE + key.id.bytes, unwrap(key), plaintext, bound_to)


def open_(sealed: bytes, bound_to: bytes) -> bytes:
    """The plaintext. Raises CannotOpen; KeyTrouble when the KEK is out of reach."""
    if sealed[:1] != boxes.ENVELOPE or len(sealed) < _HEAD:
        raise CannotOpen("no es un sobre")
    key = DataKey.objects.filter(id=UUID(bytes=sealed[1:_HEAD])).first()
    if key is None:
        raise CannotOpen("falta la llave de datos de la organización")
    return boxes.unlock(_HEAD, unwrap(key), sealed, bound_to)


def wrap(key: DataKey, secret: bytes) -> bytes:
    """The data key sealed under the active KEK and bound to its row."""
    kek = ring("worker/kek").active
    return boxes.lock(boxes.DATA_KEY + kek.kid.encode(), kek.secret, secret, _bound(key))


def unwrap(key: DataKey) -> bytes:
    """The 32 bytes of the data key. Raises CannotOpen."""
    wrapped = bytes(key.wrapped)
    kek = ring("worker/kek").get(wrapped[1:_KEY_HEAD].decode("ascii", "replace"))
    return boxes.unlock(_KEY_HEAD, kek.secret, wrapped, _bound(key))


def _bound(key: DataKey) -> bytes:
    return boxes.aad(key.organization_id, "data-key", key.id, key.version)

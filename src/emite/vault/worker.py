"""What the web may close and only the worker opens: HPKE to the worker's public key.
At its first chance the worker moves such a value into the organization's envelope (rotating.adopt)."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from emite.vault import boxes, envelope
from emite.vault.boxes import CannotOpen
from emite.vault.keyfiles import KID_LENGTH, ring

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_HEAD = 1 + KID_LENGTH
_INFO = b"emite|worker|1|"


def seal_for_worker(plaintext: bytes, aad: bytes) -> bytes:
    """Bytes that only the worker opens, and only for the record that `aad` names (boxes.aad)."""
    key = ring("app/worker_public").active
    head = boxes.FOR_WORKER + key.kid.encode()
    return head + _SUITE.encrypt(plaintext, X25519PublicKey.from_public_bytes(key.secret), info=_INFO + head + aad)


def open_sealed(sealed: bytes, aad: bytes) -> bytes:
    """The plaintext of seal_for_worker, or of the envelope that took its place. Worker only.

    Raises CannotOpen when the bytes changed or are another record's; KeyTrouble when the key is out of reach.
    """
    if sealed[:1] == boxes.ENVELOPE:
        return envelope.open_(sealed, aad)
    if sealed[:1] != boxes.FOR_WORKER or len(sealed) <= _HEAD:
        raise CannotOpen("no está cifrado para el trabajador")
    key = ring("worker/hpke").get(sealed[1:_HEAD].decode("ascii", "replace"))
    private = X25519PrivateKey.from_private_bytes(key.secret)
    try:
        return _SUITE.decrypt(sealed[_HEAD:], private, info=_INFO + sealed[:_HEAD] + aad)
    except (InvalidTag, ValueError) as error:
        raise CannotOpen("no abre: los datos cambiaron o son de otro registro") from error

"""The two files and the password that a taxpayer uploads: are they a CSD that can seal for this RFC today?

Each wrong file is told apart and answered in Spanish. Storing what passes is for `vault/` and `issuers/`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import Enum, auto
from typing import Final, Literal, NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from emite.cfdi.certificates import Certificate, Csd, Signer, same_key
from emite.cfdi.der import DerBroken, integer, read, read_all

__all__ = ["MAX_BYTES", "Certificate", "Csd", "CsdRefused", "Field", "open_pair"]

MAX_BYTES: Final = 10_000  # SAT's files have some 1,500 bytes
MAX_ITERATIONS: Final = 1_000_000  # SAT's keys use 2,048; a file asking for millions would only burn our time
_SCRYPT: Final = bytes.fromhex("06092b06010401da47040b")  # an OID: opening such a key may take gigabytes
MIN_BITS: Final = 2048
MAX_BITS: Final = 8192

Field = Literal["cer", "key", "password"]


class CsdRefused(Exception):
    """The upload cannot be used. `code` is stable, `message` is for the person, `field` says which input to mark."""

    def __init__(self, code: str, message: str, field: Field) -> None:
        self.code = code
        self.message = message
        self.field = field
        super().__init__(f"{code}: {message}")


class _Kind(Enum):
    CERTIFICATE = auto()
    ENCRYPTED_KEY = auto()
    CLEAR_KEY = auto()
    PFX = auto()
    PEM = auto()
    ZIP = auto()
    OTHER = auto()


_INSTEAD: Final = {
    _Kind.PEM: "un archivo PEM (texto); cargue el original del SAT, sin convertir",
    _Kind.PFX: "un archivo .pfx o .p12; cargue los dos archivos originales del SAT, .cer y .key",
    _Kind.ZIP: "un archivo ZIP; descomprímalo y cargue los archivos .cer y .key",
    _Kind.CLEAR_KEY: "una llave sin contraseña; cargue la original del SAT, protegida con su contraseña",
    _Kind.CERTIFICATE: "un certificado (.cer)",
    _Kind.ENCRYPTED_KEY: "una llave privada (.key)",
    _Kind.OTHER: "otra cosa",
}


def open_pair(
    cer: bytes,
    key: bytes,
    password: str,
    *,
    expected_rfc: str | None,
    now: datetime,
    authorities: Iterable[Signer] | None = None,
) -> Csd:
    """The CSD of an upload, or CsdRefused with the first thing that is wrong, in this order.

    Sizes; what each file is; the password; that they are a pair; CSD and not FIEL; the RFC; RSA of at least 2048 bits
    signed with SHA-256; the authority, when `authorities` are given; valid at `now` (aware). The key's numbers are
    checked in full here, and only here.
    """
    _require_size(cer, "cer")
    _require_size(key, "key")
    certificate = _open_files(cer, key)
    private = _open_key(key, password)
    if not same_key(private, certificate):
        _refuse("not_a_pair", "La llave (.key) no es la de este certificado (.cer): cargue los dos del CSD.", "key")
    _require_csd(certificate, expected_rfc)
    _require_strength(certificate)
    if authorities is not None and not certificate.issued_by(authorities):
        _refuse("unknown_authority", "El certificado no fue emitido por una autoridad que este sistema acepte.", "cer")
    _require_valid(certificate, now)
    return Csd(certificate, private)


def _require_size(data: bytes, field: Field) -> None:
    if not data:
        _refuse("empty", f"El archivo .{field} está vacío (0 bytes): vuelva a descargarlo o cópielo otra vez.", field)
    if len(data) > MAX_BYTES:
        message = f"El archivo .{field} mide {len(data):,} bytes: no es el del SAT, que mide menos de {MAX_BYTES:,}."
        _refuse("too_big", message, field)


def _open_files(cer: bytes, key: bytes) -> Certificate:
    kinds = _kind(cer), _kind(key)
    if kinds == (_Kind.ENCRYPTED_KEY, _Kind.CERTIFICATE):
        message = "Los archivos están intercambiados: el .key se cargó en el lugar del .cer y al revés."
        _refuse("swapped", message, "cer")
    if kinds[0] is not _Kind.CERTIFICATE:
        _refuse("not_a_cer", f"Se espera el certificado (.cer) y el archivo es {_INSTEAD[kinds[0]]}.", "cer")
    if kinds[1] is not _Kind.ENCRYPTED_KEY:
        _refuse("not_a_key", f"Se espera la llave privada (.key) y el archivo es {_INSTEAD[kinds[1]]}.", "key")
    try:
        return Certificate.from_der(cer)
    except ValueError:
        _refuse("broken_cer", "El certificado (.cer) está dañado o no es del SAT: vuelva a descargarlo.", "cer")


def _open_key(key: bytes, password: str) -> RSAPrivateKey:
    if not password:
        _refuse("no_password", "Escriba la contraseña de la llave privada.", "password")
    if _SCRYPT in key or _iterations(key) > MAX_ITERATIONS:
        _refuse("broken_key", "La llave privada (.key) no tiene la forma de las que emite el SAT.", "key")
    private = _load(key, password)
    if private is None:
        _refuse("wrong_password", "La contraseña no abre esta llave privada: revise las mayúsculas.", "password")
    if not isinstance(private, RSAPrivateKey):
        _refuse("not_rsa", "La llave privada (.key) no es RSA: no es la de un CSD.", "key")
    return private


def _load(key: bytes, password: str) -> object | None:
    # SAT's tools take the password's bytes as typed; keys made on old Windows systems have them in Latin-1.
    for encoding in ("utf-8",) if password.isascii() else ("utf-8", "latin-1"):
        try:
            return load_der_private_key(key, password.encode(encoding))
        except UnsupportedAlgorithm:
            _refuse("broken_key", "La llave privada (.key) está cifrada de un modo que el SAT no usa.", "key")
        except (ValueError, TypeError):
            continue
    return None


def _require_csd(certificate: Certificate, expected_rfc: str | None) -> None:
    if not certificate.is_csd:
        message = (
            "El certificado es una e.firma (FIEL) y no un certificado de sello digital (CSD). No use su e.firma para "
            "facturar: genere un CSD en el portal del SAT (CertiSAT) y cargue ese."
        )
        _refuse("fiel", message, "cer")
    if expected_rfc is not None and certificate.rfc != expected_rfc:
        message = f"El certificado es de {certificate.rfc} y el emisor es {expected_rfc}: cargue el CSD del emisor."
        _refuse("other_rfc", message, "cer")


def _require_strength(certificate: Certificate) -> None:
    if not MIN_BITS <= certificate.public_key.key_size <= MAX_BITS:
        bits = certificate.public_key.key_size
        _refuse("weak", f"La llave del certificado mide {bits} bits y el SAT exige {MIN_BITS}: renueve su CSD.", "cer")
    if not certificate.signed_with_sha256:
        _refuse("weak", "El certificado está firmado con un algoritmo que ya no se acepta: renueve su CSD.", "cer")


def _require_valid(certificate: Certificate, now: datetime) -> None:
    if now > certificate.not_after:
        message = f"El certificado venció el {certificate.not_after:%d/%m/%Y}: genere uno nuevo en el portal del SAT."
        _refuse("expired", message, "cer")
    if now < certificate.not_before:
        message = f"El certificado es válido a partir del {certificate.not_before:%d/%m/%Y}: todavía no se puede usar."
        _refuse("not_yet_valid", message, "cer")


def _refuse(code: str, message: str, field: Field) -> NoReturn:
    raise CsdRefused(code, message, field)


def _kind(data: bytes) -> _Kind:
    if data.lstrip()[:5] == b"-----":
        return _Kind.PEM
    if data[:4] == b"PK\x03\x04":
        return _Kind.ZIP
    try:
        outer = read_all(read(data).content)
        if not outer:
            return _Kind.OTHER
        if outer[0].is_integer:
            return _Kind.PFX if integer(outer[0]) == 3 else _Kind.CLEAR_KEY
        inner = read_all(outer[0].content)
    except DerBroken:
        return _Kind.OTHER
    if inner and inner[0].is_oid and len(outer) == 2:
        return _Kind.ENCRYPTED_KEY
    return _Kind.CERTIFICATE if len(outer) == 3 and outer[0].is_sequence else _Kind.OTHER


def _iterations(key: bytes) -> int:
    """How many rounds the file asks for to turn the password into a key: the largest number in its parameters."""
    largest = 0
    try:
        pending = [read_all(read(key).content)[0]]
        while pending:
            element = pending.pop()
            if element.is_integer:
                largest = max(largest, integer(element))
            elif element.is_sequence:
                pending.extend(read_all(element.content))
    except DerBroken:
        return largest  # the loader will say what is wrong
    return largest

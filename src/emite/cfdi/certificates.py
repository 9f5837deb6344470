"""Certificates and keys: what SAT's .cer says, and a CSD (certificate plus key) that can seal.

The checks of two uploaded files are in `csd.py`; who issued a certificate, in `authorities.py`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.x509.oid import NameOID, ObjectIdentifier

_UNIQUE_IDENTIFIER: Final = ObjectIdentifier("2.5.4.45")  # x500UniqueIdentifier: where SAT writes the RFC
_PADDING: Final = PKCS1v15()
_SHA256: Final = hashes.SHA256()


class Signer(Protocol):
    """Whoever signs certificates: an `Authority`, or the `Certificate` of one."""

    @property
    def public_key(self) -> RSAPublicKey:
        """The key that verifies what it signed."""


_S = TypeVar("_S", bound=Signer)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a CFDI needs to know of an X.509 certificate of SAT (Guía de llenado, NoCertificado and Certificado).

    `rfc` is the taxpayer's, without the legal representative's that certificates of personas morales append. `nombre`
    keeps the régimen societario, which a CFDI's Nombre must not have. Dates are aware, in UTC. `base64` is what the
    attribute Certificado carries.
    """

    der: bytes = field(repr=False)
    rfc: str
    nombre: str
    no_certificado: str
    not_before: datetime
    not_after: datetime
    is_csd: bool
    signed_with_sha256: bool
    public_key: RSAPublicKey = field(repr=False, compare=False)
    base64: str = field(repr=False, compare=False)
    _signature: bytes = field(repr=False, compare=False)
    _signed: bytes = field(repr=False, compare=False)
    _hash: hashes.HashAlgorithm | None = field(repr=False, compare=False)

    @classmethod
    def from_der(cls, der: bytes) -> Certificate:
        """Reads a .cer. Raises ValueError when the bytes are not an X.509 certificate with an RSA key."""
        try:
            return cls._read(der)
        except (UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension) as error:
            raise ValueError("the certificate has something that SAT's do not") from error

    @classmethod
    def _read(cls, der: bytes) -> Certificate:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        hash_algorithm = certificate.signature_hash_algorithm
        if not isinstance(key, RSAPublicKey):
            raise ValueError("SAT's certificates carry RSA keys")
        return cls(
            der=der,
            rfc=_first(certificate.subject, _UNIQUE_IDENTIFIER).partition("/")[0].strip().upper(),
            nombre=_first(certificate.subject, NameOID.COMMON_NAME),
            no_certificado=_twenty_digits(certificate.serial_number),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            is_csd=_is_csd(certificate),
            signed_with_sha256=hash_algorithm is not None and hash_algorithm.digest_size >= _SHA256.digest_size,
            public_key=key,
            base64=base64.b64encode(der).decode(),
            _signature=certificate.signature,
            _signed=certificate.tbs_certificate_bytes,
            _hash=hash_algorithm,
        )

    @classmethod
    def from_base64(cls, text: str) -> Certificate:
        """Reads the attribute Certificado of a CFDI. Raises ValueError."""
        try:
            return cls.from_der(base64.b64decode("".join(text.split()), validate=True))
        except binascii.Error as error:
            raise ValueError("the certificate is not base64") from error

    def valid_at(self, moment: datetime) -> bool:
        """True when `moment` (aware) is within the certificate's validity."""
        return self.not_before <= moment <= self.not_after

    def issuer_among(self, authorities: Iterable[_S]) -> _S | None:
        """The one of `authorities` that signed this certificate, or None. The key decides, not the issuer's name."""
        if self._hash is None:
            return None
        for authority in authorities:
            try:
                authority.public_key.verify(self._signature, self._signed, _PADDING, self._hash)
            except InvalidSignature:
                continue
            return authority
        return None

    def issued_by(self, authorities: Iterable[Signer]) -> bool:
        """True when one of `authorities` signed this certificate."""
        return self.issuer_among(authorities) is not None

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """True when `signature` is this certificate's seal of `data` (RSA PKCS#1 v1.5 with SHA-256)."""
        try:
            self.public_key.verify(signature, data, _PADDING, _SHA256)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Csd:
    """A certificado de sello digital with its key, open and able to seal. Keep it few minutes and never print it."""

    certificate: Certificate
    private_key: RSAPrivateKey = field(repr=False, compare=False)

    @classmethod
    def from_clear(cls, cer_der: bytes, pkcs8: bytes) -> Csd:
        """Opens what `pkcs8_clear` gave, without the full check of the key: that was done when it was uploaded.

        The check is 31 of the 33 ms that loading costs. Raises ValueError when the two are not a pair.
        """
        key = serialization.load_der_private_key(pkcs8, None, unsafe_skip_rsa_key_validation=True)
        certificate = Certificate.from_der(cer_der)
        if not isinstance(key, RSAPrivateKey) or not same_key(key, certificate):
            raise ValueError("the stored key is not the certificate's")
        return cls(certificate, key)

    def pkcs8_clear(self) -> bytes:
        """The key as PKCS#8 DER without encryption: whoever calls encrypts it at once."""
        return self.private_key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def sign(self, data: bytes) -> bytes:
        """The seal of `data`: RSA PKCS#1 v1.5 with SHA-256 (Anexo 20)."""
        return self.private_key.sign(data, _PADDING, _SHA256)


def same_key(key: RSAPrivateKey, certificate: Certificate) -> bool:
    """True when the private key belongs to the certificate."""
    return key.public_key().public_numbers() == certificate.public_key.public_numbers()


def _first(name: x509.Name, oid: ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(oid)
    value = found[0].value if found else ""
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _twenty_digits(serial: int) -> str:
    # SAT writes the number as ASCII digits in the bytes of the serial.
    digits = serial.to_bytes((serial.bit_length() + 7) // 8, "big") if serial > 0 else b""
    return digits.decode("ascii") if len(digits) == 20 and digits.isdigit() else str(serial)


def _is_csd(certificate: x509.Certificate) -> bool:
    """A CSD names a sucursal (OU), only signs, and has no extended use; a FIEL fails all three."""
    if not certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME):
        return False
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    try:
        certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        pass
    else:
        return False
    encrypts = usage.key_encipherment or usage.data_encipherment or usage.key_agreement
    signs = usage.digital_signature and usage.content_commitment
    return signs and not encrypts and not usage.key_cert_sign

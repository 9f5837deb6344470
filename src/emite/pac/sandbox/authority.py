"""The installation's own test authority: a root, a stamp signer, and certificates shaped like SAT's.
Not here: judging certificates (certificates.py, cfdi/csd.py). Nothing it signs has fiscal value."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Kind = Literal["CSD", "FIEL"]

PAC_RFC: Final = "PSE260101E13"
PAC_NOMBRE: Final = "PAC SIMULADO DE EMITE"
LEYENDA: Final = "SIN VALOR FISCAL - AMBIENTE DE PRUEBAS"
"""Goes into every timbre. TFD 1.1 takes 12 to 150 characters of a short alphabet, without a full stop."""

_NAME: Final = NameOID.X500_UNIQUE_IDENTIFIER
_PERSON_NAME: Final = x509.ObjectIdentifier("2.5.4.41")
_FILES: Final = ("root.cer", "root.key", "signer.cer", "signer.key")
_LIFE: Final = timedelta(days=3653)


@dataclass(frozen=True)
class TestAuthority:
    """A root that issues CSD and FIEL, and the signer of the sandbox's stamps. Open it with `open`."""

    __test__ = False  # not a test class, whatever its name starts with

    folder: Path
    root: x509.Certificate
    signer: x509.Certificate
    _root_key: rsa.RSAPrivateKey
    signer_key: rsa.RSAPrivateKey

    @classmethod
    def open(cls, folder: Path, *, now: datetime | None = None) -> TestAuthority:
        """The authority kept in `folder`, made on first use: folder 0700, keys 0600. Rivals at first use get one and
        the same. Raises OSError when the folder can't be used and ValueError when its files are damaged."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = folder / "authority"
        if not place.is_dir():
            with _locked(folder / ".authority.lock"):
                if not place.is_dir():
                    _make(folder, place, now or datetime.now(UTC))
        return cls(
            folder=place,
            root=x509.load_der_x509_certificate((place / "root.cer").read_bytes()),
            signer=x509.load_der_x509_certificate((place / "signer.cer").read_bytes()),
            _root_key=_read_key(place / "root.key"),
            signer_key=_read_key(place / "signer.key"),
        )

    def issue(
        self,
        kind: Kind,
        rfc: str,
        nombre: str,
        password: str,
        not_before: datetime,
        not_after: datetime,
        rsa_bits: int = 2048,
        *,
        private_key: rsa.RSAPrivateKey | None = None,
    ) -> tuple[bytes, bytes]:
        """A certificate as SAT's: (.cer DER, .key encrypted PKCS#8 DER with PBES2).

        `not_before` and `not_after` are aware and may lie in the past or the future. `private_key` spares the making of
        one (tests). Subject as SAT writes it: CN, name, O, x500UniqueIdentifier = RFC ("RFC / RFC of the
        representative" for a persona moral), serialNumber = CURP, and OU only in a CSD; a FIEL has two more key usages
        and an extended one.
        """
        key = private_key or rsa.generate_private_key(65537, rsa_bits)
        certificate = _sign(
            _subject(kind, rfc, nombre),
            key.public_key(),
            self.root.subject,
            self._root_key,
            not_before,
            not_after,
            kind,
        )
        locked = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode()))
        return certificate.public_bytes(Encoding.DER), locked


def _make(folder: Path, place: Path, now: datetime) -> None:
    """Write all files aside, then show them with one rename: a death in between leaves nothing that counts."""
    for left in folder.glob(".authority-*"):
        shutil.rmtree(left, ignore_errors=True)  # a first start that was killed; the caller holds the lock
    fresh = Path(tempfile.mkdtemp(prefix=".authority-", dir=folder))  # mkdtemp makes it 0700
    try:
        root_key = rsa.generate_private_key(65537, 2048)
        signer_key = rsa.generate_private_key(65537, 2048)
        start, end = now - timedelta(days=3653), now + _LIFE  # tests and demos live in other years too
        name = _root_name()
        root = _sign(name, root_key.public_key(), name, root_key, start, end, None)
        signer = _sign(_subject("CSD", PAC_RFC, PAC_NOMBRE), signer_key.public_key(), name, root_key, start, end, "CSD")
        contents = (
            root.public_bytes(Encoding.DER),
            root_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
            signer.public_bytes(Encoding.DER),
            signer_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        )
        for file, content in zip(_FILES, contents, strict=True):
            _write(fresh / file, content)
        fresh.rename(place)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read_key(path: Path) -> rsa.RSAPrivateKey:
    # The file is ours and 0600: the costly check of the primes is left out, it would double the start.
    key = load_der_private_key(path.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError(f"{path.name} no es una llave RSA")
    return key


def _serial() -> int:
    # SAT's numbers start with 0 (production), 2 or 3 (tests); 9 is nobody's.
    return int.from_bytes(f"90001{secrets.randbelow(10**15):015d}".encode("ascii"), "big")


def _root_name() -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "AC DE PRUEBAS DE EMITE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "EMITE, SIN VALOR FISCAL"),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "MX"),
        ]
    )


def _subject(kind: Kind, rfc: str, nombre: str) -> x509.Name:
    moral = len(rfc) == 12
    representative = "XAPR800101AB3"
    identifier = f"{rfc} / {representative}" if moral else rfc
    # A CURP writes X for Ñ and for signs, and the attribute that carries it takes neither.
    own = rfc[:10].replace("Ñ", "X").replace("&", "X")
    curp = f" / {representative[:10]}HDFXXX09" if moral else f"{own}HDFXXX09"
    attributes = [
        x509.NameAttribute(NameOID.COMMON_NAME, nombre[:64]),
        x509.NameAttribute(_PERSON_NAME, nombre),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, nombre[:64]),
    ]
    if kind == "FIEL":
        attributes.append(x509.NameAttribute(NameOID.COUNTRY_NAME, "MX"))
        attributes.append(x509.NameAttribute(NameOID.EMAIL_ADDRESS, "pruebas@example.com"))
    attributes.append(x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, identifier))
    attributes.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, curp))
    if kind == "CSD":
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Sucursal 1"))
    return x509.Name(attributes)


def _sign(
    subject: x509.Name,
    public_key: rsa.RSAPublicKey,
    issuer: x509.Name,
    issuer_key: rsa.RSAPrivateKey,
    not_before: datetime,
    not_after: datetime,
    kind: Kind | None,
) -> x509.Certificate:
    """`kind` None: the root itself."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(_serial())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=kind is None, path_length=0 if kind is None else None), critical=True)
        .add_extension(_usage(kind), critical=kind is None)
    )
    if kind == "FIEL":
        purposes = [ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _usage(kind: Kind | None) -> x509.KeyUsage:
    fiel = kind == "FIEL"
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=fiel,
        key_agreement=fiel,
        key_cert_sign=kind is None,
        crl_sign=kind is None,
        encipher_only=False,
        decipher_only=False,
    )

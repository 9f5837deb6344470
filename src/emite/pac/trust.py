"""The stamp signers that are trusted for a PAC, from a folder or from a list.
Not here: checking a stamp (cfdi/timbre.py), the sandbox's authority (sandbox/authority.py)."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography import x509

from emite.cfdi.csd import Certificate


def read_folder(folder: Path) -> Mapping[str, Certificate]:
    """Every `*.cer` of a folder that is a stamp signer, by NoCertificado. Empty when the folder can't be read yet."""
    return _signers(path.read_bytes() for path in sorted(folder.glob("*.cer")))


def mark(folder: Path) -> frozenset[tuple[str, int, int]]:
    """Another one whenever a certificate was added, taken away or written: name, size and moment of each."""
    try:
        found = [(path.name, path.stat()) for path in folder.glob("*.cer")]
    except OSError:  # one went away while we looked
        return frozenset()
    return frozenset((name, status.st_size, status.st_mtime_ns) for name, status in found)


class Folder:
    """The signers of a folder, read again when it changes; nobody is trusted without a folder."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._signers: Mapping[str, Certificate] = {}
        self._read: frozenset[tuple[str, int, int]] = frozenset()

    def signers(self) -> Mapping[str, Certificate]:
        """By NoCertificado."""
        if self.path is not None:
            now = mark(self.path)
            if now != self._read:
                self._signers, self._read = read_folder(self.path), now
        return self._signers


def from_base64(texts: object) -> Mapping[str, Certificate]:
    """The same from base64 DER texts; what isn't a list of certificates gives an empty mapping."""
    if not isinstance(texts, list):
        return {}
    try:
        ders = [base64.b64decode(text, validate=True) for text in texts if isinstance(text, str)]
    except ValueError:
        return {}
    return _signers(ders)


def _signers(ders: Iterable[bytes]) -> Mapping[str, Certificate]:
    found: dict[str, Certificate] = {}
    for der in ders:
        try:
            if _is_authority(x509.load_der_x509_certificate(der)):
                continue  # an authority signs certificates, never stamps
            certificate = Certificate.from_der(der)
        except ValueError:
            continue  # not a certificate: nothing is trusted because of it
        found[certificate.no_certificado] = certificate
    return found


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False

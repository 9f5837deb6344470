"""Which seal certificates the sandbox PAC accepts: its own authority's, and test authorities that were trusted.
Not here: seal, RFC, kind and validity of a certificate (cfdi/seal.py); revocation (taxpayers.py)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

PRODUCTION_PREFIX: Final = "00001"
"""SAT numbers its production certificates 00001…; those of its test environment begin with 2 or 3."""


class Trusted:
    """The authorities whose certificates pass; everything else is 308, SAT's production among it."""

    def __init__(self, authorities: Iterable[x509.Certificate]) -> None:
        self._authorities = tuple(authorities)
        self._issued = lru_cache(maxsize=4096)(self._check)

    def issued(self, certificado: str) -> bool:
        """Whether the certificate (the base64 text of the attribute Certificado) was signed by a trusted authority
        and isn't a production one."""
        return self._issued(certificado)

    def _check(self, certificado: str) -> bool:
        try:
            certificate = x509.load_der_x509_certificate(base64.b64decode(certificado, validate=True))
        except (ValueError, binascii.Error):
            return False
        if is_production(certificate):
            return False
        for authority in self._authorities:
            try:
                certificate.verify_directly_issued_by(authority)
            except (ValueError, TypeError, InvalidSignature):
                continue
            return True
        return False


def is_production(certificate: x509.Certificate) -> bool:
    """Whether SAT's production numbers it."""
    return serial_text(certificate).startswith(PRODUCTION_PREFIX)


def serial_text(certificate: x509.Certificate) -> str:
    """The 20 digits that SAT writes as the ASCII bytes of the serial number; "" when it isn't such a number."""
    raw = certificate.serial_number.to_bytes(20, "big") if certificate.serial_number < 1 << 160 else b""
    return raw.decode("ascii") if raw.isdigit() else ""


def read_authorities(folder: Path) -> list[x509.Certificate]:
    """The authorities (`*.cer`, DER) of a folder, to be trusted besides the installation's own.

    Raises ValueError (in Spanish) for a file that isn't an authority's certificate, or is SAT's production's.
    """
    found = []
    for path in sorted(folder.glob("*.cer")):
        try:
            certificate = x509.load_der_x509_certificate(path.read_bytes())
            constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        except (ValueError, x509.ExtensionNotFound):
            raise ValueError(f"{path} no es el certificado de una autoridad") from None
        if not constraints.ca:
            raise ValueError(f"{path} no es el certificado de una autoridad")
        if _is_production_authority(certificate):
            raise ValueError(f"{path} es de una autoridad de producción del SAT: el PAC simulado no la acepta")
        found.append(certificate)
    return found


def _is_production_authority(certificate: x509.Certificate) -> bool:
    # SAT's AC and Banxico's root are numbered 0000…; their test doubles are too, but say UAT, prueba or beta by name.
    named = certificate.subject.rfc4514_string().lower()
    of_sat = any(word in named for word in ("tributaria", "banco de mexico", "banco de méxico"))
    for_tests = any(word in named for word in ("uat", "prueba", "beta", "test"))
    return of_sat and not for_tests

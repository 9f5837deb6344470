"""Which seal certificates the sandbox PAC accepts: its own authority's and, if told so, those of SAT's tests.
Not here: seal, RFC, kind and validity of a certificate (cfdi/seal.py); revocation (taxpayers.py)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from emite.cfdi.authorities import Authority, Realm
from emite.cfdi.csd import Certificate

PRODUCTION_PREFIX: Final = "00001"
"""SAT numbers its production certificates 00001…; those of its test environment begin with 2 or 3."""


class Trusted:
    """The authorities whose certificates pass; everything else is 308. Raises ValueError for one of production: what
    this PAC stamps has no fiscal value, so a real seal must never get one of its stamps."""

    def __init__(self, authorities: Iterable[Authority]) -> None:
        self._authorities = tuple(authorities)
        if any(each.realm is Realm.PRODUCTION for each in self._authorities):
            raise ValueError("el PAC simulado no acepta certificados de producción del SAT")
        self._accepted = lru_cache(maxsize=4096)(self._check)

    def accepts(self, certificado: str) -> bool:
        """Whether a trusted authority signed the certificate (base64, as the attribute Certificado carries it)."""
        return self._accepted(certificado)

    def _check(self, certificado: str) -> bool:
        try:
            certificate = Certificate.from_base64(certificado)
        except ValueError:
            return False
        is_production = certificate.no_certificado.startswith(PRODUCTION_PREFIX)
        return not is_production and certificate.issued_by(self._authorities)

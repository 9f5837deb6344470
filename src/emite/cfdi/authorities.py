"""Who issues certificates: SAT's authorities of production and of tests, and an installation's own.

A trusted authority here is its public key; the certificates that it signs are read in `csd.py`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from emite.cfdi.codes import FOLDER, SatDataMissing


class Realm(StrEnum):
    """Where the documents of an authority's certificates count: production has fiscal value, the rest has none."""

    PRODUCTION = "producción"
    TEST = "pruebas del SAT"
    SANDBOX = "pruebas de esta instalación"


@dataclass(frozen=True, slots=True)
class Authority:
    """A key that signs certificates."""

    name: str
    realm: Realm
    public_key: RSAPublicKey

    @classmethod
    def of(cls, der: bytes, realm: Realm) -> Authority:
        """The authority that a certificate of authority (DER) describes. Raises ValueError when it is not one."""
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey):
            raise ValueError("an authority of SAT signs with RSA")
        names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return cls(str(names[0].value) if names else "", realm, key)


@cache
def sat_production() -> tuple[Authority, ...]:
    """SAT's authorities of production, newest last. Raises SatDataMissing."""
    try:
        certificates = json.loads((FOLDER / "certificates.json").read_text("utf-8"))
    except FileNotFoundError:
        raise SatDataMissing from None
    ders = [base64.b64decode(text) for name, text in certificates.items() if re.fullmatch(r"AC\d+_SAT\.cer", name)]
    return tuple(Authority.of(der, Realm.PRODUCTION) for der in ders)


@cache
def sat_tests() -> tuple[Authority, ...]:
    """The authorities that sign the test certificates SAT publishes: public keys, since no package carries them."""
    return tuple(Authority("AC UAT", Realm.TEST, _rsa(key)) for key in (_AC_UAT_2019, _AC_UAT_2022))


def _rsa(key: str) -> RSAPublicKey:
    read = load_der_public_key(base64.b64decode(key))
    assert isinstance(read, RSAPublicKey)  # the constants below are
    return read


def known(own: Iterable[Authority] = ()) -> tuple[Authority, ...]:
    """Every authority worth trying: SAT's two kinds and the installation's own."""
    return (*sat_production(), *sat_tests(), *own)


# SubjectPublicKeyInfo of the authority "AC UAT" (serial 00000000000090001061, valid 2022-03-04 to 2030-03-04), which
# SAT publishes with its test certificates.
_AC_UAT_2022: Final = (
    "MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAuU8v/FiqF7HnqNiJ33gFfSKYymJ/Lk6nZKHBvGhTo0TlVV7egqRxRqqq"
    "HHwsQTP4x9L0lI00HytfdHSHls7FWh7PuNi8JW3gDxzGQbsT3aUgFLwEdjwqN7+mgczcc+jFFHmQmMxloOVua6rIFjdVJWbEFSgA"
    "adNg1F5dkA+uFJRKB6YOhv+NT9Z3JLqibBqggsdExACuUtWYhxN/bQ3XBHIh2YkIdxqhemY07ng3u9EO+JwG47i2wzx9lgoegnGP"
    "m0DnaiwPAkdcCP9QNZFbrWAFMbqWR7XtFdz22xOGiSt8nrsHZNE2hZYg2TvG2LGK/SEtZeGuMIOIVMlRuQOPkgQUYcBRgAV5iOPj"
    "1gA8qBZHAqAEZnBup7tX8P9Yz2ubFkq4udDwbQrgy+8kaVFxf4aTAwGGL4fF0RZRT4nKtmAqN5sLhaFcmMd++1nCyagmrvBgDomN"
    "bxCiDyKXloVqbaVlqSEE2qL4I2DdsSiOTriDTHeewpDzMj8I+cYBA+1CPL4Y8sdnxLC0sAylFV9dJ9aXDje9IG1ihtvVQokvfidS"
    "sbXydIFk30C8c1W3JLHAwx3S28fTKualRs0fGJ9k3d7GJ8FbTVdUIyS6CYu0smoW5PH9xjhZwH5t75kQimxJS6MTqh6s3t5E2pW1"
    "jrCEz98Kb8JedbFrQkNz+cCtjP8CAwEAAQ=="
)

# The key of the authority of the same name before 2022. Its certificate is not published any more: the key follows from
# the signatures of two test certificates of 2019 (greatest common divisor of s^65537 - m), and verifies both.
_AC_UAT_2019: Final = (
    "MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEA2w/1LfmQDaKB8tnrtTeJC8IRubTm/07RBDrfzOZC6B1JjjtL8UGSOV3u"
    "4YAmJFfJ0WURvMVHXByhaDvRXIcJ6JvGz4RP4v6oRRYFqcr981p67iymfy7n9HCHV/0jOK9Zx7IS5xVs7nBBO+Gmqm92rNMAw7vo"
    "rt3lSNRrXbCeCe08khTs9pnJLdegXPm5kK52nN0MJ8MH1ba8uEPRtq8t47RBmq5Gopp+2CVc2nlBB5VlhS3HsjsQ9pwksoGzzDnP"
    "82m5diEJvbQU3Eyo4kOih6D5aL8+t/6P+7VYneD/jwFjrhdaPLzsZ2Ksz1383twAmrTGyXjshd1ZkDBwR9bfy9bM/Bq9f73fwxVA"
    "owqch3am/TJFDVTh203Rv5b3Iw78OVfu8tPlqdUFjI09UsJpwnnTKE0qW3vfInkgCvdntjmr7JPsfEgTvirWXy8hfX2F4w0rT08N"
    "bfeJJ1A2G/HQZwDet3dZjXSazxHBH/dn/RnjdH+4douQJkEKgVVCsygsL0m+YH2eSuUa9JKRgeEkg9zOngb1utWh87KZMEE3Hkks"
    "b/hisGiN6D9ezI7fjrAAkZJnMth6K/oowESYiRmQadTYrpRUIsXfNKVqXuazj81UVJBmPRgPj6pcgDyeK+OZr/Q63LIyyHGc2ZSW"
    "Jz15eg4cf1/Ms4Q5x0ts7kXUU1sCAwEAAQ=="
)

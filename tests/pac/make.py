"""Builds what a PAC receives: a CSD of a test authority and sealed documents.
Not here: the sandbox as a process (sandbox.py)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import count
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from emite.cfdi import seal, taxes, zones
from emite.cfdi.comprobante import Comprobante, Emisor, Receptor
from emite.cfdi.csd import Csd, open_pair
from emite.pac.sandbox.authority import TestAuthority

EMISOR = Emisor("SST980412QZA", "SANATORIO SAN TELMO", "601")
PATIENT = Receptor("MAOL880314Q75", "LUCIA MARENTES OLVERA", "06700", "605", "D01")
PASSWORD = "12345678a"
_folios = count(1)


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    """One for the whole run: making one costs more than most tests."""
    return rsa.generate_private_key(65537, 2048)


def csd(authority: TestAuthority, rfc: str = EMISOR.rfc, **options: Any) -> Csd:
    """A CSD that is valid now, unless `not_before` and `not_after` say otherwise."""
    now = datetime.now(UTC)
    given = {"not_before": now - timedelta(days=10), "not_after": now + timedelta(days=365), **options}
    cer, key = authority.issue("CSD", rfc, EMISOR.nombre, PASSWORD, private_key=rsa_key(), **given)
    opened_at = min(max(now, given["not_before"]), given["not_after"] - timedelta(seconds=1))
    return open_pair(cer, key, PASSWORD, expected_rfc=rfc, now=opened_at)


def comprobante(*, age: timedelta = timedelta(seconds=30), **changes: Any) -> Comprobante:
    """A consultation paid by card, with a folio of its own, dated `age` ago."""
    consulta = taxes.concepto(
        clave_prod_serv="85121502",
        clave_unidad="E48",
        descripcion="Consulta",
        cantidad=Decimal(1),
        valor_unitario=Decimal("500.00"),
        treatment=taxes.Treatment.IVA16,
    )
    built = Comprobante(
        tipo="I",
        fecha=zones.local_now(datetime.now(UTC) - age, "06700"),
        lugar_expedicion="06700",
        emisor=EMISOR,
        receptor=PATIENT,
        conceptos=(consulta,),
        forma_pago="04",
        metodo_pago="PUE",
        serie="A",
        folio=str(next(_folios)),
    )
    return replace(built, **changes)


def sealed(with_csd: Csd, **changes: Any) -> bytes:
    """The sealed bytes of `comprobante(**changes)`."""
    return seal.seal(comprobante(**changes), with_csd).xml

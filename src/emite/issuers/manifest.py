"""The manifest: what an RFC's owner authorizes before the first stamp. Its text is versioned and each acceptance kept.

It is ours and not the PAC's: a PAC that wants its own keeps it on its own pages.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction

from emite.accounts.models import User
from emite.audit import record
from emite.issuers.models import FiscalAddress, Issuer, ManifestAcceptance, StoredCsd
from emite.organizations.models import Membership, Organization
from emite.organizations.permissions import Need

VERSION: Final = "1"
TEXT: Final = """\
Autorizo que este sistema selle, con el certificado de sello digital (CSD) que cargué, los comprobantes fiscales \
digitales por internet (CFDI) que yo o las personas a quienes di permiso pidamos emitir con mi RFC, y que los envíe \
para su certificación al proveedor autorizado (PAC) que está configurado en esta cuenta.

Sé que el CSD y su contraseña son míos, que la llave privada se guarda cifrada y sólo la abre el programa que sella, \
que la contraseña no se guarda, y que puedo retirar el certificado en cualquier momento.

Declaro que los datos fiscales que capturé son los de mi Constancia de Situación Fiscal y que soy responsable de los \
comprobantes que se emitan con ellos.
"""


class ManifestRefused(Exception):
    """It cannot be accepted; the message is for people."""


def text_hash(text: str = TEXT) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def accept(issuer: Issuer, *, user: User, address: str, now: dt.datetime) -> ManifestAcceptance:
    """This version, accepted for this RFC. Twice is once. Raises ManifestRefused."""
    held = Membership.objects.who_may(Need.ADMINISTER).filter(organization_id=issuer.organization_id, user=user)
    if not held.exists():
        raise ManifestRefused("Sólo un administrador acepta el Manifiesto.")
    try:
        with transaction.atomic():
            made = ManifestAcceptance.objects.create(
                organization_id=issuer.organization_id, issuer=issuer, version=VERSION, sha256=text_hash(),
                accepted_by=user, accepted_at=now, from_hash=_place(address),
            )  # fmt: skip
            record(
                organization_id=issuer.organization_id, actor=user.email, action="manifest.accept",
                subject=f"issuer:{issuer.pk}", after={"version": VERSION, "sha256": made.sha256}, now=now,
            )  # fmt: skip
    except IntegrityError:
        found = accepted(issuer)
        if found is None:
            raise
        return found
    return made


def accepted(issuer: Issuer) -> ManifestAcceptance | None:
    """The acceptance of today's version."""
    rows = ManifestAcceptance.objects.select_related("accepted_by")
    return rows.filter(organization_id=issuer.organization_id, issuer=issuer, version=VERSION).first()


def missing(issuer: Issuer, now: dt.datetime) -> list[str]:
    """What a physician's RFC lacks before its first stamp, in words; a hospital's people sign elsewhere."""
    if issuer.organization.kind != Organization.Kind.PRACTICE:
        return []
    of_issuer = {"organization_id": issuer.organization_id, "issuer": issuer}
    lacks = []
    if not FiscalAddress.objects.filter(**of_issuer).exists():
        lacks.append("la dirección fiscal")
    if not StoredCsd.objects.filter(**of_issuer, active=True, not_after__gt=now).exists():
        lacks.append("el certificado vigente con su llave (.cer, .key)")
    if accepted(issuer) is None:
        lacks.append("aceptar el Manifiesto")
    return lacks


def _place(address: str) -> str:
    """Where it came from, as a hash that only this installation can compare."""
    return hmac.new(settings.SECRET_KEY.encode(), f"manifest {address}".encode(), hashlib.sha256).hexdigest()

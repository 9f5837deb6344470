"""The carta manifiesto of an RFC with each PAC: without it nothing of fiscal value is stamped.

It is signed with the e.firma on the PAC's own page, never here. Neither Finkok nor SW has a question that we may ask in
the issuer's name, so a person records the evidence; the PAC's own refusal (Finkok 740, SW AU2003) outweighs it.
Our own manifest, of a practice's physician, is in `manifest`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from enum import StrEnum
from typing import Final

from django.db import IntegrityError, transaction

from emite.accounts.models import User
from emite.audit import record
from emite.issuers.models import Issuer, PacAccount, PacManifest, StoredCsd
from emite.issuers.pac_accounts import OPERATOR, may_administer
from emite.pac.connect import PROVIDERS, stamps_for_real

MAX_PDF: Final = 5 * 1024 * 1024
#: Where each PAC has it signed.
PAGES: Final = {
    "finkok": "https://manifiesto.cfdiquadrum.com.mx",
    "swsapien": "https://portal.sw.com.mx",
}
LACKING: Final = "EMI-MANIFIESTO"
LACKING_TEXT: Final = "Falta registrar la carta manifiesto de este RFC con el PAC: no se envía nada hasta entonces."


class Standing(StrEnum):
    """How far an issuer is with the PAC of its account."""

    NOT_NEEDED = "not_needed"
    """A simulated PAC or a test environment."""
    NO_CSD = "no_csd"
    PENDING = "manifest_pending"
    SIGNED = "manifest_signed"
    """The evidence is here, and the PAC has not refused since."""
    REFUSED = "manifest_refused"
    """The evidence is here, and the PAC says that it has none."""


class ManifestRefused(Exception):
    """The evidence cannot be taken. `field` names where, `message` what and the cure."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(message)


def evidence(account: PacAccount) -> PacManifest | None:
    """The latest evidence for this account's RFC and PAC, without its file."""
    rows = PacManifest.objects.filter(
        organization_id=account.organization_id, issuer_id=account.issuer_id, provider=account.provider
    )
    return rows.defer("pdf").order_by("-recorded_at").first()


def may_stamp(account: PacAccount) -> bool:
    """Whether documents may be sent: always where nothing has fiscal value, else with the evidence only."""
    return not stamps_for_real(account.provider, account.base_url) or evidence(account) is not None


def standing(account: PacAccount) -> Standing:
    """csd loaded, manifest pending, manifest signed: what comes next for this account."""
    if not stamps_for_real(account.provider, account.base_url):
        return Standing.NOT_NEEDED
    csds = StoredCsd.objects.filter(organization_id=account.organization_id, issuer_id=account.issuer_id, active=True)
    if not csds.exists():
        return Standing.NO_CSD
    found = evidence(account)
    if found is None:
        return Standing.PENDING
    refused = account.manifest_refused_at
    return Standing.REFUSED if refused and refused > found.recorded_at else Standing.SIGNED


def sign(
    issuer: Issuer, provider: str, *, signed_on: dt.date, pdf: bytes, user: User | None, now: dt.datetime
) -> PacManifest:
    """Keep the evidence: the PDF that the PAC gave, signed. The same file twice is once.

    Raises NotAllowed or ManifestRefused (nothing is kept).
    """
    may_administer(user, issuer.organization_id)
    if provider not in PAGES:
        raise ManifestRefused("pdf", "Ese PAC no pide carta manifiesto.")
    if signed_on > issuer.organization.local_date(now):
        raise ManifestRefused("signed_on", "La fecha de firma está en el futuro: escriba la que dice la carta.")
    if not pdf.startswith(b"%PDF-"):
        raise ManifestRefused("pdf", "El archivo no es un PDF: descárguelo de la página del PAC y elíjalo otra vez.")
    if len(pdf) > MAX_PDF:
        raise ManifestRefused("pdf", "El archivo pasa de 5 MB: elija el PDF que da el PAC.")
    sha256 = hashlib.sha256(pdf).hexdigest()
    who = user.email if user else OPERATOR
    of = {"organization_id": issuer.organization_id, "issuer": issuer, "provider": provider, "sha256": sha256}
    try:
        with transaction.atomic():
            made = PacManifest.objects.create(**of, signed_on=signed_on, pdf=pdf, recorded_by=who, recorded_at=now)
            record(
                organization_id=issuer.organization_id,
                actor=who,
                action="pac_manifest.sign",
                subject=f"issuer:{issuer.pk}",
                after={"pac": PROVIDERS[provider], "signed_on": str(signed_on), "sha256": sha256},
                now=now,
            )
    except IntegrityError:
        return PacManifest.objects.defer("pdf").get(**of)
    return made


def refused_by_pac(account: PacAccount, now: dt.datetime) -> None:
    """The PAC says that it has no manifest of this RFC."""
    PacAccount.objects.filter(pk=account.pk).update(manifest_refused_at=now)
    account.manifest_refused_at = now


def accepted_by_pac(account: PacAccount) -> None:
    """The PAC stamped: it has it. Costs nothing when nobody doubted it."""
    if account.manifest_refused_at is not None:
        PacAccount.objects.filter(pk=account.pk).update(manifest_refused_at=None)
        account.manifest_refused_at = None

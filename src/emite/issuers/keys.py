"""Certificates in and out of the vault: the web stores what it cannot open, the worker opens what it needs.

What makes a CSD acceptable is decided in `cfdi.csd`.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Sequence

from django.db import transaction

from emite.accounts.models import User
from emite.audit import record
from emite.cfdi.certificates import Signer
from emite.cfdi.csd import Csd, CsdRefused, open_pair
from emite.issuers.models import Issuer, PacAccount, StoredCsd
from emite.vault import boxes, worker

#: Opened keys live this long in the worker's memory.
KEY_TTL_SECONDS = 300

_opened: dict[object, tuple[float, Csd]] = {}
_lock = threading.Lock()


def load_csd(
    issuer: Issuer,
    cer: bytes,
    key: bytes,
    password: str,
    *,
    authorities: Sequence[Signer],
    user: User | None,
    now: dt.datetime,
) -> StoredCsd:
    """Check the pair, seal its key for the worker and make it the issuer's active certificate.

    Raises CsdRefused (field and cure in Spanish) and stores nothing then. The password is forgotten here.
    """
    csd = open_pair(cer, key, password, expected_rfc=issuer.rfc, now=now)
    if authorities and not csd.certificate.issued_by(authorities):
        raise CsdRefused(
            "308",
            "El certificado no lo expidió el SAT ni otra autoridad que este sistema reconozca. Revisa el .cer.",
            "cer",
        )
    certificate = csd.certificate
    with transaction.atomic():
        stored = StoredCsd(
            organization_id=issuer.organization_id,
            issuer=issuer,
            no_certificado=certificate.no_certificado,
            certificate=certificate.der,
            not_before=certificate.not_before,
            not_after=certificate.not_after,
        )
        stored.sealed_key = worker.seal_for_worker(csd.pkcs8_clear(), _aad(stored))
        StoredCsd.objects.filter(organization_id=issuer.organization_id, issuer=issuer, active=True).update(
            active=False, retired_at=now
        )
        stored.save(force_insert=True)
        record(
            organization_id=issuer.organization_id,
            actor=user.email if user else "sistema",
            action="csd.load",
            subject=f"issuer:{issuer.pk}",
            after={"no_certificado": stored.no_certificado, "not_after": stored.not_after.isoformat()},
            now=now,
        )
    return stored


def open_csd(stored: StoredCsd) -> Csd:
    """The certificate with its private key. Worker only; kept in memory for a few minutes."""
    moment = time.monotonic()
    with _lock:
        held = _opened.get(stored.pk)
        if held and held[0] > moment:
            return held[1]
    csd = Csd.from_clear(bytes(stored.certificate), worker.open_sealed(bytes(stored.sealed_key), _aad(stored)))
    with _lock:
        for pk in [pk for pk, (until, _) in _opened.items() if until <= moment]:
            del _opened[pk]
        _opened[stored.pk] = (moment + KEY_TTL_SECONDS, csd)
    return csd


def seal_pac_password(account: PacAccount, password: str) -> None:
    """Put the PAC's password on the row, readable by the worker only. The caller saves the row."""
    account.sealed_password = worker.seal_for_worker(password.encode(), _account_aad(account))


def open_pac_password(account: PacAccount) -> str:
    """The PAC's password in clear. Worker only."""
    return worker.open_sealed(bytes(account.sealed_password), _account_aad(account)).decode()


def _aad(stored: StoredCsd) -> bytes:
    return boxes.aad(stored.organization_id, "csd", stored.pk)


def _account_aad(account: PacAccount) -> bytes:
    return boxes.aad(account.organization_id, "pac", account.pk)

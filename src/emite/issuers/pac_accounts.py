"""PAC accounts as people keep them: what makes one acceptable, a new password, and a try of the connection.

Which account a document is sent to, and what happens to those under way, lives in `documents.rerouting`.
"""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from procrastinate.contrib.django import app

from emite.accounts.models import User
from emite.audit import record
from emite.issuers import breaker
from emite.issuers.connecting import adapter, reach_of
from emite.issuers.keys import seal_pac_password
from emite.issuers.models import Issuer, PacAccount
from emite.organizations.models import Membership
from emite.organizations.permissions import Need
from emite.pac.connect import PROVIDERS, PacConfig, connect, within_reach
from emite.pac.port import Credits, CreditsAnswer, Dedup, Found, LookupAnswer, LookupBy, NotFound
from emite.pac.reach import OutOfReach, is_named
from emite.vault.boxes import CannotOpen
from emite.vault.keyfiles import KeyTrouble

TEST: Final = "emite.pac_test"
OPERATOR: Final = "emite pac-account"
_SERIE: Final = "PRUEBA"
_OUT_OF_REACH: Final = (
    "Esa dirección es de una red interna o de otro programa de este servidor: escriba la que publica el PAC, o pida a "
    "quien administra el servidor que la permita."
)


class NotAllowed(Exception):
    """Only an administrator of the organization changes where its invoices are stamped."""


class AccountRefused(Exception):
    """The account cannot be used as it was written. `field` names where, `message` what and the cure."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An account as it was written. Times only where they differ from the provider's usual ones."""

    provider: str
    base_url: str
    user: str
    password: str
    dedup: str = ""
    visible_after: dt.timedelta | None = None
    max_processing: dt.timedelta | None = None

    def __repr__(self) -> str:
        return f"Wanted({self.provider!r}, {self.base_url!r}, user={self.user!r})"


def may_administer(user: User | None, organization_id: uuid.UUID) -> None:
    """Raise NotAllowed unless it is an administrator, or the operator of the server (None)."""
    rows = Membership.objects.who_may(Need.ADMINISTER).filter(organization_id=organization_id, user=user)
    if user is not None and not rows.exists():
        raise NotAllowed(user.email)


def made(issuer: Issuer, wanted: Wanted, now: dt.datetime) -> PacAccount:
    """The account, not saved. Raises AccountRefused."""
    if wanted.provider not in PROVIDERS:
        raise AccountRefused("provider", "No hay adaptador para ese PAC: elija uno de la lista.")
    if wanted.dedup not in ("", *Dedup):
        raise AccountRefused("dedup", "Elija cómo reconoce el PAC los duplicados.")
    if not wanted.user.strip():
        raise AccountRefused("user", "Escriba el usuario de la cuenta.")
    if not wanted.password:
        raise AccountRefused("password", "Escriba la contraseña de la cuenta.")
    account = PacAccount(
        organization_id=issuer.organization_id,
        issuer=issuer,
        provider=wanted.provider,
        base_url=_address(wanted),
        user=wanted.user.strip(),
        dedup=wanted.dedup,
        visible_after=wanted.visible_after,
        max_processing=wanted.max_processing,
        created_at=now,
    )
    seal_pac_password(account, wanted.password)
    return account


def change_password(account: PacAccount, password: str, *, user: User | None, now: dt.datetime) -> None:
    """Another password for the same account: what is under way goes on with it. Everything else is a new account."""
    may_administer(user, account.organization_id)
    if not password:
        raise AccountRefused("password", "Escriba la contraseña de la cuenta.")
    with transaction.atomic():
        locked = PacAccount.objects.select_for_update().get(pk=account.pk, organization_id=account.organization_id)
        seal_pac_password(locked, password)
        locked.save(update_fields=["sealed_password"])
        tell(locked, "pac_account.password", user, now)


def pace_at(account: PacAccount, pace: int | None, *, user: User | None, now: dt.datetime) -> None:
    """Ask for so many stamps a second at most; None: as usual with this PAC; 0: without limit. Raises NotAllowed."""
    may_administer(user, account.organization_id)
    with transaction.atomic():
        PacAccount.objects.filter(pk=account.pk).update(pace=pace)
        tell(account, "pac_account.pace", user, now, pace=pace)


def ask_test(account: PacAccount, *, user: User | None, now: dt.datetime) -> None:
    """Have the worker try the connection: it alone can open the password."""
    may_administer(user, account.organization_id)
    with transaction.atomic():
        PacAccount.objects.filter(pk=account.pk).update(test_asked_at=now)
        app.configure_task(TEST).defer(pk=str(account.pk))


def run_test(pk: uuid.UUID, *, now: dt.datetime) -> tuple[bool, str]:
    """Try the connection and keep what came of it. Worker or operator only."""
    account = PacAccount.objects.select_related("issuer").get(pk=pk)
    ok, text = probe(account)
    if ok:
        breaker.answered(account)
    PacAccount.objects.filter(pk=pk).update(tested_at=now, test_ok=ok, test_text=text[:300])
    return ok, text


def probe(account: PacAccount) -> tuple[bool, str]:
    """Ask the PAC for a document that does not exist: it stamps nothing, and tells whether address and account work."""
    try:
        pac = adapter(account)
    except ValueError as error:
        return False, f"La cuenta no se puede usar: {error}."
    except (CannotOpen, KeyTrouble):
        return False, "La contraseña guardada no se puede abrir en este servidor: escríbala otra vez."
    answer: LookupAnswer | CreditsAnswer
    if pac.capabilities.lookup is LookupBy.NONE:
        # No question for a document: its balance is asked with the same address and account.
        answer = pac.credits(account.issuer.rfc)
    else:
        answer = pac.lookup(_question(account.issuer.rfc), f"prueba-{uuid.uuid4()}")
    if not isinstance(answer, NotFound | Found | Credits):
        return False, f"{answer.reason[:1].upper()}{answer.reason[1:]}. {_cure(answer)}"
    if not pac.certificates():
        lacking = "falta el certificado con que se comprueban sus timbres: lo agrega quien administra el servidor."
        return False, f"El PAC responde y acepta la cuenta, pero {lacking}"
    return True, f"El PAC responde y acepta la cuenta ({answer.evidence.elapsed_ms:,} ms)."


def tell(account: PacAccount, action: str, user: User | None, now: dt.datetime, **after: object) -> None:
    """Write it in the audit log; never the password."""
    record(
        organization_id=account.organization_id,
        actor=user.email if user else OPERATOR,
        action=action,
        subject=f"pac_account:{account.pk}",
        after={"provider": account.provider, "base_url": account.base_url, "user": account.user, **after},
        now=now,
    )


def _address(wanted: Wanted) -> str:
    """The base address as it is kept: https, or http to a sandbox on this machine."""
    address = wanted.base_url.strip().rstrip("/")
    parts = urlsplit(address)
    if parts.username or parts.query or parts.fragment:
        raise AccountRefused("base_url", "Escriba solo la dirección, sin usuario, signos de interrogación ni #.")
    reach = reach_of(wanted.provider)
    config = PacConfig(wanted.provider, address, wanted.user, "", trust_dir=settings.PAC_TRUST_DIR, reach=reach)
    try:
        is_allowed = wanted.provider == "sandbox" or is_named(parts.hostname or "", parts.port or 0, reach.allowed)
        if parts.scheme == "http" and not is_allowed:
            raise AccountRefused("base_url", "Un PAC se usa solo por https: la dirección debe empezar con https://.")
        connect(config)
        within_reach(config)
    except ValueError as error:
        text = str(error)
        raise AccountRefused("base_url", f"{text[:1].upper()}{text[1:]}.") from error
    except OutOfReach as error:
        raise AccountRefused("base_url", _OUT_OF_REACH) from error
    return address


def _question(rfc: str) -> bytes:
    """A document that no PAC has: shaped as a CFDI of this issuer, with a seal of chance."""
    sello = secrets.token_urlsafe(64)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" '
        f'Version="4.0" Serie="{_SERIE}" Folio="0" Sello="{sello}"><cfdi:Emisor Rfc="{rfc.replace("&", "&amp;")}"/>'
        f"</cfdi:Comprobante>"
    ).encode()


def _cure(answer: LookupAnswer | CreditsAnswer) -> str:
    match answer.evidence.http:
        case None:
            return "Revise la dirección, y que el servidor tenga salida a internet."
        case 401 | 403:
            return "Revise el usuario y la contraseña."
        case status if status >= 500:
            return "El PAC tiene un problema: intente en unos minutos."
        case _:
            return "Revise los datos de la cuenta con el PAC."

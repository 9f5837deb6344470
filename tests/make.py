"""Builders of valid rows with names people remember; a test spoils one thing and expects one consequence.

The cast: Hospital San Telmo, its administrator Alma, its biller Berta, its cashier Carmen, the
patient Ana. Pure CFDI builders live in tests/cfdi/make.py.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any
from unittest import mock

from django.db import transaction

from emite.accounts.models import User
from emite.cfdi import csd as reading
from emite.cfdi.comprobante import Receptor
from emite.cfdi.taxes import Treatment
from emite.charges.charging import charge as create_charge
from emite.charges.charging import code_of
from emite.charges.collecting import Part, pay
from emite.charges.models import CashRegister, Charge, ChargeCounter, RegisterSession
from emite.charges.pricing import LineInput
from emite.issuers import connecting
from emite.issuers.keys import load_csd, seal_pac_password
from emite.issuers.models import Issuer, PacAccount, Series
from emite.organizations.models import Membership, Organization, PortalActivation, PortalLink
from emite.pac.sandbox.authority import TestAuthority
from tests.pac.sandbox import RunningSandbox

_numbers = itertools.count(1)
_pairs: dict[object, tuple[bytes, bytes]] = {}
#: OpenSSL takes a tenth of a second to see that a key's primes are primes: once for each pair.
_opened = cache(reading._load)

#: An invented company whose RFC has a good check digit.
HOSPITAL_RFC = "HST150101AA6"
PASSWORD = "una clave de prueba larga"


@dataclass
class Hospital:
    """A hospital that can issue: everything a test may want to spoil."""

    organization: Organization
    issuer: Issuer
    series: Series
    register: CashRegister
    web_register: CashRegister
    admin: User
    biller: User
    cashier: User
    pac_account: PacAccount


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def user(name: str = "Carmen", **over: Any) -> User:
    return User.objects.create_user(
        email=over.pop("email", f"{name.lower()}{next(_numbers)}@santelmo.test"), name=name, **over
    )


def hospital(
    *,
    authority: TestAuthority | None = None,
    pac_url: str = "http://127.0.0.1:9",
    dedup: str = "content",
    linked: bool = True,
    **over: Any,
) -> Hospital:
    """San Telmo, with roles, series, a PAC account and registers, Caja 1 open; `authority` gives it a certificate."""
    number = next(_numbers)
    people = {name: user(name) for name in ("Alma", "Berta", "Carmen")}
    organization = Organization.objects.create(
        slug=over.pop("slug", f"san-telmo-{number}"),
        name="Hospital San Telmo",
        kind=Organization.Kind.HOSPITAL,
        postal_code="06700",
        portal_days=over.pop("portal_days", 3),
        support_phone="55 5555 0101",
        support_email="caja@santelmo.test",
        **over,
    )
    for name, role, can_issue in (
        ("Alma", Membership.Role.ADMINISTRADOR, True),
        ("Berta", Membership.Role.FACTURADOR, True),
        ("Carmen", Membership.Role.CAJERO, False),
    ):
        Membership.objects.create(organization=organization, user=people[name], role=role, can_issue=can_issue)
    if linked:
        link(organization, people["Alma"], people["Berta"])
    issuer = Issuer.objects.create(
        organization=organization,
        rfc=HOSPITAL_RFC,
        nombre="HOSPITAL SAN TELMO",
        regimen_fiscal="601",
        postal_code="06700",
        lugar_expedicion="06700",
    )
    account = PacAccount(
        organization=organization,
        issuer=issuer,
        provider="sandbox",
        base_url=pac_url,
        user="pruebas",
        dedup=dedup,
    )
    seal_pac_password(account, "pruebas")
    account.save(force_insert=True)
    made = Hospital(
        organization=organization,
        issuer=issuer,
        # A name of its own: a PAC that knows documents by content must not take one hospital's for another's.
        series=Series.objects.create(organization=organization, issuer=issuer, name=f"R{number}"),
        register=CashRegister.objects.create(organization=organization, name="Caja 1"),
        web_register=CashRegister.objects.create(organization=organization, name="Portal", web_invoicing=True),
        admin=people["Alma"],
        biller=people["Berta"],
        cashier=people["Carmen"],
        pac_account=account,
    )
    with transaction.atomic():
        RegisterSession.objects.create(
            organization=organization, register=made.register, number=ChargeCounter.take(organization.pk, "corte"),
            opened_by=made.cashier, opened_at=now(), fund=Decimal(500),
        )  # fmt: skip
    if authority is not None:
        csd(made, authority)
    return made


def link(organization: Organization, admin: User, biller: User) -> None:
    """The portal as after its activation and the billing user's log-in."""
    PortalActivation.objects.create(
        organization=organization, state="approved", asked_by=admin, asked_at=now(), decided_at=now()
    )
    PortalLink.objects.create(organization=organization, user=biller, linked_at=now())


@contextmanager
def behind(sandbox: RunningSandbox, settings: Any, **over: Any) -> Iterator[Hospital]:
    """San Telmo whose invoices this sandbox stamps. It behaves at the beginning and is left so."""
    settings.PAC_TRUST_DIR = sandbox.trust_dir
    connecting._adapters.clear()
    sandbox.sound()
    yield hospital(authority=sandbox.authority, pac_url=sandbox.url, **over)
    sandbox.behave()


def csd(of: Hospital, authority: TestAuthority, **over: dt.datetime) -> None:
    """Load a seal certificate of the test authority: one pair of keys per authority, RFC and validity."""
    wanted = (authority.folder, of.issuer.rfc, *sorted(over.items()))
    if wanted not in _pairs:
        _pairs[wanted] = authority.issue(
            kind="CSD",
            rfc=of.issuer.rfc,
            nombre=of.issuer.nombre,
            password="12345678a",
            not_before=over.get("not_before", now() - dt.timedelta(days=1)),
            not_after=over.get("not_after", now() + dt.timedelta(days=1460)),
        )
    cer, key = _pairs[wanted]
    with mock.patch.object(reading, "_load", _opened):
        load_csd(of.issuer, cer, key, "12345678a", authorities=[], user=of.admin, now=now())


def line(**over: Any) -> LineInput:
    fields: dict[str, Any] = {
        "description": "Consulta de especialidad",
        "clave_prod_serv": "85121600",
        "clave_unidad": "E48",
        "treatment": Treatment.IVA16,
        "quantity": Decimal(1),
        "unit_price": Decimal("1000.00"),
        "code": "CON-01",
    }
    return LineInput(**(fields | over))


def charge(of: Hospital, lines: list[LineInput] | None = None, **over: Any) -> Charge:
    return create_charge(
        of.organization,
        of.issuer,
        lines or [line()],
        user=of.cashier,
        now=over.pop("now", now()),
        patient_name=over.pop("patient_name", "Ana Torres Luna"),
        **over,
    )


def paid_charge(of: Hospital, lines: list[LineInput] | None = None, *, forma_pago: str = "04", **over: Any) -> Charge:
    made = charge(of, lines, **over)
    pay(made, [Part(forma_pago, made.total)], register=of.register, user=of.cashier, now=made.issued_at)
    return made


def code(of: Charge) -> str:
    """The ticket's code in clear."""
    return code_of(of)


def receptor(**over: str) -> Receptor:
    """A patient with a salary, whose RFC has a good check digit."""
    fields = {
        "rfc": "XOJI740919U48",
        "nombre": "INGRID XODAR JIMENEZ",
        "domicilio_fiscal": "76028",
        "regimen_fiscal": "605",
        "uso_cfdi": "D01",
    }
    return Receptor(**(fields | over))

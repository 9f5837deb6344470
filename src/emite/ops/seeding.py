"""The demo's world: Hospital San Telmo ready to invoice, its people, its prices and a paid remisión.

Every person and company is invented; certificates come from the installation's own test authority.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from emite.accounts.models import User
from emite.cfdi.taxes import Treatment
from emite.chargemaster.models import ChargeItem
from emite.charges.charging import charge
from emite.charges.collecting import Part, pay
from emite.charges.drawer import open_session
from emite.charges.models import CashRegister, Charge
from emite.charges.pricing import LineInput
from emite.database.trouble import Trouble
from emite.issuers.keys import load_csd, seal_pac_password
from emite.issuers.models import Issuer, PacAccount, Series
from emite.organizations import portal
from emite.organizations.models import Membership, Organization
from emite.pac.sandbox.authority import TestAuthority

SLUG = "san-telmo"
#: A word that a person of the demo types; it guards nothing but invented data on this machine.
DEMO_PASSWORD = "remision-demo"  # noqa: S105
SUPPORT = "soporte@emite.demo"
RFC, NOMBRE, POSTAL_CODE = "SST980412QZA", "SANATORIO SAN TELMO", "06700"

PEOPLE = (
    ("admin@santelmo.demo", "Alma Reyes", Membership.Role.ADMINISTRADOR, True),
    ("factura@santelmo.demo", "Berta Solís", Membership.Role.FACTURADOR, True),
    ("caja@santelmo.demo", "Carmen Ruiz", Membership.Role.CAJERO, False),
)
PRICES = (
    ("URG-01", "Atención en urgencias", "85101501", "E48", Treatment.IVA16, "1850.00"),
    ("CON-02", "Consulta de especialidad", "85121600", "E48", Treatment.IVA16, "950.00"),
    ("HAB-01", "Habitación estándar, por día", "85101502", "DAY", Treatment.IVA16, "2400.00"),
    ("LAB-10", "Biometría hemática", "85121801", "E48", Treatment.IVA16, "280.00"),
    ("RX-03", "Radiografía, dos proyecciones", "85121808", "E48", Treatment.IVA16, "620.00"),
    ("FAR-21", "Medicamento de patente", "51101500", "H87", Treatment.IVA0, "187.50"),
    ("HON-01", "Honorarios médicos", "85121502", "E48", Treatment.EXENTO, "800.00"),
    ("MAT-05", "Material de curación", "42311500", "H87", Treatment.IVA16, "96.40"),
)


@dataclass(frozen=True, slots=True)
class World:
    """What the demo prints and drives."""

    organization: Organization
    issuer: Issuer
    register: CashRegister
    cashier: User
    biller: User


@transaction.atomic
def seed(*, authority: TestAuthority, pac_url: str, pac_user: str, pac_password: str, now: dt.datetime) -> World:
    """The hospital, made on the first call and found on the next ones (its PAC address brought up to date).

    Raises Trouble, and makes nothing, in an installation that has somebody else's hospital and not this one.
    """
    found = Organization.objects.filter(slug=SLUG).first()
    if found is None and Organization.objects.exists():
        raise Trouble(
            "Esta carpeta de datos ya tiene una organización: nombre otra con EMITE_DATA para la demostración."
        )
    organization = found or _organization(now)
    issuer = Issuer.objects.get(organization=organization, rfc=RFC)
    account = PacAccount.objects.get(organization=organization, issuer=issuer, active=True)
    account.base_url, account.user = pac_url, pac_user
    account.failures, account.open_until = 0, None
    seal_pac_password(account, pac_password)
    account.save()
    if not issuer.csds.filter(active=True, not_after__gt=now).exists():
        _certificate(issuer, authority, now)
    people = {role: User.objects.get(email=email) for email, _, role, _ in PEOPLE}
    return World(
        organization=organization,
        issuer=issuer,
        register=CashRegister.objects.get(organization=organization, name="Caja 1"),
        cashier=people[Membership.Role.CAJERO],
        biller=people[Membership.Role.FACTURADOR],
    )


def paid_remision(world: World, *, now: dt.datetime) -> Charge:
    """A remisión of four lines, paid by card and cash, ready for the portal."""
    prices = {code: (words, clave, unit, treatment, price) for code, words, clave, unit, treatment, price in PRICES}
    lines = []
    for code, quantity, discount in (
        ("URG-01", 1, "0"),
        ("LAB-10", 1, "0"),
        ("FAR-21", 2, "0"),
        ("MAT-05", 3, "28.92"),
    ):
        words, clave, unit, treatment, price = prices[code]
        lines.append(
            LineInput(
                code=code,
                description=words,
                clave_prod_serv=clave,
                clave_unidad=unit,
                treatment=treatment,
                quantity=Decimal(quantity),
                unit_price=Decimal(price),
                discount=Decimal(discount),
            )
        )
    made = charge(world.organization, world.issuer, lines, user=world.cashier, now=now, patient_name="Ana Torres Luna")
    cash = Decimal(500)
    pay(
        made,
        [Part("04", made.total - cash), Part("01", cash)],
        register=world.register,
        user=world.cashier,
        now=now,
        cash_received=Decimal(500),
    )
    return made


def _organization(now: dt.datetime) -> Organization:
    for email, name, _, _ in PEOPLE:
        User.objects.create_user(email=email, name=name, password=DEMO_PASSWORD)
    organization = Organization.objects.create(
        slug=SLUG,
        name="Hospital San Telmo",
        kind=Organization.Kind.HOSPITAL,
        postal_code=POSTAL_CODE,
        portal_days=3,
        accent="#0b5c63",
        address="Durango 215, Roma Norte, 06700 Ciudad de México",
        support_phone="55 5555 0101",
        support_email="caja@santelmo.demo",
        support_hours="Todos los días, de 7:00 a 22:00",
    )
    for email, _, role, can_issue in PEOPLE:
        Membership.objects.create(
            organization=organization, user=User.objects.get(email=email), role=role, can_issue=can_issue
        )
    _activate(organization, now)
    issuer = Issuer.objects.create(
        organization=organization,
        rfc=RFC,
        nombre=NOMBRE,
        regimen_fiscal="601",
        postal_code=POSTAL_CODE,
        lugar_expedicion=POSTAL_CODE,
    )
    Series.objects.create(organization=organization, issuer=issuer, name="R")
    account = PacAccount(organization=organization, issuer=issuer, provider="sandbox", base_url="", user="")
    seal_pac_password(account, "")
    account.save(force_insert=True)
    register = CashRegister.objects.create(organization=organization, name="Caja 1")
    cashier = Membership.objects.get(organization=organization, role=Membership.Role.CAJERO).user
    open_session(register, fund=Decimal(1000), user=cashier, now=now)
    CashRegister.objects.create(organization=organization, name="Facturación en línea", web_invoicing=True)
    ChargeItem.objects.bulk_create(
        ChargeItem(
            organization=organization,
            code=code,
            description=words,
            clave_prod_serv=clave,
            clave_unidad=unit,
            treatment=treatment,
            unit_price=Decimal(price),
        )
        for code, words, clave, unit, treatment, price in PRICES
    )
    return organization


def _activate(organization: Organization, now: dt.datetime) -> None:
    """Asked for, approved and linked, as a hospital does it."""
    support = User.objects.create_user(
        email=SUPPORT, name="Óscar Lima (soporte)", password=DEMO_PASSWORD, is_operator=True
    )
    admin, biller = (User.objects.get(email=email) for email, _, _, _ in PEOPLE[:2])
    asked = portal.ask_activation(organization, by=admin, note="", now=now)
    portal.decide(asked.pk, portal.State.APPROVED, by=support, reason="", now=now)
    portal.link(organization, user=biller, now=now)


def _certificate(issuer: Issuer, authority: TestAuthority, now: dt.datetime) -> None:
    cer, key = authority.issue(
        kind="CSD",
        rfc=issuer.rfc,
        nombre=issuer.nombre,
        password=DEMO_PASSWORD,
        not_before=now - dt.timedelta(days=1),
        not_after=now + dt.timedelta(days=4 * 365),
    )
    load_csd(issuer, cer, key, DEMO_PASSWORD, authorities=[], user=None, now=now)

"""The demo's second half: a practice with a month of services, the insurer and the administrator that it invoices.

Every person and company is invented; the sandbox PAC's list of taxpayers knows them. The hospital is in `seeding`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.db import transaction

from emite.accounts.models import User
from emite.care import agenda
from emite.care.models import CodeSystem, Contract, Payer, Physician, Tariff
from emite.care.rendering import Rendered, enter
from emite.cfdi.taxes import Treatment
from emite.chargemaster import linking
from emite.charges.models import CashRegister
from emite.issuers import fiscal, manifest
from emite.issuers.keys import load_csd, seal_pac_password
from emite.issuers.models import FiscalAddress, Issuer, PacAccount, Series
from emite.ops.seeding import DEMO_PASSWORD, SUPPORT
from emite.organizations import portal
from emite.organizations.models import Membership, Organization
from emite.pac.sandbox.authority import TestAuthority

SLUG = "consultorio-arriaga"
RFC, NOMBRE, POSTAL_CODE = "AATF790805MX0", "FACUNDO ARRIAGA TELLO", "64000"
PHYSICIAN, DESK, INSURER, ADMINISTRATOR = (
    "doctor@consultorio.demo", "recepcion@consultorio.demo", "cuentas@laceiba.demo", "revision@terceros.demo",
)  # fmt: skip
#: E-mail, name, role, may issue.
PEOPLE: Final = (
    (PHYSICIAN, "Facundo Arriaga Tello", Membership.Role.ADMINISTRADOR, True),
    (DESK, "Dalia Prado", Membership.Role.CAJERO, False),
)
#: Who logs in at whoever pays: e-mail and whose.
PAYERS: Final = ((INSURER, "Seguros La Ceiba (aseguradora)"), (ADMINISTRATOR, "Red de Terceros (administradora)"))
LINKS: Final = (
    ("99203", "Consulta, paciente nuevo", "85121600"),
    ("99213", "Consulta de seguimiento", "85121600"),
)
TARIFFS: Final = {"99203": Decimal("1200.00"), "99213": Decimal("900.00")}
PATIENTS: Final = (
    "Ana Torres Luna", "Julio Peña Arce", "María del Carmen Ibarra Solís", "Óscar Núñez Vela", "Rosa Elena Cota Ruiz",
    "Tomás Aguirre Bello", "Úrsula Méndez Paz", "Víctor Hugo Salas Mora",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PracticeWorld:
    """What the demo prints and drives."""

    practice: Organization
    issuer: Issuer
    payer: Payer
    physician: User
    insurer: Organization
    administrator: Organization


@transaction.atomic
def seed(
    *, authority: TestAuthority, pac_url: str, pac_user: str, pac_password: str, now: dt.datetime
) -> PracticeWorld:
    """Made on the first call and found on the next ones, its PAC address brought up to date. After `seeding.seed`."""
    practice = Organization.objects.filter(slug=SLUG).first() or _all(now)
    issuer = Issuer.objects.get(organization=practice, rfc=RFC)
    account = PacAccount.objects.get(organization=practice, issuer=issuer, active=True)
    account.base_url, account.user, account.failures, account.open_until = pac_url, pac_user, 0, None
    seal_pac_password(account, pac_password)
    account.save()
    if not issuer.csds.filter(active=True, not_after__gt=now).exists():
        cer, key = authority.issue(
            kind="CSD", rfc=RFC, nombre=NOMBRE, password=DEMO_PASSWORD,
            not_before=now - dt.timedelta(days=1), not_after=now + dt.timedelta(days=4 * 365),
        )  # fmt: skip
        load_csd(issuer, cer, key, DEMO_PASSWORD, authorities=[], user=None, now=now)
    return PracticeWorld(
        practice=practice,
        issuer=issuer,
        payer=Payer.objects.get(organization=practice, rfc="SCE050620LQ5"),
        physician=User.objects.get(email=PHYSICIAN),
        insurer=Organization.objects.get(slug="seguros-la-ceiba"),
        administrator=Organization.objects.get(slug="red-de-terceros"),
    )


def _all(now: dt.datetime) -> Organization:
    insurer = _payer_side("seguros-la-ceiba", "Seguros La Ceiba", "64000", Organization.Kind.INSURER, INSURER)
    administrator = _payer_side(
        "red-de-terceros", "Red de Terceros Expertos", "11000", Organization.Kind.ADMINISTRATOR, ADMINISTRATOR
    )
    practice = _practice(now)
    issuer = _issuer(practice)
    physician = User.objects.get(email=PHYSICIAN)
    FiscalAddress.objects.create(
        organization=practice, issuer=issuer, street="Padre Mier", number="510", colonia="Centro",
        municipio="Monterrey", estado="NLE",
    )  # fmt: skip
    fiscal.add_account(issuer, clabe="002010077777777771", holder="Facundo Arriaga Tello", user=physician, now=now)
    manifest.accept(issuer, user=physician, address="127.0.0.1", now=now)
    for code, label, clave in LINKS:
        linking.link(
            issuer, CodeSystem.CPT4, code, clave_prod_serv=clave, treatment=Treatment.EXENTO, label=label,
            user=physician, now=now, since=practice.local_date(now) - dt.timedelta(days=60),
        )  # fmt: skip
    payer = Payer.objects.create(
        organization=practice, name="Seguros La Ceiba", rfc="SCE050620LQ5", nombre="SEGUROS LA CEIBA",
        regimen_fiscal="601", postal_code="64000", account=insurer, reference_label="No. de autorización",
        email=INSURER,
    )  # fmt: skip
    Payer.objects.create(
        organization=practice, name="Red de Terceros", rfc="RTE151005Q83", nombre="RED DE TERCEROS EXPERTOS",
        regimen_fiscal="601", postal_code="11000", is_administrator=True, account=administrator, email=ADMINISTRATOR,
    )  # fmt: skip
    _month_of_services(practice, issuer, payer, physician, now)
    _day_of_appointments(practice, issuer, payer, physician, now)
    return practice


def _payer_side(slug: str, name: str, postal_code: str, kind: str, email: str) -> Organization:
    made = Organization.objects.create(slug=slug, name=name, kind=kind, postal_code=postal_code)
    user = User.objects.create_user(email=email, name=f"Cuentas por pagar, {name}", password=DEMO_PASSWORD)
    Membership.objects.create(organization=made, user=user, role=Membership.Role.ADMINISTRADOR, can_issue=False)
    return made


def _practice(now: dt.datetime) -> Organization:
    made = Organization.objects.create(
        slug=SLUG,
        name="Consultorio Dr. Arriaga",
        kind=Organization.Kind.PRACTICE,
        postal_code=POSTAL_CODE,
        portal_days=30,
        accent="#274c77",
        address="Padre Mier 510, Centro, 64000 Monterrey, N.L.",
        support_phone="81 5555 0142",
        support_email=DESK,
        support_hours="Lunes a viernes, de 9:00 a 19:00",
    )
    for email, name, role, can_issue in PEOPLE:
        user = User.objects.create_user(email=email, name=name, password=DEMO_PASSWORD)
        Membership.objects.create(organization=made, user=user, role=role, can_issue=can_issue)
    physician, support = User.objects.get(email=PHYSICIAN), User.objects.get(email=SUPPORT)
    asked = portal.ask_activation(made, by=physician, note="", now=now)
    portal.decide(asked.pk, portal.State.APPROVED, by=support, reason="", now=now)
    portal.link(made, user=physician, now=now)
    CashRegister.objects.create(organization=made, name="Consultorio")
    CashRegister.objects.create(organization=made, name="Facturación en línea", web_invoicing=True)
    return made


def _issuer(practice: Organization) -> Issuer:
    made = Issuer.objects.create(
        organization=practice, rfc=RFC, nombre=NOMBRE, regimen_fiscal="612", postal_code=POSTAL_CODE,
        lugar_expedicion=POSTAL_CODE,
    )  # fmt: skip
    Series.objects.create(organization=practice, issuer=made, name="C")
    account = PacAccount(organization=practice, issuer=made, provider="sandbox", base_url="", user="")
    seal_pac_password(account, "")
    account.save(force_insert=True)
    return made


def _month_of_services(practice: Organization, issuer: Issuer, payer: Payer, user: User, now: dt.datetime) -> None:
    """Thirty consultations of the last thirty days; the newest patient has one of today."""
    doctor = Physician.objects.create(
        organization=practice, name="Facundo Arriaga Tello", kind=Physician.Kind.SPECIALIST, cedula="5512345", user=user
    )
    contract = Contract.objects.create(
        organization=practice, payer=payer, issuer=issuer, name="Plan Médico Plata", copay=Decimal("250.00")
    )
    Tariff.objects.bulk_create(
        Tariff(organization=practice, contract=contract, system=CodeSystem.CPT4, code=code, fee=fee)
        for code, fee in TARIFFS.items()
    )
    labels = {code: label for code, label, _ in LINKS}
    today = practice.local_date(now)
    for number in range(30):
        code = "99203" if number % 4 == 0 else "99213"
        enter(
            practice,
            Rendered(
                issuer=issuer, physician=doctor, payer=payer, contract=contract, code=code, description=labels[code],
                patient_name=PATIENTS[number % len(PATIENTS)], rendered_on=today - dt.timedelta(days=number),
                reference=f"LC-{4100 + number}",
            ),
            user=user,
            now=now,
        )  # fmt: skip


def _day_of_appointments(practice: Organization, issuer: Issuer, payer: Payer, user: User, now: dt.datetime) -> None:
    """Four of today, at the hours of a morning."""
    physician, contract = Physician.objects.get(organization=practice), Contract.objects.get(organization=practice)
    today, labels = practice.local_date(now), {code: label for code, label, _ in LINKS}
    for number, code in enumerate(("99203", "99213", "99213", "99203")):
        asked = Rendered(
            issuer=issuer, physician=physician, payer=payer, contract=contract, code=code, description=labels[code],
            patient_name=PATIENTS[number + 3], rendered_on=today, reference=f"LC-{4200 + number}",
        )  # fmt: skip
        at = dt.datetime.combine(today, dt.time(9 + number, 30), practice.zone)
        agenda.book(practice, asked, at, user=user, now=now)

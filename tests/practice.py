"""A practice with a physician, an insurer and services to invoice, for tests. The hospital's cast is in make.py.

The physician: XOCHILT CASAS CHAVEZ (612), whom SAT's and the sandbox's lists know; the insurer: Seguros La Ceiba.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from emite.accounts.models import User
from emite.care.models import CareService, InsurerInvoice, Payer, Physician
from emite.cfdi.taxes import Treatment
from emite.chargemaster import linking
from emite.documents.models import FiscalDocument
from emite.invoices import insuring, stamping
from emite.issuers import connecting, manifest
from emite.issuers.keys import seal_pac_password
from emite.issuers.models import FiscalAddress, Issuer, PacAccount, Series
from emite.organizations.models import Membership, Organization
from emite.pac.sandbox.authority import TestAuthority
from tests import make
from tests.pac.sandbox import RunningSandbox

_numbers = itertools.count(1)


@dataclass
class Practice:
    """A physician who can invoice an insurer: everything that a test may want to spoil."""

    organization: Organization
    issuer: Issuer
    admin: User
    reader: User
    physician: Physician
    payer: Payer
    pac_account: PacAccount


def practice(
    *, authority: TestAuthority | None = None, pac_url: str = "http://127.0.0.1:9", accepts: bool = True, **over: Any
) -> Practice:
    """A consultorio with its codes 99203 and 99213 linked, exempt; `accepts` the Manifiesto."""
    admin, reader = make.user("Xochilt"), make.user("Rita")
    organization = Organization.objects.create(
        slug=over.pop("slug", f"consultorio-{admin.pk.hex[-8:]}"),
        name="Consultorio Casas",
        kind=Organization.Kind.PRACTICE,
        postal_code="36257",
        **over,
    )
    Membership.objects.create(organization=organization, user=admin, role=Membership.Role.ADMINISTRADOR, can_issue=True)
    Membership.objects.create(organization=organization, user=reader, role=Membership.Role.CONSULTA, can_issue=False)
    issuer = Issuer.objects.create(
        organization=organization, rfc="CACX7605101P8", nombre="XOCHILT CASAS CHAVEZ", regimen_fiscal="612",
        postal_code="36257", lugar_expedicion="36257",
    )  # fmt: skip
    # A name of its own: a PAC that knows documents by content must not take one practice's for another's.
    Series.objects.create(organization=organization, issuer=issuer, name=f"C{next(_numbers)}")
    FiscalAddress.objects.create(
        organization=organization, issuer=issuer, street="Sopeña", number="12", colonia="Centro",
        municipio="Guanajuato", estado="GUA",
    )  # fmt: skip
    if accepts:
        manifest.accept(issuer, user=admin, address="127.0.0.1", now=make.now())
    account = PacAccount(
        organization=organization, issuer=issuer, provider="sandbox", base_url=pac_url, user="pruebas", dedup="content"
    )
    seal_pac_password(account, "pruebas")
    account.save(force_insert=True)
    made = Practice(
        organization=organization,
        issuer=issuer,
        admin=admin,
        reader=reader,
        physician=Physician.objects.create(
            organization=organization, name="Xóchilt Casas Chávez", kind=Physician.Kind.SPECIALIST, user=admin
        ),
        payer=payer(organization),
        pac_account=account,
    )
    for code in ("99203", "99213"):
        link(made, code)
    if authority is not None:
        make.csd(made, authority)  # type: ignore[arg-type]  # it has an issuer and an admin too
    return made


def payer(organization: Organization, **over: Any) -> Payer:
    fields: dict[str, Any] = {
        "name": "Seguros La Ceiba",
        "rfc": "SCE050620LQ5",
        "nombre": "SEGUROS LA CEIBA",
        "regimen_fiscal": "601",
        "postal_code": "64000",
    }
    return Payer.objects.create(organization=organization, **(fields | over))


def link(of: Practice, code: str, treatment: Treatment = Treatment.EXENTO, **over: Any) -> None:
    since = over.pop("since", today(of) - dt.timedelta(days=60))
    linking.link(
        of.issuer, "cpt4", code, clave_prod_serv="85121600", treatment=treatment, user=of.admin, now=make.now(),
        since=since, **over,
    )  # fmt: skip


@contextmanager
def behind(sandbox: RunningSandbox, settings: Any, **over: Any) -> Iterator[Practice]:
    """A practice whose invoices this sandbox stamps."""
    settings.PAC_TRUST_DIR = sandbox.trust_dir
    connecting._adapters.clear()
    sandbox.sound()
    yield practice(authority=sandbox.authority, pac_url=sandbox.url, **over)
    sandbox.behave()


def today(of: Practice) -> dt.date:
    return of.organization.local_date(make.now())


def service(of: Practice, amount: str = "800.00", **over: Any) -> CareService:
    """A consultation of yesterday: the patient pays 200 of it."""
    part = Decimal(amount)
    copay = over.pop("copay", Decimal(200))
    fields: dict[str, Any] = {
        "issuer": of.issuer,
        "physician": of.physician,
        "payer": of.payer,
        "patient_name": "Ana Torres Luna",
        "rendered_on": today(of) - dt.timedelta(days=1),
        "system": "cpt4",
        "code": "99213",
        "description": "Consulta de seguimiento",
        "reference": "S-1001",
        "fee": part + copay,
        "patient_part": copay,
        "payer_part": part,
        "created_by": of.admin,
        "created_at": make.now(),
    }
    return CareService.objects.create(organization=of.organization, **(fields | over))


def registration(of: Practice, number: str = "A-100", **over: Any) -> insuring.Registration:
    fields: dict[str, Any] = {
        "issuer": of.issuer,
        "payer": of.payer,
        "control_number": number,
        "invoice_date": today(of),
        "period_from": today(of) - dt.timedelta(days=30),
        "period_to": today(of),
    }
    return insuring.Registration(**(fields | over))


def registered(of: Practice, *services: CareService, number: str = "A-100", **over: Any) -> InsurerInvoice:
    """A registration that has these services, or all there are."""
    made = insuring.register(registration(of, number, **over), user=of.admin, now=make.now())
    chosen = [each.pk for each in services]
    insuring.choose(made, chosen, everything=not chosen, user=of.admin, now=make.now())
    return made


def stamped(invoice: InsurerInvoice, of: Practice) -> FiscalDocument:
    """Issue it and drive its document as workers do: on a busy machine one visit may leave it to the next."""
    document = insuring.issue(invoice, user=of.admin, now=make.now())
    for _ in range(3):
        stamping.drive(document.pk, owner="test:1", clock=make.now)
        document.refresh_from_db()
        if document.is_settled:
            break
        FiscalDocument.objects.filter(pk=document.pk).update(next_at=make.now(), lease_until=None)
    invoice.refresh_from_db()
    return document

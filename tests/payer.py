"""An insurer with its people, and what it received, for tests. The practice's cast is in practice.py."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from emite.accounts.models import User
from emite.organizations.models import Membership, Organization
from emite.reviews import going_on, receiving
from emite.reviews.models import ReceivedInvoice
from tests import make
from tests import practice as stand


@dataclass
class Insurer:
    organization: Organization
    admin: User
    reviewer: User
    treasurer: User
    reader: User


def insurer(name: str = "Seguros La Ceiba", kind: str = Organization.Kind.INSURER) -> Insurer:
    """An insurer with its people; it issues nothing."""
    people = [make.user(each) for each in ("Irma", "Rosa", "Tere", "Lino")]
    organization = Organization.objects.create(
        slug=f"pagador-{people[0].pk.hex[-8:]}", name=name, kind=kind, postal_code="64000"
    )
    roles = (
        Membership.Role.ADMINISTRADOR, Membership.Role.FACTURADOR, Membership.Role.CAJERO, Membership.Role.CONSULTA,
    )  # fmt: skip
    for person, role in zip(people, roles, strict=True):
        Membership.objects.create(organization=organization, user=person, role=role, can_issue=False)
    return Insurer(organization, *people)


def accounted(practice: stand.Practice, **over: Any) -> Insurer:
    """The practice's payer has an organization here, in which invoices arrive."""
    made = insurer(**over)
    practice.payer.account = made.organization
    practice.payer.save()
    return made


def go_on() -> None:
    """What the worker does of its own accord: arrivals by their jobs, the rest with the sweep."""
    for invoice in receiving.due(limit=50):
        receiving.deliver(invoice, now=make.now())
    for step in going_on.steps(make.now(), limit=50):
        step()


def row(of: Organization, **over: Any) -> ReceivedInvoice:
    """A received invoice whose bytes nobody reads."""
    fields: dict[str, Any] = {
        "supplier": uuid.uuid4(),
        "invoice": uuid.uuid4(),
        "supplier_name": "Consultorio Casas",
        "rfc_emisor": "CACX7605101P8",
        "nombre_emisor": "XOCHILT CASAS CHAVEZ",
        "rfc_receptor": "SCE050620LQ5",
        "uuid": uuid.uuid4(),
        "control_number": f"A-{uuid.uuid4().hex[:6]}",
        "fecha": make.now(),
        "period_from": dt.date(2026, 11, 1),
        "period_to": dt.date(2026, 11, 15),
        "services": 1,
        "sub_total": Decimal("800.00"),
        "total": Decimal("720.00"),
        "xml": b"<x/>",
        "received_at": make.now(),
    }
    return ReceivedInvoice.objects.create(organization=of, **(fields | over))

"""The patient's part of a service: its charge, with the service's SAT key and treatment, and never above that part.

How money is taken is `charges.collecting`; its invoice is the portal's or the desk's, as of any other charge.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from django.db import transaction
from django.db.models import F, Q, QuerySet

from emite.accounts.models import User
from emite.care.models import CareService
from emite.care.rendering import ServiceRefused, require
from emite.cfdi.taxes import Treatment
from emite.chargemaster import linking
from emite.charges.charging import charge, priced
from emite.charges.collecting import Part, pay
from emite.charges.drawer import Drawer
from emite.charges.models import CashRegister, Charge, PaymentSlip
from emite.charges.pricing import LineInput
from emite.organizations.models import Organization


class NotLinked(ServiceRefused):
    """The service's code has no SAT key: no ticket that becomes an invoice can be made of it."""

    def __init__(self, service: CareService) -> None:
        self.service = service
        super().__init__("code", f"El código {service.code} no está vinculado con una clave del SAT.")


def collectable(organization: Organization, *, patient: str = "", on: dt.date | None = None) -> QuerySet[CareService]:
    """Services whose patient still owes something, newest first; each word of `patient` is somewhere in the name."""
    rows = CareService.objects.filter(
        Q(charge=None) | Q(charge__state=Charge.State.OPEN, charge__paid__lt=F("charge__total")),
        organization=organization,
        state=CareService.State.RENDERED,
        patient_part__gt=0,
    )
    for word in patient.split()[:8]:
        rows = rows.filter(patient_name__icontains=word)
    if on is not None:
        rows = rows.filter(rendered_on=on)
    return rows.select_related("payer", "physician", "charge").order_by("-rendered_on", "-id")


def line_of(service: CareService, on: dt.date) -> LineInput:
    """What the patient is charged for, with the link in force on that day. Raises NotLinked."""
    link = linking.link_of(service.issuer, service.system, service.code, on)
    if link is None:
        raise NotLinked(service)
    return LineInput(
        code=service.code,
        description=f"Copago: {link.label or service.description}",
        clave_prod_serv=link.clave_prod_serv,
        clave_unidad=link.clave_unidad,
        treatment=Treatment(link.treatment),
        quantity=Decimal(1),
        unit_price=service.patient_part,
    )


def total_of(service: CareService, on: dt.date) -> Decimal:
    """What the patient will be asked for in all, with IVA where the link says so. Raises NotLinked."""
    _, sums = priced([line_of(service, on)])
    return sums.total


def collect(
    service: CareService,
    parts: Sequence[Part],
    *,
    register: CashRegister,
    user: User,
    now: dt.datetime,
    cash_received: Decimal | None = None,
    key: str,
) -> PaymentSlip:
    """Take the patient's part, or some of it: charge and payment in one transaction. The same key again, the same slip.

    Raises ServiceRefused, NotLinked, PaymentRefused; nothing is stored then.
    """
    with transaction.atomic():
        owed = charge_of(service, user=user, now=now)
        return pay(
            owed, parts, register=register, user=user, now=now, cash_received=cash_received, idempotency_key=key,
            drawer=Drawer.IF_OPEN,
        )  # fmt: skip


def charge_of(service: CareService, *, user: User, now: dt.datetime) -> Charge:
    """The charge on which the patient's part is collected: made the first time, the same one ever after.

    Raises ServiceRefused, NotLinked.
    """
    require(service.organization, user)
    with transaction.atomic():
        rows = CareService.objects.select_for_update(of=("self",)).select_related("organization", "issuer", "charge")
        held = rows.get(organization_id=service.organization_id, pk=service.pk)
        if held.state == CareService.State.VOID:
            raise ServiceRefused("", "El servicio está anulado: no hay nada que cobrar.")
        if held.charge is not None and held.charge.state == Charge.State.OPEN:
            return held.charge
        if not held.patient_part:
            raise ServiceRefused("", "El paciente no paga nada de este servicio.")
        made = charge(
            held.organization,
            held.issuer,
            [line_of(held, held.organization.local_date(now))],
            user=user,
            now=now,
            patient_name=held.patient_name,
            kind=Charge.Kind.COPAGO,
        )
        held.charge = made
        held.save(update_fields=["charge"])
    return made

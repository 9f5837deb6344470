"""Payments of a remisión: one act of paying, one slip, one or several forms.

The rules are those of `charges.collecting`.
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from ninja import Router, Status

from emite.charges.collecting import Part, pay
from emite.charges.drawer import Drawer
from emite.charges.models import CashRegister, PaymentSlip
from emite.integrations.models import IdempotentRequest
from emite.integrations.repeating import domain_key
from emite.organizations.models import Organization
from emite.web.api.access import ApiRequest, read_charges, write_charges
from emite.web.api.once import IdempotencyKey, once
from emite.web.api.problems import Problem, Wrong
from emite.web.api.schemas import PaidOut, PaymentIn, PaymentOut
from emite.web.api.showing import charge_or_404, created, payment

router = Router(tags=["Pagos"])


@router.post("/charges/{uuid:pk}/payments", response={201: PaidOut}, auth=write_charges, summary="Registrar un pago")
def take(request: ApiRequest, pk: uuid.UUID, payload: PaymentIn, key: IdempotencyKey, response: HttpResponse) -> Any:
    """En una o varias formas de pago; nunca más de lo que se debe. El efectivo de más se devuelve como cambio."""
    target = charge_or_404(request.organization, pk)

    def act(row: IdempotentRequest) -> str:
        slip = pay(
            target,
            [Part(part.forma_pago.value, Decimal(part.amount)) for part in payload.parts],
            register=_register(request.organization, payload.cash_register),
            user=request.user,
            now=timezone.now(),
            cash_received=None if payload.cash_received is None else Decimal(payload.cash_received),
            idempotency_key=domain_key(row),
            # Of nobody's corte, unless it says in which register the money is.
            drawer=Drawer.IF_OPEN if payload.cash_register else Drawer.NONE,
        )
        return str(slip.pk)

    made = once(request, key, response, act)
    slip = PaymentSlip.objects.select_related("register").get(organization=request.organization, pk=made)
    fresh = charge_or_404(request.organization, pk)
    shown = created(fresh, portal_on=request.organization.portal_is_on())
    return Status(201, {"payment": payment(slip, request.organization), "charge": shown})


@router.get("/charges/{uuid:pk}/payments", response=list[PaymentOut], auth=read_charges, summary="Pagos recibidos")
def index(request: ApiRequest, pk: uuid.UUID) -> Any:
    """En el orden en que se recibieron."""
    slips = (
        charge_or_404(request.organization, pk)
        .slips.filter(undone=None)
        .select_related("register")
        .prefetch_related("payments")
    )
    return [payment(slip, request.organization) for slip in slips.order_by("paid_at", "pk")]


def _register(organization: Organization, name: str | None) -> CashRegister:
    """The register of that name, or the only one there is. Raises Problem."""
    rows = CashRegister.objects.filter(organization=organization, web_invoicing=False, active=True)
    found = list(rows.filter(name__iexact=name.strip()) if name else rows[:2])
    if len(found) == 1:
        return found[0]
    names = ", ".join(rows.order_by("name").values_list("name", flat=True)) or "ninguna"
    words = f"Diga en qué caja se cobra. Las que reciben pagos: {names}."
    raise Problem("invalid", f"cash_register: {words}", [Wrong("cash_register", "unknown", words)])

"""The services of a period: which a payer owes for, which are still free, which an invoice has. Changes nothing."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

from django.db.models import Count, Exists, OuterRef, QuerySet, Sum

from emite.care.models import CareService, InsurerInvoice, Payer, ServiceAllocation
from emite.issuers.models import Issuer

State = InsurerInvoice.State
_TAKING = (State.STAMPING, State.STAMPED)


def performed(
    organization_id: uuid.UUID, *, payer: Payer, period: tuple[dt.date, dt.date], issuer: Issuer | None = None
) -> QuerySet[CareService]:
    """The services of a period that its payer owes something for, invoiced or not, oldest first."""
    rows = CareService.objects.filter(
        organization_id=organization_id,
        payer=payer,
        rendered_on__range=period,
        state=CareService.State.RENDERED,
        payer_part__gt=0,
    )
    return (rows.filter(issuer=issuer) if issuer else rows).order_by("rendered_on", "id")


def free(rows: QuerySet[CareService], *, or_in: InsurerInvoice | None = None) -> QuerySet[CareService]:
    """Those of them that no live invoice has, but this one."""
    taken = ServiceAllocation.objects.filter(service=OuterRef("pk"), active=True)
    return rows.exclude(Exists(taken.exclude(invoice=or_in) if or_in else taken))


def candidates(invoice: InsurerInvoice) -> QuerySet[CareService]:
    """What this invoice may take: the free services of its period, payer and issuer, and those that it has."""
    period = (invoice.period_from, invoice.period_to)
    rows = performed(invoice.organization_id, payer=invoice.payer, period=period, issuer=invoice.issuer)
    return free(rows, or_in=invoice)


def sum_of(rows: QuerySet[CareService]) -> tuple[int, Decimal]:
    """How many services and what the payer owes for them."""
    found = rows.order_by().aggregate(count=Count("pk"), amount=Sum("payer_part"))
    return found["count"], found["amount"] or Decimal(0)


def services_in(invoice: InsurerInvoice) -> QuerySet[CareService]:
    """The services that this invoice has, or had when it ended: oldest first.

    Of one that takes another's place they are that one's until the SAT cancels it.
    """
    if invoice.state in _TAKING and invoice.replaces is not None and invoice.replaces.state == State.STAMPED:
        invoice = invoice.replaces
    rows = CareService.objects.filter(organization_id=invoice.organization_id, allocations__invoice=invoice)
    if invoice.state in InsurerInvoice.LIVE:
        rows = rows.filter(allocations__invoice=invoice, allocations__active=True)
    return rows.distinct().order_by("rendered_on", "id")

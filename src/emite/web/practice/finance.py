"""Finanzas › Facturación: the services of a period with what the insurer owes for them, and their invoices."""

from __future__ import annotations

from typing import Any, Final

from django.core.paginator import Page, Paginator
from django.db.models import Prefetch, Q, QuerySet, Sum
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from emite.care.models import CareService, InsurerInvoice, ServiceAllocation
from emite.invoices import insured
from emite.web.practice import stages
from emite.web.practice.access import Need, StaffRequest, practice
from emite.web.practice.filters import Filters, filters_of

PAGE: Final = 50


def context_of(request: StaffRequest, tab: str, **more: Any) -> dict[str, Any]:
    """What every page of Finanzas › Facturación shows around it."""
    return {
        "organization": request.organization,
        "membership": request.membership,
        "section": "finanzas",
        "area": "facturacion",
        "tab": tab,
        **more,
    }


def page_of(request: StaffRequest, rows: QuerySet[Any], size: int = PAGE) -> Page[Any]:
    """The page that the address asks for; the nearest one that exists."""
    return Paginator(rows, size).get_page(request.GET.get("pagina"))


@practice(Need.SEE)
@require_GET
def performed(request: StaffRequest) -> HttpResponse:
    """Servicios realizados: the list of the period and its Monto total de servicios."""
    filters = filters_of(request)
    context = context_of(request, "servicios", filters=filters)
    if filters.payer is None or filters.problem:
        context["problem"] = filters.problem or (
            "Elija la aseguradora." if filters.asked else "" if filters.payers else _NO_PAYERS
        )
        return render(request, "practice/performed.html", context, status=422 if filters.asked else 200)
    rows = insured.performed(request.organization.pk, payer=filters.payer, period=filters.period)
    count, amount = insured.sum_of(rows)
    free_count, free_amount = insured.sum_of(insured.free(rows))
    live = ServiceAllocation.objects.filter(active=True).select_related("invoice")
    shown = page_of(request, rows.prefetch_related(Prefetch("allocations", live, to_attr="live")))
    context |= {
        "count": count,
        "amount": amount,
        "free_count": free_count,
        "free_amount": free_amount,
        "page": shown,
        "services": [(row, _invoice_of(row)) for row in shown],
    }
    return render(request, "practice/performed.html", context)


_NO_PAYERS: Final = "Todavía no hay aseguradoras: agregue la primera en Configuración general."


def _invoice_of(service: CareService) -> InsurerInvoice | None:
    live: list[ServiceAllocation] = service.live  # type: ignore[attr-defined]
    return live[0].invoice if live else None


@practice(Need.SEE)
@require_GET
def invoices(request: StaffRequest) -> HttpResponse:
    """The invoices of a period with their status, newest first, and "+ Registrar Factura"."""
    filters = filters_of(request)
    rows = _invoices(request, filters)
    shown = page_of(request, rows)
    found = stages.stages_of(list(shown))
    context = context_of(
        request,
        "facturas",
        filters=filters,
        page=shown,
        invoices=[(row, found[row.pk]) for row in shown],
        problem=filters.problem,
    )
    return render(request, "practice/invoices.html", context, status=422 if filters.problem else 200)


def _invoices(request: StaffRequest, filters: Filters) -> QuerySet[InsurerInvoice]:
    rows = InsurerInvoice.objects.filter(organization=request.organization).exclude(
        state=InsurerInvoice.State.DISCARDED
    )
    if filters.asked and not filters.problem:
        rows = rows.filter(period_from__lte=filters.until, period_to__gte=filters.since)
        if filters.payer:
            rows = rows.filter(payer=filters.payer)
    bound = Sum("allocations__amount", filter=Q(allocations__active=True))
    return (
        rows.select_related("issuer", "payer", "document", "external")
        .defer("document__content", "external__xml")
        .annotate(services_amount=bound)
        .order_by("-created_at", "-id")
    )

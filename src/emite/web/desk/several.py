"""Several remisiones in one invoice: choose them from a list, then the same form as for one."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.db.models import Exists, F, OuterRef
from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emite.charges.allocating import live_document
from emite.charges.models import Allocation, Charge
from emite.invoices.issuing import MOST_TOGETHER, NotInvoiceable, invoiceable
from emite.organizations.models import Organization
from emite.web.access import Need, StaffRequest, staff
from emite.web.desk import asking
from emite.web.desk.asking import Counter
from emite.web.desk.searching import matching

SHOWN = 40


@staff(Need.ISSUE)
@require_GET
def choose(request: StaffRequest) -> HttpResponse:
    """Paid remisiones that nobody invoiced, found as on the first page; the chosen ones stay on top."""
    text = request.GET.get("q", "").replace("\x00", "").strip()[:200]
    chosen = _charges(request.organization, request.GET)
    if "facturar" in request.GET:
        if chosen:
            return HttpResponseRedirect(asking.address_of(chosen))
        messages.warning(request, "Elija al menos una remisión de la lista.")
    today = request.organization.local_date(timezone.now())
    free = matching(request.organization, text, today).filter(
        ~Exists(Allocation.objects.filter(charge=OuterRef("pk"), active=True)),
        state=Charge.State.OPEN,
        paid=F("total"),
    )
    found = free.exclude(pk__in=[each.pk for each in chosen]).order_by("-issued_at", "-pk")[:SHOWN]
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "zone": request.organization.zone,
        "text": text,
        "chosen": chosen,
        "found": found,
        "most": MOST_TOGETHER,
        "groups": asking.groups_of([each for each in chosen if each.is_paid]),
    }
    return render(request, "desk/several.html", context)


@staff(Need.ISSUE)
@require_http_methods(["GET", "POST"])
def invoice(request: StaffRequest) -> HttpResponse:
    charges = _asked(request)
    if request.method == "GET":
        refused = _refused(charges)
        if refused:
            messages.warning(request, refused)
            return HttpResponseRedirect(_counter(charges).back)
    return asking.serve(request, _counter(charges))


@staff(Need.ISSUE)
@require_POST
def choices(request: StaffRequest) -> HttpResponse:
    return asking.choices(request, _counter(_asked(request)))


@staff(Need.ISSUE)
@require_POST
def draft(request: StaffRequest) -> HttpResponse:
    return asking.draft(request, _counter(_asked(request)))


def _refused(charges: list[Charge]) -> str:
    try:
        invoiceable(charges)
    except NotInvoiceable as refused:
        return asking.REFUSED[refused.reason]
    taken = [each.folio for each in charges if live_document(each) is not None]
    return f"{', '.join(taken)} ya tiene factura: quítela de la lista." if taken else ""


def _counter(charges: list[Charge]) -> Counter:
    query = "&".join(f"r={each.pk}" for each in charges)
    return Counter(
        charges,
        address=f"{reverse('desk:invoice_several')}?{query}",
        choices=f"{reverse('desk:several_choices')}?{query}",
        draft=f"{reverse('desk:several_draft')}?{query}",
        back=f"{reverse('desk:several')}?{query}",
    )


def _asked(request: StaffRequest) -> list[Charge]:
    """The charges of the address; 404 when one is unknown or of another organization."""
    found = _charges(request.organization, request.GET)
    if not found or len(found) != len(set(request.GET.getlist("r"))):
        raise Http404
    return found


def _charges(organization: Organization, query: QueryDict) -> list[Charge]:
    """Those of the organization that the address names, in the order of issue."""
    wanted = set()
    for typed in query.getlist("r")[: 2 * MOST_TOGETHER]:
        try:
            wanted.add(uuid.UUID(typed))
        except ValueError:
            continue
    rows = Charge.objects.filter(organization=organization, pk__in=wanted)
    return list(rows.select_related("organization", "issuer").order_by("issued_at", "pk"))

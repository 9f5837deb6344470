"""Between the factura global and the invoice of its own: a page that says where it is, and then shows the invoice.

What happens is decided in `credits.lateness`; whoever asked in this browser is taken to the invoice, others are not.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from emite.credits.models import LateRequest
from emite.web.portal.visit import Visit, visiting

_KEY = "late"


def remember(request: HttpRequest, asked: LateRequest) -> None:
    """This browser asked for it."""
    request.session[_KEY] = str(asked.pk)


@require_safe
@visiting
def late(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Its progress while the global is put right; after that, on to the invoice or back to the charge."""
    row = LateRequest.objects.filter(organization=visit.organization, charge=visit.charge).order_by("-asked_at").first()
    if row is None:
        return _to(visit, "charge")
    if row.state in (LateRequest.State.CANCELLING, LateRequest.State.CREDITING):
        context = {
            "organization": visit.organization,
            "charge": visit.charge,
            "step": 4,
            "in_visit": True,
            "cancels": row.state == LateRequest.State.CANCELLING,
            "mine": request.session.get(_KEY) == str(row.pk),
        }
        return render(request, "portal/late.html", context)
    if "HX-Request" in request.headers:
        # There is news: the whole page moves on, not the piece that asked.
        response = HttpResponse()
        response["HX-Redirect"] = reverse("portal:late", args=[visit.organization.slug])
        return response
    if row.state == LateRequest.State.FAILED and request.session.get(_KEY) == str(row.pk):
        context = {"organization": visit.organization, "charge": visit.charge, "step": 4, "in_visit": True}
        return render(request, "portal/closed.html", context | {"why": "late_failed"})
    if row.nominative_id is not None and request.session.get(_KEY) == str(row.pk):
        visit.remember(request, row.nominative_id, asked=True, with_patient=row.with_patient)
        return _to(visit, "invoice")
    return _to(visit, "charge")


def _to(visit: Visit, page: str) -> HttpResponse:
    return HttpResponseRedirect(reverse(f"portal:{page}", args=[visit.organization.slug]), status=303)

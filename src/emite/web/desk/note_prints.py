"""Print a corte or the slip of a refund: browser, PDF, thermal printer. At will, and always the same."""

from __future__ import annotations

import uuid

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from emite.charges.models import Refund
from emite.typeset.note_page import NotePrint, note_page
from emite.typeset.printing import typesetter
from emite.web.access import Need, StaffRequest, staff
from emite.web.desk.sessions import session_or_404
from emite.web.desk.thermal import download, width_asked
from emite.web.printing.notes import corte_print, refund_print
from emite.web.printing.papers import logo_of, paper_asked, pdf_answer


@staff(Need.SEE)
@require_GET
def corte(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    back = reverse("desk:session", args=[pk])
    return _page(request, _corte(request, pk), "corte", pk, back, "Volver al corte")


@staff(Need.SEE)
@require_GET
def corte_pdf(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return _pdf(request, _corte(request, pk))


@staff(Need.SEE)
@require_GET
def corte_bin(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    data = _corte(request, pk)
    return download(data, data.folio, width_asked(request))


@staff(Need.COLLECT)
@require_GET
def refund(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    row = _refund(request, pk)
    back = reverse("desk:charge", args=[row.charge_id])
    return _page(request, refund_print(row), "refund_slip", pk, back, "Volver a la remisión")


@staff(Need.COLLECT)
@require_GET
def refund_pdf(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return _pdf(request, refund_print(_refund(request, pk)))


@staff(Need.COLLECT)
@require_GET
def refund_bin(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    data = refund_print(_refund(request, pk))
    return download(data, data.folio, width_asked(request))


def _corte(request: StaffRequest, pk: uuid.UUID) -> NotePrint:
    row = session_or_404(request.organization, pk)
    if row.is_open:
        raise Http404
    return corte_print(row)


def _refund(request: StaffRequest, pk: uuid.UUID) -> Refund:
    rows = Refund.objects.select_related("charge__organization", "charge__issuer", "register", "by")
    found = rows.filter(organization=request.organization, pk=pk).first()
    if found is None:
        raise Http404
    return found


def _page(request: StaffRequest, data: NotePrint, name: str, pk: uuid.UUID, back: str, words: str) -> HttpResponse:
    paper, here = paper_asked(request), reverse(f"desk:{name}", args=[pk])
    context = {
        "organization": request.organization,
        "page": note_page(data),
        "paper": paper,
        "brand": data.branding.name,
        "logo": logo_of(request.organization),
        "back": back,
        "back_words": words,
        "pdf": f"{reverse(f'desk:{name}_pdf', args=[pk])}?papel={'carta' if paper == 'letter' else '80mm'}",
        "thermal": reverse(f"desk:{name}_bin", args=[pk]),
        "other": f"{here}?papel={'80mm' if paper == 'letter' else 'carta'}",
    }
    return render(request, "printing/paper.html", context)


def _pdf(request: StaffRequest, data: NotePrint) -> HttpResponse:
    paper = paper_asked(request)
    return pdf_answer(request, lambda: typesetter().note(data, paper=paper), f"{data.folio}.pdf")

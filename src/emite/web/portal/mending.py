""" "Hay un error en mis datos": the payer mends its own invoice while the hospital allows it.

Only for whoever asked for it in this browser or typed its RFC; the rules are `cancellations.self_correcting`'s.
"""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from emite.cancellations import self_correcting
from emite.cancellations.requesting import NotCancellable
from emite.cancellations.substituting import NothingChanges
from emite.cfdi.faults import CfdiInvalid
from emite.cfdi.stored import from_json
from emite.charges.collecting import largest_form
from emite.documents.models import FiscalDocument
from emite.documents.sealing import NotReady
from emite.invoices.issuing import NotAllowed, Request
from emite.web.portal.forms import DatosForm
from emite.web.portal.invoice import opened
from emite.web.portal.visit import Visit

FIELDS = ("rfc", "nombre", "domicilio_fiscal", "regimen_fiscal", "uso_cfdi")


@require_http_methods(["GET", "HEAD", "POST"])
@opened
def mend(request: HttpRequest, visit: Visit, document: FiscalDocument) -> HttpResponse:
    """The form with what the invoice says; a POST puts another invoice in its place."""
    if request.method == "POST" and request.POST.get("ticket") not in (None, "", visit.charge.folio):
        context = {"organization": visit.organization, "charge": visit.charge, "step": 4, "in_visit": True}
        return render(request, "portal/other_ticket.html", context, status=409)
    if not self_correcting.may_correct(document, visit.organization, visit.now):
        return _to_invoice(visit)
    refused = self_correcting.refused_before(document)
    receptor = from_json((refused or document).content).receptor
    typed = {name: str(getattr(receptor, name)) for name in FIELDS}
    if request.method != "POST":
        form = _form(visit, typed)
        form.is_valid()
        form.warnings.clear()
        if refused is not None:
            form.say_refusal(refused.last_code)
        return _show(request, visit, form)
    posted = request.POST.copy()
    posted["rfc"] = typed["rfc"]
    if shorter := request.POST.get("usar_nombre", ""):
        posted["nombre"] = str(shorter)
    form = _form(visit, posted)
    if not form.is_valid():
        return _show(request, visit, form, status=422)
    if form.needs_a_look:
        return _show(request, visit, form, look=True)
    return _correct(request, visit, document, form)


def _correct(request: HttpRequest, visit: Visit, document: FiscalDocument, form: DatosForm) -> HttpResponse:
    key = uuid.uuid5(document.pk, f"corregir:{form.form_key}").hex
    asked = Request(form.receptor(), form.cleaned_data["email"])
    try:
        self_correcting.correct(document, asked, visit.organization, now=visit.now, idempotency_key=key)
    except CfdiInvalid as error:
        form.say_faults(error.faults)
    except NothingChanges:
        form.add_error(None, "Es lo mismo que ya dice tu factura: corrige el dato que está mal.")
    except (NotCancellable, NotAllowed, NotReady):
        form.add_error(None, "No la pudimos corregir aquí. Llama o ve a caja con tu ticket: ahí te dicen cómo.")
    else:
        return _to_invoice(visit)
    return _show(request, visit, form, status=422)


def _form(visit: Visit, typed: Any) -> DatosForm:
    return DatosForm(
        typed,
        forma_pago=partial(largest_form, visit.charge),
        usos_offered=visit.organization.usos_offered,
        patient_name="",
        auto_id="%s",
    )


def _show(
    request: HttpRequest, visit: Visit, form: DatosForm, *, look: bool = False, status: int = 200
) -> HttpResponse:
    key = request.POST.get("llave", "") if request.method == "POST" else ""
    context = {
        "organization": visit.organization,
        "charge": visit.charge,
        "step": 4,
        "in_visit": True,
        "form": form,
        "key": key or uuid.uuid4().hex,
        "look": look,
    }
    return render(request, "portal/mend.html", context, status=status)


def _to_invoice(visit: Visit) -> HttpResponse:
    return HttpResponseRedirect(reverse("portal:invoice", args=[visit.organization.slug]), status=303)

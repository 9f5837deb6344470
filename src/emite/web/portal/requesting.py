""" "Tu cargo" and "Tus datos": from what is owed to an invoice on its way.

What the charge allows is decided in `situation`, what is fiscal in `invoices.issuing`.
"""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from emite.accounts.models import User
from emite.cancellations import rebuilding
from emite.cfdi import codes
from emite.cfdi.comprobante import Receptor
from emite.cfdi.faults import CfdiInvalid
from emite.cfdi.stored import from_json
from emite.charges.allocating import live_document
from emite.charges.collecting import DESK_FORMS, largest_form, paid_in
from emite.charges.finding import lines_of
from emite.charges.models import Charge
from emite.credits import lateness
from emite.database.kept import Given, Kept
from emite.documents.models import Delivery, FiscalDocument, State
from emite.documents.sealing import NotReady
from emite.invoices import remnant
from emite.invoices.issuing import AlreadyInvoiced, NotAllowed, NotInvoiceable, Request, issue
from emite.web.errors.sat_codes import Mender
from emite.web.portal import guarding, leaving, situation
from emite.web.portal.forms import DatosForm
from emite.web.portal.situation import Kind, Situation
from emite.web.portal.visit import Visit, visiting
from emite.web.portal.words import CASH

log = structlog.get_logger(__name__)

_REFUSED = Kept(
    lambda: FiscalDocument.objects.filter(
        organization=Given("organization"), allocations__charge=Given("charge"), state=State.REJECTED
    ).only("pk")
)
#: Lines shown before the rest is folded.
SHOWN_LINES = 5
#: Refusals by the PAC after which the desk goes on: the portal is no way to try out other people's data.
REFUSALS = 10


@require_safe
@visiting
def charge(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Second screen: what was charged, read-only, and until when it can be invoiced here."""
    found = situation.of(visit.charge, visit.live, visit.now)
    if found.kind is Kind.INVOICED:
        return _to(visit, "invoice")
    if found.kind is Kind.LEAVING:
        return _to(visit, "late")
    if found.is_closed:
        return closed(request, visit, found.kind)
    lines = lines_of(visit.charge)
    payments = _payments(visit.charge)
    to_invoice = remnant.to_invoice([visit.charge])
    context = {
        **_context(visit, 2),
        "to_invoice": to_invoice,
        "by_deposits": visit.charge.total - to_invoice,
        "lines": lines[:SHOWN_LINES],
        "folded": lines[SHOWN_LINES:],
        "payments": payments,
        "owed": found.kind is Kind.OWED,
        "cash": bool(payments) and max(payments, key=lambda paid: paid["amount"])["forma_pago"] == CASH,
        "last_day": visit.charge.last_portal_day(),
    }
    return render(request, "portal/charge.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@visiting
def data(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Third screen: the fiscal data, and the request itself."""
    if request.method == "POST" and request.POST.get("ticket") not in (None, "", visit.charge.folio):
        # Another ticket was opened in another tab: this form was written under other lines and another amount.
        return render(request, "portal/other_ticket.html", _context(visit, 3), status=409)
    found = situation.of(visit.charge, visit.live, visit.now)
    if found.kind is Kind.INVOICED and request.method != "POST":
        return _to(visit, "invoice")
    if found.kind is Kind.LEAVING:
        return _to(visit, "late")
    if found.is_closed:
        return closed(request, visit, found.kind)
    if found.kind is Kind.OWED:
        return _to(visit, "charge")
    if request.method == "POST":
        return _request(request, visit, found)
    refused = _refused(visit)
    if refused is None:
        return _ask(request, visit, _form(visit, None))
    form = _form(visit, _typed_before(visit, refused))
    form.is_valid()
    form.warnings.clear()
    mender = form.say_refusal(refused.last_code)
    return _ask(request, visit, form, status=200, refused=refused, mender=mender)


@require_POST
@visiting
def options(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The lists that follow from the RFC and the régimen as typed so far; for htmx, which swaps them in."""
    typed = {name: str(value) for name, value in request.POST.items() if value}
    return render(request, "portal/_options.html", {**_context(visit, 3), "form": _form(visit, None, initial=typed)})


def closed(request: HttpRequest, visit: Visit, why: str) -> HttpResponse:
    """Only the staff can go on: who, when, with which reference. `why`: a Kind, or "refused" too often."""
    context = {**_context(visit, 2), "why": str(why), "last_day": visit.charge.last_portal_day()}
    return render(request, "portal/closed.html", context)


def _request(request: HttpRequest, visit: Visit, found: Situation) -> HttpResponse:
    """Validate, issue, and go to the invoice; or back to the form with everything that was typed."""
    if found.document is not None and found.document.pk == visit.document:
        return _to(visit, "invoice")
    posted = request.POST.copy()
    shorter = request.POST.get("usar_nombre", "")
    if shorter:
        posted["nombre"] = str(shorter)
    form = _form(visit, posted)
    form.is_valid()
    if form.names_patient and not guarding.may_name(visit.charge, visit.now, right="paciente" not in form.errors):
        form.hush_patient()
    valid = form.is_valid()
    late = found.kind is Kind.LATE
    if found.document is not None and not late and (not valid or form.needs_a_look):
        return _lost(request, visit)
    if not valid:
        return _ask(request, visit, form, status=422)
    if form.needs_a_look:
        return _ask(request, visit, form, status=200, look=True)
    refusals = refusals_of(visit.charge)
    if refusals >= REFUSALS:
        return closed(request, visit, "refused")
    # Sending one form twice must find its own document; sending it again after a refusal must be a new request.
    key = uuid.uuid5(visit.charge.pk, f"{form.form_key}:{refusals}").hex
    return _issue_or_say(request, visit, form, key, found)


def _issue_or_say(request: HttpRequest, visit: Visit, form: DatosForm, key: str, found: Situation) -> HttpResponse:
    """On to what was asked for, or the page that says why it cannot be."""
    late = found.kind is Kind.LATE
    biller = found.biller or visit.organization.portal_biller()
    if biller is None:
        return closed(request, visit, Kind.OFF)
    try:
        return _issue(request, visit, form, key, user=biller, late=late)
    except CfdiInvalid as error:
        log.info("portal_refused", codes=[fault.code for fault in error.faults])
        mender = form.say_faults(error.faults)
        return _ask(request, visit, form, status=422, mender=mender)
    except (AlreadyInvoiced, lateness.NotLate):
        return _lost(request, visit)
    except NotReady:
        if not late:
            raise
        log.warning("late_not_ready", organization=visit.organization.slug)
        return closed(request, visit, Kind.IN_GLOBAL)
    except NotAllowed:
        return closed(request, visit, Kind.OFF)
    except NotInvoiceable:
        return _to(visit, "charge")


def _issue(request: HttpRequest, visit: Visit, form: DatosForm, key: str, *, user: User, late: bool) -> HttpResponse:
    """The invoice on its way; of what a factura global carries, that one is put right first."""
    with_patient = bool(form.cleaned_data.get("paciente"))
    wanted = Request(receptor=form.receptor(), email=form.cleaned_data["email"], with_patient=with_patient)
    channel = FiscalDocument.Channel.PORTAL
    if late:
        asked = rebuilding.ask(visit.charge, wanted, channel=channel, user=user, now=visit.now, idempotency_key=key)
        leaving.remember(request, asked)
        return _to(visit, "late")
    document = issue(visit.charge, wanted, channel=channel, user=user, now=visit.now, idempotency_key=key)
    visit.remember(request, document.pk, asked=True, with_patient=with_patient)
    return _to(visit, "invoice")


def _lost(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Somebody was faster: a page without anybody's data. Whoever asked in this same browser goes to the invoice."""
    found = situation.of(visit.charge, live_document(visit.charge), visit.now)
    if found.kind is Kind.LEAVING:
        return _to(visit, "late")
    if found.kind in (Kind.IN_GLOBAL, Kind.LATE):
        return closed(request, visit, Kind.IN_GLOBAL)
    if found.document is not None and found.document.pk == visit.document:
        return _to(visit, "invoice")
    return render(request, "portal/lost.html", _context(visit, 4), status=409)


def _ask(
    request: HttpRequest,
    visit: Visit,
    form: DatosForm,
    *,
    status: int = 200,
    look: bool = False,
    refused: FiscalDocument | None = None,
    mender: Mender = Mender.PATIENT,
) -> HttpResponse:
    key = request.POST.get("llave", "") if request.method == "POST" else ""
    context = {
        **_context(visit, 3),
        "form": form,
        "to_invoice": remnant.to_invoice([visit.charge]),
        "key": key or uuid.uuid4().hex,
        "look": look,
        "refused": refused,
        "desk": mender is Mender.DESK,
    }
    return render(request, "portal/data.html", context, status=status)


def _form(visit: Visit, typed: Any, *, initial: dict[str, str] | None = None) -> DatosForm:
    return DatosForm(
        typed,
        initial=initial,
        forma_pago=partial(largest_form, visit.charge),
        usos_offered=visit.organization.usos_offered,
        patient_name=visit.charge.patient_name,
        auto_id="%s",
    )


def _refused(visit: Visit) -> FiscalDocument | None:
    """The document that this browser asked for and the SAT did not take."""
    if visit.document is None or not visit.asked:
        return None
    return FiscalDocument.objects.filter(
        pk=visit.document, organization_id=visit.organization.pk, state=State.REJECTED
    ).first()


def _typed_before(visit: Visit, refused: FiscalDocument) -> dict[str, str]:
    """What was typed for a refused document, as the form takes it."""
    receptor: Receptor = from_json(refused.content).receptor
    mail = Delivery.objects.filter(document=refused).order_by("requested_at").values_list("address", flat=True).first()
    return {
        "rfc": receptor.rfc,
        "nombre": receptor.nombre,
        "domicilio_fiscal": receptor.domicilio_fiscal,
        "regimen_fiscal": receptor.regimen_fiscal,
        "uso_cfdi": receptor.uso_cfdi,
        "email": mail or "",
        **({"paciente": visit.charge.patient_name} if visit.with_patient else {}),
    }


def refusals_of(charge: Charge) -> int:
    """How often the PAC has refused this charge's data."""
    return len(_REFUSED.all(organization=charge.organization_id, charge=charge.pk))


def _payments(charge: Charge) -> list[dict[str, Any]]:
    """One row per form of payment, in words: what was paid, less what was undone or given back."""
    return [
        {
            "forma_pago": forma,
            "label": DESK_FORMS.get(forma) or codes.label("c_FormaPago", forma) or forma,
            "amount": amount,
        }
        for forma, amount in paid_in(charge).items()
    ]


def _context(visit: Visit, step: int) -> dict[str, Any]:
    return {"organization": visit.organization, "charge": visit.charge, "step": step, "in_visit": True}


def _to(visit: Visit, page: str) -> HttpResponse:
    return HttpResponseRedirect(reverse(f"portal:{page}", args=[visit.organization.slug]), status=303)

"""Asking for an invoice at the counter, of one remisión or of several: the form, its preview, its draft, the request.

What may be invoiced is decided in `invoices.issuing`; which charges and under which address is `invoicing`'s and
`several`'s to say.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import structlog
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from emite.cfdi.comprobante import Comprobante
from emite.cfdi.faults import CfdiInvalid
from emite.charges.collecting import CASH, FORMS, largest_form, paid_in
from emite.charges.models import Charge
from emite.documents.models import FiscalDocument, State
from emite.documents.rendering import draft_pdf
from emite.documents.sealing import NotReady
from emite.invoices import remnant
from emite.invoices.issuing import (
    MOST_TOGETHER,
    AlreadyInvoiced,
    NotAllowed,
    NotInvoiceable,
    Request,
    issue_together,
)
from emite.invoices.previewing import preview
from emite.invoices.refusals import ANTICIPOS
from emite.typeset.process import TypesetFailed
from emite.web.access import StaffRequest
from emite.web.desk.counter_form import WITH_RFC, CounterForm
from emite.web.errors.pages import page
from emite.web.once import key_of

log = structlog.get_logger(__name__)

TAKEN = "Otra persona la facturó antes, en el portal o en otra caja: esta solicitud no generó nada."
REFUSED = ANTICIPOS | {
    "void": "La remisión está cancelada.",
    "unpaid": "La remisión todavía no se paga por completo.",
    "paid": "La remisión se acaba de pagar: abra el formulario otra vez.",
    "issuers": "Las remisiones son de emisores distintos: haga una factura por cada uno.",
    "places": "Las remisiones son de sucursales con distinto código postal: haga una factura por cada una.",
    "too_many": f"Una factura lleva a lo más {MOST_TOGETHER} remisiones: haga dos.",
}


@dataclass(frozen=True, slots=True)
class Group:
    """Remisiones that were mostly paid in one form, and where to invoice them alone."""

    label: str
    charges: list[Charge]
    total: Decimal
    address: str


@dataclass(frozen=True, slots=True)
class Counter:
    """What is being invoiced, and the addresses of its pages."""

    charges: Sequence[Charge]
    address: str
    choices: str
    draft: str
    back: str
    #: It is not paid: the invoice says that it will be (PPD), and each payment has its complement.
    on_credit: bool = False

    @classmethod
    def of_one(cls, charge: Charge, name: str, *, on_credit: bool = False) -> Counter:
        """Of one charge, at the addresses that begin with this name."""
        args = [charge.pk]
        return cls(
            [charge],
            address=reverse(f"desk:{name}", args=args),
            choices=reverse(f"desk:{name}_choices", args=args),
            draft=reverse(f"desk:{name}_draft", args=args),
            back=reverse("desk:charge", args=args),
            on_credit=on_credit,
        )

    @property
    def total(self) -> Decimal:
        """What the invoice will say."""
        return self.whole_total if self.on_credit else remnant.to_invoice(self.charges)

    @property
    def whole_total(self) -> Decimal:
        return sum((each.total for each in self.charges), Decimal(0))

    @property
    def by_deposits(self) -> Decimal:
        """What deposits paid of it and the invoice has as a discount."""
        return self.whole_total - self.total

    @property
    def whole(self) -> str:
        """Where everything that is asked of the receptor comes from again."""
        return f"{self.choices}{'&' if '?' in self.choices else '?'}todo=1"

    def key(self, typed: str) -> str:
        """Bound to the charges: a form kept open must never speak of other ones."""
        first, *others = sorted(str(each.pk) for each in self.charges)
        return uuid.uuid5(uuid.UUID(first), "-".join(["caja", key_of(typed), *others])).hex


def serve(request: StaffRequest, counter: Counter, *, typed: dict[str, str] | None = None) -> HttpResponse:
    """The form, or what became of it. What is missing or wrong is said on the same page; nothing typed is lost.

    `typed` is what somebody wrote before and the form begins with.
    """
    if request.method == "GET":
        form = form_of(request, counter, None, initial=dict(typed or {}))
        return show(request, counter, form, str(uuid.uuid4()), asked=bool(typed))
    key, action = key_of(request.POST.get("clave_envio", "")), request.POST.get("accion", "")
    if action in ("opciones", "corregir"):
        # The RFC, the régimen or who it is for changed: show their lists, complain about nothing yet.
        return show(request, counter, _unbound(request, counter), key)
    form = form_of(request, counter, request.POST)
    if form.is_valid():
        try:
            if action == "revisar":
                return _review(request, counter, form, key)
            return _issue(request, counter, form, key)
        except CfdiInvalid as invalid:
            form.add_faults(invalid.faults)
        except NotReady as error:
            form.add_error(None, str(error))
    return show(request, counter, form, key, status=422)


def choices(request: StaffRequest, counter: Counter) -> HttpResponse:
    """What follows from who it is for, the RFC and the régimen typed so far: the piece that htmx puts in place."""
    name = "receptor" if request.GET.get("todo") else "regimen"
    return render(request, f"desk/pieces/{name}.html", {"form": _unbound(request, counter), "counter": counter})


def draft(request: StaffRequest, counter: Counter) -> HttpResponse:
    """The PDF that this form would become, marked as a draft; the form with its errors when it would not."""
    form = form_of(request, counter, request.POST)
    if form.is_valid():
        try:
            made = _previewed(request, counter, form)
            response = HttpResponse(draft_pdf(made, request.organization), content_type="application/pdf")
            response["Content-Disposition"] = 'inline; filename="borrador.pdf"'
            return response
        except CfdiInvalid as invalid:
            form.add_faults(invalid.faults)
        except NotInvoiceable as refused:
            form.add_error(None, REFUSED[refused.reason])
        except TypesetFailed as error:
            log.warning("draft_not_drawn", error=type(error).__name__)
            form.add_error(None, "El PDF no se pudo dibujar en este momento: la vista previa sí está completa.")
    return show(request, counter, form, key_of(request.POST.get("clave_envio", "")), status=422)


def _previewed(request: StaffRequest, counter: Counter, form: CounterForm) -> Comprobante:
    return preview(counter.charges, _request(form, counter), user=request.user, now=timezone.now())


def _review(request: StaffRequest, counter: Counter, form: CounterForm, key: str) -> HttpResponse:
    try:
        made = _previewed(request, counter, form)
    except NotInvoiceable as refused:
        form.add_error(None, REFUSED[refused.reason])
        return show(request, counter, form, key, status=422)
    context = _context(request, counter) | {
        "form": form,
        "key": key,
        "made": made,
        "totals": made.totals,
        "typed": [(name, value) for name, value in request.POST.items() if name in form.fields],
        "email": form.cleaned_data["email"],
    }
    return render(request, "desk/invoice_review.html", context)


def _issue(request: StaffRequest, counter: Counter, form: CounterForm, key: str) -> HttpResponse:
    try:
        document = issue_together(
            counter.charges,
            _request(form, counter),
            channel=FiscalDocument.Channel.DESK,
            user=request.user,
            now=timezone.now(),
            idempotency_key=counter.key(key),
        )
    except AlreadyInvoiced as error:
        taken = next((each.folio for each in counter.charges if str(each.pk) == str(error)), "")
        several = f"{taken} ya tiene factura. Quítela de la lista: de las demás no se generó nada."
        messages.warning(request, several if len(counter.charges) > 1 else TAKEN)
        return HttpResponseRedirect(counter.back)
    except NotInvoiceable as refused:
        messages.warning(request, f"{REFUSED[refused.reason]} No se generó factura.")
        return HttpResponseRedirect(counter.back)
    except NotAllowed:
        return page(
            request, 403, "No tiene permiso para emitir facturas", "Pida a un administrador el permiso de facturar."
        )
    if document.state == State.REJECTED:
        messages.warning(request, "Esta misma solicitud ya se había rechazado: abra el formulario otra vez.")
    elif len(counter.charges) > 1:
        messages.success(request, f"Factura solicitada por {len(counter.charges)} remisiones.")
    else:
        messages.success(request, "Factura solicitada.")
    return HttpResponseRedirect(f"{reverse('desk:charge', args=[counter.charges[0].pk])}#factura")


def _request(form: CounterForm, counter: Counter) -> Request:
    data = form.cleaned_data
    return Request(
        form.receptor(),
        email=data["email"],
        with_patient=data.get("with_patient", False),
        on_credit=counter.on_credit,
    )


def form_of(request: StaffRequest, counter: Counter, data: Any, **kwargs: Any) -> CounterForm:
    """The form for these charges, with the addresses that its lists come from."""
    form = CounterForm(
        data,
        place=counter.charges[0].place,
        usos_offered=request.organization.usos_offered,
        offer_patient=any(each.patient_name for each in counter.charges),
        **kwargs,
    )
    follow = {"hx-trigger": "change", "hx-include": "closest form"}
    for name in {"rfc", "regimen_fiscal"} & set(form.fields):
        # Both lists follow from these two, so both come again when one changes.
        form.fields[name].widget.attrs |= follow | {"hx-post": counter.choices, "hx-target": "#regimen-y-uso"}
    form.fields["rfc" if form.who == WITH_RFC else "nombre"].widget.attrs["autofocus"] = True
    if not form.is_bound and form.person and form.initial.get("regimen_fiscal") and not form.initial.get("uso_cfdi"):
        # The likely uso is the first of those that this person with this régimen may choose.
        likely = form.fields["uso_cfdi"].choices[1:2]  # type: ignore[attr-defined]
        form.initial["uso_cfdi"] = likely[0][0] if likely else ""
    return form


def _unbound(request: StaffRequest, counter: Counter) -> CounterForm:
    typed = {name: value for name in CounterForm.base_fields if (value := request.POST.get(name, ""))}
    return form_of(request, counter, None, initial=typed)


def show(
    request: StaffRequest, counter: Counter, form: CounterForm, key: str, *, status: int = 200, asked: bool = False
) -> HttpResponse:
    context = _context(request, counter) | {"form": form, "key": key, "asked": asked}
    return render(request, "desk/invoice.html", context, status=status)


def _context(request: StaffRequest, counter: Counter) -> dict[str, Any]:
    paid = {} if counter.on_credit else paid_in(*counter.charges)
    stated = largest_form(*counter.charges) if paid else ""
    return {
        "organization": request.organization,
        "membership": request.membership,
        "counter": counter,
        "charges": counter.charges,
        "charge": counter.charges[0],
        "several": len(counter.charges) > 1,
        "lines": [(each, each.lines.all()) for each in counter.charges],
        "forma_pago": "Por definir (99)" if counter.on_credit else form_label(stated),
        "paid": [(form_label(form), amount) for form, amount in paid.items()] if len(paid) > 1 else [],
        "loses": sum((amount for form, amount in paid.items() if form != CASH), Decimal(0)) if stated == CASH else 0,
        "groups": groups_of([each for each in counter.charges if each.is_paid]),
    }


def groups_of(charges: Sequence[Charge]) -> list[Group]:
    """One group per form of payment, when there are several: what is proposed instead of mixing them."""
    by_form: dict[str, list[Charge]] = {}
    for each in charges:
        by_form.setdefault(largest_form(each), []).append(each)
    if len(by_form) < 2:
        return []
    return [
        Group(form_label(form), found, sum((each.total for each in found), Decimal(0)), address_of(found))
        for form, found in by_form.items()
    ]


def address_of(charges: Sequence[Charge]) -> str:
    """Where these charges are invoiced together; the page of the only one."""
    if len(charges) == 1:
        return reverse("desk:invoice", args=[charges[0].pk])
    return f"{reverse('desk:invoice_several')}?" + "&".join(f"r={each.pk}" for each in charges)


def form_label(key: str) -> str:
    return f"{FORMS.get(key, key)} ({key})"

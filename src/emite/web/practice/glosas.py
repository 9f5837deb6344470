""" "Nota de crédito por glosa": what the payer does not accept of an invoice, by amount or by service.

What may be credited is decided in `settlements.disallowing`; here it is shown before, exactly as the SAT will see it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from emite.cancellations import requesting
from emite.cancellations.requesting import NotCancellable
from emite.care.models import InsurerInvoice
from emite.cfdi import egresos
from emite.cfdi.cancelacion import Motivo
from emite.cfdi.comprobante import Comprobante
from emite.cfdi.egresos import Part
from emite.cfdi.faults import CfdiInvalid
from emite.credits.crediting import EXPLANATION_LIMIT, CreditRefused
from emite.credits.models import CreditNote
from emite.credits.originals import NotCreditable
from emite.documents.models import FiscalDocument
from emite.documents.sealing import NotReady
from emite.evidence.models import ShortPayment
from emite.invoices import insurer_building
from emite.invoices.issuing import NotAllowed
from emite.settlements import disallowing
from emite.settlements.disallowing import Glosa
from emite.settlements.models import Receivable
from emite.web.amounts import AmountField
from emite.web.cfdi_files import pdf_or_why, xml_of
from emite.web.once import key_of
from emite.web.practice.access import Need, StaffRequest, practice
from emite.web.practice.filters import filters_of
from emite.web.practice.finance import context_of
from emite.web.practice.registering import invoice_or_404
from emite.web.practice.ticking import Ticked, ticked

PAGE: Final = 100
#: Digits of a position; thousands of them are no number that Python reads.
LONGEST: Final = 6


class GlosaForm(forms.Form):
    amount = AmountField(
        label="Cantidad glosada",
        required=False,
        help_text="Lo que ya no le van a pagar, con impuestos. Se reparte en proporción entre los servicios elegidos, "
        "o entre todos. Vacía: todo lo que queda de los elegidos.",
    )
    explanation = forms.CharField(
        label="Qué glosó la aseguradora",
        max_length=EXPLANATION_LIMIT,
        help_text="Sin datos de salud. Queda en la bitácora con su nombre; el SAT no lo ve.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={
            "required": "Escriba qué glosó la aseguradora.",
            "max_length": f"Use a lo más {EXPLANATION_LIMIT} letras.",
        },
    )
    #: What "Lo que verá el SAT" said: boxes may have changed since, and nobody corrects what is stamped.
    shown = forms.DecimalField(required=False, widget=forms.HiddenInput)


@practice(Need.ISSUE)
@require_http_methods(["GET", "POST"])
def credit(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The form, then exactly what the SAT will see, then the request. Nothing typed is lost on the way."""
    invoice, now = invoice_or_404(request, pk), timezone.now()
    back = reverse("practice:invoice", args=[invoice.pk])
    try:
        owed, left = disallowing.receivable_of(invoice, now=now), disallowing.left_of(invoice)
    except NotCreditable as error:
        messages.warning(request, str(error))
        return HttpResponseRedirect(back)
    if request.method == "GET":
        form = GlosaForm(initial=_kept_of(request, owed))
        return _show(request, invoice, owed, left, form, uuid.uuid4().hex)
    key = key_of(request.POST.get("llave", ""))
    if "accion" not in request.POST:
        # Another page of the services, or "Seleccionar todos": what was typed is not looked at yet.
        return _show(request, invoice, owed, left, GlosaForm(initial=request.POST.dict()), key)
    form = GlosaForm(request.POST)
    if form.is_valid():
        try:
            wanted = _wanted(left, ticked(request.POST, _positions))
            glosa = Glosa(form.cleaned_data["explanation"], form.cleaned_data["amount"], wanted)
            if request.POST.get("accion") != "emitir":
                made = disallowing.preview(invoice, glosa, now=now)
                return _show(request, invoice, owed, left, form, key, made=made)
            note = disallowing.ask(
                invoice, glosa, user=request.user, now=now, idempotency_key=uuid.uuid5(invoice.pk, f"glosa-{key}").hex,
                shown=form.cleaned_data["shown"],
            )  # fmt: skip
        except CreditRefused as refused:
            form.add_error(refused.field if refused.field in form.fields else None, refused.message)
        except (NotAllowed, NotCreditable, NotReady) as error:
            form.add_error(None, str(error))
        except CfdiInvalid as invalid:
            form.add_error(None, f"{invalid.faults[0].code}: {invalid.faults[0].message}")
        else:
            messages.success(request, f"Nota de crédito por glosa solicitada por ${note.total:,.2f}.")
            return HttpResponseRedirect(f"{back}#notas-de-credito")
    return _show(request, invoice, owed, left, form, key, status=422)


def _show(
    request: StaffRequest, invoice: InsurerInvoice, owed: Receivable, left: tuple[Part, ...], form: GlosaForm,
    key: str, *, made: Comprobante | None = None, status: int = 200,
) -> HttpResponse:  # fmt: skip
    some, rows = ticked(request.POST, _positions), _open(left)
    page = Paginator(rows, PAGE).get_page(request.POST.get("pagina") or request.POST.get("en"))
    on_page = {part.position for part in page}
    chosen = [part for part in rows if some.has(part.position)]
    context = context_of(
        request, "facturas", filters=replace(filters_of(request), asked=False), invoice=invoice, owed=owed, form=form,
        key=key, page=page, made=made, everything=some.everything,
        rows=[(part, some.has(part.position)) for part in page],
        carried=",".join(str(each) for each in sorted(some.keys - on_page)),
        count=len(rows), amount=egresos.total(rows), chosen_count=len(chosen), chosen_amount=egresos.total(chosen),
        summary=insurer_building.summary(made.totals) if made else None,
    )  # fmt: skip
    return render(request, "practice/glosa.html", context, status=status)


def _open(left: Sequence[Part]) -> list[Part]:
    """Those of which something is left."""
    return [part for part in left if part.base > 0]


def _wanted(left: Sequence[Part], some: Ticked[int]) -> frozenset[int]:
    """Of which services, on whichever page: none means all of them. Raises CreditRefused when each was unticked.

    Those credited already count: the same request pressed twice is the same request.
    """
    wanted = frozenset(part.position for part in left if some.has(part.position))
    if some.everything and not wanted:
        raise CreditRefused("services", "Quitó todos los servicios: elija al menos uno.")
    return wanted if some.everything else some.keys


def _positions(typed: Iterable[str]) -> set[int]:
    return {int(text) for text in typed if text.isascii() and text.isdigit() and len(text) <= LONGEST}


def _kept_of(request: StaffRequest, owed: Receivable) -> dict[str, Any]:
    """What a payment of it fell short of by a glosa, when the person comes from there."""
    try:
        payment = uuid.UUID(request.GET.get("pago", ""))
    except ValueError:
        return {}
    rows = ShortPayment.objects.filter(organization=request.organization, payment=payment, receivable=owed)
    kept = rows.filter(why=ShortPayment.Why.GLOSA).first()
    return {"amount": f"{min(kept.amount, owed.balance):.2f}"} if kept else {}


@practice(Need.SEE)
@require_GET
def xml(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return xml_of(_stamped(request, pk))


@practice(Need.SEE)
@require_GET
def pdf(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return pdf_or_why(request, _stamped(request, pk), "La nota de crédito")


@practice(Need.ISSUE)
@require_http_methods(["GET", "POST"])
def cancel(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Nobody has to accept it: what it took from the invoice is owed again when the SAT says "Cancelado"."""
    document = _stamped(request, pk)
    invoice = InsurerInvoice.objects.get(
        organization=request.organization, document__credit_notes=document.credit_note
    )  # fmt: skip
    back, problem = f"{reverse('practice:invoice', args=[invoice.pk])}#notas-de-credito", ""
    if request.method == "POST":
        try:
            requesting.request_cancellation(document, Motivo.ERRORS, user=request.user, now=timezone.now())
        except (NotCancellable, NotAllowed) as error:
            problem = str(error)
        else:
            messages.success(request, "Cancelación pedida al SAT. Se vuelve a deber cuando diga «Cancelado».")
            return HttpResponseRedirect(back)
    context = context_of(
        request, "facturas", filters=replace(filters_of(request), asked=False), document=document, invoice=invoice,
        back=back, problem=problem,
    )  # fmt: skip
    return render(request, "practice/glosa_cancel.html", context, status=422 if problem else 200)


def _stamped(request: StaffRequest, pk: uuid.UUID) -> FiscalDocument:
    """The CFDI of a glosa of this practice; 404 for any other."""
    note = CreditNote.objects.filter(
        organization=request.organization, pk=pk, charge=None, document__uuid__isnull=False
    ).select_related("document").first()  # fmt: skip
    if note is None:
        raise Http404
    return note.document


_AT = "consultorio/finanzas/facturacion/"
addresses = [
    path(f"{_AT}facturas/<uuid:pk>/glosa/", credit, name="glosa"),
    path(f"{_AT}notas-de-credito/<uuid:pk>/cancelar/", cancel, name="glosa_cancel"),
    path(f"{_AT}notas-de-credito/<uuid:pk>.xml", xml, name="glosa_xml"),
    path(f"{_AT}notas-de-credito/<uuid:pk>.pdf", pdf, name="glosa_pdf"),
]

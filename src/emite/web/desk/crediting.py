"""Credit notes of a charge at the desk, and the invoice of one that a factura global carries already.

What may be credited is decided in `credits`; here it is shown before, exactly as SAT will see it, and asked for.
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emite.cancellations import rebuilding
from emite.cfdi import egresos
from emite.cfdi.comprobante import Comprobante
from emite.cfdi.faults import CfdiInvalid
from emite.cfdi.notas import Reason
from emite.charges.allocating import live_document
from emite.charges.collecting import largest_form
from emite.charges.drawer import DrawerRefused
from emite.charges.models import Charge
from emite.credits import crediting, lateness, paying_out
from emite.credits.crediting import EXPLANATION_LIMIT, FORMS, CreditRefused, Wanted
from emite.credits.models import CreditNote
from emite.credits.originals import NotCreditable, Original, left_of, original_of
from emite.documents.models import FiscalDocument, State
from emite.documents.sealing import NotReady
from emite.invoices.issuing import NotAllowed, NotInvoiceable, Request
from emite.web.access import Need, StaffRequest, staff
from emite.web.amounts import AmountField
from emite.web.cfdi_files import pdf_or_why, xml_of
from emite.web.desk import asking
from emite.web.desk.asking import Counter
from emite.web.desk.charge_page import charge_or_404
from emite.web.desk.payment_form import desk_registers
from emite.web.errors.pages import page
from emite.web.once import key_of

REASONS = {
    Reason.DEVOLUCION: "Devolución: se regresa un servicio o producto",
    Reason.DESCUENTO: "Descuento: se cobró de más o se acordó otro precio",
    Reason.BONIFICACION: "Bonificación: una rebaja posterior",
    Reason.GLOSA: "Glosa: la aseguradora no acepta esa parte",
}
HOW = {"todo": "Todo lo que queda", "importe": "Una cantidad con IVA", "piezas": "Piezas de algunos conceptos"}
NOT_LATE = {
    "asked": "Ya se está sacando de la factura global: espere a que termine.",
    "not_global": "Esta remisión no está en una factura global.",
    "not_stamped": "La factura global todavía se está timbrando: intente en unos minutos.",
    "ending": "La factura global se está cancelando ante el SAT: espere a que termine.",
    "credited": "Parte de esta remisión ya tiene nota de crédito sobre la global: no se puede facturar completa.",
}


class CreditForm(forms.Form):
    """Why, how much and how the money goes back. The lines come from the invoice, as it was stamped."""

    reason = forms.ChoiceField(
        label="Motivo", choices=[("", "Elija"), *((str(key), words) for key, words in REASONS.items())],
        error_messages={"required": "Elija el motivo."},
    )  # fmt: skip
    how = forms.ChoiceField(label="Cuánto se acredita", choices=list(HOW.items()), initial="todo")
    amount = AmountField(
        label="Cantidad con IVA", required=False, help_text="Se reparte entre los conceptos en proporción."
    )
    forma_pago = forms.ChoiceField(label="Cómo se devuelve el dinero", choices=list(FORMS.items()))
    register = forms.ChoiceField(
        label="Caja de la que sale el efectivo",
        required=False,
        help_text="Solo si se devuelve en efectivo. Sale de ella cuando la nota queda timbrada.",
    )
    explanation = forms.CharField(
        label="Qué pasó",
        max_length=EXPLANATION_LIMIT,
        help_text="Sin datos de salud. Queda en la bitácora con su nombre; el SAT no lo ve.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Escriba qué pasó.", "max_length": "Use a lo más 200 letras."},
    )
    #: What "Lo que verá el SAT" said: the form may have changed since, and nobody corrects what is stamped.
    shown = forms.DecimalField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any, original: Original, left: tuple[egresos.Part, ...], **options: Any) -> None:
        super().__init__(data, **options)
        self.lines = [] if original.on_global else [part for part in left if part.base > 0]
        self.registers = desk_registers(original.charge.organization)
        names = [(str(each.pk), each.name) for each in self.registers]
        self.fields["register"].choices = [("", "Ninguna"), *names]  # type: ignore[attr-defined]
        if original.on_global:
            self.fields["how"].choices = list(HOW.items())[:2]  # type: ignore[attr-defined]
        for part in self.lines:
            self.fields[f"line-{part.position}"] = AmountField(
                label=f"{part.line.descripcion[:80]}: piezas, de {part.line.cantidad.normalize():f}", required=False
            )

    @property
    def rows(self) -> list[tuple[egresos.Part, forms.BoundField]]:
        return [(part, self[f"line-{part.position}"]) for part in self.lines]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("how") == "importe" and not data.get("amount") and "amount" not in self.errors:
            self.add_error("amount", "Escriba cuánto se acredita.")
        if data.get("how") == "piezas" and not self.units(data) and not self.errors:
            self.add_error("how", "Escriba cuántas piezas de al menos un concepto.")
        return data

    def units(self, data: dict[str, Any]) -> dict[int, Decimal]:
        """How many of each line, of those that say something."""
        typed = ((part.position, data.get(f"line-{part.position}")) for part in self.lines)
        return {position: units for position, units in typed if units}

    def wanted(self) -> Wanted:
        data = self.cleaned_data
        return Wanted(
            Reason(data["reason"]),
            data["forma_pago"],
            data["explanation"],
            amount=data["amount"] if data["how"] == "importe" else None,
            lines=self.units(data) if data["how"] == "piezas" else {},
        )


@staff(Need.ISSUE)
@require_http_methods(["GET", "POST"])
def credit(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The form, then exactly what SAT will see, then the request. Nothing typed is lost on the way."""
    charge = charge_or_404(request.organization, pk)
    try:
        original = original_of(charge)
        left = left_of(original)
        if not egresos.total(left):
            raise NotCreditable("Ya se acreditó todo lo de esta remisión.")
    except NotCreditable as error:
        messages.warning(request, str(error))
        return HttpResponseRedirect(reverse("desk:charge", args=[charge.pk]))
    if request.method == "GET":
        form = CreditForm(None, original, left, initial={"forma_pago": largest_form(charge)})
        return _show(request, charge, original, left, form, uuid.uuid4().hex)
    form, key = CreditForm(request.POST, original, left), key_of(request.POST.get("llave", ""))
    action = request.POST.get("accion", "revisar")
    if form.is_valid():
        try:
            if action != "emitir":
                made = crediting.preview(charge, form.wanted(), now=timezone.now())
                return _show(request, charge, original, left, form, key, made=made)
            return _ask(request, charge, form, key)
        except CreditRefused as refused:
            form.add_error(refused.field if refused.field in form.fields else None, refused.message)
        except (NotCreditable, NotReady) as error:
            form.add_error(None, str(error))
        except CfdiInvalid as invalid:
            form.add_error(None, f"{invalid.faults[0].code}: {invalid.faults[0].message}")
    return _show(request, charge, original, left, form, key, status=422)


def _ask(request: StaffRequest, charge: Charge, form: CreditForm, key: str) -> HttpResponse:
    chosen = form.cleaned_data["register"]
    register = next((each for each in form.registers if str(each.pk) == chosen), None)
    try:
        note = crediting.ask(
            charge,
            form.wanted(),
            user=request.user,
            now=timezone.now(),
            idempotency_key=uuid.uuid5(charge.pk, f"nota-{key}").hex,
            register=register,
            shown=form.cleaned_data["shown"],
        )
    except NotAllowed as refused:
        return page(request, 403, "Usted no puede hacer esta nota de crédito", str(refused))
    later = " Entregue el efectivo cuando quede timbrada: sale de la caja en ese momento." if note.register_id else ""
    messages.success(request, f"Nota de crédito solicitada por ${note.total:,.2f}.{later}")
    return HttpResponseRedirect(f"{reverse('desk:charge', args=[charge.pk])}#notas-de-credito")


def _show(
    request: StaffRequest, charge: Charge, original: Original, left: tuple[egresos.Part, ...], form: CreditForm,
    key: str, *, made: Comprobante | None = None, status: int = 200,
) -> HttpResponse:  # fmt: skip
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "charge": charge,
        "original": original,
        "left": egresos.total(left),
        "form": form,
        "key": key,
        "made": made,
        "totals": made.totals if made else None,
        "forma": FORMS.get(made.forma_pago or "", "") if made else "",
    }
    return render(request, "desk/credit.html", context, status=status)


@staff(Need.ISSUE)
@require_POST
def hand_over(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The cash of a stamped note, which its drawer could not give with the stamp."""
    note = CreditNote.objects.filter(organization=request.organization, pk=pk, register__isnull=False).first()
    if note is None:
        raise Http404
    chosen = request.POST.get("register", "")
    register = next((each for each in desk_registers(request.organization) if str(each.pk) == chosen), None)
    try:
        if register is None:
            raise DrawerRefused("register", "Elija de qué caja sale el efectivo.")
        paying_out.hand_over(request.organization.pk, note.pk, register=register, user=request.user, now=timezone.now())
    except (DrawerRefused, NotAllowed) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, f"Salieron ${note.total:,.2f} de la caja {register.name}.")
    return HttpResponseRedirect(f"{reverse('desk:charge', args=[note.charge_id])}#notas-de-credito")


@staff(Need.SEE)
@require_GET
def xml(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return xml_of(_stamped(request, pk))


@staff(Need.SEE)
@require_GET
def pdf(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return pdf_or_why(request, _stamped(request, pk), "La nota de crédito")


@staff(Need.ISSUE)
@require_http_methods(["GET", "POST"])
def nominative(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The same form as any invoice at the counter; what it asks for first puts the factura global right."""
    charge = charge_or_404(request.organization, pk)
    if not lateness.in_stamped_global(live_document(charge)):
        return HttpResponseRedirect(reverse("desk:charge", args=[charge.pk]))
    counter = _counter(charge)
    if request.method == "GET" or request.POST.get("accion") in ("opciones", "corregir", "revisar"):
        return asking.serve(request, counter)
    form, key = asking.form_of(request, counter, request.POST), request.POST.get("clave_envio", "")
    if form.is_valid():
        asked = Request(form.receptor(), form.cleaned_data["email"], form.cleaned_data.get("with_patient", False))
        try:
            return _ask_late(request, charge, asked, counter.key(key))
        except CfdiInvalid as invalid:
            form.add_faults(invalid.faults)
        except NotReady as error:
            form.add_error(None, str(error))
        except NotInvoiceable as refused:
            form.add_error(None, asking.REFUSED[refused.reason])
    return asking.show(request, counter, form, key, status=422)


def _ask_late(request: StaffRequest, charge: Charge, asked: Request, key: str) -> HttpResponse:
    back = HttpResponseRedirect(f"{reverse('desk:charge', args=[charge.pk])}#notas-de-credito")
    try:
        made = rebuilding.ask(
            charge, asked, channel=FiscalDocument.Channel.DESK, user=request.user, now=timezone.now(),
            idempotency_key=key,
        )  # fmt: skip
    except lateness.NotLate as late:
        messages.warning(request, NOT_LATE[late.reason])
    except NotAllowed as refused:
        return page(request, 403, "No tiene permiso para emitir facturas", str(refused))
    else:
        words = f"Solicitada: primero sale de la factura global y luego la de su cliente. {made.last_text}"
        messages.success(request, words.strip())
    return back


@staff(Need.ISSUE)
@require_POST
def choices(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return asking.choices(request, _counter(charge_or_404(request.organization, pk)))


@staff(Need.ISSUE)
@require_POST
def draft(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return asking.draft(request, _counter(charge_or_404(request.organization, pk)))


def _counter(charge: Charge) -> Counter:
    return Counter.of_one(charge, "nominative")


def _stamped(request: StaffRequest, pk: uuid.UUID) -> FiscalDocument:
    """The stamped document of a credit note of this organization; 404 for any other."""
    note = (
        CreditNote.objects.filter(organization=request.organization, pk=pk)
        .select_related("document")
        .filter(document__state__in=(State.STAMPED, State.CANCELLED))
        .first()
    )
    if note is None:
        raise Http404
    return note.document

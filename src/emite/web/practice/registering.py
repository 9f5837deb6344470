""" "+ Registrar Factura": who, for whom, its control number and date; then which services it takes, until "Terminar".

What a registration may be is decided in `invoices.insuring`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from emite.care.models import InsurerInvoice, Payer
from emite.invoices import insured, insuring
from emite.invoices.insuring import Refused, Registration, State
from emite.issuers.models import Issuer
from emite.web.practice.access import Need, StaffRequest, practice
from emite.web.practice.filters import Filters, filters_of
from emite.web.practice.finance import context_of
from emite.web.practice.ticking import Ticked, ticked

#: Rows of one page of the list: read by a person, and light on an old phone.
PAGE: Final = 100
METODOS: Final = [("PPD", "Pago en parcialidades")]
FORMAS: Final = [("99", "Por definir")]
TIPOS: Final = [("medico", "Médico")]
#: A form names at most so many services by hand; "Seleccionar todos" has no such bound.
MOST_NAMED: Final = insuring.MOST_SERVICES


class RegistrationForm(forms.Form):
    """What a registration says. Names as in `insuring.Refused.field`."""

    issuer = forms.ModelChoiceField(
        Issuer.objects.none(), label="Emisor", empty_label=None, error_messages={"required": "Elija el emisor."}
    )
    payer = forms.ModelChoiceField(
        Payer.objects.none(), label="Receptor", empty_label="Elija la aseguradora",
        error_messages={"required": "Elija la aseguradora.", "invalid_choice": "Elija la aseguradora de la lista."},
    )  # fmt: skip
    control = forms.CharField(
        label="No de Control Interno",
        max_length=40,
        help_text="El folio que llevará la factura. Queda apartado al registrarla.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Escriba el No de Control Interno.", "max_length": "Use a lo más 40 caracteres."},
    )
    date = forms.DateField(
        label="Fecha de factura",
        help_text="De hoy o de las últimas 72 horas: el SAT no admite otra.",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"required": "Escriba la fecha de la factura.", "invalid": "Esa fecha no existe."},
    )
    period_from = forms.DateField(
        label="Servicios del", widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"required": "Escriba desde qué día.", "invalid": "Esa fecha no existe."},
    )  # fmt: skip
    period_to = forms.DateField(
        label="al", widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"required": "Escriba hasta qué día.", "invalid": "Esa fecha no existe."},
    )  # fmt: skip

    def __init__(self, data: Any, request: StaffRequest, filters: Filters, **options: Any) -> None:
        today = request.organization.local_date(timezone.now())
        initial = {"date": today, "period_from": filters.since, "period_to": filters.until, "payer": filters.payer}
        super().__init__(data, initial=initial | options.pop("initial", {}), **options)
        issuers = Issuer.objects.filter(organization=request.organization).order_by("rfc")
        self.fields["issuer"].queryset = issuers  # type: ignore[attr-defined]
        self.fields["payer"].queryset = Payer.objects.filter(  # type: ignore[attr-defined]
            organization=request.organization, active=True
        ).order_by("name")
        self.fields["date"].widget.attrs |= {"max": today.isoformat()}

    def registration(self) -> Registration:
        data = self.cleaned_data
        return Registration(
            data["issuer"], data["payer"], data["control"], data["date"], data["period_from"], data["period_to"]
        )


@practice(Need.ISSUE)
@require_http_methods(["GET", "POST"])
def register(request: StaffRequest) -> HttpResponse:
    """The form; then the list of services. `sustituye` names a cancelled invoice that this one takes the place of."""
    filters = filters_of(request)
    replaces = _replaced(request)
    if replaces is not None and not filters.asked:
        filters = Filters(replaces.period_from, replaces.period_to, replaces.payer, filters.payers, asked=False)
    form = RegistrationForm(request.POST if request.method == "POST" else None, request, filters)
    if form.is_valid():
        try:
            made = insuring.register(form.registration(), user=request.user, now=timezone.now(), replaces=replaces)
        except Refused as refused:
            form.add_error(refused.field if refused.field in form.fields else None, refused.message)
        else:
            return HttpResponseRedirect(reverse("practice:choose", args=[made.pk]))
    context = context_of(request, "facturas", filters=filters, form=form, replaces=replaces)
    return render(request, "practice/register.html", context, status=422 if form.is_bound else 200)


def _replaced(request: StaffRequest) -> InsurerInvoice | None:
    typed = request.POST.get("sustituye") or request.GET.get("sustituye", "")
    try:
        pk = uuid.UUID(typed)
    except ValueError:
        return None
    rows = InsurerInvoice.objects.filter(organization=request.organization, state=State.CANCELLED)
    return rows.select_related("payer").filter(pk=pk).first()


def invoice_or_404(request: StaffRequest, pk: uuid.UUID) -> InsurerInvoice:
    """One of this practice, with what its pages show."""
    rows = InsurerInvoice.objects.select_related("issuer", "payer", "document", "external", "replaces").defer(
        "document__content", "external__xml"
    )
    found = rows.filter(organization=request.organization, pk=pk).first()
    if found is None:
        raise Http404
    return found


@practice(Need.ISSUE)
@require_http_methods(["GET", "POST"])
def choose(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The list with "Seleccionar todos" and "Terminar". Other pages of it are asked for by the same form."""
    invoice = invoice_or_404(request, pk)
    if invoice.state != State.REGISTERED:
        return HttpResponseRedirect(reverse("practice:invoice", args=[invoice.pk]))
    problem = ""
    if request.method == "POST":
        picked = ticked(request.POST, _keys)
        if request.POST.get("accion") == "terminar":
            problem = _unusual(request)
            try:
                if not problem:
                    insuring.choose(
                        invoice, picked.keys, everything=picked.everything, user=request.user, now=timezone.now()
                    )
                    return HttpResponseRedirect(reverse("practice:invoice", args=[invoice.pk]))
            except Refused as refused:
                problem = refused.message
    else:
        bound = insured.services_in(invoice).values_list("pk", flat=True)
        picked = Ticked(everything=False, keys=frozenset(bound))
    return render(request, "practice/choose.html", _list(request, invoice, picked, problem), status=_status(problem))


def _status(problem: str) -> int:
    return 422 if problem else 200


def _unusual(request: StaffRequest) -> str:
    """PPD with 99 is what an invoice to be paid later is: nothing else is taken, also from a form that was altered."""
    wanted = {"metodo": METODOS[0][0], "forma": FORMAS[0][0], "tipo": TIPOS[0][0]}
    if any(request.POST.get(name) != value for name, value in wanted.items()):
        return "Esta factura se paga después: Método de pago «Pago en parcialidades» y Forma de pago «Por definir»."
    return ""


def _keys(typed: Iterable[str]) -> set[uuid.UUID]:
    found = set()
    for text in list(typed)[:MOST_NAMED]:
        try:
            found.add(uuid.UUID(text))
        except ValueError:
            continue
    return found


def _list(request: StaffRequest, invoice: InsurerInvoice, picked: Ticked[uuid.UUID], problem: str) -> dict[str, Any]:
    rows = insured.candidates(invoice)
    count, amount = insured.sum_of(rows)
    shown = Paginator(rows, PAGE).get_page(request.POST.get("pagina") or request.GET.get("pagina"))
    on_page = {row.pk for row in shown}
    named = insured.sum_of(rows.filter(pk__in=picked.keys)) if picked.keys else (0, Decimal(0))
    chosen = (count - named[0], amount - named[1]) if picked.everything else named
    return context_of(
        request,
        "facturas",
        invoice=invoice,
        filters=filters_of(request),
        page=shown,
        rows=[(row, picked.has(row.pk)) for row in shown],
        carried=",".join(sorted(str(pk) for pk in picked.keys - on_page)),
        picked=picked,
        count=count,
        amount=amount,
        chosen_count=chosen[0],
        chosen_amount=chosen[1],
        metodos=METODOS,
        formas=FORMAS,
        tipos=TIPOS,
        problem=problem,
    )


class DateForm(forms.Form):
    """Another date for an invoice registered days ago."""

    date = RegistrationForm.base_fields["date"]

    def new_date(self) -> dt.date:
        found: dt.date = self.cleaned_data["date"]
        return found

"""A remittance as a file: looked at first, with every line that cannot be paid named; then all of it or nothing."""

from __future__ import annotations

import uuid

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from emite.chargemaster.tables import TableRefused
from emite.reviews import remittance
from emite.reviews.allowing import Refused
from emite.reviews.remittance import Reading
from emite.web.csv_files import SHOWN, FileForm, csv_answer, light
from emite.web.insurer.access import Need, StaffRequest, payer
from emite.web.insurer.inbox import context_of, named
from emite.web.insurer.payments import ALREADY, PaymentForm, was_registered
from emite.web.once import key_of


class RemittanceForm(PaymentForm, FileForm):
    """The payment's facts, the same for all of the file, and the file."""


@payer(Need.PAY)
@require_GET
def template(request: StaffRequest) -> HttpResponse:
    return csv_answer(remittance.template(), "plantilla-de-pagos.csv")


@light
@payer(Need.PAY)
@require_http_methods(["GET", "POST"])
def upload(request: StaffRequest) -> HttpResponse:
    now = timezone.now()
    if request.method == "GET":
        initial = {"day": request.organization.local_date(now), "key": str(uuid.uuid4())}
        return _page(request, RemittanceForm(initial=initial, most=remittance.MOST_ROWS))
    form = RemittanceForm(request.POST, request.FILES, most=remittance.MOST_ROWS)
    if not form.is_valid():
        return _page(request, form, status=422)
    if was_registered(request):
        messages.info(request, ALREADY)
        return HttpResponseRedirect(reverse("insurer:payments"))
    try:
        reading = remittance.understand(form.cleaned_data["archivo"].file, request.organization.pk)
    except TableRefused as refused:
        form.add_error("archivo", str(refused))
        return _page(request, form, status=422)
    if not reading.rows:
        form.add_error("archivo", "El archivo no tiene renglones debajo de los nombres de las columnas.")
    if reading.wrong or not reading.rows or request.POST.get("accion") != "registrar":
        return _page(request, form, reading, status=422 if reading.wrong or form.errors else 200)
    try:
        made = remittance.register(
            request.organization.pk,
            reading,
            paid_at=form.moment(request, now),
            forma_pago=form.cleaned_data["forma_pago"],
            operation=form.cleaned_data["operation"],
            user=request.user,
            now=now,
            key=key_of(form.cleaned_data["key"]),
        )
    except Refused as refused:
        _put(form, refused)
        return _page(request, form, reading, status=422)
    messages.success(
        request, f"Se registraron {len(made)} pagos por ${reading.total:,.2f}. Cada proveedor recibe el aviso."
    )
    return HttpResponseRedirect(reverse("insurer:payments"))


def _put(form: forms.Form, refused: Refused) -> None:
    field = {"paid_at": "day", "shares": "archivo"}.get(refused.field, refused.field)
    form.add_error(field if field in form.fields else None, refused.message)


def _page(
    request: StaffRequest, form: RemittanceForm, reading: Reading | None = None, *, status: int = 200
) -> HttpResponse:
    context = context_of(
        request,
        "pagos",
        form=form,
        reading=reading,
        wrong=reading.wrong[:SHOWN] if reading else [],
        groups=reading.groups if reading and not reading.wrong else [],
        doubtful=named(reading.doubtful(timezone.now())) if reading and not reading.wrong else "",
        columns=[*remittance.COLUMNS, *remittance.OPTIONAL],
        needed=remittance.COLUMNS,
    )
    return render(request, "insurer/remittance.html", context, status=status)

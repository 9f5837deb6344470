"""Finanzas › Cobros: find the patient's service, "Pagar Servicio", "Imprimir Ticket", and the ticket by mail or not.

What may be collected is decided in `care.copays` and `charges.collecting`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any, Final

import structlog
from django import forms
from django.contrib import messages
from django.core.mail import BadHeaderError
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emite.audit import record
from emite.care import copays
from emite.care.copays import NotLinked
from emite.care.models import CareService
from emite.care.rendering import ServiceRefused, service_of
from emite.charges.charging import code_of
from emite.charges.collecting import DESK_FORMS, Part, PaymentRefused
from emite.charges.drawer import CASH
from emite.charges.models import CashRegister, Charge
from emite.mailing.composing import compose
from emite.mailing.sending import MailRefused, MailUnavailable, send
from emite.typeset.printing import typesetter
from emite.typeset.ticket_page import ticket_page
from emite.web.amounts import AmountField
from emite.web.once import key_of
from emite.web.practice.access import Need, StaffRequest, practice
from emite.web.practice.finance import page_of
from emite.web.printing.papers import again, count, logo_of, pdf_answer, qr_of
from emite.web.printing.tickets import invoicing_of, ticket_print

log = structlog.get_logger(__name__)

#: Rows of "Forma de pago" and "Cantidad" of one payment.
ROWS: Final = 3


class CopayForm(forms.Form):
    """One act of paying: what is charged now, and the forms in which it is paid, which sum to it."""

    monto = AmountField(label="Monto de pago", error_messages={"required": "Escriba el monto de pago."})
    recibido = AmountField(label="Efectivo recibido", required=False, help_text="Para saber el cambio.")
    caja = forms.ChoiceField(label="Caja", error_messages={"required": "Elija la caja."})
    key = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, registers: list[CashRegister], **options: Any) -> None:
        super().__init__(*args, **options)
        self.registers = {str(each.pk): each for each in registers}
        self.fields["caja"].choices = [(pk, each.name) for pk, each in self.registers.items()]  # type: ignore[attr-defined]
        choices = [("", "—"), *DESK_FORMS.items()]
        for row in range(1, ROWS + 1):
            first = row == 1
            self.fields[f"forma_{row}"] = forms.ChoiceField(
                label="Forma de pago" if first else f"Forma de pago {row}", required=first, choices=choices,
                error_messages={"required": "Elija la forma de pago."},
            )  # fmt: skip
            self.fields[f"cantidad_{row}"] = AmountField(
                label="Cantidad" if first else f"Cantidad {row}", required=first,
                error_messages={"required": "Escriba la cantidad."},
            )  # fmt: skip

    @property
    def rows(self) -> list[tuple[Any, Any]]:
        return [(self[f"forma_{row}"], self[f"cantidad_{row}"]) for row in range(1, ROWS + 1)]

    @property
    def more(self) -> bool:
        """Something is written below the first row, or is wrong there: it must be seen."""
        named = [f"{name}_{row}" for row in range(2, ROWS + 1) for name in ("forma", "cantidad")]
        return self.is_bound and any(self.data.get(name) or name in self.errors for name in named)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for row in range(2, ROWS + 1):
            form, amount = data.get(f"forma_{row}"), data.get(f"cantidad_{row}")
            if form and amount is None and f"cantidad_{row}" not in self.errors:
                self.add_error(f"cantidad_{row}", "Escriba cuánto se paga en esta forma.")
            if amount is not None and not form:
                self.add_error(f"forma_{row}", "Elija la forma de esta cantidad.")
        amount = data.get("monto")
        if not self.errors and amount != (paid := sum((part.amount for part in self.parts()), Decimal(0))):
            self.add_error(
                "cantidad_1",
                f"Las cantidades suman ${paid:,.2f} y el monto de pago es ${amount:,.2f}: deben ser iguales.",
            )
        return data

    def parts(self) -> list[Part]:
        data = self.cleaned_data
        pairs = [(data.get(f"forma_{row}"), data.get(f"cantidad_{row}")) for row in range(1, ROWS + 1)]
        return [Part(form, amount) for form, amount in pairs if form and amount is not None]

    def refuse(self, refused: PaymentRefused | ServiceRefused) -> None:
        """Beside the field of this page that cures it."""
        field = {
            "amount": "monto", "forma_pago": "forma_1", "cash_received": "recibido", "register": "caja",
        }.get(refused.field)  # fmt: skip
        self.add_error(field, refused.message)


class MailForm(forms.Form):
    email = forms.EmailField(
        label="Correo electrónico del paciente",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "placeholder": "nombre@ejemplo.com"}),
        error_messages=dict.fromkeys(
            ("required", "invalid"), "Escriba un correo como nombre@ejemplo.com, o elija «No»."
        ),
    )


@practice(Need.SEE)
@require_GET
def search(request: StaffRequest) -> HttpResponse:
    """Búsqueda de Servicios a cobrar: by the patient's name and the day."""
    patient = request.GET.get("paciente", "").replace("\x00", "").strip()[:100]
    on, typed, problem = None, request.GET.get("fecha", ""), ""
    if typed:
        try:
            on = dt.date.fromisoformat(typed)
        except ValueError:
            problem = "Esa fecha no existe: elija otra."
    rows = copays.collectable(request.organization, patient=patient, on=on)
    context = _base(request) | {"patient": patient, "on": on, "page": page_of(request, rows), "problem": problem}
    return render(request, "practice/copays.html", context, status=422 if problem else 200)


@practice(Need.COLLECT)
@require_http_methods(["GET", "POST"])
def collect(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """ "Pagar Servicio": the amount prefilled, the forms that sum to it, and the ticket."""
    service, now = _service(request, pk), timezone.now()
    registers = list(
        CashRegister.objects.filter(organization=request.organization, web_invoicing=False, active=True).order_by(
            "name"
        )
    )
    try:
        owed = _owed(request, service, now)
    except NotLinked as unlinked:
        return render(request, "practice/copay.html", _base(request) | {"service": service, "unlinked": unlinked})
    if not owed:
        return HttpResponseRedirect(reverse("practice:copay_ticket", args=[service.pk]))
    initial = {"monto": f"{owed:.2f}", "cantidad_1": f"{owed:.2f}", "key": key_of("")}
    form = CopayForm(request.POST or None, registers=registers, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            slip = copays.collect(
                service, form.parts(), register=form.registers[form.cleaned_data["caja"]], user=request.user, now=now,
                cash_received=_received(form), key=key_of(form.cleaned_data["key"]),
            )  # fmt: skip
        except (PaymentRefused, ServiceRefused) as refused:
            form.refuse(refused)
        else:
            charge = slip.charge
            if not charge.prints:
                count(request, charge, f"charge:{charge.pk}", "charge.print")
            messages.success(request, _said(slip.amount, slip.change, charge.owed))
            return HttpResponseRedirect(reverse("practice:copay_ticket", args=[service.pk]))
    context = _base(request) | {"service": service, "form": form, "owed": owed, "registers": registers}
    return render(request, "practice/copay.html", context, status=422 if form.is_bound else 200)


def _owed(request: StaffRequest, service: CareService, now: dt.datetime) -> Decimal:
    if service.charge is not None and service.charge.state == Charge.State.OPEN:
        return service.charge.owed
    return copays.total_of(service, request.organization.local_date(now))


def _received(form: CopayForm) -> Decimal | None:
    """Cash handed over; without cash in the payment it means nothing."""
    if all(part.forma_pago != CASH for part in form.parts()):
        return None
    found: Decimal | None = form.cleaned_data["recibido"]
    return found


def _said(amount: Decimal, change: Decimal | None, owed: Decimal) -> str:
    words = f"Pago de ${amount:,.2f} registrado."
    if change:
        words += f" Entregue ${change:,.2f} de cambio."
    if owed:
        words += f" Quedan por pagar ${owed:,.2f}: la factura sale cuando esté pagado por completo."
    return words


@practice(Need.COLLECT)
@require_GET
def ticket(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Imprimir Ticket: what comes out of the printer, with link, code and QR; then "Cerrar"."""
    service, charge = _charged(request, pk)
    data = ticket_print(charge, reprinted_at=again(charge.prints))
    context = _base(request) | {
        "service": service,
        "charge": charge,
        "page": ticket_page(data),
        "paper": "80mm",
        "brand": data.branding.name,
        "logo": logo_of(request.organization),
        "qr": qr_of(data),
    }
    return render(request, "practice/copay_ticket.html", context)


@practice(Need.COLLECT)
@require_POST
def print_again(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    _, charge = _charged(request, pk)
    count(request, charge, f"charge:{charge.pk}", "charge.print")
    return HttpResponseRedirect(reverse("practice:copay_ticket", args=[pk]))


@practice(Need.COLLECT)
@require_GET
def ticket_pdf(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    _, charge = _charged(request, pk)
    data = ticket_print(charge, reprinted_at=again(charge.prints))
    return pdf_answer(request, lambda: typesetter().ticket(data, paper="80mm"), f"{charge.folio}.pdf")


@practice(Need.COLLECT)
@require_http_methods(["GET", "POST"])
def mail(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The ticket by mail: "Si" sends it, "No" goes on without. No address is ever required, none is kept."""
    service, charge = _charged(request, pk)
    if request.method == "POST" and request.POST.get("enviar") != "si":
        return HttpResponseRedirect(reverse("practice:copays"))
    form = MailForm(request.POST or None, initial={"email": service.patient_email})
    if request.method == "POST" and form.is_valid():
        try:
            _send(request, charge, form.cleaned_data["email"])
        except (MailRefused, BadHeaderError):
            form.add_error("email", "El servidor de correo no acepta esa dirección: revísela.")
        except MailUnavailable as error:
            log.warning("ticket_not_mailed", error=type(error).__name__)
            form.add_error(None, "El correo no salió en este momento. Entregue el ticket en papel, o intente de nuevo.")
        else:
            messages.success(request, "El ticket salió por correo.")
            return HttpResponseRedirect(reverse("practice:copays"))
    context = _base(request) | {"service": service, "charge": charge, "form": form}
    return render(request, "practice/copay_mail.html", context, status=422 if form.is_bound else 200)


def _send(request: StaffRequest, charge: Charge, address: str) -> None:
    """No network inside a transaction: the mail first, then who sent it."""
    organization = request.organization
    context = {
        "organization": organization,
        "way": invoicing_of(charge, code_of(charge)),
        "total": charge.total,
        "paid": charge.paid,
        "folio": charge.folio,
    }
    send(compose("practice/mails/ticket", context, to=address, reply_to=organization.support_email))
    record(
        organization_id=organization.pk, actor=request.user.email, action="charge.mail_ticket",
        subject=f"charge:{charge.pk}", now=timezone.now(),
    )  # fmt: skip


def _service(request: StaffRequest, pk: uuid.UUID) -> CareService:
    found = service_of(request.organization, pk)
    if found is None or found.state == CareService.State.VOID:
        raise Http404
    return found


def _charged(request: StaffRequest, pk: uuid.UUID) -> tuple[CareService, Charge]:
    """A service whose copay is at the register, with its charge."""
    service = _service(request, pk)
    if service.charge_id is None:
        raise Http404
    rows = Charge.objects.select_related("organization", "issuer", "created_by")
    charge = rows.filter(organization=request.organization, pk=service.charge_id, state=Charge.State.OPEN).first()
    if charge is None:
        raise Http404
    return service, charge


def _base(request: StaffRequest) -> dict[str, Any]:
    return {
        "organization": request.organization,
        "membership": request.membership,
        "section": "finanzas",
        "area": "cobros",
    }


_HERE = "consultorio/finanzas/cobros/"
addresses: list[URLPattern] = [
    path(_HERE, search, name="copays"),
    path(f"{_HERE}<uuid:pk>/pagar/", collect, name="collect"),
    path(f"{_HERE}<uuid:pk>/ticket/", ticket, name="copay_ticket"),
    path(f"{_HERE}<uuid:pk>/ticket.pdf", ticket_pdf, name="copay_ticket_pdf"),
    path(f"{_HERE}<uuid:pk>/imprimir/", print_again, name="copay_print"),
    path(f"{_HERE}<uuid:pk>/correo/", mail, name="copay_mail"),
]

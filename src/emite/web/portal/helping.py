""" "Solicitar ayuda": whoever holds a ticket that only the desk can invoice leaves how to reach them, and their data.

What the staff does with it lives in `desk.requests`. Nothing is issued here and no right is lost.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from emite.cfdi.rfc import Rfc, RfcInvalid
from emite.invoices import requests
from emite.invoices.models import PortalRequest
from emite.limits.counting import hit
from emite.web.portal import situation
from emite.web.portal.forms import DatosForm, rfc_problem
from emite.web.portal.guarding import network_of
from emite.web.portal.requesting import REFUSALS, refusals_of
from emite.web.portal.situation import Kind
from emite.web.portal.visit import Visit, visiting
from emite.web.portal.words import wait

LIMIT, PER = 5, dt.timedelta(hours=1)
LIMIT_NETWORK = 60
NOTE_LENGTH: Final = 200
_FISCAL: Final = ("rfc", "nombre", "domicilio_fiscal", "regimen_fiscal", "uso_cfdi")


class HelpForm(DatosForm):
    """A way to be reached; fiscal data only if they are at hand, and then as well written as anywhere."""

    phone = forms.CharField(
        label="Teléfono",
        required=False,
        max_length=20,
        help_text="A diez números.",
        error_messages={"max_length": "Escribe un solo teléfono, a diez números."},
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    note = forms.CharField(
        label="Algo más que debamos saber",
        required=False,
        max_length=NOTE_LENGTH,
        help_text="A lo más 200 letras. No escribas nada sobre tu salud: aquí no hace falta.",
        error_messages={"max_length": "Son demasiadas letras: deja a lo más 200."},
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, forma_pago=str, **kwargs)  # what it costs to deduct is not asked here
        for field in self.fields.values():
            field.required = False
        for name in ("llave", "ticket", "revisado"):
            del self.fields[name]
        self.fields["email"].help_text = "Ahí te escribimos y mandamos tu factura."
        self.fields["note"].widget.attrs.pop("maxlength", None)  # said, never cut
        self.fields["phone"].widget.attrs.pop("maxlength", None)

    def clean_rfc(self) -> str:  # type: ignore[override]
        typed = self.cleaned_data["rfc"]
        try:
            return str(Rfc.parse(typed)) if typed.strip() else ""
        except RfcInvalid as error:
            raise forms.ValidationError(rfc_problem(typed)) from error

    def clean_domicilio_fiscal(self) -> str:
        return super().clean_domicilio_fiscal() if self.cleaned_data["domicilio_fiscal"].strip() else ""

    def clean_phone(self) -> str:
        typed = str(self.cleaned_data["phone"]).strip()
        digits = re.sub(r"[\s().+-]", "", typed)
        if typed and not (digits.isascii() and digits.isdigit() and 10 <= len(digits) <= 13):
            raise forms.ValidationError("Un teléfono son diez números, por ejemplo 55 1234 5678.")
        return typed

    def clean_note(self) -> str:
        return " ".join(str(self.cleaned_data["note"]).split())

    def clean(self) -> dict[str, Any]:
        data = forms.Form.clean(self) or self.cleaned_data
        self.shorter_name = ""
        if not self.errors and not data.get("phone") and not data.get("email"):
            self.add_error("phone", "Déjanos un teléfono o un correo: si no, no sabríamos cómo avisarte.")
        return data

    @property
    def fiscal(self) -> dict[str, str]:
        """What was typed of the fiscal data."""
        return {name: self.cleaned_data[name] for name in _FISCAL if self.cleaned_data.get(name)}


@require_http_methods(["GET", "HEAD", "POST"])
@visiting
def help_page(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Ask the staff to finish it. Only where the portal cannot: elsewhere the person goes on by themselves."""
    why = why_closed(visit)
    if why is None:
        return HttpResponseRedirect(reverse("portal:charge", args=[visit.organization.slug]), status=303)
    posted = request.POST if request.method == "POST" else None
    form = HelpForm(posted, usos_offered=visit.organization.usos_offered, auto_id="%s")
    status = 200
    if posted is not None:
        status = 422
        if form.is_valid():
            refused = _too_often(request, visit)
            if not refused:
                return _asked(visit, form, why)
            form.add_error(None, refused)
            status = 429
    known = requests.open_request(visit.charge)
    context = {
        "organization": visit.organization,
        "charge": visit.charge,
        "step": 2,
        "in_visit": True,
        "form": form,
        "known": known,
    }
    return render(request, "portal/help.html", context, status=status)


def why_closed(visit: Visit) -> PortalRequest.Why | None:
    """Why only the staff can invoice this charge; None when the portal can, or when there is nothing to invoice."""
    found = situation.of(visit.charge, visit.live, visit.now)
    if found.kind is Kind.OPEN and refusals_of(visit.charge) >= REFUSALS:
        return PortalRequest.Why.REFUSED
    return _WHY.get(found.kind)


_WHY: Final = {
    Kind.EXPIRED: PortalRequest.Why.EXPIRED,
    Kind.OFF: PortalRequest.Why.OFF,
    Kind.IN_GLOBAL: PortalRequest.Why.IN_GLOBAL,
}


def _asked(visit: Visit, form: HelpForm, why: PortalRequest.Why) -> HttpResponse:
    data = form.cleaned_data
    requests.ask(
        visit.charge,
        why=why,
        receptor=form.fiscal,
        phone=data["phone"],
        email=data["email"],
        note=data["note"],
        now=visit.now,
    )
    return HttpResponseRedirect(reverse("portal:help", args=[visit.organization.slug]), status=303)


def _too_often(request: HttpRequest, visit: Visit) -> str:
    for scope, key, limit in (
        ("portal-help", str(visit.charge.pk), LIMIT),
        ("portal-help-place", network_of(request), LIMIT_NETWORK),
    ):
        verdict = hit(scope, key, limit=limit, per=PER, now=visit.now)
        if not verdict.allowed:
            again = wait(int(verdict.retry_after.total_seconds()))
            return f"Tu solicitud ya está anotada. Para cambiarla otra vez espera {again}, o llama a caja."
    return ""

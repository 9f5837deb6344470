""" "Configuración de mejoras": the portal's days, usos and manners, and what patients see. Only administrators."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from emite.cfdi import codes
from emite.organizations import enhancing, portal
from emite.organizations.enhancing import MAX_DAYS, MAX_HOURS, PLAIN, Logo
from emite.organizations.models import Organization
from emite.organizations.refusals import SetupRefused
from emite.web.access import Need, StaffRequest, staff
from emite.web.design.theme import palette
from emite.web.desk.logo import MAX_BYTES, LogoRefused, check_logo
from emite.web.setup.words import PORTAL_STATES


class EnhancementsForm(forms.Form):
    portal_days = forms.CharField(
        label="Días para facturar en línea",
        required=False,
        max_length=3,
        help_text="Días naturales después de emitir la remisión. 0: solo el mismo día. Vacío: el portal queda apagado.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "class": "short"}),
    )
    correction_hours = forms.CharField(
        label="Horas para corregir datos en el portal",
        required=False,
        max_length=3,
        help_text="Horas después de timbrada en que el paciente corrige sus datos sin pasar a caja, una vez y sin "
        "cambiar el RFC. Se hace otra factura y se pide cancelar la primera. Vacío: se corrige en caja.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "class": "short"}),
    )
    owed_accounts = forms.ChoiceField(
        label="Si la cuenta no está pagada por completo",
        choices=Organization.OwedAccounts.choices,
        help_text="Una factura se emite sobre lo pagado. En caja siempre se puede terminar de cobrar.",
    )
    late_road = forms.ChoiceField(
        label="Si piden factura de lo que ya está en la global",
        choices=Organization.LateRoad.choices,
        help_text="Con la segunda, si la global ya no se puede cancelar se hace con nota de crédito.",
    )
    anticipo_road = forms.ChoiceField(
        label="Cómo se factura una cuenta con anticipo",
        choices=Organization.AnticipoRoad.choices,
        help_text="El SAT admite las dos. Con la segunda hay un comprobante menos; lo que solo pagaron anticipos, "
        "o se factura a crédito, va siempre con la primera.",
    )
    usos_offered = forms.MultipleChoiceField(
        label="Usos de la factura que se ofrecen",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="En el portal y en caja. S01 sirve a cualquier régimen: con él nadie se queda sin factura.",
    )
    accent = forms.RegexField(
        r"^#[0-9a-fA-F]{6}$",
        label="Color",
        error_messages={"required": "Elija un color.", "invalid": "Escriba el color como #0b5c63."},
        widget=forms.TextInput(attrs={"type": "color", "class": "colour"}),
    )
    logo = forms.FileField(
        label="Logo",
        required=False,
        allow_empty_file=True,
        help_text=f"PNG o JPEG, hasta {MAX_BYTES // 1000} KB.",
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg", "data-max-bytes": MAX_BYTES}),
    )
    drop_logo = forms.BooleanField(label="Quitar el logo actual", required=False)
    portal_text = forms.CharField(
        label="Mensaje para el paciente",
        required=False,
        max_length=300,
        help_text="Sale en la primera página del portal, hasta 300 letras. Hable de tú.",
        error_messages={"max_length": "Use a lo más 300 letras."},
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    address = forms.CharField(label="Domicilio", required=False, max_length=200, help_text="Sale en el ticket.")
    support_phone = forms.CharField(label="Teléfono de ayuda", required=False, max_length=40)
    support_email = forms.EmailField(
        label="Correo de ayuda",
        required=False,
        error_messages={"invalid": "El correo no está completo: debe ser como caja@hospital.mx."},
    )
    support_hours = forms.CharField(label="Horario de caja", required=False, max_length=120)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["usos_offered"].choices = [  # type: ignore[attr-defined]
            (key, f"{key} · {codes.label('c_UsoCFDI', key)}") for key in enhancing.offerable_usos()
        ]
        self.logo_type = ""

    def clean_portal_days(self) -> int | None:
        typed = self.cleaned_data["portal_days"].strip()
        if not typed:
            return None
        if not re.fullmatch(r"[0-9]{1,3}", typed) or int(typed) > MAX_DAYS:
            raise forms.ValidationError(f"Escriba un número entero entre 0 y {MAX_DAYS}, o déjelo vacío.")
        return int(typed)

    def clean_correction_hours(self) -> int | None:
        typed = self.cleaned_data["correction_hours"].strip()
        if not typed:
            return None
        if not re.fullmatch(r"[0-9]{1,3}", typed) or not 1 <= int(typed) <= MAX_HOURS:
            raise forms.ValidationError(f"Escriba un número entero entre 1 y {MAX_HOURS}, o déjelo vacío.")
        return int(typed)

    def clean_logo(self) -> bytes | None:
        upload = self.cleaned_data["logo"]
        if upload is None:
            return None
        # One byte more than allowed is enough to refuse it without reading it all.
        data: bytes = upload.read(MAX_BYTES + 1)
        try:
            self.logo_type = check_logo(data)
        except LogoRefused as refused:
            raise forms.ValidationError(refused.message) from refused
        return data

    def values(self) -> dict[str, Any]:
        """As the organization keeps them: offering every uso is not narrowing anything."""
        offered = self.cleaned_data["usos_offered"]
        narrowed = None if set(offered) == set(enhancing.offerable_usos()) else offered
        return {**{name: self.cleaned_data[name] for name in PLAIN}, "usos_offered": narrowed}

    def new_logo(self) -> Logo | None:
        if self.cleaned_data["logo"] is not None:
            return Logo(self.cleaned_data["logo"], self.logo_type)
        return Logo(None) if self.cleaned_data["drop_logo"] else None


@staff(Need.ADMINISTER)
@require_http_methods(["GET", "POST"])
def enhancements(request: StaffRequest) -> HttpResponse:
    organization = request.organization
    initial = {name: getattr(organization, name) for name in PLAIN}
    initial["usos_offered"] = organization.usos_offered or enhancing.offerable_usos()
    bound = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    form = EnhancementsForm(*bound, initial=initial)
    if request.method == "POST" and form.is_valid() and _save(request, form):
        return HttpResponseRedirect(reverse("desk:enhancements"))
    accent = organization.accent.removeprefix("#").lower()
    shades = palette(accent)
    context = {
        "organization": organization,
        "membership": request.membership,
        "section": "mejoras",
        "form": form,
        "portal": PORTAL_STATES[portal.state_of(organization)],
        "has_logo": bool(organization.logo),
        "darkened": shades.text if shades.text != f"#{accent}" else "",
    }
    return render(request, "desk/enhancements.html", context, status=422 if form.is_bound else 200)


def _save(request: StaffRequest, form: EnhancementsForm) -> bool:
    try:
        changed = enhancing.change(
            request.organization, form.values(), logo=form.new_logo(), by=request.user, now=timezone.now()
        )
    except SetupRefused as refused:
        form.add_error(refused.field or None, refused.message)
        return False
    messages.success(request, "Cambios guardados." if changed else "No había cambios que guardar.")
    return True


@staff(Need.SEE)
@require_GET
def logo(request: StaffRequest) -> HttpResponse:
    """The organization's logo, for the pages of its staff."""
    if not request.organization.logo:
        raise Http404
    return HttpResponse(bytes(request.organization.logo), content_type=request.organization.logo_type)

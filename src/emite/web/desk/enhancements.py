""" "Configuración de mejoras": the portal's days and user, and what patients see. Only administrators; all audited."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from emite.accounts.models import User
from emite.audit import record
from emite.organizations.models import Membership, Organization
from emite.web.access import Need, StaffRequest, staff
from emite.web.desk.logo import MAX_BYTES, LogoRefused, check_logo

MAX_DAYS = 366
_PLAIN = ("portal_days", "accent", "address", "support_phone", "support_email", "support_hours")


class EnhancementsForm(forms.Form):
    portal_days = forms.CharField(
        label="Días para facturar en línea",
        required=False,
        max_length=3,
        help_text="Días naturales después de emitir la remisión. 0: solo el mismo día. Vacío: el portal queda apagado.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "class": "short"}),
    )
    portal_user = forms.ChoiceField(
        label="Usuario facturador del portal",
        required=False,
        help_text="Con su permiso se emiten las facturas del portal. Si lo pierde, el portal se apaga.",
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
    address = forms.CharField(label="Domicilio", required=False, max_length=200, help_text="Sale en el ticket.")
    support_phone = forms.CharField(label="Teléfono de ayuda", required=False, max_length=40)
    support_email = forms.EmailField(
        label="Correo de ayuda",
        required=False,
        error_messages={"invalid": "El correo no está completo: debe ser como caja@hospital.mx."},
    )
    support_hours = forms.CharField(label="Horario de caja", required=False, max_length=120)

    def __init__(self, data: Any = None, files: Any = None, *, organization: Organization, **kwargs: Any) -> None:
        super().__init__(data, files, **kwargs)
        issuing = Membership.objects.select_related("user").filter(organization=organization, can_issue=True)
        self.people = {str(row.user_id): row.user for row in issuing if row.user.is_active}
        self.fields["portal_user"].choices = [  # type: ignore[attr-defined]
            ("", "Nadie: el portal queda apagado"),
            *((pk, f"{user.name} ({user.email})") for pk, user in self.people.items()),
        ]
        self.logo_type = ""

    def clean_portal_days(self) -> int | None:
        typed = self.cleaned_data["portal_days"].strip()
        if not typed:
            return None
        if not re.fullmatch(r"[0-9]{1,3}", typed) or int(typed) > MAX_DAYS:
            raise forms.ValidationError(f"Escriba un número entero entre 0 y {MAX_DAYS}, o déjelo vacío.")
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

    def chosen_user(self) -> User | None:
        """Only after is_valid()."""
        return self.people.get(self.cleaned_data["portal_user"])


@staff(Need.ADMINISTER)
@require_http_methods(["GET", "POST"])
def enhancements(request: StaffRequest) -> HttpResponse:
    organization = request.organization
    initial = {name: getattr(organization, name) for name in _PLAIN} | {
        "portal_user": str(organization.portal_user_id or "")
    }
    bound = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    form = EnhancementsForm(*bound, organization=organization, initial=initial)
    if request.method == "POST" and form.is_valid():
        changed = _save(request, form)
        messages.success(request, "Cambios guardados." if changed else "No había cambios que guardar.")
        return HttpResponseRedirect(reverse("desk:enhancements"))
    context = {
        "organization": organization,
        "membership": request.membership,
        "section": "mejoras",
        "form": form,
        "portal_on": organization.portal_is_on(),
        "has_logo": bool(organization.logo),
    }
    return render(request, "desk/enhancements.html", context, status=422 if form.is_bound else 200)


def _save(request: StaffRequest, form: EnhancementsForm) -> bool:
    """Write what changed, with its audit event; False when nothing did."""
    with transaction.atomic():
        row = Organization.objects.select_for_update().get(pk=request.organization.pk)
        before = _said(row)
        for name in _PLAIN:
            setattr(row, name, form.cleaned_data[name])
        row.portal_user = form.chosen_user()
        if form.cleaned_data["logo"] is not None:
            row.logo, row.logo_type = form.cleaned_data["logo"], form.logo_type
        elif form.cleaned_data["drop_logo"]:
            row.logo, row.logo_type = None, ""
        after = _said(row)
        changed = sorted(name for name in after if after[name] != before[name])
        if changed:
            row.save()
            record(
                organization_id=row.pk,
                actor=request.user.email,
                action="organization.change",
                subject=f"organization:{row.pk}",
                before={name: before[name] for name in changed},
                after={name: after[name] for name in changed},
                now=timezone.now(),
            )
    return bool(changed)


def _said(row: Organization) -> dict[str, Any]:
    """What the audit keeps of the settings; of a logo, its fingerprint."""
    said = {name: getattr(row, name) for name in _PLAIN}
    said["portal_user"] = str(row.portal_user_id or "")
    said["logo"] = hashlib.sha256(bytes(row.logo)).hexdigest()[:16] if row.logo else ""
    return said


@staff(Need.SEE)
@require_GET
def logo(request: StaffRequest) -> HttpResponse:
    """The organization's logo, for the pages of its staff."""
    if not request.organization.logo:
        raise Http404
    return HttpResponse(bytes(request.organization.logo), content_type=request.organization.logo_type)

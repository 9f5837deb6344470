""" "Vínculo con el portal": the billing user proves who they are once, and the portal issues in their name.

Nothing of what is typed here is kept: the link is a row that says who and when.
"""

from __future__ import annotations

import datetime as dt

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from emite.accounts import second_step
from emite.accounts.second_step import TooManyAttempts
from emite.limits.counting import forget, hit
from emite.organizations import portal
from emite.organizations.models import PortalLink
from emite.organizations.refusals import SetupRefused
from emite.web.access import Need, StaffRequest, staff
from emite.web.setup.words import PORTAL_STATES

WRONG_PASSWORDS, WINDOW = 8, dt.timedelta(minutes=15)


class LinkForm(forms.Form):
    organization_id = forms.CharField(
        label="Id de la organización",
        max_length=36,
        help_text="El que se registra en el portal. Ya está escrito: revise que sea el de su hospital.",
        error_messages={"required": "Escriba el id de la organización."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label="Su contraseña",
        max_length=256,
        strip=False,
        help_text="Se comprueba ahora y no se guarda en el portal.",
        error_messages={"required": "Escriba su contraseña."},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    code = forms.CharField(
        label="Código de su aplicación",
        max_length=20,
        error_messages={"required": "Escriba el código de su aplicación."},
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}),
    )


@sensitive_post_parameters("password", "code")
@staff(Need.ISSUE, Need.ADMINISTER)
@require_http_methods(["GET", "POST"])
def link(request: StaffRequest) -> HttpResponse:
    organization, now = request.organization, timezone.now()
    form = LinkForm(
        request.POST if request.method == "POST" else None, initial={"organization_id": str(organization.pk)}
    )
    if not second_step.has(request.user):
        del form.fields["code"]
    if form.is_bound and form.is_valid() and _prove(request, form, now):
        try:
            portal.link(organization, user=request.user, now=now)
        except SetupRefused as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, "Vínculo hecho: el portal emite en su nombre.")
            return HttpResponseRedirect(reverse("setup:link"))
    state = portal.state_of(organization)
    links = PortalLink.objects.select_related("user", "revoked_by").filter(organization=organization)
    context = {
        "organization": organization,
        "membership": request.membership,
        "section": "vinculo",
        "zone": organization.zone,
        "form": form,
        "state": PORTAL_STATES[state],
        "live": portal.link_of(organization),
        "history": links.exclude(revoked_at=None).order_by("-linked_at")[:10],
        "activated": state.value in ("not_linked", "user_lost", "no_days", "on"),
        "may_issue": request.membership.may(Need.ISSUE),
    }
    return render(request, "setup/link.html", context, status=422 if form.is_bound else 200)


def _prove(request: StaffRequest, form: LinkForm, now: dt.datetime) -> bool:
    """The right organization, password and code; says what is wrong on the form."""
    user, data = request.user, form.cleaned_data
    if data["organization_id"].strip().lower() != str(request.organization.pk):
        form.add_error("organization_id", f"No es el id de {request.organization.name}: cópielo de esta página.")
        return False
    if not hit("link.password", str(user.pk), limit=WRONG_PASSWORDS, per=WINDOW, now=now).allowed:
        form.add_error("password", "Hubo demasiados intentos: espere unos minutos.")
        return False
    if not user.check_password(data["password"]):
        form.add_error("password", "La contraseña no es correcta.")
        return False
    forget("link.password", str(user.pk))
    try:
        if "code" in data and not second_step.check(user, data["code"], now=now):
            form.add_error("code", "El código no es correcto o ya se usó.")
            return False
    except TooManyAttempts:
        form.add_error("code", "Hubo demasiados intentos: espere unos minutos.")
        return False
    return True


@staff(Need.ISSUE, Need.ADMINISTER)
@require_POST
def revoke(request: StaffRequest) -> HttpResponse:
    try:
        ended = portal.revoke_link(request.organization, by=request.user, now=timezone.now())
    except SetupRefused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, "Vínculo quitado: el portal dejó de facturar." if ended else "Ya no había vínculo.")
    return HttpResponseRedirect(reverse("setup:link"))

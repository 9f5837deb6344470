"""Accept an invitation: choose a name and a password, or prove the account one has."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from emite.accounts.models import User
from emite.database import tenancy
from emite.limits.counting import hit, network
from emite.organizations import members
from emite.organizations.refusals import SetupRefused
from emite.web.client import address
from emite.web.login.passwords import PER_NETWORK, WINDOW, PasswordForm

_HELD = "invitation"


class JoinForm(PasswordForm):
    name = forms.CharField(
        label="Nombre completo",
        max_length=120,
        error_messages={"required": "Escriba su nombre.", "max_length": "Use a lo más 120 letras."},
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    field_order = ("name", "password")

    def __init__(self, *args: Any, has_account: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if has_account:
            del self.fields["name"]
            password = self.fields["password"]
            password.label, password.help_text = "Contraseña", "La de su cuenta, que ya tiene."
            password.widget.attrs["autocomplete"] = "current-password"


@never_cache
@require_safe
def invited(request: HttpRequest, token: str) -> HttpResponse:
    """The mail's address: remembered in the session, and out of the browser's bar at once."""
    request.session[_HELD] = token
    return HttpResponseRedirect(reverse("login:accept"))


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def accept(request: HttpRequest) -> HttpResponse:
    token, now = request.session.get(_HELD, ""), timezone.now()
    with tenancy.everybody():
        invitation = members.invitation_of(token, now=now) if token else None
        if invitation is None:
            return render(request, "login/link_over.html", {"what": "invitación"}, status=410)
        has_account = User.objects.filter(email=invitation.email).exists()
        form = JoinForm(request.POST if request.method == "POST" else None, has_account=has_account)
        if form.is_bound and form.is_valid() and _join(request, form, token):
            del request.session[_HELD]
            messages.success(request, f"Ya es parte de {invitation.organization.name}. Entre con su contraseña.")
            return HttpResponseRedirect(reverse("login:enter"))
    context = {"form": form, "invitation": invitation, "has_account": has_account}
    return render(request, "login/accept.html", context, status=422 if form.is_bound else 200)


def _join(request: HttpRequest, form: JoinForm, token: str) -> bool:
    now, data = timezone.now(), form.cleaned_data
    if not hit("join", network(address(request)), limit=PER_NETWORK, per=WINDOW, now=now).allowed:
        form.add_error(None, "Hubo demasiados intentos desde esta red. Espere una hora.")
        return False
    try:
        members.accept(token, name=data.get("name", ""), password=data["password"], now=now)
    except SetupRefused as refused:
        form.add_error(refused.field or None, refused.message)
        return False
    except ValidationError as error:
        form.add_error("password", error)
        return False
    return True

"""A forgotten password: ask for the link, set a new one. The answer never tells whether an address has an account."""

from __future__ import annotations

import datetime as dt
import uuid

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

from emite.accounts import passwords
from emite.database import tenancy
from emite.limits.counting import hit, network
from emite.web.client import address

PER_NETWORK, PER_PERSON, WINDOW = 20, 3, dt.timedelta(hours=1)
_HELD = "password_link"


class AskForm(forms.Form):
    email = forms.EmailField(
        label="Correo electrónico",
        max_length=254,
        error_messages={"required": "Escriba su correo.", "invalid": "El correo no está completo."},
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )


class PasswordForm(forms.Form):
    password = forms.CharField(
        label="Contraseña nueva",
        max_length=256,
        strip=False,
        help_text="Al menos 10 letras o números. Una frase corta es fácil de recordar.",
        error_messages={"required": "Escriba la contraseña nueva."},
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


@require_http_methods(["GET", "POST"])
def forgot(request: HttpRequest) -> HttpResponse:
    form = AskForm(request.POST if request.method == "POST" else None)
    if not form.is_bound or not form.is_valid():
        return render(request, "login/forgot.html", {"form": form}, status=422 if form.is_bound else 200)
    now, email = timezone.now(), form.cleaned_data["email"].lower()
    if not hit("reset.network", network(address(request)), limit=PER_NETWORK, per=WINDOW, now=now).allowed:
        form.add_error(None, "Hubo demasiadas solicitudes desde esta red. Espere una hora.")
        return render(request, "login/forgot.html", {"form": form}, status=429)
    if hit("reset.person", email, limit=PER_PERSON, per=WINDOW, now=now).allowed:
        with tenancy.everybody():
            passwords.ask_reset(email, now=now)
    return render(request, "login/forgot_sent.html", {"email": email})


@never_cache
@require_safe
def reset_link(request: HttpRequest, pk: uuid.UUID, token: str) -> HttpResponse:
    """The mail's address: remembered in the session, and out of the browser's bar at once."""
    request.session[_HELD] = [str(pk), token]
    return HttpResponseRedirect(reverse("login:reset_form"))


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def reset(request: HttpRequest) -> HttpResponse:
    held = request.session.get(_HELD)
    user = passwords.user_of(uuid.UUID(held[0]), held[1]) if held else None
    if user is None:
        return render(request, "login/link_over.html", {"what": "contraseña"}, status=410)
    form = PasswordForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            with tenancy.everybody():
                passwords.set_password(user, form.cleaned_data["password"], now=timezone.now())
        except ValidationError as error:
            form.add_error("password", error)
        else:
            del request.session[_HELD]
            messages.success(request, "Contraseña cambiada: entre con la nueva.")
            return HttpResponseRedirect(reverse("login:enter"))
    return render(request, "login/reset.html", {"form": form, "person": user}, status=422 if form.is_bound else 200)

"""Prove again who one is, and change one's password: both ask for the present one."""

from __future__ import annotations

import datetime as dt
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from emite.accounts import passwords, second_step, standing
from emite.accounts.models import User
from emite.database import tenancy
from emite.web import access
from emite.web.login.passwords import PasswordForm
from emite.web.login.second_step import CodeForm, tried
from emite.web.login.views import home_of, way_back

NOT_PRESENT = "No es su contraseña actual. Escríbala como al entrar."


def _present() -> forms.CharField:
    return forms.CharField(
        label="Contraseña actual",
        max_length=256,
        strip=False,
        error_messages={"required": "Escriba su contraseña actual."},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )


class ProveForm(CodeForm):
    present_password = _present()
    field_order = ("present_password", "code")

    def __init__(self, *args: Any, protected: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["code"].widget.attrs["autofocus"]
        if not protected:
            del self.fields["code"]


class ChangeForm(PasswordForm):
    present_password = _present()
    password_again = forms.CharField(
        label="Contraseña nueva, otra vez",
        max_length=256,
        strip=False,
        error_messages={"required": "Escriba otra vez la contraseña nueva."},
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    field_order = ("present_password", "password", "password_again")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "password" in data and "password_again" in data and data["password"] != data["password_again"]:
            self.add_error("password_again", "No es igual a la contraseña nueva. Escriba la misma en los dos lugares.")
        return data


@sensitive_post_parameters("present_password", "code")
@never_cache
@access.logged_in
@require_http_methods(["GET", "POST"])
def prove(request: HttpRequest) -> HttpResponse:
    """Before a factor changes: the password, and the code where there is one."""
    user, now, back, wait = cast(User, request.user), timezone.now(), way_back(request), False
    protected = second_step.has(user)
    form = ProveForm(request.POST if request.method == "POST" else None, protected=protected)
    if form.is_bound and form.is_valid():
        wait = tried(form, lambda typed: passwords.is_present(user, typed, now=now), "present_password", NOT_PRESENT)
        if protected and not form.errors:
            wait = tried(form, lambda typed: second_step.check(user, typed, now=now))
        if not form.errors:
            standing.prove(request.session, now=now)
            return HttpResponseRedirect(back or reverse("login:own_sessions"))
    context = {"form": form, "back": back, "home": home_of(user)}
    return render(request, "login/prove.html", context, status=_status(form, wait))


@sensitive_post_parameters("present_password", "password", "password_again")
@never_cache
@access.logged_in
@require_http_methods(["GET", "POST"])
def own_password(request: HttpRequest) -> HttpResponse:
    user, now, wait = cast(User, request.user), timezone.now(), False
    form = ChangeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        wait = tried(form, lambda typed: passwords.is_present(user, typed, now=now), "present_password", NOT_PRESENT)
        if not form.errors and _changed(request, form, now):
            messages.success(request, "Contraseña cambiada. Sus demás sesiones se cerraron.")
            return HttpResponseRedirect(reverse("login:own_sessions"))
    context = {"form": form, "home": home_of(user)}
    return render(request, "login/own_password.html", context, status=_status(form, wait))


def _changed(request: HttpRequest, form: ChangeForm, now: dt.datetime) -> bool:
    user = cast(User, request.user)
    try:
        with tenancy.everybody():
            passwords.change(user, form.cleaned_data["password"], keep=request.session.session_key, now=now)
    except ValidationError as error:
        form.add_error("password", error)
        return False
    before = request.session.session_key
    update_session_auth_hash(request, user)
    standing.moved(before, request.session)
    standing.prove(request.session, now=now)
    return True


def _status(form: forms.Form, wait: bool) -> int:
    if not form.is_bound:
        return 200
    return 429 if wait else 422

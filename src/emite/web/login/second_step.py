"""The pages of the second step: prove it when logging in, set it up, get new recovery codes.

Digits and limits belong to `accounts.second_step`; who must have one, to `web.access`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import cast

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from emite.accounts import second_step, standing
from emite.accounts.models import User
from emite.accounts.second_step import TooManyAttempts
from emite.audit import record
from emite.database import tenancy
from emite.typeset.qr import qr_svg
from emite.web import access
from emite.web.login.views import home_of, open_session, prove_second_step, way_back
from emite.web.login.waiting import stop_waiting, who_waits

WRONG = "El código no es correcto o ya se usó. Escriba el que muestra ahora su aplicación."


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Código",
        max_length=20,
        help_text="Los seis números de su aplicación, o uno de sus códigos de recuperación.",
        error_messages={"required": "Escriba el código.", "max_length": "El código tiene seis números."},
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}),
    )


@sensitive_post_parameters("code")
@never_cache
@require_http_methods(["GET", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """After the right password: the digits. 422 for wrong ones, 429 after too many."""
    now = timezone.now()
    waiting = who_waits(request, now)
    if waiting is None and request.user.is_authenticated:
        waiting = (request.user, way_back(request))
    if waiting is None:
        return HttpResponseRedirect(reverse("login:enter"))
    user, back = waiting
    form, status = CodeForm(request.POST if request.method == "POST" else None), 200
    if form.is_bound:
        status = 422
        if form.is_valid():
            wait = tried(form, lambda typed: second_step.check(user, typed, now=now))
            status = 429 if wait else 422
            if not form.errors:
                if request.user.is_authenticated:
                    return prove_second_step(request, user, back)
                stop_waiting(request)
                return open_session(request, user, back, proved=True)
    return render(request, "login/code.html", {"form": form, "back": back}, status=status)


@sensitive_post_parameters("code")
@never_cache
@access.logged_in
@access.proved_lately
@require_http_methods(["GET", "POST"])
def set_up(request: HttpRequest) -> HttpResponse:
    """The QR for the app and its first digits; then the recovery codes, this once."""
    user, now = cast(User, request.user), timezone.now()
    back = way_back(request)
    if second_step.has(user):
        return render(request, "login/second_step_on.html", {"back": back or home_of(user)})
    authenticator = second_step.start(user)
    form, status = CodeForm(request.POST if request.method == "POST" else None), 200
    form.fields["code"].help_text = "Los seis números que muestra su aplicación después de leer el QR."
    codes: list[str] = []

    def confirm(typed: str) -> bool:
        codes.extend(second_step.confirm(user, typed, now=now) or [])
        return bool(codes)

    if form.is_bound:
        status = 422
        if form.is_valid():
            wait = tried(form, confirm)
            status = 429 if wait else 422
            if codes:
                return _turned_on(request, user, codes, back, now)
    address = second_step.address(authenticator, user)
    context = {
        "form": form,
        "back": back,
        "qr": mark_safe(qr_svg(address)),  # our own drawing of our own address
        "secret": address.partition("secret=")[2].partition("&")[0],
        "forced": user.is_operator or any(held.may_administer() for held in access.memberships(user)),
    }
    return render(request, "login/second_step.html", context, status=status)


def _turned_on(request: HttpRequest, user: User, codes: list[str], back: str, now: dt.datetime) -> HttpResponse:
    """Sessions opened with the password alone end; this one has just proved itself."""
    User.objects.filter(pk=user.pk).update(session_version=F("session_version") + 1)
    user.refresh_from_db(fields=["session_version"])
    before = request.session.session_key
    update_session_auth_hash(request, user)
    standing.moved(before, request.session)
    request.session[access.PROVED] = True
    _audit(user, "second_step.set", now)
    return render(request, "login/recovery_codes.html", {"codes": codes, "back": back or home_of(user)})


@never_cache
@access.logged_in
@require_POST
@access.proved_lately
def new_codes(request: HttpRequest) -> HttpResponse:
    """Ten fresh recovery codes for somebody past their second step."""
    user = cast(User, request.user)
    if not (request.session.get(access.PROVED) and second_step.has(user)):
        messages.error(request, "Primero entre con su segundo paso.")
        return HttpResponseRedirect(reverse("login:second_step"))
    codes = second_step.new_recovery_codes(user)
    _audit(user, "second_step.codes", timezone.now())
    return render(request, "login/recovery_codes.html", {"codes": codes, "back": home_of(user)})


def tried(form: forms.Form, check: Callable[[str], bool], field: str = "code", wrong: str = WRONG) -> bool:
    """Look at what was typed and say what is wrong with it on the form; True when one has to wait."""
    try:
        if not check(form.cleaned_data[field]):
            form.add_error(field, wrong)
    except TooManyAttempts as error:
        minutes = max(1, -int(-error.wait.total_seconds() // 60))
        form.add_error(field, f"Hubo demasiados intentos. Espere {minutes} min y vuelva a intentar.")
        return True
    return False


def _audit(user: User, action: str, now: dt.datetime) -> None:
    with tenancy.everybody():
        record(organization_id=None, actor=user.email, action=action, subject=f"user:{user.pk}", now=now)

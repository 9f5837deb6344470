"""Log in with e-mail and password, choose the organization, log out.

The answer to a wrong e-mail, a wrong password and a closed account is the same, and takes the same work.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import structlog
from django import forms
from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emite.accounts import second_step, standing
from emite.accounts.models import User
from emite.limits.counting import forget, hit, network, peek
from emite.web import access
from emite.web.client import address
from emite.web.login.waiting import wait_for_code

log = structlog.get_logger(__name__)

#: Failures, not attempts: the whole desk logs in from one address every morning.
PER_PERSON, PER_NETWORK = 8, 40
WINDOW = dt.timedelta(minutes=15)
REFUSED = "El correo o la contraseña no son correctos."


class LogInForm(forms.Form):
    email = forms.CharField(
        label="Correo electrónico",
        max_length=254,
        error_messages={"required": "Escriba su correo."},
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True, "spellcheck": "false"}),
    )
    password = forms.CharField(
        label="Contraseña",
        max_length=256,
        strip=False,
        error_messages={"required": "Escriba su contraseña."},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def enter(request: HttpRequest) -> HttpResponse:
    """The form, and what it posts. 422 for a wrong pair, 429 when there were too many."""
    back = way_back(request)
    if request.method == "GET":
        if request.user.is_authenticated:
            return HttpResponseRedirect(back or home_of(request.user))
        return render(request, "login/enter.html", {"form": LogInForm(), "back": back})
    form, status = LogInForm(request.POST), 422
    if form.is_valid():
        now = timezone.now()
        keys = _keys(request, form.cleaned_data["email"])
        wait = _wait(keys, now)
        if wait:
            form.add_error(None, f"Hubo demasiados intentos. Espere {wait} y vuelva a intentar.")
            status = 429
        else:
            user = _check(request, form, keys, now)
            if user is not None and second_step.has(user):
                return wait_for_code(request, user, back, now)
            if user is not None:
                return open_session(request, user, back, proved=False)
    return render(request, "login/enter.html", {"form": form, "back": back}, status=status)


def open_session(request: HttpRequest, user: User, back: str, *, proved: bool) -> HttpResponse:
    """Log in and go on. proved: the second step was asked and answered."""
    login(request, user)
    request.session[access.PROVED] = proved
    log.info("logged_in", user=str(user.pk), second_step=proved)
    return HttpResponseRedirect(back or home_of(user))


def prove_second_step(request: HttpRequest, user: User, back: str) -> HttpResponse:
    """Go on in the session that is open: its hours and what was proved with the password stay as they were."""
    before = request.session.session_key
    request.session.cycle_key()
    standing.moved(before, request.session)
    request.session[access.PROVED] = True
    log.info("second_step_proved", user=str(user.pk))
    return HttpResponseRedirect(back or home_of(user))


def home_of(user: User) -> str:
    """Support without an organization of its own starts among its requests, everybody else where their kind does.

    Whoever belongs to several starts at the desk, which asks for one when none is chosen yet.
    """
    held = access.memberships(user)
    if not held:
        return reverse("support:home" if user.is_operator else "desk:home")
    return access.home_of(held[0].organization) if len(held) == 1 else reverse("desk:home")


def _check(request: HttpRequest, form: LogInForm, keys: dict[str, str], now: dt.datetime) -> User | None:
    """The person, or None after counting the failure. A missing account costs a hash like any other."""
    email = form.cleaned_data["email"].strip().lower()
    user = authenticate(request, username=email, password=form.cleaned_data["password"])
    if user is None:
        hit("login.person", keys["person"], limit=PER_PERSON, per=WINDOW, now=now)
        hit("login.network", keys["network"], limit=PER_NETWORK, per=WINDOW, now=now)
        log.warning("log_in_refused")
        form.add_error(None, REFUSED)
        return None
    forget("login.person", keys["person"])
    return user


def _keys(request: HttpRequest, email: str) -> dict[str, str]:
    """A person is counted per network: nobody can lock a colleague out from elsewhere."""
    where = network(address(request))
    return {"person": f"{email.strip().lower()} {where}", "network": where}


def _wait(keys: dict[str, str], now: dt.datetime) -> str:
    """How long until one may try again, in words; empty when one may."""
    verdicts = (
        peek("login.person", keys["person"], limit=PER_PERSON, per=WINDOW, now=now),
        peek("login.network", keys["network"], limit=PER_NETWORK, per=WINDOW, now=now),
    )
    if all(verdict.allowed for verdict in verdicts):
        return ""
    seconds = max(verdict.retry_after for verdict in verdicts).total_seconds()
    minutes = max(1, -int(-seconds // 60))
    return "un minuto" if minutes == 1 else f"{minutes} minutos"


@require_http_methods(["GET", "POST"])
def choose(request: HttpRequest) -> HttpResponse:
    """Which organization to work in, for people with several."""
    if not request.user.is_authenticated:
        return HttpResponseRedirect(reverse("login:enter"))
    back = way_back(request)
    context: dict[str, Any] = {"memberships": access.memberships(request.user), "back": back}
    if request.method == "POST":
        try:
            asked = uuid.UUID(request.POST.get("organizacion", ""))
        except ValueError:
            asked = uuid.UUID(int=0)
        if access.choose(request, asked):
            chosen = next(each.organization for each in context["memberships"] if each.organization_id == asked)
            at_desk = not back or back == reverse("desk:home")
            return HttpResponseRedirect(access.home_of(chosen) if at_desk else back)
        return render(request, "login/choose.html", context | {"error": "Elija una de sus organizaciones."}, status=422)
    return render(request, "login/choose.html", context)


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """End the session on the server too."""
    logout(request)
    return HttpResponseRedirect(reverse("login:left"))


@require_GET
def left(request: HttpRequest) -> HttpResponse:
    return render(request, "login/left.html")


def way_back(request: HttpRequest) -> str:
    """Where the person was going, if that is a page of ours."""
    asked = request.POST.get("siguiente") or request.GET.get("siguiente", "")
    same = url_has_allowed_host_and_scheme(asked, allowed_hosts=None, require_https=request.is_secure())
    return asked if same and asked.startswith("/") else ""

"""One's own open sessions: seen, and ended from here. What counts as open belongs to `accounts.standing`."""

from __future__ import annotations

import uuid
from typing import cast

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from emite.accounts import second_step, standing
from emite.accounts.models import User
from emite.database import tenancy
from emite.web import access
from emite.web.login.views import home_of


@never_cache
@access.logged_in
@require_http_methods(["GET", "POST"])
def own_sessions(request: HttpRequest) -> HttpResponse:
    user, this, now = cast(User, request.user), request.session.session_key, timezone.now()
    if request.method == "POST":
        with tenancy.everybody():
            messages.success(request, _close(request, user))
        return HttpResponseRedirect(reverse("login:own_sessions"))
    context = {
        "sessions": standing.open_sessions(user, this, now=now),
        "protected": second_step.has(user),
        "home": home_of(user),
        "idle": settings.EMITE_SESSION_IDLE,
        "hours": settings.SESSION_COOKIE_AGE // 3600,
        "zone": timezone.get_default_timezone(),
    }
    return render(request, "login/own_sessions.html", context)


def _close(request: HttpRequest, user: User) -> str:
    """What was done, in words. One that is no more is as closed as it can be."""
    this, now = request.session.session_key, timezone.now()
    if "demas" in request.POST:
        count = standing.close_others(user, this, now=now)
        return "Se cerró una sesión." if count == 1 else f"Se cerraron {count} sesiones."
    try:
        asked = uuid.UUID(request.POST.get("sesion", ""))
    except ValueError:
        return "Esa sesión ya estaba cerrada."
    closed = standing.close(user, asked, now=now)
    return "Sesión cerrada." if closed else "Esa sesión ya estaba cerrada."

"""Between the password and the second step: who may go on, for how long, and to where. Nobody is logged in yet."""

from __future__ import annotations

import datetime as dt
import uuid

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from emite.accounts.models import User

PATIENCE = dt.timedelta(minutes=10)
_KEY = "waiting_for_code"


def wait_for_code(request: HttpRequest, user: User, back: str, now: dt.datetime) -> HttpResponse:
    """The password was right: ask for the code."""
    request.session.cycle_key()
    request.session[_KEY] = {"user": str(user.pk), "version": user.session_version, "back": back, "at": now.timestamp()}
    return HttpResponseRedirect(reverse("login:code"))


def who_waits(request: HttpRequest, now: dt.datetime) -> tuple[User, str] | None:
    """The person and where they were going; None when nobody waits, or it took too long."""
    held = request.session.get(_KEY)
    if not held or now.timestamp() - held["at"] > PATIENCE.total_seconds():
        return None
    user = User.objects.filter(pk=uuid.UUID(held["user"]), is_active=True, session_version=held["version"]).first()
    return (user, held["back"]) if user else None


def stop_waiting(request: HttpRequest) -> None:
    request.session.pop(_KEY, None)

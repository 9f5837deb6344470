"""Between the password and the second step: who may go on, for how long, and to where. Nobody is logged in yet."""

from __future__ import annotations

import datetime as dt
import uuid

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from emite.accounts.models import User

PATIENCE = dt.timedelta(minutes=10)
_KEY = "waiting_for_code"


def wait_for_code(request: HttpRequest, user: User, back: str, now: dt.datetime) -> HttpResponse:
    """The password was right: ask for the code."""
    request.session.cycle_key()
    mark = user.get_session_auth_hash()
    request.session[_KEY] = {"user": str(user.pk), "mark": mark, "back": back, "at": now.timestamp()}
    return HttpResponseRedirect(reverse("login:code"))


def who_waits(request: HttpRequest, now: dt.datetime) -> tuple[User, str] | None:
    """The person and where they were going; None when nobody waits, it took too long or the password changed."""
    held = request.session.get(_KEY)
    if not held or "mark" not in held or now.timestamp() - held["at"] > PATIENCE.total_seconds():
        return None
    user = User.objects.filter(pk=uuid.UUID(held["user"]), is_active=True).first()
    if user is None or not constant_time_compare(held["mark"], user.get_session_auth_hash()):
        return None
    return user, held["back"]


def stop_waiting(request: HttpRequest) -> None:
    request.session.pop(_KEY, None)

"""Who is asking, while their session stands; and why it does not any more. Read late: a patient's page asks nothing."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, get_user
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from emite.accounts import standing
from emite.accounts.standing import Over
from emite.database import standby

_SAID: Final = "session_over_said"


class StayingMiddleware(AuthenticationMiddleware):
    """Django's, which also ends the session of whoever has not used it, or logged in too long ago."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _user(request))  # type: ignore[assignment] # as Django's own does


def explain(request: HttpRequest) -> None:
    """On the way to log in: say why, when the browser still carried a session; and that a form was not kept."""
    carried = settings.SESSION_COOKIE_NAME in request.COOKIES and request.session.session_key is None
    if carried and not hasattr(request, _SAID):
        messages.info(
            request, "Su sesión ya no está abierta: pasó su tiempo, se cerró desde otro equipo o cambió su acceso."
        )
    if carried and request.method == "POST":
        messages.warning(request, "Lo último que envió no se guardó. Al entrar vuelve a la página donde estaba.")


def _user(request: HttpRequest) -> Any:
    session, now = request.session, timezone.now()
    if SESSION_KEY not in session:
        return AnonymousUser()
    why = standing.over(session, now)
    if why is not None and standby.is_reading(connection):
        # Nothing can be ended, nor was its use: who is in goes on looking, until its hours are over.
        return get_user(request) if why is Over.IDLE else AnonymousUser()
    if why is not None:
        session.flush()
        setattr(request, _SAID, True)
        messages.info(request, _words(why), fail_silently=True)
        return AnonymousUser()
    key = session.session_key
    user = get_user(request)
    if user.is_authenticated:
        standing.use(session, now=now)
        if session.session_key != key:  # signed with a key that is being replaced
            standing.moved(key, session)
    return user


def _words(why: Over) -> str:
    if why is Over.IDLE:
        return f"Su sesión terminó porque pasaron {settings.EMITE_SESSION_IDLE} minutos sin usarla. Entre otra vez."
    hours = settings.SESSION_COOKIE_AGE // 3600
    return f"Su sesión terminó: dura a lo más {hours} horas desde que entra. Entre otra vez."

"""The pages of what went wrong: 400, 403, 404, 405, 500, the database away (503), a form that grew old.

They touch no database and need no session, so that they work when nothing else does.
"""

from __future__ import annotations

import sys

import structlog
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string

from emite.database import standby

log = structlog.get_logger(__name__)

#: Parts of the names of what is never offered again by a page that lets people resend what they typed.
SECRET_FIELDS = ("csrfmiddlewaretoken", "password", "contrasena", "key_password")
RETRY_SECONDS = 20
READING_SECONDS = 120


def page(request: HttpRequest, status: int, title: str, advice: str, *, resend: bool = False) -> HttpResponse:
    """A page of error. `resend` offers what was typed again, one button away, kept in the page itself."""
    typed = _typed(request) if resend else None
    context = {
        "status": status,
        "heading": title,
        "advice": advice,
        "reference": getattr(request, "reference", ""),
        "organization": getattr(request, "organization", None),
        "home": _home(request),
        "address": request.path,
        "typed": typed,
        "csrf_token": get_token(request) if typed is not None else None,
        "by_get": request.method == "GET" and resend,
    }
    response = HttpResponse(render_to_string("errors/page.html", context), status=status)
    # Django would log the path, and some paths carry a code: the reference is enough.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page(request, 400, "No entendimos la solicitud", "Vuelve a empezar desde el enlace de tu ticket.")


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page(
        request, 403, "Esta página no es para su usuario", "Si la necesita, pida el permiso a quien administra."
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return page(
        request,
        404,
        "Esta página no existe",
        "Revisa que la dirección sea la que viene en tu ticket, letra por letra.",
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 when it was the database that did not answer or that only lets itself be read."""
    error = sys.exc_info()[1]
    if isinstance(error, (OperationalError, InterfaceError)):
        log.error("database_away", exc_info=error)
        response = page(
            request,
            503,
            "Estamos fuera de línea por un momento",
            "Tu cargo y tu derecho a facturarlo siguen igual. "
            + ("Lo que escribiste está en esta página: espera unos segundos y vuelve a enviarlo."
               if request.method == "POST" else "Espera unos segundos y vuelve a intentarlo."),
            resend=True,
        )  # fmt: skip
        response["Retry-After"] = str(RETRY_SECONDS)
        return response
    if standby.refused_to_write(error):
        return _only_reading(request)
    log.error("unexpected", exc_info=error)
    return page(
        request,
        500,
        "Algo falló de nuestro lado",
        "No se perdió nada. Inténtalo de nuevo; si vuelve a pasar, da este número de referencia en caja.",
        resend=True,
    )


def _only_reading(request: HttpRequest) -> HttpResponse:
    """What would have been written was not, and can be sent again from the page."""
    log.warning("only_reading", method=request.method)
    response = page(
        request,
        503,
        "Por ahora solo se puede consultar",
        "Estamos en mantenimiento y nada se guarda ni se timbra. Tu cargo y tu derecho a facturarlo siguen igual. "
        + ("Lo que escribiste está en esta página: vuelve a enviarlo en unos minutos."
           if request.method == "POST" else "Vuelve a intentarlo en unos minutos."),
        resend=True,
    )  # fmt: skip
    response["Retry-After"] = str(READING_SECONDS)
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without its token: an old page, or a browser without cookies. From our own page it can be sent again."""
    log.info("form_token_refused", reason=reason)
    if not request.COOKIES:
        return page(
            request,
            403,
            "Tu navegador no guarda cookies",
            "Las necesitamos solo mientras haces tu factura. Actívalas para este sitio, o pide tu factura en caja.",
        )
    return page(
        request,
        403,
        "Esta página estuvo abierta mucho tiempo",
        "Por seguridad hay que confirmar el envío. Lo que escribiste sigue aquí."
        if _is_from_here(request)
        else "Vuelve a abrir la página y envíala de nuevo.",
        resend=_is_from_here(request),
    )


def _is_from_here(request: HttpRequest) -> bool:
    """A foreign site must not get a page whose button sends its form for it."""
    return request.headers.get("Origin", "") == f"{request.scheme}://{request.get_host()}"


def _typed(request: HttpRequest) -> list[tuple[str, str]] | None:
    if request.method != "POST":
        return None
    return [(name, value) for name, values in request.POST.lists() if not _is_secret(request, name) for value in values]


def _is_secret(request: HttpRequest, name: str) -> bool:
    """A code is one only where people prove who they are: elsewhere it is a price's or a service's."""
    match = request.resolver_match
    proving = match is not None and (match.app_name == "login" or match.view_name == "setup:link")
    return any(secret in name.lower() for secret in SECRET_FIELDS) or (proving and name == "code")


def _home(request: HttpRequest) -> str:
    """Where a lost person starts again: the portal of the address they were at, or the front."""
    parts = request.path.split("/")
    home = ""
    if len(parts) > 2 and parts[1] in ("f", "q") and parts[2]:
        home = f"/f/{parts[2]}/"
    elif len(parts) > 1 and parts[1] == "caja":
        home = "/caja/"
    return home if home != request.path else ""

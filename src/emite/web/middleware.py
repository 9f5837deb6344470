"""What every answer carries: a reference, the headers of safety, "keep nothing" unless the page says otherwise.

Exceptions of the domain become pages in `errors`; nothing here reads the database.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from functools import cache

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from emite.database import tenancy
from emite.web.errors import mapping

Answer = Callable[[HttpRequest], HttpResponseBase]

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_REFERENCE = re.compile(r"[0-9A-Za-z-]{4,64}")
PERMISSIONS = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
    "microphone=(), midi=(), payment=(), usb=()"
)


class ReferenceMiddleware:
    """Gives the request a short reference that people can dictate; logs and error pages carry the same one."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "") if settings.EMITE_TRUST_PROXY else ""
        reference = given if _REFERENCE.fullmatch(given) else new_reference()
        request.reference = reference  # type: ignore[attr-defined]
        structlog.contextvars.bind_contextvars(request=reference)
        try:
            response = self.get_response(request)
        finally:
            structlog.contextvars.unbind_contextvars("request")
        response["X-Request-ID"] = reference
        return response


class TenancyMiddleware:
    """A request sees no organization's rows until something enters one (`emite.database.tenancy`)."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with tenancy.nobody():
            response = self.get_response(request)
            if isinstance(response, StreamingHttpResponse):
                response.streaming_content = tenancy.carried(iter(response))
        return response


class HeadersMiddleware:
    """Content-Security-Policy from SECURE_CSP (Django 6's setting), Permissions-Policy, and no-store by default."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.setdefault("Content-Security-Policy", content_security_policy())
        response.setdefault("Permissions-Policy", PERMISSIONS)
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if not response.has_header("Cache-Control"):
            # Fiscal data stays on no shared phone: neither in its cache nor in a proxy's.
            response["Cache-Control"] = "no-store"
            response.setdefault("X-Robots-Tag", "noindex, nofollow")
        return response


class ErrorsMiddleware:
    """Turns the exceptions that `errors.mapping` knows into their page."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return mapping.answer(request, exception)


def new_reference() -> str:
    """Eight symbols that are hard to confuse when dictated."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


@cache
def content_security_policy() -> str:
    """The header's text."""
    return "; ".join(f"{directive} {' '.join(sources)}" for directive, sources in settings.SECURE_CSP.items())

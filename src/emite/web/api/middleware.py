"""Whatever goes wrong under /api before or beside an operation (unknown address, method, size) is a problem too."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from emite.web.api.problems import MEDIA_TYPE, answer, of_status

PREFIX = "/api/"


class ProblemsMiddleware:
    """Turns the pages of error that Django would give to people into problem details."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not request.path.startswith(PREFIX) or response.status_code < 400:
            return response
        if response.headers.get("Content-Type", "").startswith(MEDIA_TYPE):
            return response
        problem = answer(request, of_status(response.status_code))
        problem.status_code = response.status_code
        for name in ("Allow", "Retry-After"):
            if name in response.headers:
                problem[name] = response.headers[name]
        return problem

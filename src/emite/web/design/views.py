"""The files that every page needs: static files and the sheet of colours. They read no database."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from emite.web.design.assets import asset, split
from emite.web.design.theme import palette

FOR_EVER = "public, max-age=31536000, immutable"


@require_safe
def static_file(request: HttpRequest, path: str) -> HttpResponse:
    """A static file: for ever under its hashed name, with a question each time under any other."""
    name, digest = split(path)
    found = asset(name) or asset(path)
    if found is None:
        raise Http404(path)
    etag = f'"{found.digest}"'
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified()
    zipped = found.zipped is not None and "gzip" in request.headers.get("Accept-Encoding", "")
    response = HttpResponse(found.zipped if zipped else found.body, content_type=found.content_type)
    if zipped:
        response["Content-Encoding"] = "gzip"
    patch_vary_headers(response, ["Accept-Encoding"])
    response["ETag"] = etag
    response["Cache-Control"] = FOR_EVER if digest == found.digest else "no-cache"
    return response


@require_safe
def theme(request: HttpRequest, colour: str) -> HttpResponse:
    """The sheet with the shades of one colour; the colour is the whole address, so it never changes."""
    response = HttpResponse(palette(colour).css(), content_type="text/css; charset=utf-8")
    response["Cache-Control"] = FOR_EVER
    return response

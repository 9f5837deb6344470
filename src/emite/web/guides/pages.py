"""The guides of docs/guia inside the application: the same files, drawn as pages."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from emite.web.guides.drawing import draw, title_of

#: A link to docs/guia, so that a package carries them too.
TEXTS: Final = Path(__file__).parent / "texts"
#: In the order in which they are needed; others of the folder come after.
FIRST: Final = ("puesta-en-marcha", "caja", "paciente", "despues-de-facturar", "cierre-de-mes", "integracion")


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return render(request, "guides/index.html", {"guides": guides()})


@require_safe
def guide(request: HttpRequest, name: str) -> HttpResponse:
    found = dict(guides())
    if name not in found:
        raise Http404
    context = {"guides": guides(), "name": name, "title": found[name], "body": _body(name)}
    return render(request, "guides/guide.html", context)


@require_safe
def picture(request: HttpRequest, name: str) -> FileResponse:
    path = TEXTS / "img" / f"{name}.webp"
    if not path.is_file():
        raise Http404
    response = FileResponse(path.open("rb"), content_type="image/webp")
    response["Cache-Control"] = "public, max-age=86400"
    return response


@cache
def guides() -> tuple[tuple[str, str], ...]:
    """Name in the address and title of each guide that there is."""
    names = sorted(path.stem for path in TEXTS.glob("*.md"))
    names.sort(key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))
    return tuple((name, title_of((TEXTS / f"{name}.md").read_text(encoding="utf-8"))) for name in names)


@cache
def _body(name: str) -> SafeString:
    return draw((TEXTS / f"{name}.md").read_text(encoding="utf-8"))

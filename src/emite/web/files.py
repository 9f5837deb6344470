"""A file as the answer to a request, under the name it is kept by."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpResponse, StreamingHttpResponse


def attachment(content: bytes | str, content_type: str, name: str) -> HttpResponse:
    return HttpResponse(content, content_type=content_type, headers=_kept_as(name))


def streamed(pieces: Iterable[bytes] | Iterable[str], content_type: str, name: str) -> StreamingHttpResponse:
    """The same while it is made: nothing holds it whole."""
    return StreamingHttpResponse(pieces, content_type=content_type, headers=_kept_as(name))


def _kept_as(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}

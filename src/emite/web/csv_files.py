"""A CSV file that somebody sends: refused by its length before anything of it is parsed or written to disk."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from emite.chargemaster.tables import MOST_BYTES, MOST_ROWS
from emite.web.errors.pages import page
from emite.web.files import attachment

#: Rows with errors that one page tells; the file of errors has all of them.
SHOWN = 50
#: What a form weighs beside its file.
_REST = 20_000


class FileForm(forms.Form):
    archivo = forms.FileField(
        label="Archivo CSV",
        error_messages={"required": "Elija el archivo CSV.", "empty": "El archivo está vacío: elija otro."},
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv", "data-max-bytes": MOST_BYTES}),
    )

    def __init__(self, *args: Any, most: int = MOST_ROWS, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["archivo"].help_text = f"Hasta {most:,} renglones y {MOST_BYTES // 2**20} MB."


def light(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A view that takes a file of at most MOST_BYTES; what is heavier is answered before its form is read."""
    protected = csrf_protect(view)

    @csrf_exempt  # checked by `protected`, once the size is known to be small
    @wraps(view)
    def weighed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) > MOST_BYTES + _REST:
            return page(
                request,
                413,
                "El archivo es demasiado grande",
                f"Un archivo pesa a lo más {MOST_BYTES // 2**20} MB. Regrese, quite hojas y columnas que no sean de "
                "la plantilla, o divídalo en varios.",
            )
        return protected(request, *args, **kwargs)

    return weighed


def csv_answer(text: str, name: str) -> HttpResponse:
    return attachment(text, "text/csv; charset=utf-8", name)

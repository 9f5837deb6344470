"""A CSV file of another system in the practice: looked at first, then all of it or nothing. What the rows are, and
their words, is said by each page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Generic, Protocol, TypeVar

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from emite.care.rendering import ServiceRefused
from emite.care.sheet import Row
from emite.chargemaster.tables import TableRefused
from emite.web.csv_files import SHOWN, FileForm, csv_answer
from emite.web.practice.access import StaffRequest
from emite.web.practice.settings import context_of


class Reading(Protocol):
    """A file as it was understood."""

    @property
    def rows(self) -> Sequence[Row]: ...

    @property
    def wrong(self) -> Sequence[Row]: ...


Read = TypeVar("Read", bound=Reading)


@dataclass(frozen=True, slots=True)
class Import(Generic[Read]):
    """What one page takes. `write` stores what a reading has of new and says how many; `plural` is what they are,
    `done` what is said of those written, `to` where they are seen."""

    page: str
    section: str
    tab: str
    here: str
    to: str
    plural: str
    done: str
    most: int
    needed: Sequence[str]
    template: Sequence[str]
    understand: Callable[..., Read]
    errors: Callable[[Read], str]
    write: Callable[[StaffRequest, Read, dt.datetime], int]

    def answer(self, request: StaffRequest) -> HttpResponse:
        if request.method == "GET":
            return self._page(request, FileForm(most=self.most))
        form, now = FileForm(request.POST, request.FILES, most=self.most), timezone.now()
        if not form.is_valid():
            return self._page(request, form, status=422)
        try:
            file: BinaryIO = form.cleaned_data["archivo"].file
            reading = self.understand(file, request.organization, user=request.user, now=now)
        except TableRefused as refused:
            form.add_error("archivo", str(refused))
            return self._page(request, form, status=422)
        action = request.POST.get("accion", "")
        if action == "errores":
            return csv_answer(self.errors(reading), f"{self.plural}-con-errores.csv")
        if not reading.rows:
            form.add_error("archivo", "El archivo no tiene renglones debajo de los nombres de las columnas.")
        if reading.wrong or not reading.rows or action != "importar":
            return self._page(request, form, reading=reading, status=422 if reading.wrong or form.errors else 200)
        try:
            written = self.write(request, reading, now)
        except ServiceRefused as refused:
            form.add_error("archivo", refused.message)
            return self._page(request, form, status=422)
        return self._said(request, written, len(reading.rows) - written)

    def _said(self, request: StaffRequest, written: int, known: int) -> HttpResponse:
        if not written:
            messages.success(request, "Todo lo del archivo ya estaba: no cambió nada.")
            return HttpResponseRedirect(reverse(self.here))
        also = f" Ya estaban y quedaron igual: {known}." if known else ""
        messages.success(request, f"{self.done}: {written}.{also}")
        return HttpResponseRedirect(reverse(self.to))

    def _page(
        self, request: StaffRequest, form: FileForm, *, reading: Read | None = None, status: int = 200
    ) -> HttpResponse:
        context: dict[str, Any] = context_of(
            request, self.tab, section=self.section, form=form, needed=self.needed, reading=reading,
            optional=[name for name in self.template if name not in self.needed],
            wrong=reading.wrong[:SHOWN] if reading else [],
        )  # fmt: skip
        return render(request, self.page, context, status=status)

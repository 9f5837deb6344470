""" "Cancelaciones por aceptar": what others ask to cancel of what we received, for desk and practice.

What may be answered is decided in `cancellations.answering`; each audience hangs these views in its own shell.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emite.cancellations import answering, received
from emite.cancellations.answering import CannotAnswer
from emite.cancellations.models import AnswerAcuse, PendingList, ReceivedCancellation
from emite.cfdi import plazos
from emite.cfdi.respuesta import Respuesta
from emite.cfdi.zones import zone_of
from emite.documents.models import FiscalDocument
from emite.web.access import Need, StaffRequest, View
from emite.web.complements import Page, Place, hung
from emite.web.files import attachment

#: Ended ones that the list still shows.
ENDED: Final = 20
State = ReceivedCancellation.State
_TONES: Final = {State.ANSWERING: "accent", State.ACCEPTED: "good", State.REJECTED: "good", State.EXPIRED: "cost"}


class AnswerForm(forms.Form):
    answer = forms.ChoiceField(
        label="¿Qué contesta?",
        choices=[
            (Respuesta.ACCEPT.value, "Aceptar: el CFDI queda cancelado y ya no ampara el gasto"),
            (Respuesta.REJECT.value, "Rechazar: el CFDI sigue vigente"),
        ],
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Elija aceptar o rechazar."),
    )
    reason = forms.CharField(
        label="Motivo",
        max_length=200,
        required=False,
        help_text="Hace falta para rechazar. Queda en la bitácora; el emisor no lo ve.",
        error_messages={"max_length": "Use a lo más 200 letras."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean(self) -> dict[str, Any]:
        """A refusal has a reason."""
        data = super().clean() or {}
        if data.get("answer") == Respuesta.REJECT and not (data.get("reason") or "").strip():
            self.add_error("reason", "Escriba por qué se rechaza: por ejemplo, ya se pagó o el servicio sí se recibió.")
        return data


@dataclass(frozen=True, slots=True)
class Row:
    """One request as it is shown; `known` is the CFDI where this organization itself has it."""

    asked: ReceivedCancellation
    today: dt.date
    known: FiscalDocument | None = None

    @property
    def tone(self) -> str:
        if self.asked.state != State.PENDING:
            return _TONES.get(State(self.asked.state), "")
        return "wrong" if self.days < 1 else "cost"

    @property
    def days(self) -> int:
        """Business days that are left after today."""
        left, day = 0, self.today
        while day < self.asked.due:
            day += dt.timedelta(days=1)
            left += plazos.is_business_day(day)
        return left if self.today <= self.asked.due else -1

    @property
    def left(self) -> str:
        if self.days < 0:
            return f"Venció el {self.asked.due:%d/%m/%Y}"
        if self.days == 0:
            return "Vence hoy"
        return "Queda 1 día hábil" if self.days == 1 else f"Quedan {self.days} días hábiles"

    @property
    def age(self) -> str:
        zone = zone_of(self.asked.issuer.lugar_expedicion)
        days = (self.today - self.asked.first_seen_at.astimezone(zone).date()).days
        return "Hoy" if days < 1 else f"Hace {days} día{'s' if days > 1 else ''}"


def listing(request: StaffRequest, place: Place) -> HttpResponse:
    """What waits, the first to expire first; then what ended."""
    owner = request.organization.pk
    rows = ReceivedCancellation.objects.filter(organization_id=owner).select_related("issuer")
    waiting = rows.filter(state__in=ReceivedCancellation.OPEN).order_by("due", "first_seen_at")[:200]
    ended = rows.exclude(finished_at=None).order_by("-finished_at")[:ENDED]
    lists = PendingList.objects.filter(organization_id=owner).select_related("issuer").order_by("issuer__rfc")
    context = {"waiting": _rows(request, waiting), "ended": _rows(request, ended), "lists": lists}
    return _page(request, place, "list", context)


def ask(request: StaffRequest, place: Place) -> HttpResponse:
    """Have the lists asked now."""
    if received.ask_soon(request.organization.pk, now=timezone.now()):
        messages.success(request, "Se está preguntando al PAC: vuelva a cargar la página en un momento.")
    else:
        messages.info(request, "Se preguntó hace un momento, o todavía falta el certificado o la cuenta del PAC.")
    return HttpResponseRedirect(place.url("answers"))


def one(request: StaffRequest, place: Place, pk: uuid.UUID) -> HttpResponse:
    """One request with its answer."""
    asked = get_object_or_404(
        ReceivedCancellation.objects.select_related("issuer", "answered_by"), organization=request.organization, pk=pk
    )
    (row,) = _rows(request, [asked])
    form = AnswerForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        try:
            answering.answer(
                request.organization.pk,
                pk,
                data["answer"],
                reason=data["reason"],
                user=request.user,
                now=timezone.now(),
            )
        except CannotAnswer as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, "Respuesta registrada: se firma y se entrega al SAT. Aquí se ve cómo queda.")
            return HttpResponseRedirect(place.url("answer", pk))
    acuse = AnswerAcuse.objects.filter(organization=request.organization, request=asked).defer("content")
    context = {"row": row, "form": form, "acuse": acuse.order_by("-stored_at").first()}
    return _page(request, place, "one", context, status=422 if form.is_bound else 200)


def acuse(request: StaffRequest, place: Place, pk: uuid.UUID) -> HttpResponse:
    """What came back, byte by byte."""
    kept = AnswerAcuse.objects.filter(organization=request.organization, request_id=pk).select_related("request")
    latest = kept.order_by("-stored_at").first()
    if latest is None:
        raise Http404
    name = f"respuesta-{str(latest.request.uuid).upper()}.xml"
    return attachment(bytes(latest.content), "application/xml", name)


def _rows(request: StaffRequest, found: Any) -> list[Row]:
    rows, now = list(found), timezone.now()
    ours = FiscalDocument.objects.select_related("issuer").defer("content").filter(
        organization=request.organization, uuid__in=[each.uuid for each in rows]
    )  # fmt: skip
    known = {each.uuid: each for each in ours}
    today = {each.issuer_id: now.astimezone(zone_of(each.issuer.lugar_expedicion)).date() for each in rows}
    return [Row(each, today[each.issuer_id], known.get(each.uuid)) for each in rows]


def _page(
    request: StaffRequest, place: Place, name: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    shell = {**place.context(request), "shell": place.shell, "place": place, "zone": request.organization.zone}
    return render(request, f"received/{name}.html", shell | context, status=status)


_PAGES: Final[tuple[Page, ...]] = (
    ("answers", "", Need.SEE, require_GET, listing),
    ("answers_ask", "preguntar/", Need.ISSUE, require_POST, ask),
    ("answer", "<uuid:pk>/", Need.ISSUE, require_http_methods(["GET", "POST"]), one),
    ("answer_acuse", "<uuid:pk>/acuse.xml", Need.SEE, require_GET, acuse),
)


def addresses(place: Place, at: str, allowed: Callable[[Need], Callable[[View], View]]) -> list[URLPattern]:
    """These pages for one audience: under `at`, and through its own door."""
    return hung(_PAGES, place, at, allowed)

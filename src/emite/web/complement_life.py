"""A complement after it was stamped, as pages for whoever has it: "Cancelar ante el SAT", "Sustituir", and the way out
of a refusal. What may be done is decided in `cancellations.complements`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from emite.cancellations import complements as ending
from emite.cancellations import requesting, substituting
from emite.cancellations.requesting import NotCancellable
from emite.cfdi.cancelacion import Motivo
from emite.cfdi.faults import CfdiInvalid
from emite.charges.allowing import NotAllowed
from emite.documents.sealing import NotReady
from emite.settlements.models import PaymentComplement
from emite.web.access import Need, StaffRequest, View
from emite.web.cancel_words import WHO_ACCEPTS
from emite.web.complement_standing import life_of
from emite.web.complements import Page, Place, hung, payment_of
from emite.web.once import key_of

MOTIVOS: Final = {
    Motivo.ERRORS: "El complemento está mal; el pago sí se recibió y llevará otro",
    Motivo.NOT_DONE: "El pago no se recibió o no es de estas facturas: se deshace y se vuelve a deber",
}
State = PaymentComplement.State


class CancelForm(forms.Form):
    motivo = forms.ChoiceField(
        label="¿Por qué se cancela?",
        choices=[(key.value, words) for key, words in MOTIVOS.items()],
        widget=forms.RadioSelect,
        error_messages={"required": "Elija el motivo.", "invalid_choice": "Elija uno de los motivos."},
    )
    despite_deadline = forms.BooleanField(
        label="Pedirla aunque haya pasado el plazo (el SAT puede negarla y hay multa)", required=False
    )

    def __init__(self, data: Any, *, past: bool) -> None:
        super().__init__(data)
        if not past:
            del self.fields["despite_deadline"]


def cancel(request: StaffRequest, place: Place, pk: uuid.UUID) -> HttpResponse:
    """What will happen and who accepts; then the request."""
    found, live = payment_of(request, pk)
    document, back = live.document, place.url("complement", pk)
    if live.state != State.STAMPED or document is None or life_of(live).is_open:
        return HttpResponseRedirect(back)
    seen = requesting.outlook(document, timezone.now())
    form = CancelForm(request.POST if request.method == "POST" else None, past=seen.past)
    if form.is_valid():
        despite = bool(form.cleaned_data.get("despite_deadline"))
        try:
            ending.cancel(
                live, form.cleaned_data["motivo"], user=request.user, now=timezone.now(), despite_deadline=despite
            )
        except requesting.PastDeadline as error:
            form.add_error("despite_deadline" if "despite_deadline" in form.fields else None, str(error))
        except (NotCancellable, NotAllowed) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Cancelación pedida al SAT. Nada cambia hasta que diga «Cancelado».")
            return HttpResponseRedirect(back)
    return place.render(
        request, "cancel", status=422 if form.is_bound else 200, payment=found, complement=live, form=form, seen=seen,
        who_accepts=WHO_ACCEPTS[seen.acceptance.why],
    )  # fmt: skip


def substitute(request: StaffRequest, place: Place, pk: uuid.UUID) -> HttpResponse:
    """The one that would take its place, with the data of today; then the operation."""
    found, live = payment_of(request, pk)
    back = place.url("complement", pk)
    if live.state != State.STAMPED or life_of(live).is_open:
        return HttpResponseRedirect(back)
    key = key_of(request.POST.get("llave", ""))
    made, problem = None, ""
    try:
        made = ending.rebuilt(live, now=timezone.now())
        if request.method == "POST":
            ending.substitute(
                live, user=request.user, now=timezone.now(), idempotency_key=uuid.uuid5(live.pk, key).hex
            )  # fmt: skip
            messages.success(request, "Sustitución pedida: se timbra el nuevo y después se cancela el anterior.")
            return HttpResponseRedirect(back)
    except (NotCancellable, NotAllowed, NotReady) as error:
        problem = str(error)
    except CfdiInvalid as invalid:
        problem = " ".join(f"{each.message} ({each.code})" for each in invalid.faults)
    status = 422 if problem and request.method == "POST" else 200
    return place.render(
        request, "substitute", status=status, payment=found, complement=live, made=made, problem=problem, key=key
    )  # fmt: skip


def decide(request: StaffRequest, place: Place, pk: uuid.UUID) -> HttpResponse:
    """After a refusal: ask again, keep the first, or take back what has not left yet."""
    _, live = payment_of(request, pk)
    life, decision = life_of(live), request.POST.get("decision", "")
    try:
        if decision == "retirar" and life.request is not None:
            requesting.take_back(life.request, user=request.user, now=timezone.now())
            messages.success(request, "La solicitud se retiró: el complemento sigue vigente.")
        elif decision == "conservar" and life.substitution is not None:
            substituting.keep_first(life.substitution, user=request.user, now=timezone.now())
            messages.success(request, "Se conserva el anterior: se pidió cancelar el nuevo.")
        elif decision == "otra-vez" and life.substitution is not None:
            substituting.ask_again(life.substitution, user=request.user, now=timezone.now())
            messages.success(request, "Se pidió otra vez cancelar el anterior.")
        else:
            raise Http404
    except (NotCancellable, NotAllowed) as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(place.url("complement", pk))


_BOTH: Final = require_http_methods(["GET", "POST"])
_PAGES: Final[tuple[Page, ...]] = (
    ("complement_cancel", "<uuid:pk>/cancelar/", Need.ISSUE, _BOTH, cancel),
    ("complement_substitute", "<uuid:pk>/sustituir/", Need.ISSUE, _BOTH, substitute),
    ("complement_decide", "<uuid:pk>/decidir/", Need.ISSUE, require_POST, decide),
)


def addresses(place: Place, at: str, allowed: Callable[[Need], Callable[[View], View]]) -> list[URLPattern]:
    """These pages for one audience, beside those of `web.complements`."""
    return hung(_PAGES, place, at, allowed)

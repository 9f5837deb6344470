"""How a cancellation or a substitution stands, in the desk's words. Reads `cancellations`; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from emite.cancellations import receipts
from emite.cancellations.models import CancellationEvent, CancellationRequest, State, Substitution
from emite.cfdi.acuse import BEFORE, RECEIVED
from emite.cfdi.meanings.providers import ACUSE
from emite.documents.models import FiscalDocument
from emite.web.cancel_words import MOTIVOS as MOTIVOS
from emite.web.cancel_words import WHO_ACCEPTS as WHO_ACCEPTS
from emite.web.desk.states import Badge
from emite.web.desk.timeline import Entry

#: SAT's codes for one folio, and what to do. Lists differ between PACs from 207 on: the number is shown too.
CODES: Final[Mapping[str, str]] = {
    code: f"{meant.what}. {meant.cure}" for code, meant in ACUSE.items() if code not in (RECEIVED, BEFORE)
}

_REQUEST: Final = {
    State.ASKED: Badge("Cancelación pedida", "accent"),
    State.SIGNED: Badge("Cancelación por enviar", "accent"),
    State.SENDING: Badge("Cancelación por enviar", "accent"),
    State.REQUESTED: Badge("En proceso de cancelación", "cost"),
    State.IN_PROCESS: Badge("En proceso de cancelación", "cost"),
    State.CANCELLED: Badge("Cancelada", ""),
    State.REJECTED: Badge("Cancelación rechazada", "wrong"),
    State.REFUSED: Badge("Cancelación no admitida", "wrong"),
}
_EVENTS: Final = {
    "asked": "Se pidió cancelarla",
    "signed": "Se firmó la solicitud con el CSD",
    "sent": "Se envió al SAT por medio del PAC",
    "told": "El SAT acusó recibo",
    "receipt": "El PAC dio otra vez el acuse",
    "answered": "El PAC respondió otra cosa",
    "received": "El SAT recibió la solicitud",
    "not_found": "El SAT todavía no encuentra la factura",
    "not_sent": "No quedó claro si llegó: se pregunta al SAT y se envía otra vez, igual",
    "refused_in_doubt": "No la admitió, pero un envío anterior quedó en duda: se pregunta al SAT hasta saberlo",
    "doubt": "Quedó en duda: se pregunta al SAT y se envía otra vez, igual",
    "status": "Se consultó al SAT",
    "status_unknown": "El SAT no respondió la consulta",
    "in_process": "Espera la respuesta del receptor",
    "sat_knows_nothing": "El SAT no registra la solicitud después de 72 horas: se envía otra vez",
    "cancelled": "El SAT la canceló",
    "rejected": "El receptor rechazó la cancelación",
    "refused": "El SAT no la admitió",
    "dropped": "Quedó sin efecto",
}
_TONES: Final = {"cancelled": "good", "rejected": "wrong", "refused": "wrong"}


@dataclass(frozen=True, slots=True)
class Standing:
    """What a page needs of a document's end."""

    request: CancellationRequest | None
    substitution: Substitution | None
    badge: Badge | None
    explanation: str = ""
    is_original: bool = False
    has_acuse: bool = False
    lacks_acuse: bool = False
    entries: list[Entry] = field(default_factory=list)

    @property
    def moving(self) -> bool:
        """Something may change by itself within minutes."""
        early = (State.ASKED, State.SIGNED, State.SENDING, State.REQUESTED)
        busy = self.request is not None and self.request.state in early
        return busy or (self.substitution is not None and self.substitution.state == Substitution.State.STAMPING)

    @property
    def two_are_live(self) -> bool:
        """The substitute is stamped and the other not yet cancelled."""
        made = self.substitution
        return made is not None and made.is_open and made.substitute.uuid is not None


def standing(document: FiscalDocument) -> Standing:
    """The latest request and substitution of a document, with their words. At most four queries."""
    of = {"organization_id": document.organization_id}
    request = CancellationRequest.objects.filter(document=document, **of).order_by("-asked_at").first()
    rows = Substitution.objects.select_related("original", "substitute").defer(
        "original__content", "substitute__content"
    )
    made = rows.filter(original=document, **of).order_by("-asked_at").first()
    is_original = made is not None
    made = made or rows.filter(substitute=document, **of).first()
    if request is None:
        return Standing(None, made, _substitution_badge(made, is_original), is_original=is_original)
    badge = _substitution_badge(made, is_original) or _REQUEST.get(State(request.state))
    has_acuse = request.acuses.exists()
    return Standing(
        request,
        made,
        badge,
        explanation=_explained(request),
        is_original=is_original,
        has_acuse=has_acuse,
        lacks_acuse=not has_acuse and receipts.exists_at_sat(request),
        entries=[_entry(event) for event in request.events.defer("raw").order_by("at", "pk")],
    )


def _substitution_badge(made: Substitution | None, is_original: bool) -> Badge | None:
    if made is None or not is_original:
        return None
    if made.state == Substitution.State.DONE:
        return Badge("Sustituida", "")
    if made.state == Substitution.State.REFUSED:
        return Badge("Sustitución detenida", "wrong")
    return Badge("En sustitución", "cost") if made.is_open else None


def _explained(request: CancellationRequest) -> str:
    if request.last_code in CODES:
        return CODES[request.last_code]
    return "" if request.last_code == BEFORE else request.last_text


def _entry(event: CancellationEvent) -> Entry:
    detail = event.detail
    facts = [detail.get(name, "") for name in ("estado", "es_cancelable", "estatus", "text", "reason")]
    if event.what == "asked":
        facts = [MOTIVOS.get(detail.get("motivo", ""), "")]
    code = f"código {event.code}" if event.code else ""
    text = _EVENTS.get(event.what, event.what)
    return Entry(
        event.at, text, " · ".join(part for part in (*facts, code) if part), event.who, _TONES.get(event.what, "")
    )

"""The whole life of a charge's invoices in words: who asked, what was sent, what the PAC answered, which mails left.

Reads DocumentEvent, StampAttempt and Delivery; decides nothing.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emite.documents.models import Delivery, DocumentEvent, FiscalDocument, StampAttempt


@dataclass(frozen=True, slots=True)
class Entry:
    """One moment. `tone` as in `states.Badge`; `who` is empty when the system did it alone."""

    at: dt.datetime
    text: str
    detail: str = ""
    who: str = ""
    tone: str = ""


Words = Callable[[DocumentEvent, FiscalDocument], Entry]


def _plain(text: str, tone: str = "", detail: str = "") -> Words:
    return lambda event, document: Entry(event.at, text, detail, event.who, tone)


def _asked(event: DocumentEvent, document: FiscalDocument) -> Entry:
    if document.channel == FiscalDocument.Channel.PORTAL:
        return Entry(event.at, "El paciente la pidió en el portal", f"RFC {document.receptor_rfc}")
    if document.channel == FiscalDocument.Channel.GLOBAL:
        return Entry(event.at, "Entró en la factura global", "", event.who)
    return Entry(event.at, "Se pidió en caja", f"RFC {document.receptor_rfc}", event.who)


def _refused(event: DocumentEvent, document: FiscalDocument) -> Entry:
    code = _code(event)
    last = document.last_text if code == document.last_code else ""
    return Entry(event.at, f"Rechazada {code}".strip(), last, "", "wrong")


def _code(event: DocumentEvent) -> str:
    detail: dict[str, Any] = event.detail or {}
    return str(detail.get("code", ""))


_EVENTS: dict[str, Words] = {
    "draft": _asked,
    "sealed": lambda event, document: Entry(event.at, f"Sellada con el folio {event.detail.get('folio', '')}"),
    "not_sent": _plain("No se pudo llegar al PAC", "cost", "Nada salió de aquí: se vuelve a intentar sola."),
    "doubt": _plain("En duda", "cost", "No se sabe si el PAC la timbró: se le consulta antes de reintentar."),
    "lookup_unknown": _plain("El PAC no pudo decir si la timbró", "cost"),
    "not_found": _plain("El PAC no la encuentra todavía", "cost"),
    "proved_not_stamped": _plain("Se comprobó que no se timbró", "", "Se envía otra vez, igual."),
    "stamped_twice": lambda event, document: Entry(
        event.at,
        "El PAC la timbró dos veces",
        f"Hay que cancelar el segundo: {event.detail.get('uuid', '')}",
        "",
        "wrong",
    ),
    "resend": _plain("Se envía otra vez, igual", "", "El PAC reconoce el documento: no puede timbrarlo dos veces."),
    "redate": _plain("Se sella otra vez con la fecha de hoy"),
    "held": _plain("Detenida", "wrong", "Pasó el plazo de 72 horas sin saber si se timbró: la revisa una persona."),
    "rejected": _refused,
    "discard_asked": _plain("Se pidió descartarla", "cost", "No se envía otra vez: se comprueba que no se timbró."),
    "discard_taken_back": _plain("Se pidió conservarla", "", "Se envía otra vez en cuanto sea seguro."),
    "void": _plain("Descartada", "", "Se sabe que no se timbró: su remisión quedó libre."),
    "recovered": _plain("Recuperada del PAC", "", "Se timbró después del respaldo que se restauró."),
    "imported": lambda event, document: Entry(event.at, "Se trajo el XML de la página del PAC", "", event.who),
    "stamped": lambda event, document: Entry(
        event.at, "Timbrada", f"Folio fiscal {event.detail.get('uuid', '')}", "", "good"
    ),
}

_OUTCOMES = {
    "stamped": ("Timbrada", "good"),
    "rejected": ("Rechazada", "wrong"),
    "notsent": ("sin conexión", "cost"),
    "doubt": ("sin respuesta clara", "cost"),
    "found": ("La encontró timbrada", "good"),
    "notfound": ("No la encontró", ""),
    "unknown": ("No pudo decir", "cost"),
}
_ASKED = {
    StampAttempt.Operation.STAMP: "Se envió al PAC para timbrar",
    StampAttempt.Operation.LOOKUP: "Se consultó al PAC",
}
_MAILS = {
    Delivery.State.PENDING: ("Correo por enviar", "accent"),
    Delivery.State.SENT: ("Correo enviado", "good"),
    Delivery.State.FAILED: ("No se pudo enviar el correo", "wrong"),
}


def timeline(documents: Sequence[FiscalDocument]) -> list[Entry]:
    """Every moment of these documents of one organization, oldest first. Three queries."""
    if not documents:
        return []
    by_pk = {document.pk: document for document in documents}
    owner = documents[0].organization_id
    entries = [
        _event(event, by_pk[event.document_id])
        for event in DocumentEvent.objects.filter(organization_id=owner, document_id__in=by_pk).order_by("at", "pk")
    ]
    attempts = StampAttempt.objects.filter(organization_id=owner, document_id__in=by_pk).defer("raw")
    entries += _attempts(list(attempts.order_by("document_id", "number", "at", "pk")), by_pk)
    entries += [_mail(row) for row in Delivery.objects.filter(organization_id=owner, document__in=documents)]
    # Sorting is stable: of one moment, events come before the attempts that caused them were paired.
    return sorted(entries, key=lambda entry: entry.at)


def _event(event: DocumentEvent, document: FiscalDocument) -> Entry:
    words = _EVENTS.get(event.what)
    return words(event, document) if words else Entry(event.at, event.what, who=event.who)


def _attempts(rows: list[StampAttempt], by_pk: Mapping[uuid.UUID, FiscalDocument]) -> list[Entry]:
    """One entry for each talk: when it was sent and, if it ended, with what."""
    answers = {(row.document_id, row.number): row for row in rows if row.phase == StampAttempt.Phase.ANSWERED}
    sent = [row for row in rows if row.phase == StampAttempt.Phase.SENT]
    return [_attempt(row, answers.get((row.document_id, row.number)), by_pk[row.document_id]) for row in sent]


def _attempt(sent: StampAttempt, answer: StampAttempt | None, document: FiscalDocument) -> Entry:
    asked = _ASKED[StampAttempt.Operation(sent.operation)]
    if answer is None and document.lease_until and sent.number == document.attempts:
        return Entry(sent.at, asked, "Se espera su respuesta…", tone="accent")
    if answer is None:
        return Entry(sent.at, asked, "La respuesta no se alcanzó a guardar.", tone="cost")
    words, tone = _OUTCOMES.get(answer.outcome, (answer.outcome, ""))
    facts = [f"Respondió: {words}"]
    if answer.code and answer.code != str(answer.http):
        facts.append(f"código {answer.code}")
    if answer.http:
        facts.append(f"HTTP {answer.http}")
    if answer.elapsed_ms is not None:
        facts.append(f"{answer.elapsed_ms:,} ms")
    return Entry(sent.at, asked, " · ".join(facts), tone=tone if tone != "good" else "")


def _mail(row: Delivery) -> Entry:
    words, tone = _MAILS[Delivery.State(row.state)]
    return Entry(
        row.sent_at or row.requested_at, words, " · ".join(filter(None, (row.address, row.last_error))), tone=tone
    )

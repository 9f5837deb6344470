"""What the page of a charge shows of its credit notes, and of its way out of a factura global."""

from __future__ import annotations

from typing import Any

from django import template

from emite.charges.allocating import live_document
from emite.charges.models import Charge
from emite.credits import lateness
from emite.credits.models import CreditNote, LateRequest
from emite.credits.originals import notes_of
from emite.documents.models import FiscalDocument, State
from emite.web.desk.payment_form import desk_registers
from emite.web.desk.states import Badge

register = template.Library()

_LATE = {
    LateRequest.State.CANCELLING: Badge("Cancelando la global", "accent"),
    LateRequest.State.CREDITING: Badge("Saliendo de la global", "accent"),
    LateRequest.State.ISSUING: Badge("Timbrando la de su cliente", "accent"),
    LateRequest.State.WAITING: Badge("Espera datos corregidos", "cost"),
    LateRequest.State.DONE: Badge("Facturada a su cliente", "good"),
    LateRequest.State.FAILED: Badge("No salió de la global", "wrong"),
    LateRequest.State.RETURNED: Badge("Volvió a una global", "cost"),
}


@register.inclusion_tag("desk/pieces/credits.html", takes_context=True)
def credits_card(context: dict[str, Any], charge: Charge, may_issue: bool) -> dict[str, Any]:
    """Notes of the charge, the latest late request, and the two doors: a credit note, or an invoice of its own."""
    live, notes = live_document(charge), notes_of(charge)
    late = LateRequest.objects.filter(charge=charge).order_by("-asked_at").first()
    is_open = late is not None and late.is_open
    owed = {note.pk for note in notes if note.owes_cash}
    return {
        "csrf_token": context.get("csrf_token"),
        "owed": owed,
        "registers": desk_registers(charge.organization) if owed else [],
        "charge": charge,
        "zone": charge.organization.zone,
        "rows": [(note, _badge(note)) for note in notes],
        "late": late,
        "late_badge": _LATE[LateRequest.State(late.state)] if late else None,
        "may_issue": may_issue,
        "can_credit": live is not None and live.state == State.STAMPED and not is_open,
        "can_leave": lateness.in_stamped_global(live) and not is_open and not any(note.active for note in notes),
        "in_global": live is not None and live.channel == FiscalDocument.Channel.GLOBAL,
    }


def _badge(note: CreditNote) -> Badge:
    match note.document.state:
        case State.STAMPED:
            return Badge("Timbrada", "good")
        case State.REJECTED:
            return Badge("Rechazada", "wrong")
        case State.CANCELLED | State.VOID:
            return Badge("Cancelada", "")
        case State.HELD:
            return Badge("Detenida", "wrong")
        case State.UNKNOWN:
            return Badge("En duda", "cost")
        case _:
            return Badge("En proceso", "accent")

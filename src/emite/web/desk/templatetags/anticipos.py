"""What the page of a charge shows of deposits: of one, where it went; of an account, those that pay it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template

from emite.charges.allocating import live_allocation, live_document
from emite.charges.models import AnticipoApplication, Charge
from emite.credits import deposits
from emite.credits.models import CreditNote
from emite.documents.models import FiscalDocument, State
from emite.invoices.deposits import has_own_cfdi
from emite.web.desk.states import Badge

register = template.Library()


@dataclass(frozen=True, slots=True)
class Row:
    """One application as the page tells it. `again`: a person must ask for its note."""

    application: AnticipoApplication
    badge: Badge
    note: CreditNote | None = None
    deposit_invoice: FiscalDocument | None = None
    again: bool = False


@register.inclusion_tag("desk/pieces/anticipos.html", takes_context=True)
def anticipos_card(context: dict[str, Any], charge: Charge, may_issue: bool, may_collect: bool) -> dict[str, Any]:
    """Nothing is shown where no deposit has to do with the charge."""
    bound = live_allocation(charge)
    live = bound.document if bound else None
    by_remnant = bound is not None and bound.remnant
    is_deposit = charge.kind == Charge.Kind.ANTICIPO
    rows = [_row(each, live if not is_deposit else None, by_remnant) for each in deposits.applications_of(charge)]
    open_to_it = not is_deposit and may_collect and live is None and charge.state == Charge.State.OPEN
    return {
        "csrf_token": context.get("csrf_token"),
        "charge": charge,
        "rows": rows,
        "is_deposit": is_deposit,
        "may_issue": may_issue,
        "left": deposits.left_of(charge) if is_deposit else None,
        "ready": is_deposit and has_own_cfdi(live),
        "can_apply": open_to_it and bool(charge.owed) and deposits.some(charge),
    }


def _row(application: AnticipoApplication, live: FiscalDocument | None, by_remnant: bool) -> Row:
    note = (
        CreditNote.objects.filter(application=application)
        .select_related("document")
        .defer("document__content")
        .order_by("-active", "-created_at")
        .first()
    )
    invoice = live_document(application.deposit)
    if note is not None and note.active:
        stamped = note.document.state == State.STAMPED
        badge = Badge("Aplicado", "good") if stamped else Badge("Timbrando su nota", "accent")
        return Row(application, badge, note, invoice)
    if by_remnant and live is not None:
        return Row(application, Badge("Descontado en la factura", "good"), None, invoice)
    if live is None or live.state != State.STAMPED:
        return Row(application, Badge("Espera la factura de la cuenta", ""), None, invoice)
    # Without a note for this very invoice the sweep is about to draft it; with a dead one a person decides.
    dead = note is not None and note.original_id == live.pk
    return Row(application, Badge("Falta su nota", "wrong" if dead else "cost"), note, invoice, again=True)

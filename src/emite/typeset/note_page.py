"""A paper that leads to no invoice: a corte, the slip of a refund. Pages as those of tickets, without the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from emite.typeset.data import Amount, Branding, Venue
from emite.typeset.ticket_page import document_of, row_of, venue_lines
from emite.typeset.written import moment, pesos


@dataclass(frozen=True, slots=True)
class NotePrint:
    """Rows in the order in which they are read. `facts` are label and value; amounts may be negative.

    `account` stands under the total; `closing` ends the paper in words; `mark` stands out on top ("CANCELADO").
    """

    branding: Branding
    venue: Venue
    title: str
    folio: str
    at: datetime
    total: tuple[str, Decimal]
    facts: tuple[tuple[str, str], ...] = ()
    lines: tuple[Amount, ...] = ()
    sums: tuple[Amount, ...] = ()
    payments: tuple[Amount, ...] = ()
    account: tuple[Amount, ...] = ()
    closing: str = ""
    mark: str = ""


def note_page(data: NotePrint) -> dict[str, Any]:
    """The page's data but for its `brand`."""
    head = [
        ["Folio", data.folio],
        ["Fecha", moment(data.at)],
        *([label, value] for label, value in data.facts if value),
    ]
    return {
        "document": document_of(f"{data.title} {data.folio}", data.branding.name, data.at),
        "head": {"title": data.title, "lines": head},
        "venue": venue_lines(data.venue),
        "reprint": data.mark,
        "lines": [row_of(line) for line in data.lines],
        "sums": [row_of(line) for line in data.sums],
        "total": [data.total[0], pesos(data.total[1])],
        "payments": [row_of(line) for line in data.payments],
        "account": [row_of(line) for line in data.account],
        "owed": None,
        "settled": data.closing,
    }

"""From a ticket or a payment slip to the text of its page, on 80 mm or letter. How it looks is in templates/."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from emite.typeset.data import Amount, Invoicing, SlipPrint, TicketLine, TicketPrint, Venue
from emite.typeset.legible import Exact, pieces
from emite.typeset.written import MINUS, day, moment, pesos, quantity

AT_THE_DESK = "También puede solicitar su factura en caja"
ONLY_AT_THE_DESK = "Solicite su factura en caja"
WHEN_SETTLED = "Disponible al liquidar el saldo"
CODE_GROUP = 4


def ticket_page(data: TicketPrint) -> dict[str, Any]:
    """The page's data but for its `brand`."""
    sums = [["Subtotal", "", pesos(data.subtotal)]] if data.discount or data.taxes else []
    if data.discount:
        sums.append(["Descuento", "", f"{MINUS}{pesos(data.discount)}"])
    sums += [row_of(tax) for tax in data.taxes]
    return {
        "document": document_of(f"{_name(data)} {data.folio}", data.branding.name, data.issued_at),
        "head": {"title": _name(data), "lines": _head(data, data.folio, data.issued_at)},
        "venue": venue_lines(data.venue),
        "reprint": _reprint(data.reprinted_at),
        "lines": [_line(line) for line in data.lines],
        "sums": sums,
        "total": ["Total", pesos(data.total)],
        "payments": _payments(data.payments, None, data.change),
        "owed": ["Por pagar", pesos(data.owed)] if data.owed else None,
        "way": _way(data.invoicing),
    }


def slip_page(data: SlipPrint) -> dict[str, Any]:
    """The page's data but for its `brand`."""
    head = _head(data, data.folio, data.paid_at)
    head.insert(1, [_name(data), data.charge_folio])
    return {
        "document": document_of(f"Comprobante de pago {data.folio}", data.branding.name, data.paid_at),
        "head": {"title": "Comprobante de pago", "lines": head},
        "venue": venue_lines(data.venue),
        "reprint": _cancelled(data.cancelled_at) or _reprint(data.reprinted_at),
        "lines": [],
        "sums": [],
        "total": ["Pago", pesos(data.amount)],
        "payments": _payments(data.payments, data.received, data.change),
        "account": [
            ["Total del anticipo" if data.deposit else "Total de la remisión", "", pesos(data.charge_total)],
            ["Pagado a la fecha", "", pesos(data.paid)],
        ],
        "owed": ["Por pagar", pesos(data.owed)] if data.owed else None,
        "settled": "" if data.owed or data.cancelled_at else _settled(data),
        "way": _way(data.invoicing),
    }


def _name(data: TicketPrint | SlipPrint) -> str:
    return "Anticipo" if data.deposit else "Remisión"


def document_of(title: str, author: str, at: datetime) -> dict[str, Any]:
    """What the PDF says of itself."""
    date = {name: getattr(at, name) for name in ("year", "month", "day", "hour", "minute", "second")}
    return {"title": title, "author": author, "date": date}


def _settled(data: SlipPrint) -> str:
    return "Anticipo pagado" if data.deposit else "Remisión liquidada"


def _head(data: TicketPrint | SlipPrint, folio: str, at: datetime) -> list[list[str]]:
    lines = [["Folio", folio], ["Fecha", moment(at)], ["Caja", data.register], ["Atendió", data.cashier]]
    lines.append(["Paciente", data.patient])
    return [line for line in lines if line[1]]


def venue_lines(venue: Venue) -> list[str]:
    """Who charges, a line each."""
    lines = [venue.legal_name, f"RFC {venue.rfc}", _branch(venue.branch), *venue.address.splitlines()]
    return [line for line in (*lines, venue.phone and f"Tel. {venue.phone}") if line]


def _branch(name: str) -> str:
    return name if not name or name.casefold().startswith("sucursal") else f"Sucursal {name}"


def _reprint(at: datetime | None) -> str:
    return "" if at is None else f"Reimpresión · {moment(at)}"


def _cancelled(at: datetime | None) -> str:
    return "" if at is None else f"CANCELADO · {moment(at)}"


def _line(line: TicketLine) -> list[str]:
    times = "" if line.quantity == 1 else f"{quantity(line.quantity)} × {pesos(line.unit_price)}"
    return [line.description, "  ·  ".join(part for part in (times, line.tax) if part), pesos(line.amount)]


def row_of(amount: Amount) -> list[str]:
    """Label, detail and amount, as pages take them."""
    return [amount.label, amount.detail, pesos(amount.amount)]


def _payments(payments: tuple[Amount, ...], received: Decimal | None, change: Decimal) -> list[list[str]]:
    rows = [row_of(payment) for payment in payments]
    if received is not None:
        rows.append(["Recibido", "", pesos(received)])
    if change:
        rows.append(["Cambio", "", pesos(change)])
    return rows


def _way(way: Invoicing) -> dict[str, Any]:
    online = way.link is not None
    return {
        "heading": _online(way) if online else ONLY_AT_THE_DESK,
        "when": WHEN_SETTLED if online and way.when_settled else "",
        "link": Exact(way.link) if way.link is not None else "",
        "has-code": bool(way.code),
        "code": Exact(" ".join(pieces(way.code, CODE_GROUP))),
        "qr": online,
        "qr-alt": Exact(f"Código QR que abre la factura en línea con el código {way.code}"),
        "desk": AT_THE_DESK if online else "",
    }


def _online(way: Invoicing) -> str:
    return "Factura en línea" if way.last_day is None else f"Factura en línea hasta el {day(way.last_day)}"

"""Figures of a period: what waits to be invoiced, by which road it was, why it failed, what came in each day."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from emite.charges.models import CashRegister
from emite.issuers.models import Issuer
from emite.organizations import branches
from emite.reports import figures
from emite.reports.figures import Line, Period
from emite.web.access import Need, StaffRequest, staff
from emite.web.desk import by_branch
from emite.web.desk.days import read_day
from emite.web.desk.reasons import reason_of

DAYS: Final = 30
#: A chart of more days than this says nothing.
MOST_DAYS: Final = 366
#: Units of the charts' own coordinates.
WIDTH, HEIGHT, ROW = 320, 90, 22


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of a chart, and what it says when pointed at."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Section:
    """A table, its chart and its downloads."""

    name: str
    title: str
    first_column: str
    counted: str
    nothing: str
    lines: list[Line]
    total: Line
    bars: list[Bar]
    height: int


#: name: title, first column, what is counted, what an empty one says.
SECTIONS: Final = {
    "por-facturar": ("Pagadas y sin facturar", "Plazo del portal", "Remisiones", "Todo lo pagado está facturado."),
    "vias": ("Facturado por vía", "Vía", "Facturas", "No se timbró ninguna factura en estos días."),
    "rechazos": ("Rechazadas por motivo", "Motivo", "Facturas", "Ninguna factura fue rechazada."),
    "dias": ("Cobrado por día", "Día", "Pagos", "No hubo pagos."),
}


def period_of(request: StaffRequest, today: dt.date) -> Period:
    """The days and the register that the address asks for."""
    query: QueryDict = request.GET
    until = read_day(query.get("hasta", ""), today) or today
    since = read_day(query.get("desde", ""), today) or until - dt.timedelta(days=DAYS - 1)
    since, until = min(since, until), max(since, until)
    return Period(
        request.organization,
        max(since, until - dt.timedelta(days=MOST_DAYS - 1)),
        until,
        _register(query.get("caja")),
        by_branch.condition(by_branch.asked(query)),
    )


def lines_of(name: str, period: Period, today: dt.date) -> list[Line]:
    """The rows of one of `SECTIONS`."""
    if name == "por-facturar":
        return figures.pending(period, today)
    if name == "vias":
        return figures.roads(period)
    if name == "rechazos":
        return figures.failures(period, reason_of)
    return figures.by_day(period)


@staff(Need.SEE)
@require_GET
def dashboard(request: StaffRequest) -> HttpResponse:
    organization = request.organization
    today = organization.local_date(timezone.now())
    period = period_of(request, today)
    branch = by_branch.asked(request.GET)
    asked = {"desde": period.since.isoformat(), "hasta": period.until.isoformat()}
    asked |= {"caja": str(period.register)} if period.register else {}
    context = {
        "organization": organization,
        "membership": request.membership,
        "section": "tablero",
        "period": period,
        "sections": [_section(name, lines_of(name, period, today)) for name in SECTIONS],
        "query": urlencode(asked | ({"sucursal": branch} if branch else {})),
        "branches": branches.of(organization),
        "branch": branch,
        "registers": CashRegister.objects.filter(organization=organization).order_by("name"),
        "issuers": Issuer.objects.filter(organization=organization).order_by("rfc"),
        "last_month": (today.replace(day=1) - dt.timedelta(days=1)).strftime("%Y-%m"),
        "width": WIDTH,
    }
    return render(request, "desk/dashboard.html", context)


def _section(name: str, lines: list[Line]) -> Section:
    title, first_column, counted, nothing = SECTIONS[name]
    total = figures.sum_of(lines)
    shown = [] if total.count == 0 else lines
    bars, height = (_columns(shown), HEIGHT) if name == "dias" else (_rows(shown), ROW * len(shown))
    if name == "dias":
        shown = [line for line in reversed(shown) if line.count]  # read from today backwards; the chart keeps every day
    return Section(name, title, first_column, counted, nothing, shown, total, bars, height)


def _rows(lines: list[Line]) -> list[Bar]:
    """One horizontal bar per line, as long as its share of the largest."""
    most = max((line.count for line in lines), default=1)
    return [
        Bar(0, ROW * place + 3, round(max(2, WIDTH * line.count / most), 1), ROW - 6, f"{line.label}: {line.count}")
        for place, line in enumerate(lines)
    ]


def _columns(lines: list[Line]) -> list[Bar]:
    """One column per day, as high as what came in."""
    most = max((line.total for line in lines), default=1) or 1
    step = WIDTH / max(1, len(lines))
    heights = [round(float(HEIGHT * line.total / most), 1) for line in lines]
    return [
        Bar(round(step * place, 2), HEIGHT - high, round(step * 0.8, 2), high, f"{line.label}: ${line.total:,.2f}")
        for place, (line, high) in enumerate(zip(lines, heights, strict=True))
    ]


def _register(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None

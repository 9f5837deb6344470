"""The period and the insurer that were asked for last: in the address, and remembered from one page to the next."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from django.utils import timezone

from emite.care.models import Payer
from emite.web.practice.access import StaffRequest

_KEPT: Final = "practice_period"
#: More days than a year at once are nobody's period.
MOST_DAYS: Final = 366


@dataclass(frozen=True, slots=True)
class Filters:
    """A period of services and a payer; `asked` when the address said so."""

    since: dt.date
    until: dt.date
    payer: Payer | None
    payers: list[Payer]
    asked: bool
    problem: str = ""

    @property
    def period(self) -> tuple[dt.date, dt.date]:
        return self.since, self.until

    @property
    def query(self) -> str:
        """The same, for the address of another page."""
        named = {"desde": self.since.isoformat(), "hasta": self.until.isoformat()}
        return "?" + urlencode(named | ({"aseguradora": str(self.payer.pk)} if self.payer else {}))


def filters_of(request: StaffRequest) -> Filters:
    """What the address asks for; else what was asked for before; else this month and the only insurer there is."""
    payers = list(Payer.objects.filter(organization=request.organization, active=True).order_by("name"))
    today = request.organization.local_date(timezone.now())
    asked = bool({"desde", "hasta", "aseguradora"} & request.GET.keys())
    source = request.GET if asked else request.session.get(_KEPT, {})
    since = _day(source.get("desde", "")) or today.replace(day=1)
    until = _day(source.get("hasta", "")) or today
    problem = ""
    if since > until:
        problem = "El periodo termina antes de empezar: revise las dos fechas."
    elif (until - since).days >= MOST_DAYS:
        problem = "Elija un periodo de un año o menos."
    wanted = source.get("aseguradora", "")
    payer = next((each for each in payers if str(each.pk) == wanted), payers[0] if len(payers) == 1 else None)
    if asked and not problem:
        kept = {"desde": since.isoformat(), "hasta": until.isoformat(), "aseguradora": str(payer.pk) if payer else ""}
        request.session[_KEPT] = kept
    return Filters(since, until, payer, payers, asked, problem)


def _day(typed: str) -> dt.date | None:
    try:
        day = dt.date.fromisoformat(typed)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2100 else None

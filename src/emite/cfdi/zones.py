"""Local time of a postal code: what Fecha is written in. Reads no clock; the caller gives the moment.

Source: the column "huso" of SAT's c_CodigoPostal and the legal zones of IANA; see docs/sat/husos-horarios.md.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from emite.cfdi import codes

_BORDER: Final = "Tiempo del Centro en Frontera"
_IANA: Final = {
    "Tiempo del Centro": "America/Mexico_City",
    _BORDER: "America/Matamoros",
    "Tiempo del Pacífico": "America/Mazatlan",
    "Tiempo del Noroeste": "America/Tijuana",
    "Tiempo del Sureste": "America/Cancun",
}


def zone_of(cp: str) -> ZoneInfo:
    """The zone of a postal code. Raises ValueError when SAT's catalogue does not have it.

    Where SAT's catalogue and the law give different clocks, the earlier one: a Fecha in the past is accepted for 72
    hours, one in the future is refused (401). Only Ciudad Juárez and its neighbours need the case: SAT has them on the
    clock of Matamoros, the law one hour earlier since November 2022. Ojinaga and Bahía de Banderas differ the other way
    round, so SAT's clock is already the earlier one.
    """
    place = codes.place(cp)
    if place is None:
        raise ValueError(f"SAT's catalogue has no postal code {cp!r}")
    if place.huso == _BORDER and place.estado == "CHH":
        return _zone("America/Ciudad_Juarez")
    return _zone(_IANA[place.huso])


def local_now(now: datetime, cp: str) -> datetime:
    """The wall clock of a postal code at `now` (aware), without zone and in whole seconds, never rounded up.

    Raises ValueError for a naive `now` or an unknown postal code.
    """
    if now.tzinfo is None:
        raise ValueError("now must carry its zone")
    return now.astimezone(zone_of(cp)).replace(tzinfo=None, microsecond=0)


def moment_of(local: datetime, cp: str) -> datetime:
    """The moment (UTC) at which the wall clock of a postal code showed `local`: how old a CFDI's Fecha is.

    In the hour that a clock repeats in autumn, the first of the two. In UTC because Python calls a time of that hour
    unequal to every time of another zone.
    """
    return local.replace(tzinfo=zone_of(cp), fold=0).astimezone(UTC)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)

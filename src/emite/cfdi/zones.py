"""Local time of a postal code: what Fecha is written in. Reads no clock; the caller gives the moment.

Source: the column "huso" of SAT's c_CodigoPostal and the legal zones of IANA; see docs/sat/husos-horarios.md.
"""

from __future__ import annotations

from datetime import datetime
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
# Chihuahua's border is "Centro en Frontera" for SAT, but only these municipalities (Ojinaga, Coyame, Manuel Benavides)
# keep that clock; Ciudad Juárez and its neighbours are one hour earlier by law since November 2022.
_CHIHUAHUA_CENTRAL: Final = frozenset({"015", "042", "052"})


def zone_of(cp: str) -> ZoneInfo:
    """The zone of a postal code. Raises ValueError when SAT's catalogue does not have it.

    Where SAT's catalogue and the law give different clocks, the earlier one: a Fecha in the past is accepted for 72
    hours, one in the future is refused (401). Bahía de Banderas needs no case: SAT's catalogue gives each of its postal
    codes either the legal clock or an earlier one.
    """
    place = codes.place(cp)
    if place is None:
        raise ValueError(f"SAT's catalogue has no postal code {cp!r}")
    if place.huso == _BORDER and place.estado == "CHH" and place.municipio not in _CHIHUAHUA_CENTRAL:
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
    """The moment (aware) at which the wall clock of a postal code showed `local`: how old a CFDI's Fecha is.

    In the hour that a clock repeats in autumn, the first of the two.
    """
    return local.replace(tzinfo=zone_of(cp), fold=0)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)

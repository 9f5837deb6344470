"""Why a CFDI is cancelled and who has to accept it, in the words of every page that asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from emite.cfdi.plazos import Why

MOTIVOS: Final[Mapping[str, str]] = {
    "01": "Tiene errores y otra factura la sustituye",
    "02": "Tiene errores y no se sustituye por otra",
    "03": "La operación no se llevó a cabo",
    "04": "Alguien pidió su factura nominativa de algo que está en esta global",
}
WHO_ACCEPTS: Final[Mapping[str, str]] = {
    Why.SMALL: "Es de $1,000.00 o menos: se cancela sin que el receptor acepte.",
    Why.EGRESO: "Es una nota de crédito: se cancela sin que el receptor acepte.",
    Why.GENERIC: "Es al público en general: se cancela sin aceptación.",
    Why.FOREIGN: "El receptor es extranjero: se cancela sin aceptación.",
    Why.NEXT_DAY: "Se pide a más tardar el día hábil siguiente a su emisión: no necesita que el receptor acepte.",
    Why.MUST: "El receptor tiene que aceptar: el SAT le avisa por su buzón tributario. Si no contesta en tres días "
    "hábiles, se da por aceptada.",
    Why.AGAIN: "El receptor ya la rechazó una vez: tiene que aceptar, y esta vez su silencio no cuenta como un sí.",
}

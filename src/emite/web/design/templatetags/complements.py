"""What the pages of complements need of a template: addresses of the place they hang in, and sums by their names."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

from django import template

from emite.cfdi.pagos import Pagos
from emite.settlements.paying import FORMS
from emite.web.complements import Place
from emite.web.design.templatetags.design import fecha

register = template.Library()

_NAMES = {
    "base_iva16": "Base de IVA 16 %",
    "impuesto_iva16": "IVA 16 %",
    "base_iva8": "Base de IVA 8 %",
    "impuesto_iva8": "IVA 8 %",
    "base_iva0": "Base de IVA 0 %",
    "base_iva_exento": "Base exenta de IVA",
    "retenciones_iva": "IVA retenido",
    "retenciones_isr": "ISR retenido",
    "retenciones_ieps": "IEPS retenido",
}


@register.simple_tag
def at(place: Place, name: str, *args: object) -> str:
    return place.url(name, *args)


@register.filter
def sums(pagos: Pagos) -> list[tuple[str, Decimal]]:
    """What Totales says, but for the amount itself."""
    found = ((name, getattr(pagos.totales, field)) for field, name in _NAMES.items())
    return [(name, value) for name, value in found if value is not None]


@register.filter
def forma(key: str) -> str:
    return FORMS.get(key, key)


@register.filter
def dia(moment: dt.datetime, zone: ZoneInfo) -> str:
    """The day of a moment where the organization is."""
    return fecha(moment.astimezone(zone).date())

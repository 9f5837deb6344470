"""Filters and tags of every page: money, dates, codes, fields with their errors, icons, the colour.

Numbers and moments arrive exact (Decimal, aware datetime); here they only become text.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.forms import BaseForm, BoundField
from django.template.loader import get_template
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from emite.cfdi.money import half_up
from emite.web.design.fields import labelled

register = template.Library()

MONTHS = ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic")
LONG_MONTHS = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio",
    "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
)  # fmt: skip
ICONS = Path(__file__).resolve().parent.parent / "templates" / "design" / "icons"


@register.filter
def pesos(value: Decimal | None) -> str:
    """`$1,234.50`; a negative amount is `-$1,234.50`; nothing for None."""
    if value is None:
        return ""
    amount = half_up(Decimal(value), 2)
    return f"{'-' if amount < 0 else ''}${abs(amount):,.2f}"


@register.filter
def moneda(value: Decimal | None, currency: str) -> str:
    """As `pesos`, and the currency where it is another one: `$1,234.50 USD`."""
    return pesos(value) if currency == "MXN" or value is None else f"{pesos(value)} {currency}"


@register.filter
def correo_oculto(value: str) -> str:
    """Enough to recognise one's own address and too little to learn another's: `an…@ejemplo.com`."""
    name, _, place = value.rpartition("@")
    return f"{name[: 2 if len(name) > 3 else 1]}…@{place}"


@register.filter
def precio(value: Decimal | None) -> str:
    """A unit price: two to six decimals, as the CFDI carries it."""
    if value is None:
        return ""
    decimals = max(2, -int(Decimal(value).normalize().as_tuple().exponent))
    return f"${Decimal(value):,.{decimals}f}"


@register.filter
def cantidad(value: Decimal | None) -> str:
    """A quantity without the zeros that only fill its column: `1`, `0.5`, `1,200`."""
    if value is None:
        return ""
    decimals = max(0, -int(Decimal(value).normalize().as_tuple().exponent))
    return f"{Decimal(value):,.{decimals}f}"


@register.filter
def fecha(value: dt.date | None) -> str:
    """`22 nov 2026`."""
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}" if value else ""


@register.filter
def fecha_larga(value: dt.date | None) -> str:
    """`22 de noviembre de 2026`."""
    return f"{value.day} de {LONG_MONTHS[value.month - 1]} de {value.year}" if value else ""


@register.filter
def fecha_hora(value: dt.datetime | None, zone: ZoneInfo) -> str:
    """`22 nov 2026, 14:05` in `zone` (an organization's)."""
    if value is None:
        return ""
    local = value.astimezone(zone)
    return f"{fecha(local.date())}, {local:%H:%M}"


@register.filter
def codigo(value: str) -> str:
    """In groups of four: `ABCD-EFGH-JKMN-PQRS`."""
    return "-".join(value[start : start + 4] for start in range(0, len(value), 4))


@register.filter
def telefono(value: str) -> str:
    """As a link to call: digits and a leading +, up to an extension."""
    digits = "".join(
        character for character in value.lower().split("ext")[0] if character.isdigit() or character == "+"
    )
    return digits if digits.startswith("+") else f"+52{digits}" if len(digits) == 10 else digits


@register.filter
def pasos(value: str) -> list[str]:
    """The names of a road's steps, written with commas between them."""
    return value.split(",")


@register.filter
def monogram(name: str | None) -> str:
    """One or two capitals that stand for a name without a logo: Hospital San Telmo is ST."""
    words = [word for word in (name or "e").split() if word[0].isalpha()]
    telling = [word for word in words if word.lower() not in _KINDS] or words
    return "".join(word[0] for word in telling[:2]).upper()


_KINDS = {"hospital", "clínica", "clinica", "centro", "médico", "medico", "sanatorio", "de", "del", "la", "el", "los"}


@register.simple_tag
def icon(name: str) -> SafeString:
    """A drawing beside a word; hidden from screen readers, the word says it."""
    return _icon(name)


@cache
def _icon(name: str) -> SafeString:
    drawing = (ICONS / f"{name}.svg").read_text(encoding="utf-8").strip()
    return mark_safe(drawing)  # our own files, by a name written in a template


@register.simple_tag
def theme(accent: str) -> str:
    """The address of the style sheet that carries an organization's colour."""
    return _theme(accent)


@lru_cache(maxsize=512)
def _theme(accent: str) -> str:
    return reverse("design:theme", args=[accent.removeprefix("#").lower()])


@register.simple_tag
def piece(template: str, **values: Hashable) -> SafeString:
    """A part of a page that shows only what is named here, so it is drawn once for each set of values.

    The template sees neither the request nor the page's context. Never for what one person alone sees.
    """
    return _piece(template, tuple(values.items()))


@lru_cache(maxsize=1024)
def _piece(template: str, values: tuple[tuple[str, Hashable], ...]) -> SafeString:
    return mark_safe(get_template(template).render(dict(values)))  # what a template escaped


@register.simple_tag
def field(bound: BoundField, hint: str = "", warning: bool = False, described: str = "", **attrs: Any) -> SafeString:
    """A form's field. `hint`: a line under the input; `described`: the id of more text about it, elsewhere.

    Other keywords become attributes of the input: hx_post is hx-post.
    """
    extra = {name.replace("_", "-"): value for name, value in attrs.items()}
    return labelled(bound, hint=hint, warning=warning, described=described, attrs=extra)


@register.inclusion_tag("design/summary.html")
def summary(form: BaseForm, heading: str = "Falta corregir esto") -> dict[str, Any]:
    """Every error of a form on top of the page, each one linked to its field."""
    items = [{"anchor": "", "message": message} for message in form.non_field_errors()]
    for bound in form:
        items += [{"anchor": bound.id_for_label, "message": message} for message in bound.errors]
    return {"items": items, "heading": heading}

"""What a code of SAT or a PAC means, in templates."""

from __future__ import annotations

from django import template

from emite.cfdi.meanings import Meaning, meaning

register = template.Library()


@register.filter
def significado(code: str) -> Meaning | None:
    """`{% with meant=document.last_code|significado %}`: None for a code that nobody publishes."""
    return meaning(code)

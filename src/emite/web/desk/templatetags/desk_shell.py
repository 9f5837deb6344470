"""What surrounds a page of the desk: the pages of the configuration side by side, and the help of the page."""

from __future__ import annotations

from typing import Any, Final

from django import template

from emite.web.desk.helping import HELP

register = template.Library()

#: section, address, label: in the order in which a hospital is set up.
CONFIGURATION: Final = (
    ("lista", "setup:home", "Lista para timbrar"),
    ("emisor", "desk:issuer", "Emisor"),
    ("pac", "desk:pac", "PAC"),
    ("personas", "setup:people", "Personas"),
    ("activacion", "setup:activation", "Activación"),
    ("vinculo", "setup:link", "Vínculo"),
    ("cajas", "desk:registers", "Cajas"),
    ("mejoras", "desk:enhancements", "Mejoras"),
    ("integraciones", "desk:integrations", "Integraciones"),
    ("avisos", "setup:alarms", "Avisos"),
    ("bitacora", "setup:log", "Bitácora"),
)


#: The guide that a section's help leads to; the configuration has its own.
GUIDES: Final = {
    **dict.fromkeys(("inicio", "nueva", "cortes", "solicitudes", "importar"), "caja"),
    **dict.fromkeys(("cierre", "tablero"), "cierre-de-mes"),
    "integraciones": "integracion",
    "complementos": "complemento-de-pago",
}


@register.filter
def in_configuration(section: str) -> bool:
    return any(section == name for name, _, _ in CONFIGURATION)


@register.inclusion_tag("desk/pieces/configuration.html")
def configuration(section: str) -> dict[str, Any]:
    return {"section": section, "pages": CONFIGURATION}


@register.inclusion_tag("desk/pieces/help.html")
def page_help(section: str) -> dict[str, Any]:
    setting_up = any(section == name for name, _, _ in CONFIGURATION)
    guide = GUIDES.get(section, "puesta-en-marcha" if setting_up else "")
    return {"paragraphs": HELP.get(section, ()), "guide": guide}

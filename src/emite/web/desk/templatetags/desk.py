"""Tags of the desk: the input of a dense row, with what htmx does when it changes."""

from __future__ import annotations

from django import template
from django.forms import BoundField
from django.urls import reverse
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def cell(
    bound: BoundField,
    list: str = "",
    placeholder: str = "",
    item_search: bool = False,
    clave_search: bool = False,
    quiet: bool = False,
) -> SafeString:
    """The widget of a row's field. Picking a service fills its row; typing anything else moves the sums."""
    attrs: dict[str, str | bool] = {"class": "input", "autocomplete": "off"}
    if list:
        attrs["list"] = list
    if placeholder:
        attrs["placeholder"] = placeholder
    if bound.errors and (item_search or not quiet):
        attrs |= {"aria-invalid": "true", "aria-describedby": f"{bound.auto_id}_error"}
    attrs |= _asks(bound, item_search=item_search, clave_search=clave_search)
    return bound.as_widget(attrs=attrs)


def _asks(bound: BoundField, *, item_search: bool, clave_search: bool) -> dict[str, str]:
    calculate = {"hx-post": reverse("desk:calculate"), "hx-include": "closest form", "hx-sync": "closest form:replace"}
    if item_search:
        return calculate | {
            "hx-post": reverse("desk:calculate") + "?todo=1",
            "hx-trigger": "change",
            "hx-target": "#hoja",
            "hx-swap": "outerHTML",
            "data-options": reverse("desk:items"),
        }
    if clave_search:
        return {
            "hx-get": reverse("desk:claves"),
            "hx-trigger": "input changed delay:200ms",
            "hx-target": f"#propuestas-{bound.html_name}",
        }
    return calculate | {
        "hx-trigger": "input changed delay:300ms, change",
        "hx-target": "#totales",
        "hx-swap": "outerHTML",
    }

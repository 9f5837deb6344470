"""One field of a form: label, one line of help, the error beside it. Written straight to HTML, as `widgets` is."""

from __future__ import annotations

from typing import Any

from django.forms import BoundField, CheckboxInput
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

from emite.web.design.widgets import written


def labelled(bound: BoundField, *, hint: str, warning: bool, described: str, attrs: dict[str, Any]) -> SafeString:
    """The field with all that is said of it. `attrs`: of the input; `described`: the id of a text elsewhere."""
    name, errors = bound.auto_id, [str(error) for error in bound.errors]
    said = [f"{name}_help"] if bound.help_text else []
    said += [f"{name}_error"] if errors else []
    said += [f"{name}_hint"] if hint else []
    said += [described] if described else []
    given = dict(attrs)
    if said:
        given["aria-describedby"] = " ".join(said)
    if errors:
        given["aria-invalid"] = "true"
    widget = written(bound, given)
    marks = f"field{' wrong' if errors else ''}{' doubtful' if warning else ''}"
    parts = [f'<div class="{marks}" id="campo-{conditional_escape(bound.html_name)}">\n']
    parts += (
        _check(bound, errors, widget)
        if isinstance(bound.field.widget, CheckboxInput)
        else _plain(bound, errors, widget)
    )
    if hint:
        parts.append(f'\n<span class="field-hint" id="{name}_hint">{conditional_escape(hint)}</span>')
    parts.append("\n</div>")
    return mark_safe("".join(parts))  # texts were escaped above and below


def _plain(bound: BoundField, errors: list[str], widget: str) -> list[str]:
    optional = "" if bound.field.required else ' <span class="optional">(opcional)</span>'
    parts = [f'<label for="{bound.id_for_label}">{conditional_escape(bound.label)}{optional}</label>\n']
    if bound.help_text:
        parts.append(f'<p class="help" id="{bound.auto_id}_help">{conditional_escape(bound.help_text)}</p>\n')
    return [*parts, *_errors(bound, errors), widget]


def _check(bound: BoundField, errors: list[str], widget: str) -> list[str]:
    text = str(conditional_escape(bound.label))
    if bound.help_text:
        text += f'<span class="field-hint" id="{bound.auto_id}_help">{conditional_escape(bound.help_text)}</span>'
    label = f'<label for="{bound.id_for_label}">{text}</label>'
    return [*_errors(bound, errors), f'<div class="check">{widget}{label}</div>']


def _errors(bound: BoundField, errors: list[str]) -> list[str]:
    return [
        f'<span class="field-error" id="{bound.auto_id}_error{f"_{place}" if place > 1 else ""}">'
        f'<span class="only-read">Error: </span>{conditional_escape(error)}</span>'
        for place, error in enumerate(errors, 1)
    ]

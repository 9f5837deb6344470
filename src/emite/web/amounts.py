"""Amounts as people type them: "$1,234.50", "0.001". No rule about what an amount may be worth lives here."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django import forms

_SHAPE = re.compile(r"(-?)(\d{1,3}(?:,\d{3})+|\d+)?(?:\.(\d*))?", re.ASCII)
_BLANKS = re.compile(r"[\s\u00a0]+")
_LONGEST = 30


def read_amount(typed: str) -> Decimal:
    """The exact Decimal of what was typed, with the decimals it was typed with. Raises ValueError in Spanish.

    Takes a peso sign, blanks and commas of thousands; never an exponent, and never a comma as the decimal point,
    because "1,5" could be read in two ways.
    """
    if len(typed) > _LONGEST:
        raise ValueError("Son demasiadas cifras: escriba una cantidad como 1234.50.")
    text = _BLANKS.sub("", typed).replace("−", "-").replace("$", "", 1)
    match = _SHAPE.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        raise ValueError(
            "Use punto para los decimales: 1,234.50."
            if re.fullmatch(r"-?[\d.,]+", text)
            else "Escriba solo números, por ejemplo 1234.50."
        )
    whole = (match[2] or "0").replace(",", "")
    return Decimal(f"{match[1]}{whole}.{match[3]}" if match[3] else f"{match[1]}{whole}")


class AmountField(forms.CharField):
    """A text field that gives a Decimal (or None when blank and not required)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.widget.attrs.setdefault("inputmode", "decimal")
        self.widget.attrs.setdefault("autocomplete", "off")

    def clean(self, value: Any) -> Any:
        typed = super().clean(value)
        if not typed:
            return None
        try:
            return read_amount(typed)
        except ValueError as error:
            raise forms.ValidationError(str(error), code="amount") from error

"""The forms of a register's day: its fund, cash moved, the count of the corte, the rule of collecting and its printer.

What may be done is decided in `charges.drawer`; its message is put beside the field it is about.
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from django import forms

from emite.charges.collecting import DESK_FORMS
from emite.charges.drawer import CASH, DENOMINATIONS, DrawerRefused
from emite.charges.models import CashMovement
from emite.charges.models.register import PAPER_WIDTHS
from emite.web.amounts import AmountField

#: The forms of payment that are counted by their vouchers, not by bills.
OTHER_FORMS = {key: label for key, label in DESK_FORMS.items() if key != CASH}


class DrawerForm(forms.Form):
    """What the drawer refuses lands beside its field."""

    def refuse(self, refused: DrawerRefused) -> None:
        self.add_error(refused.field if refused.field in self.fields else None, refused.message)


class OpenForm(DrawerForm):
    fund = AmountField(
        label="Fondo de caja",
        help_text="El efectivo con el que empieza. Si no hay, escriba 0.",
        error_messages={"required": "Escriba con cuánto efectivo empieza; 0 si no hay."},
    )


class MoveForm(DrawerForm):
    kind = forms.ChoiceField(
        label="Qué se hace",
        choices=CashMovement.Kind.choices,
        error_messages={"required": "Elija si se retira o se deposita."},
    )
    amount = AmountField(label="Cantidad", error_messages={"required": "Escriba cuánto."})
    reason = forms.CharField(
        label="Para qué",
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Escriba para qué.", "max_length": "Use a lo más 200 letras."},
    )
    key = forms.UUIDField(widget=forms.HiddenInput)

    @classmethod
    def blank(cls) -> MoveForm:
        return cls(initial={"kind": CashMovement.Kind.WITHDRAWAL, "key": str(uuid.uuid4())})


class CountForm(DrawerForm):
    """How many of each bill and coin; how much of every other form. A blank is a zero."""

    reason = forms.CharField(
        label="Motivo de la diferencia",
        required=False,
        max_length=200,
        help_text="Solo si lo contado no es lo esperado.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"max_length": "Use a lo más 200 letras."},
    )

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        words = "Escriba cuántas piezas hay, sin decimales."
        for face in DENOMINATIONS:
            self.fields[_piece(face)] = forms.IntegerField(
                label=f"${face}",
                required=False,
                min_value=0,
                max_value=100_000,
                widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
                error_messages={"invalid": words, "min_value": words, "max_value": "Son demasiadas piezas."},
            )
        for key, label in OTHER_FORMS.items():
            self.fields[f"forma_{key}"] = AmountField(label=label, required=False)

    @property
    def piece_fields(self) -> list[forms.BoundField]:
        return [self[_piece(face)] for face in DENOMINATIONS]

    @property
    def other_fields(self) -> list[forms.BoundField]:
        return [self[f"forma_{key}"] for key in OTHER_FORMS]

    def pieces(self) -> dict[str, int]:
        """Only after is_valid()."""
        return {face: self.cleaned_data[_piece(face)] or 0 for face in DENOMINATIONS}

    def counted(self) -> dict[str, Decimal]:
        """Only after is_valid()."""
        return {key: self.cleaned_data[f"forma_{key}"] or Decimal(0) for key in OTHER_FORMS}


def _piece(face: str) -> str:
    return "p_" + face.replace(".", "_")


class PolicyForm(forms.Form):
    """How the organization takes money."""

    needs_open_register = forms.BooleanField(
        label="Exigir caja abierta",
        required=False,
        help_text="Nadie cobra sin abrir antes la caja con su fondo. Los cobros de otros sistemas no la necesitan.",
    )
    free_limit = AmountField(
        label="Límite del cajero",
        help_text="Hasta aquí un cajero cancela pagos y devuelve. Arriba, un administrador o facturador.",
        error_messages={"required": "Escriba una cantidad; 0 para que ningún cajero corrija."},
    )

    def clean_free_limit(self) -> Decimal:
        limit: Decimal = self.cleaned_data["free_limit"]
        if not 0 <= limit < 10**8 or limit != limit.quantize(Decimal("0.01")):
            raise forms.ValidationError("Escriba una cantidad de cero o más, con dos decimales a lo más.")
        return limit


class PrinterForm(forms.Form):
    """A thermal printer on the network. Blank: tickets go by the browser."""

    printer_host = forms.CharField(
        label="Dirección de la impresora",
        required=False,
        max_length=253,
        help_text="Su nombre o su IP en la red. Vacío: se imprime desde el navegador.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    printer_port = forms.IntegerField(
        label="Puerto",
        min_value=1,
        max_value=65535,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"), "Escriba el puerto; casi siempre es 9100."
        ),
    )
    paper_width = forms.TypedChoiceField(
        label="Ancho del papel",
        coerce=int,
        choices=PAPER_WIDTHS,
        error_messages={"required": "Elija el ancho del papel."},
    )

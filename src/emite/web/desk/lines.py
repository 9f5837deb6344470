"""The rows of a new remisión as somebody types them, and what they come to.

What a line may be is decided in `charges.pricing`; here its messages are put beside the field they are about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.db.models import Q

from emite.cfdi.comprobante import Concepto, Totals
from emite.cfdi.taxes import Treatment, net_unit_price
from emite.chargemaster.models import TREATMENT_CHOICES, ChargeItem
from emite.charges.pricing import LineInput, LineRefused, check_line, conceptos, tidy, totals
from emite.lookup import Entry
from emite.organizations.models import Organization
from emite.web.amounts import AmountField
from emite.web.desk.claves import offered

#: No remisión of a hospital has more; it also bounds the work that one request may ask for.
MAX_LINES = 60
BEFORE_IVA, WITH_IVA = "sin", "con"
#: What makes a row worth reading: all blank but for the choices means "an empty row".
_TYPED = ("code", "description", "clave_prod_serv", "unit_price", "discount")


class LineForm(forms.Form):
    """One row. Blank fields of a row whose code is in the price list are taken from there (see `fill`)."""

    code = forms.CharField(label="Servicio", required=False, max_length=200)
    description = forms.CharField(label="Descripción", max_length=1000)
    quantity = AmountField(label="Cantidad")
    unit_price = AmountField(label="Precio unitario")
    price_mode = forms.ChoiceField(
        label="El precio", choices=[(BEFORE_IVA, "no incluye IVA"), (WITH_IVA, "incluye IVA")]
    )
    discount = AmountField(label="Descuento", required=False)
    # Words too: what they may mean is offered below the field.
    clave_prod_serv = forms.CharField(label="Clave SAT", max_length=100)
    clave_unidad = forms.CharField(label="Unidad", max_length=100)
    treatment = forms.ChoiceField(label="IVA", choices=[("", "Elija…"), *TREATMENT_CHOICES])

    required_messages: ClassVar[dict[str, str]] = {
        "description": "Escriba qué se cobra.",
        "quantity": "Escriba la cantidad.",
        "unit_price": "Escriba el precio.",
        "price_mode": "Elija si el precio incluye IVA.",
        "clave_prod_serv": "Escriba la clave SAT del servicio (8 números).",
        "clave_unidad": "Escriba la clave de unidad (E48 es «unidad de servicio»).",
        "treatment": "Elija el tratamiento de IVA: de él dependen los impuestos de la factura.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, message in self.required_messages.items():
            self.fields[name].error_messages |= {"required": message, "invalid_choice": message}

    def clean_clave_unidad(self) -> str:
        return str(self.cleaned_data["clave_unidad"]).upper()

    def line(self, position: int) -> LineInput | None:
        """The line as the domain takes it, or None with the errors beside their fields."""
        if not self.is_valid():
            return None
        data = self.cleaned_data
        treatment = Treatment(data["treatment"])
        price, discount = data["unit_price"], data["discount"] or Decimal(0)
        typed = LineInput(
            description=data["description"],
            clave_prod_serv=data["clave_prod_serv"],
            clave_unidad=data["clave_unidad"],
            treatment=treatment,
            quantity=data["quantity"],
            unit_price=price,
            discount=discount,
            code=data["code"][:40],
        )
        try:
            # What was typed is checked before IVA is taken out of it: the message must speak of those figures.
            check_line(position, typed)
            if data["price_mode"] == WITH_IVA:
                typed = _without_iva(typed)
                check_line(position, typed)
        except LineRefused as refused:
            self.add_error(refused.field if refused.field in self.fields else None, refused.message)
            return None
        return typed


def _without_iva(line: LineInput) -> LineInput:
    return LineInput(
        description=line.description,
        clave_prod_serv=line.clave_prod_serv,
        clave_unidad=line.clave_unidad,
        treatment=line.treatment,
        quantity=line.quantity,
        unit_price=net_unit_price(line.unit_price, line.treatment),
        discount=net_unit_price(line.discount, line.treatment) if line.discount else Decimal(0),
        code=line.code,
    )


@dataclass
class Row:
    """A row on the page: its form, and its amount when it is complete."""

    index: int
    form: LineForm
    blank: bool
    from_list: bool
    line: LineInput | None = None
    item: Concepto | None = None

    def _offered(self, name: str) -> list[Entry]:
        field = self.form[name]
        return offered(field.html_name, str(field.value() or "")) if field.errors else []

    @property
    def claves(self) -> list[Entry]:
        """What the words in the place of the key may mean."""
        return self._offered("clave_prod_serv")

    @property
    def unidades(self) -> list[Entry]:
        return self._offered("clave_unidad")

    @property
    def treatment_label(self) -> str:
        return dict(TREATMENT_CHOICES).get(str(self.form["treatment"].value() or ""), "sin tratamiento de IVA")


@dataclass
class Sheet:
    """All rows of a remisión being written, with their sum as far as it goes."""

    rows: list[Row]
    lines: list[LineInput] = field(default_factory=list)
    totals: Totals | None = None

    @property
    def taxes(self) -> list[tuple[str, Decimal]]:
        """Label and amount of each rate that adds something."""
        summed = self.totals.traslados if self.totals else ()
        return [
            (f"IVA {tax.tasa_o_cuota * 100:.0f} %", tax.importe) for tax in summed if tax.tasa_o_cuota and tax.importe
        ]

    @property
    def complete(self) -> bool:
        """At least one row, and every row that is not blank can be charged."""
        return bool(self.lines) and all(row.blank or row.line for row in self.rows)


def empty_sheet(rows: int = 1) -> Sheet:
    return Sheet([_blank_row(index) for index in range(rows)])


def demand_a_line(sheet: Sheet) -> None:
    """Nothing was written: say on the first row what is missing."""
    row = sheet.rows[0]
    row.form = LineForm(
        {row.form.add_prefix(name): row.form.initial.get(name, "") for name in row.form.fields}, prefix="l0"
    )
    row.form.errors.clear()
    row.form.add_error("code", "Elija un servicio de su lista o describa lo que se cobra.")


def read_sheet(
    organization: Organization, data: Mapping[str, Any], *, without: int | None = None, extra: int = 0
) -> Sheet:
    """The rows that were posted, filled from the price list; `without` drops one, `extra` adds blank ones."""
    raw = [_raw(data, index) for index in range(_count(data)) if index != without]
    items = _items(organization, raw)
    sheet = Sheet([])
    for index, values in enumerate(raw[:MAX_LINES]):
        sheet.rows.append(_read(index, values, _item_for(values, items)))
    for index in range(len(sheet.rows), min(len(sheet.rows) + extra, MAX_LINES)):
        sheet.rows.append(_blank_row(index))
    if not sheet.rows:
        sheet.rows.append(_blank_row(0))
    _sum(sheet)
    return sheet


def _sum(sheet: Sheet) -> None:
    filled = [row for row in sheet.rows if row.line]
    sheet.lines = [row.line for row in filled if row.line]
    if not sheet.lines:
        return
    items = conceptos(sheet.lines)
    for row, item in zip(filled, items, strict=True):
        row.item = item
    sheet.totals = totals(items)


def _count(data: Mapping[str, Any]) -> int:
    typed = str(data.get("filas", "1"))
    return min(int(typed), MAX_LINES) if typed.isascii() and typed.isdigit() and len(typed) < 4 else 1


def _raw(data: Mapping[str, Any], index: int) -> dict[str, str]:
    return {name: str(data.get(f"l{index}-{name}", "")).replace("\x00", "") for name in LineForm.base_fields}


def _blank_row(index: int) -> Row:
    form = LineForm(prefix=f"l{index}", initial={"quantity": "1", "price_mode": BEFORE_IVA, "clave_unidad": ""})
    return Row(index, form, blank=True, from_list=False)


def _read(index: int, values: dict[str, str], item: ChargeItem | None) -> Row:
    blank = not any(values[name].strip() for name in _TYPED) and not values["treatment"]
    if item is not None:
        values = fill(values, item)
    form = LineForm({f"l{index}-{name}": value for name, value in values.items()}, prefix=f"l{index}")
    row = Row(index, form, blank=blank, from_list=item is not None)
    if blank:
        # Bound with what is there (a quantity may have been changed), but no complaints about an empty row.
        row.form = LineForm(prefix=f"l{index}", initial={**values, "quantity": values["quantity"] or "1"})
        return row
    if item is None and values["code"].strip() and not values["description"].strip():
        form.is_valid()
        form.add_error(
            "code", "Ningún servicio de su lista tiene ese código o nombre. Elija otro, o bórrelo y describa el cobro."
        )
        for name in ("description", "unit_price", "clave_prod_serv", "clave_unidad", "treatment"):
            form.errors.pop(name, None)
        return row
    row.line = form.line(index + 1)
    return row


def fill(values: dict[str, str], item: ChargeItem) -> dict[str, str]:
    """The row with the blanks taken from the price list. A price from the list is before IVA."""
    filled = dict(values)
    known = {
        "description": item.description,
        "clave_prod_serv": item.clave_prod_serv,
        "clave_unidad": item.clave_unidad,
        "treatment": item.treatment,
        "quantity": "1",
    }
    if not values["unit_price"].strip():
        filled["unit_price"] = f"{tidy(item.unit_price, 2):f}"
        filled["price_mode"] = BEFORE_IVA
    for name, value in known.items():
        if not values[name].strip():
            filled[name] = value
    filled["code"] = item.code
    return filled


def _item_for(values: dict[str, str], items: Mapping[str, ChargeItem]) -> ChargeItem | None:
    """A name stands for a service only while the row has no description of its own; a code always does."""
    typed = values["code"].strip().casefold()
    item = items.get(typed)
    if item is not None and item.code.casefold() != typed and values["description"].strip():
        return None
    return item


def _items(organization: Organization, raw: Iterable[dict[str, str]]) -> dict[str, ChargeItem]:
    """What each row's "Servicio" stands for: a code of the list, or a name that only one service has. One query."""
    asked = {values["code"].strip().casefold() for values in raw} - {""}
    if not asked:
        return {}
    by_words = Q()
    for text in asked:
        by_words |= Q(code__iexact=text) | Q(description__icontains=text)
    found = list(ChargeItem.objects.filter(by_words, organization=organization, active=True)[: 20 * len(asked)])
    chosen: dict[str, ChargeItem] = {}
    for text in asked:
        exact = [item for item in found if item.code.casefold() == text]
        named = [item for item in found if item.description.casefold() == text]
        near = [item for item in found if text in item.description.casefold()]
        for candidates in (exact, named, near):
            if len(candidates) == 1:
                chosen[text] = candidates[0]
                break
    return chosen


def search_items(organization: Organization, text: str, *, limit: int = 20) -> list[ChargeItem]:
    """Services whose code starts with the text or whose description has all its words."""
    wanted = Q()
    for word in text.split()[:6]:
        wanted &= Q(code__istartswith=word) | Q(description__icontains=word)
    rows = ChargeItem.objects.filter(wanted, organization=organization, active=True).order_by("code")
    return list(rows[:limit])


__all__ = ["MAX_LINES", "Row", "Sheet", "demand_a_line", "empty_sheet", "fill", "read_sheet", "search_items"]

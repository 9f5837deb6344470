"""The price list as a CSV file: what it would change, row by row, before anything is; and the list as a file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import BinaryIO, Final

from emite.chargemaster.keeping import ItemInput, faults_of
from emite.chargemaster.models import ChargeItem
from emite.chargemaster.tables import is_formula, read, tame
from emite.lookup.words import plain
from emite.sheets.comma import MARK

COLUMNS: Final = ("codigo", "descripcion", "clave_sat", "unidad", "iva", "precio")
OPTIONAL: Final = ("activo", "error")
TREATMENTS: Final = {"16": "iva16", "8": "iva8", "0": "iva0", "exento": "exento", "no objeto": "no_objeto"}
_WRITTEN: Final = {treatment: word for word, treatment in TREATMENTS.items()}
_FIELD_COLUMN: Final = {
    "code": "codigo", "description": "descripcion", "clave_prod_serv": "clave_sat", "clave_unidad": "unidad",
    "treatment": "iva", "unit_price": "precio",
}  # fmt: skip
_PRICE: Final = re.compile(r"\d{1,12}(\.\d+)?", re.ASCII)
_YES_NO: Final = {"": True, "si": True, "1": True, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the file: its line, its cells, and either the service it says or what is wrong with it."""

    line: int
    cells: dict[str, str]
    item: ItemInput | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """The whole file as it was understood."""

    notes: tuple[str, ...]
    rows: list[Row]

    @property
    def wrong(self) -> list[Row]:
        return [row for row in self.rows if row.error]

    @property
    def items(self) -> list[ItemInput]:
        return [row.item for row in self.rows if row.item]


def understand(file: BinaryIO) -> Reading:
    """Every row, checked. Raises TableRefused when it is no such table."""
    table = read(file, COLUMNS, optional=OPTIONAL)
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for line, cells in table.rows:
        row = _row(line, cells)
        if row.item:
            code = row.item.code.casefold()
            if code in seen:
                row = Row(line, cells, None, f"codigo: ya está en el renglón {seen[code]}. Deje uno solo.")
            seen.setdefault(code, line)
        rows.append(row)
    return Reading(table.notes, rows)


def _row(line: int, cells: dict[str, str]) -> Row:
    problems = [
        f"{name}: empieza como una fórmula ({cells[name][0]}). Escriba solo el dato."
        for name in ("codigo", "descripcion", "clave_sat", "unidad", "iva")
        if is_formula(cells[name])
    ]
    if "" in cells:
        problems.append("sobran columnas: si un texto lleva el separador, póngalo entre comillas.")
    price, wrong = _price(cells["precio"])
    if wrong:
        problems.append(f"precio: {wrong}")
    active = _YES_NO.get(plain(cells.get("activo", "")))
    if active is None:
        problems.append("activo: escriba sí o no.")
    item = ItemInput(
        code=cells["codigo"],
        description=cells["descripcion"],
        clave_prod_serv=cells["clave_sat"],
        clave_unidad=cells["unidad"].upper(),
        treatment=TREATMENTS.get(plain(cells["iva"]).removesuffix("%").strip(), ""),
        unit_price=price,
        active=active is not False,
    )
    faults = {_FIELD_COLUMN[name]: text for name, text in faults_of(item).items()}
    if "iva" in faults:
        faults["iva"] = "escriba 16, 8, 0, exento o no objeto."
    if wrong:
        faults.pop("precio", None)
    problems += [f"{name}: {text}" for name, text in faults.items()]
    return Row(line, cells, None if problems else item, " ".join(problems))


def _price(typed: str) -> tuple[Decimal, str]:
    text = typed.removeprefix("$").strip()
    if _PRICE.fullmatch(text):
        return Decimal(text), ""
    if not text:
        return Decimal(0), "escriba el precio sin IVA."
    if "," in text:
        return Decimal(
            0
        ), f"«{typed[:20]}» lleva coma. Escriba punto para los decimales y nada para los miles: 1234.50."
    return Decimal(0), f"«{typed[:20]}» no es una cantidad. Escriba solo números, como 1234.50."


def as_csv(items: Iterable[ChargeItem]) -> str:
    """The list as a file that can be changed and read again. A cell that a spreadsheet would run is tamed."""
    return _written([*COLUMNS, "activo"], (
        [item.code, item.description, item.clave_prod_serv, item.clave_unidad, _WRITTEN[item.treatment],
         f"{item.unit_price.normalize():f}", "sí" if item.active else "no"]
        for item in items
    ))  # fmt: skip


def errors_as_csv(reading: Reading) -> str:
    """The rows of the file with what is wrong with each in its last column, to be mended and sent again."""
    names = [*COLUMNS, "activo"]
    return _written(
        [*names, "error"], ([*(row.cells.get(name, "") for name in names), row.error] for row in reading.rows)
    )


def _written(names: list[str], rows: Iterable[list[str]]) -> str:
    file = io.StringIO(newline="")
    file.write(MARK)
    writer = csv.writer(file)
    writer.writerow(names)
    writer.writerows([tame(cell) for cell in row] for row in rows)
    return file.getvalue()

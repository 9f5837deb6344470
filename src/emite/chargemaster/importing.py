"""The price list as a CSV file: what it would change, row by row, before anything is; and the list as a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO, Final

from emite.chargemaster.keeping import ItemInput, faults_of
from emite.chargemaster.models import ChargeItem
from emite.chargemaster.tables import SPILLED, amount, formulas, read, written
from emite.lookup.words import plain

COLUMNS: Final = ("codigo", "descripcion", "clave_sat", "unidad", "iva", "precio")
OPTIONAL: Final = ("activo", "error")
TREATMENTS: Final = {"16": "iva16", "8": "iva8", "0": "iva0", "exento": "exento", "no objeto": "no_objeto"}
WHICH_IVA: Final = "escriba 16, 8, 0, exento o no objeto."
_WRITTEN: Final = {treatment: word for word, treatment in TREATMENTS.items()}
_FIELD_COLUMN: Final = {
    "code": "codigo", "description": "descripcion", "clave_prod_serv": "clave_sat", "clave_unidad": "unidad",
    "treatment": "iva", "unit_price": "precio",
}  # fmt: skip
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
    problems = formulas(cells, ("codigo", "descripcion", "clave_sat", "unidad", "iva"))
    if "" in cells:
        problems.append(SPILLED)
    price, wrong = amount(cells["precio"], "escriba el precio sin IVA.")
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
        treatment=treatment_said(cells["iva"]),
        unit_price=price,
        active=active is not False,
    )
    faults = {_FIELD_COLUMN[name]: text for name, text in faults_of(item).items()}
    if "iva" in faults:
        faults["iva"] = WHICH_IVA
    if wrong:
        faults.pop("precio", None)
    problems += [f"{name}: {text}" for name, text in faults.items()]
    return Row(line, cells, None if problems else item, " ".join(problems))


def treatment_said(cell: str) -> str:
    """The tax treatment that a cell names; "" when it names none."""
    return TREATMENTS.get(plain(cell).removesuffix("%").strip(), "")


def as_csv(items: Iterable[ChargeItem]) -> str:
    """The list as a file that can be changed and read again. A cell that a spreadsheet would run is tamed."""
    return written([*COLUMNS, "activo"], (
        [item.code, item.description, item.clave_prod_serv, item.clave_unidad, _WRITTEN[item.treatment],
         f"{item.unit_price.normalize():f}", "sí" if item.active else "no"]
        for item in items
    ))  # fmt: skip


def errors_as_csv(reading: Reading) -> str:
    """The rows of the file with what is wrong with each in its last column, to be mended and sent again."""
    names = [*COLUMNS, "activo"]
    return written(
        [*names, "error"], ([*(row.cells.get(name, "") for name in names), row.error] for row in reading.rows)
    )

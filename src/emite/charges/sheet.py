"""Remisiones as a CSV file: a row is a service of a remisión or a payment of it; rows with one folio are one remisión.

Understanding changes nothing. What is wrong is told by row and column, with its cure. Writing them is `importing`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import BinaryIO, Final

from emite.chargemaster.importing import WHICH_IVA, treatment_said
from emite.chargemaster.tables import SPILLED, amount, formulas, read, written
from emite.charges.charging import priced
from emite.charges.collecting import DESK_FORMS, Part, PaymentRefused
from emite.charges.importing import Settled, check_paid, totals_of
from emite.charges.listing import PriceList
from emite.charges.models import CashRegister
from emite.charges.pricing import LineInput, LineRefused
from emite.charges.receiving import NewCharge
from emite.issuers.models import Issuer
from emite.lookup.words import plain
from emite.organizations import branches
from emite.organizations.models import Branch, Organization

COLUMNS: Final = ("folio_externo", "cantidad")
LINE_COLUMNS: Final = (
    "codigo", "descripcion", "clave_sat", "unidad", "iva", "cantidad", "precio", "descuento",
)  # fmt: skip
OPTIONAL: Final = (
    "paciente", *(name for name in LINE_COLUMNS if name not in COLUMNS),
    "forma_pago", "pagado", "terminacion", "caja", "sucursal", "rfc_emisor", "error",
)  # fmt: skip
#: In the order of the template.
TEMPLATE: Final = (
    "folio_externo", "paciente", *LINE_COLUMNS, "forma_pago", "pagado", "terminacion", "caja", "sucursal",
    "rfc_emisor",
)  # fmt: skip
#: Of one file: what one transaction writes in a few seconds.
MOST: Final = 2_000
_FOLIO: Final = re.compile("[!-~]{1,64}")
_ZERO: Final = re.compile(r"\$?\s*0+(\.0*)?")
_INVISIBLE: Final = re.compile("[\x00-\x1f\x7f]")
_FIELD_COLUMN: Final = {
    "code": "codigo", "description": "descripcion", "clave_prod_serv": "clave_sat", "clave_unidad": "unidad",
    "treatment": "iva", "quantity": "cantidad", "unit_price": "precio", "discount": "descuento",
    "forma_pago": "forma_pago", "amount": "pagado", "last4": "terminacion", "register": "caja",
}  # fmt: skip
_FORMS: Final = {plain(label): key for key, label in DESK_FORMS.items()}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the file, by its line in it. `errors` grows while it is understood."""

    line: int
    cells: dict[str, str]
    errors: list[str] = field(default_factory=list)

    @property
    def error(self) -> str:
        return " ".join(self.errors)

    def said(self, name: str) -> str:
        return self.cells.get(name, "")

    @property
    def is_service(self) -> bool:
        return any(self.said(name) for name in LINE_COLUMNS)

    @property
    def is_payment(self) -> bool:
        """Systems write a zero where nothing was paid."""
        if _ZERO.fullmatch(self.said("pagado")):
            return False
        return any(self.said(name) for name in ("forma_pago", "pagado", "terminacion"))


@dataclass(frozen=True, slots=True)
class Reading:
    """The whole file as it was understood."""

    notes: tuple[str, ...]
    rows: list[Row]
    charges: list[Settled]
    # Of those, the folios that the organization has already: they stay as they are.
    known: frozenset[str]
    total: Decimal
    paid: dict[str, Decimal]

    @property
    def wrong(self) -> list[Row]:
        return [row for row in self.rows if row.errors]

    @property
    def fresh(self) -> int:
        return len(self.charges) - len(self.known)


def understand(file: BinaryIO, organization: Organization) -> Reading:
    """Every row, checked. Raises TableRefused when it is no such table."""
    table = read(file, COLUMNS, optional=OPTIONAL, most=MOST)
    rows = [Row(line, cells) for line, cells in table.rows]
    groups: dict[str, list[Row]] = {}
    for row in rows:
        _check_cells(row)
        groups.setdefault(row.said("folio_externo"), []).append(row)
    known = totals_of(organization, list(groups))
    reader = _Reader(organization, rows)
    charges, total = [], Decimal(0)
    paid: dict[str, Decimal] = {}
    for folio, group in groups.items():
        settled = reader.charge(folio, group)
        if settled is None:
            continue
        amounts = priced(settled.charge.lines)[1]
        if folio not in known:
            total += amounts.total
            for part in settled.parts:
                paid[part.forma_pago] = paid.get(part.forma_pago, Decimal(0)) + part.amount
        elif amounts.total not in known[folio]:
            group[0].errors.append(
                f"folio_externo: {folio} ya está en el sistema con un total de ${known[folio][0]:,.2f} y aquí suma "
                f"${amounts.total:,.2f}. Use otro folio, o corrija la remisión en caja."
            )
            continue
        charges.append(settled)
    there = frozenset(known) & {one.charge.external_id or "" for one in charges}
    return Reading(table.notes, rows, charges, there, total, paid)


class _Reader:
    """What the organization has that rows may name: its list, issuers, registers and branches, looked up once."""

    def __init__(self, organization: Organization, rows: Sequence[Row]) -> None:
        self.prices = PriceList(organization, (row.said("codigo") for row in rows))
        self.issuers = {issuer.rfc: issuer for issuer in Issuer.objects.filter(organization=organization)}
        registers = CashRegister.objects.filter(organization=organization, active=True, web_invoicing=False)
        registers = registers.select_related("branch")
        self.branches = branches.in_use(organization)
        self.registers = {plain(register.name): register for register in registers}

    def charge(self, folio: str, group: list[Row]) -> Settled | None:
        """The remisión that these rows say; None when something of it is wrong, which then stands in its row."""
        first = group[0]
        issuer, register, branch = self._issuer(group), self._register(group), self._branch(group)
        for name in ("paciente", "rfc_emisor", "caja", "sucursal"):
            if len({row.said(name) for row in group if row.said(name)}) > 1:
                first.errors.append(f"{name}: los renglones de {folio} dicen cosas distintas. Deje uno solo.")
        services = [row for row in group if row.is_service]
        if not services and not first.errors:
            first.errors.append(f"cantidad: {folio} no tiene ningún servicio. Agregue el renglón de lo que se cobró.")
        lines = [self._line(place, row) for place, row in enumerate(services, 1)]
        parts = [_part(row) for row in group if row.is_payment]
        if any(row.errors for row in group) or issuer is None:
            return None
        new = NewCharge(
            issuer=issuer,
            lines=[line for line in lines if line],
            idempotency_key=f"csv:{sha256(folio.encode()).hexdigest()[:60]}",
            external_id=folio,
            patient_name=next((row.said("paciente") for row in group if row.said("paciente")), ""),
            branch=branch,
        )
        settled = Settled(new, [part for part in parts if part], register)
        try:
            check_paid(settled, priced(new.lines)[1].total)
        except LineRefused as refused:
            _say(services[refused.position - 1], refused.field, refused.message)
        except PaymentRefused as refused:
            _say(next(row for row in group if row.is_payment), refused.field, refused.message)
        return None if any(row.errors for row in group) else settled

    def _issuer(self, group: list[Row]) -> Issuer | None:
        row = next((row for row in group if row.said("rfc_emisor")), group[0])
        typed = row.said("rfc_emisor").upper()
        if not typed and len(self.issuers) == 1:
            return next(iter(self.issuers.values()))
        if typed not in self.issuers:
            row.errors.append(f"rfc_emisor: escriba uno de los de su organización: {', '.join(sorted(self.issuers))}.")
        return self.issuers.get(typed)

    def _register(self, group: list[Row]) -> CashRegister | None:
        row = next((row for row in group if row.said("caja")), group[0])
        typed = plain(row.said("caja"))
        if not typed and len(self.registers) == 1:
            return next(iter(self.registers.values()))
        if typed and typed not in self.registers:
            names = ", ".join(sorted(register.name for register in self.registers.values()))
            row.errors.append(f"caja: no hay una caja en uso con ese nombre. Escriba una de estas: {names}.")
        return self.registers.get(typed)

    def _branch(self, group: list[Row]) -> Branch | None:
        """Named in a row, or else where the register named there stands."""
        row = next((row for row in group if row.said("sucursal")), group[0])
        typed = plain(row.said("sucursal"))
        if typed and typed not in self.branches:
            names = ", ".join(branch.name for branch in self.branches.values())
            cure = f"Escriba una de estas: {names}." if names else "Deje la columna vacía, o agréguela en Sucursales."
            row.errors.append(f"sucursal: no hay una sucursal en uso con ese nombre. {cure}")
        if typed:
            return self.branches.get(typed)
        named = next((self.registers.get(plain(row.said("caja"))) for row in group if row.said("caja")), None)
        return named.branch if named and named.branch and named.branch.active else None

    def _line(self, place: int, row: Row) -> LineInput | None:
        numbers: dict[str, Decimal | None] = {}
        for name, missing in (("cantidad", "escriba cuántos."), ("precio", ""), ("descuento", "")):
            value, wrong = amount(row.said(name), missing)
            if wrong:
                row.errors.append(f"{name}: {wrong}")
            numbers[name] = value if row.said(name) else None
        treatment = treatment_said(row.said("iva")) or None
        if row.said("iva") and treatment is None:
            row.errors.append(f"iva: {WHICH_IVA}")
        if row.errors:
            return None
        said = {
            "description": row.said("descripcion") or None,
            "clave_prod_serv": row.said("clave_sat") or None,
            "clave_unidad": row.said("unidad").upper() or None,
            "treatment": treatment,
            "unit_price": numbers["precio"],
        }
        try:
            return self.prices.line(
                place, row.said("codigo"), said,
                quantity=numbers["cantidad"] or Decimal(0), discount=numbers["descuento"] or Decimal(0),
            )  # fmt: skip
        except LineRefused as refused:
            _say(row, refused.field, refused.message)
            return None


def _part(row: Row) -> Part | None:
    typed = row.said("forma_pago")
    # A spreadsheet eats the zero of 01.
    form = typed.zfill(2) if typed.isdigit() else _FORMS.get(plain(typed), "")
    if form not in DESK_FORMS:
        known = ", ".join(f"{key} {label.lower()}" for key, label in DESK_FORMS.items())
        row.errors.append(f"forma_pago: escriba una de estas: {known}.")
    paid, wrong = amount(row.said("pagado"), "escriba cuánto se pagó.")
    if wrong:
        row.errors.append(f"pagado: {wrong}")
    last4 = row.said("terminacion")
    return None if row.errors else Part(form, paid, last4.zfill(4) if last4.isdigit() else last4)


def _check_cells(row: Row) -> None:
    """What can be said of a row without knowing anything else."""
    row.errors.extend(formulas(row.cells, ("folio_externo", "paciente", "codigo", "descripcion", "clave_sat", "caja")))
    if "" in row.cells:
        row.errors.append(SPILLED)
    row.errors.extend(
        f"{name}: lleva un carácter invisible: escríbalo otra vez."
        for name, cell in row.cells.items()
        if name and _INVISIBLE.search(cell)
    )
    if not _FOLIO.fullmatch(row.said("folio_externo")):
        row.errors.append("folio_externo: escriba el folio de su sistema, sin espacios ni acentos, hasta 64 letras.")
    if len(row.said("paciente")) > 200:
        row.errors.append("paciente: use a lo más 200 letras.")
    if len(row.said("descripcion")) > 1000 or len(row.said("codigo")) > 40:
        row.errors.append("descripcion: use a lo más 1,000 letras, y 40 en codigo.")
    if not row.is_service and not row.is_payment:
        row.errors.append("cantidad: el renglón no dice ni un servicio ni un pago.")


def _say(row: Row, name: str, message: str) -> None:
    row.errors.append(f"{_FIELD_COLUMN.get(name, name)}: {message}")


def template() -> str:
    """The file to fill in, without rows: an example would be charged."""
    return written(TEMPLATE, [])


def errors_as_csv(reading: Reading) -> str:
    """The same rows with what is wrong with each in its last column, to be mended and sent again."""
    return written([*TEMPLATE, "error"], ([*(row.said(name) for name in TEMPLATE), row.error] for row in reading.rows))

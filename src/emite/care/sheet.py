"""Services rendered as a CSV file: a row is a service, known by its folio of the other system.

Understanding changes nothing. What is wrong is told by row and column, with its cure. Writing them is `importing`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import BinaryIO, Final, TypeVar

from emite.accounts.models import User
from emite.care.importing import Kept, kept_of
from emite.care.models import CareService, CodeSystem
from emite.care.naming import Names
from emite.care.rendering import Rendered, ServiceRefused, prepared
from emite.chargemaster.tables import SPILLED, amount, formulas, read, written
from emite.lookup.words import plain
from emite.organizations.models import Organization

COLUMNS: Final = ("folio_externo", "paciente", "fecha", "aseguradora", "codigo")
#: In the order of the template.
TEMPLATE: Final = (
    *COLUMNS, "plan", "medico", "sistema", "descripcion", "honorario", "parte_paciente", "autorizacion", "correo",
    "rfc_emisor",
)  # fmt: skip
#: Of one file: what one transaction writes in a few seconds.
MOST: Final = 2_000
Found = TypeVar("Found")
_FOLIO: Final = re.compile("[!-~]{1,64}")
_INVISIBLE: Final = re.compile("[\x00-\x1f\x7f]")
_DATE: Final = (re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})"), re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})"))
_FIELD_COLUMN: Final = {
    "patient_name": "paciente", "rendered_on": "fecha", "payer": "aseguradora", "contract": "plan", "code": "codigo",
    "physician": "medico", "system": "sistema", "description": "descripcion", "fee": "honorario",
    "patient_part": "parte_paciente", "reference": "autorizacion", "issuer": "rfc_emisor",
    "patient_email": "correo",
}  # fmt: skip
_SYSTEMS: Final = {"": CodeSystem.CPT4, "cpt4": CodeSystem.CPT4, "propio": CodeSystem.OWN}


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

    def wrong(self, name: str, message: str) -> None:
        self.errors.append(f"{name}: {message}")


@dataclass(frozen=True, slots=True)
class Reading:
    """The whole file as it was understood. `services` are those to write, `known` how many are there already."""

    notes: tuple[str, ...]
    rows: list[Row]
    services: list[Rendered]
    known: int
    fee: Decimal
    patient_part: Decimal

    @property
    def wrong(self) -> list[Row]:
        return [row for row in self.rows if row.errors]

    @property
    def payer_part(self) -> Decimal:
        return self.fee - self.patient_part


def understand(file: BinaryIO, organization: Organization, *, user: User, now: dt.datetime) -> Reading:
    """Every row, checked. Raises TableRefused when it is no such table."""
    table = read(file, COLUMNS, optional=(*TEMPLATE, "error"), most=MOST)
    rows = [Row(line, cells) for line, cells in table.rows]
    has = kept_of(organization, [row.said("folio_externo") for row in rows])
    reader = Reader(organization)
    asked: list[Rendered] = []
    made: list[CareService] = []
    seen: dict[str, int] = {}
    known = 0
    for row in rows:
        folio = row.said("folio_externo")
        check_cells(row, TEMPLATE, seen)
        if row.errors:
            continue
        if folio in has:
            _compare(row, has[folio])
            known += not row.errors
        elif one := reader.service(row):
            one = replace(one, fee=reader.tariff(one) if one.fee is None else one.fee)
            if checked := named(row, partial(prepared, organization, one, user=user, now=now)):
                made.append(checked)
                asked.append(one)
    fee = sum((each.fee for each in made), Decimal(0))
    return Reading(table.notes, rows, asked, known, fee, sum((each.patient_part for each in made), Decimal(0)))


class Reader:
    """Rows of a file as services of the practice."""

    def __init__(self, organization: Organization) -> None:
        self.names = Names(organization)

    def service(self, row: Row) -> Rendered | None:
        """What the row says, without the plan's tariff; None when something is wrong, which then stands in the row."""
        names = self.names
        on = date(row)
        issuer = named(row, lambda: names.issuer(row.said("rfc_emisor")))
        payer = named(row, lambda: names.payer(row.said("aseguradora")))
        physician = named(row, lambda: names.physician(row.said("medico")))
        plan = named(row, lambda: names.plan(row.said("plan"), payer)) if payer else None
        system = _SYSTEMS.get(plain(row.said("sistema")))
        if system is None:
            row.wrong("sistema", "escriba CPT4 o propio. Vacío: CPT4.")
        fee, part = money(row, "honorario"), money(row, "parte_paciente")
        if row.errors or on is None or issuer is None or payer is None or physician is None or system is None:
            return None
        code = row.said("codigo")
        return Rendered(
            issuer=issuer, physician=physician, payer=payer, contract=plan, patient_name=row.said("paciente"),
            rendered_on=on, system=system, code=code, description=row.said("descripcion"),
            fee=fee, patient_part=part,
            reference=row.said("autorizacion"), patient_email=row.said("correo"), external_id=row.said("folio_externo"),
        )  # fmt: skip

    def tariff(self, one: Rendered) -> Decimal | None:
        return self.names.tariff(one.contract, one.system, one.code)


def named(row: Row, find: Callable[[], Found]) -> Found | None:
    try:
        return find()
    except ServiceRefused as refused:
        row.wrong(_FIELD_COLUMN[refused.field], refused.message)
        return None


def check_cells(row: Row, columns: Sequence[str], seen: dict[str, int]) -> None:
    """What can be said of a row without knowing more than the rows before it."""
    row.errors.extend(formulas(row.cells, columns))
    if "" in row.cells:
        row.errors.append(SPILLED)
    for name, cell in row.cells.items():
        if name and _INVISIBLE.search(cell):
            row.wrong(name, "lleva un carácter invisible: escríbalo otra vez.")
    folio = row.said("folio_externo")
    if not _FOLIO.fullmatch(folio):
        row.wrong("folio_externo", "escriba el folio de su sistema, sin espacios ni acentos, hasta 64 letras.")
    if seen.setdefault(folio, row.line) != row.line:
        row.wrong("folio_externo", f"{folio} ya está en el renglón {seen[folio]}. Deje uno, o use otro folio.")


def _compare(row: Row, has: Kept) -> None:
    """The service is there already and stays as it is: the row must not say another."""
    on, fee = date(row), money(row, "honorario")
    cure = "Use otro folio, o cambie el servicio en su página."
    if on is not None and on != has.rendered_on:
        row.wrong("fecha", f"ese folio ya está, con fecha {has.rendered_on:%d/%m/%Y}. {cure}")
    if row.said("codigo") != has.code:
        row.wrong("codigo", f"ese folio ya está, con el código {has.code}. {cure}")
    if fee is not None and fee != has.fee:
        row.wrong("honorario", f"ese folio ya está, con ${has.fee:,.2f}. {cure}")


def date(row: Row) -> dt.date | None:
    typed = row.said("fecha")
    try:
        if match := _DATE[0].fullmatch(typed):
            return dt.date(int(match[1]), int(match[2]), int(match[3]))
        if match := _DATE[1].fullmatch(typed):
            return dt.date(int(match[3]), int(match[2]), int(match[1]))
    except ValueError:
        row.wrong("fecha", f"{typed} no existe en el calendario.")
        return None
    row.wrong("fecha", "escríbala como 2026-03-31 o 31/03/2026.")
    return None


def money(row: Row, name: str) -> Decimal | None:
    value, wrong = amount(row.said(name), "")
    if wrong:
        row.wrong(name, wrong)
    return value if row.said(name) else None


def template() -> str:
    """The file to fill in, without rows: an example would be invoiced."""
    return written(TEMPLATE, [])


def errors_as_csv(rows: Sequence[Row], columns: Sequence[str] = TEMPLATE) -> str:
    """The same rows with what is wrong with each in its last column, to be mended and sent again."""
    return written([*columns, "error"], ([*(row.said(name) for name in columns), row.error] for row in rows))

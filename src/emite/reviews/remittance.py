"""A payer's remittance as a file: which invoices were paid and how much of each, looked at before anything is stored.

One payment per supplier; all of the file or nothing.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import BinaryIO, Final

from django.db import transaction

from emite.accounts.models import User
from emite.cfdi.money import total
from emite.chargemaster.tables import read, written
from emite.pac.port import SatEstado
from emite.reviews import paying
from emite.reviews.models import PayerPayment, ReceivedInvoice

COLUMNS: Final = ("folio_fiscal", "monto")
OPTIONAL: Final = ("proveedor", "no_de_control")
MOST_ROWS: Final = 2_000
_AMOUNT: Final = re.compile(r"(\d{1,13}|\d{1,3}(,\d{3}){1,4})(\.\d*)?", re.ASCII)
SPILLED_AMOUNT: Final = (
    "monto: el renglón tiene celdas de más. Una cantidad con coma de miles va entre comillas, o sin la coma: 1234.50."
)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the file. `problem` says what is wrong with it and how it is cured; empty when nothing is."""

    line: int
    name: str
    amount: Decimal | None
    invoice: ReceivedInvoice | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the file says, matched with the inbox."""

    notes: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def wrong(self) -> list[Row]:
        return [row for row in self.rows if row.problem]

    @property
    def total(self) -> Decimal:
        return total(row.amount for row in self.rows if row.amount is not None)

    def doubtful(self, now: dt.datetime) -> list[ReceivedInvoice]:
        """Those of which the SAT did not say "Vigente" lately: they may be paid, but whoever pays should know."""
        return [row.invoice for row in self.rows if row.invoice is not None and row.invoice.doubt(now)]

    @property
    def groups(self) -> list[Group]:
        """One payment per supplier, in the order of the file."""
        found: dict[tuple[uuid.UUID, str], Group] = {}
        for row in self.rows:
            if row.invoice is None or row.amount is None or row.problem:
                continue
            key = (row.invoice.supplier, row.invoice.rfc_emisor)
            group = found.setdefault(
                key, Group(row.invoice.supplier_name, row.invoice.rfc_emisor, row.invoice.supplier)
            )
            group.shares.append((row.invoice.pk, row.amount))
            if row.amount < row.invoice.owed:
                group.partial.append(f"{row.invoice}: quedan {row.invoice.owed - row.amount:,.2f}")
        return list(found.values())


@dataclass(slots=True)
class Group:
    """What one supplier gets. `partial`: invoices of which something is still owed afterwards."""

    name: str
    rfc: str
    supplier: uuid.UUID
    shares: list[tuple[uuid.UUID, Decimal]] = field(default_factory=list)
    partial: list[str] = field(default_factory=list)

    @property
    def amount(self) -> Decimal:
        return total(amount for _, amount in self.shares)


def understand(file: BinaryIO, organization_id: uuid.UUID) -> Reading:
    """Each line with its invoice or its problem. Raises TableRefused when it is no table of these columns."""
    table = read(file, COLUMNS, optional=OPTIONAL, most=MOST_ROWS)
    lines = list(table.rows)
    wanted = {key for _, cells in lines if (key := _uuid(cells.get("folio_fiscal", "")))}
    rows = ReceivedInvoice.objects.filter(organization_id=organization_id, uuid__in=wanted).defer("xml", "findings")
    return Reading(table.notes, tuple(_rows(lines, {row.uuid: row for row in rows})))


def _rows(lines: list[tuple[int, dict[str, str]]], known: Mapping[uuid.UUID, ReceivedInvoice]) -> Iterator[Row]:
    seen: set[uuid.UUID] = set()
    for number, cells in lines:
        name = cells["folio_fiscal"]
        amount, problem = _amount(cells["monto"])
        key = _uuid(name)
        invoice = known.get(key) if key else None
        if key is None:
            problem = "folio_fiscal: no es un folio fiscal; son 32 letras y números en cinco grupos con guiones."
        elif invoice is None:
            problem = "folio_fiscal: esa factura no está en su bandeja. Pida a su emisor que la envíe."
        elif key in seen:
            problem = "folio_fiscal: ya está en otro renglón; deje uno con la suma."
        elif "" in cells or _AMOUNT.fullmatch(cells.get("proveedor", "")):
            # 1,234.50 without quotes is 1 and a cell more.
            problem = SPILLED_AMOUNT
        elif not problem and amount is not None:
            problem = _against(invoice, amount)
        if key:
            seen.add(key)
        yield Row(number, name[:60], amount, invoice, problem)


def _against(invoice: ReceivedInvoice, amount: Decimal) -> str:
    if invoice.state != ReceivedInvoice.State.APPROVED:
        return f"La factura {invoice} está «{invoice.label}»: apruébela antes de pagarla."
    if invoice.sat_estado == SatEstado.CANCELADO.value:
        return f"El SAT dice que la factura {invoice} está cancelada: no se paga."
    if amount > invoice.owed:
        return f"monto: de la factura {invoice} se deben ${invoice.owed:,.2f}, no ${amount:,.2f}."
    return ""


def _amount(typed: str) -> tuple[Decimal | None, str]:
    """As payers write it: with a peso sign and commas of thousands, never a comma for the decimals."""
    text = typed.strip().removeprefix("$").strip()
    if not _AMOUNT.fullmatch(text):
        return None, "monto: escriba una cantidad como 1234.50 o 1,234.50."
    value = Decimal(text.replace(",", ""))
    if value <= 0 or value != round(value, 2):
        return None, "monto: escriba una cantidad mayor que cero, con dos decimales a lo más."
    return value, ""


def _uuid(typed: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(typed.strip().strip("{}"))
    except ValueError:
        return None


def register(
    organization_id: uuid.UUID,
    reading: Reading,
    *,
    paid_at: dt.datetime,
    forma_pago: str,
    operation: str,
    user: User,
    now: dt.datetime,
    key: str,
) -> list[PayerPayment]:
    """One payment per supplier, all of them or none; the same key again changes nothing. Raises NotAllowed, Refused."""
    assert not reading.wrong, "a file with problems is not registered"
    every = [pk for group in reading.groups for pk, _ in group.shares]
    with transaction.atomic():
        # All of them first, in the order in which everybody locks them; each payment finds its own held.
        held = ReceivedInvoice.objects.select_for_update().filter(organization_id=organization_id, pk__in=every)
        list(held.order_by("pk").values_list("pk"))
        return [
            paying.register(
                organization_id,
                group.shares,
                paid_at=paid_at,
                forma_pago=forma_pago,
                operation=operation,
                user=user,
                now=now,
                key=_key(key, group),
            )
            for group in reading.groups
        ]


def _key(key: str, group: Group) -> str:
    """Of one supplier's payment: two suppliers may invoice with the same RFC."""
    return f"{key}-{sha256(f'{group.supplier} {group.rfc}'.encode()).hexdigest()}"[:64]


def template() -> str:
    """The file to fill in."""
    return written([*COLUMNS, *OPTIONAL], [])

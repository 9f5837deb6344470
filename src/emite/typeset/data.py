"""What a printed document says, as plain data: no models, no formatting. How it is
written on the page is in `invoice_page.py` and `ticket_page.py`.

Money is Decimal in pesos (or the document's currency); every datetime is already in the zone it is to be read in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from emite.cfdi.representation import Representation

Paper = Literal["80mm", "letter"]

INK = "#1b2430"
LOGO_LIMIT = 1_000_000
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class Branding:
    """How a hospital (or practice) presents itself. `accent` is "#rrggbb"; `address` may have several lines.

    Raises ValueError for a colour that is none or a logo above LOGO_LIMIT bytes. A logo that cannot be drawn does not
    fail the document: the name is printed in its place and the fact is logged.
    """

    name: str
    logo: bytes | None = None
    accent: str = INK
    address: str = ""
    contact: str = ""

    def __post_init__(self) -> None:
        if not _COLOUR.fullmatch(self.accent):
            raise ValueError(f"{self.accent!r} is not a colour of the form #rrggbb")
        if self.logo is not None and len(self.logo) > LOGO_LIMIT:
            raise ValueError(f"a logo has at most {LOGO_LIMIT} bytes, this one has {len(self.logo)}")


@dataclass(frozen=True, slots=True)
class InvoicePrint:
    """A CFDI of type I or E on paper. `cancelled_at`, once SAT has cancelled it, marks every page.

    `draft`: it is not stamped yet, so it has nothing fiscal to show and every page says so.
    """

    representation: Representation
    branding: Branding
    cancelled_at: datetime | None = None
    draft: bool = False


@dataclass(frozen=True, slots=True)
class Venue:
    """Who charges, as a ticket says it: `legal_name` and `rfc` of the issuer, `address` and `branch` of the place."""

    legal_name: str
    rfc: str
    address: str = ""
    phone: str = ""
    branch: str = ""


@dataclass(frozen=True, slots=True)
class Invoicing:
    """The way from a paper to its invoice.

    `link` is short and typed by hand ("santelmo.mx/f"), `url` carries the code and goes into the QR; both are None
    where the portal is off, and then the paper sends people to the desk only. `code` is the 16 symbols without spaces,
    or "" when it was revoked and must not be printed again.
    `last_day` is the last day on which the portal takes it (None: no limit is printed). `when_settled` is for a charge
    that can be invoiced only once it is paid in full.
    """

    code: str
    link: str | None = None
    url: str | None = None
    last_day: date | None = None
    when_settled: bool = False

    def __post_init__(self) -> None:
        if (self.link is None) != (self.url is None):
            raise ValueError("a link to type and an address for the QR come together or not at all")


@dataclass(frozen=True, slots=True)
class TicketLine:
    """`amount` and `unit_price` as the payer is shown them; `tax` in words ("IVA 16 %", "Exento"), or ""."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    tax: str = ""


@dataclass(frozen=True, slots=True)
class Amount:
    """A labelled amount: a tax, a form of payment. `detail` is quiet ("aut. 004512", "sobre $1,000.00")."""

    label: str
    amount: Decimal
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TicketPrint:
    """The ticket of a remisión. `owed` is what remains to be paid (0 when settled), `change` what was handed back.

    `patient` stays empty unless the hospital prints names; a diagnosis has no place here.
    """

    branding: Branding
    venue: Venue
    folio: str
    issued_at: datetime
    lines: tuple[TicketLine, ...]
    subtotal: Decimal
    total: Decimal
    invoicing: Invoicing
    discount: Decimal = Decimal(0)
    taxes: tuple[Amount, ...] = ()
    payments: tuple[Amount, ...] = ()
    change: Decimal = Decimal(0)
    owed: Decimal = Decimal(0)
    cashier: str = ""
    register: str = ""
    patient: str = ""
    reprinted_at: datetime | None = None
    deposit: bool = False


@dataclass(frozen=True, slots=True)
class SlipPrint:
    """The slip of one payment (comprobante de pago) of a remisión, in one or several forms.

    `charge_total`, `paid` (everything paid so far, this payment included) and `owed` are the charge's. `cancelled_at`
    marks a payment that was undone.
    """

    branding: Branding
    venue: Venue
    folio: str
    charge_folio: str
    paid_at: datetime
    payments: tuple[Amount, ...]
    amount: Decimal
    charge_total: Decimal
    paid: Decimal
    owed: Decimal
    invoicing: Invoicing
    received: Decimal | None = None
    change: Decimal = Decimal(0)
    cashier: str = ""
    register: str = ""
    patient: str = ""
    reprinted_at: datetime | None = None
    deposit: bool = False
    cancelled_at: datetime | None = None

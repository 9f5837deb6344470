"""Finding charges: what was typed in the search box, the filters of the address and the pages of the table.

Every query starts with the organization. A page costs two queries however many rows it has.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import urlencode

from django.db.models import Exists, F, Func, OuterRef, Prefetch, Q, QuerySet, TextField, Value
from django.db.models.lookups import IContains

from emite.cfdi.rfc import Rfc, RfcInvalid
from emite.charges.code import read_code
from emite.charges.finding import by_code
from emite.charges.models import Allocation, Charge, PaymentSlip
from emite.documents.models import FiscalDocument, State
from emite.organizations.models import Organization
from emite.web.design.templatetags.design import MONTHS
from emite.web.desk.amounts import read_amount
from emite.web.desk.states import Badge, invoice_badge, money_badge

PAGE = 50
#: The words that people put in the address, and what they mean.
SHOWN = {
    "": "Todas",
    "por-cobrar": "Por cobrar",
    "por-facturar": "Por facturar",
    "facturadas": "Facturadas",
    "canceladas": "Canceladas",
}
_MONTHS = {name: number for number, name in enumerate(MONTHS, 1)}
_FOLIO = re.compile(r"(rem|cop|pag)[\s-]*0*(\d{1,15})", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address asks for. `problems` are the words that could not be read, said in Spanish."""

    text: str = ""
    shown: str = ""
    since: dt.date | None = None
    until: dt.date | None = None
    before: tuple[dt.datetime, uuid.UUID] | None = None
    problems: tuple[str, ...] = ()

    @classmethod
    def read(cls, query: Mapping[str, str], today: dt.date) -> Filters:
        problems = []
        days: dict[str, dt.date | None] = {}
        for name, label in (("desde", "Desde"), ("hasta", "Hasta")):
            typed = query.get(name, "").strip()
            days[name] = read_day(typed, today)
            if typed and days[name] is None:
                problems.append(f"{label}: no se entiende la fecha «{typed[:40]}». Escríbala como 22/11/2026.")
        return cls(
            text=query.get("q", "").replace("\x00", "").strip()[:200],
            shown=query.get("ver", "") if query.get("ver", "") in SHOWN else "",
            since=days["desde"],
            until=days["hasta"],
            before=_read_cursor(query.get("antes", "")),
            problems=tuple(problems),
        )

    def address(self, **over: str) -> str:
        """The same search with something else, as a query string. The page starts over."""
        said = {
            "q": self.text,
            "ver": self.shown,
            "desde": self.since.isoformat() if self.since else "",
            "hasta": self.until.isoformat() if self.until else "",
            **over,
        }
        return "?" + urlencode({name: value for name, value in said.items() if value})

    @property
    def any(self) -> bool:
        return bool(self.text or self.shown or self.since or self.until)


@dataclass(frozen=True, slots=True)
class Found:
    """A row of the table."""

    charge: Charge
    document: FiscalDocument | None
    money: Badge
    invoice: Badge


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first, and the address of the next ones."""

    rows: list[Found] = field(default_factory=list)
    older: str = ""


def read_day(typed: str, today: dt.date) -> dt.date | None:
    """A day as people write it: 2026-11-22, 22/11/2026, 22/11, 22 nov, 22 nov 2026, hoy, ayer. Else None."""
    text = typed.strip().casefold()
    if text in ("hoy", "ayer"):
        return today - dt.timedelta(days=text == "ayer")
    iso = re.fullmatch(r"(\d{4})-(\d\d?)-(\d\d?)", text, re.ASCII)
    if iso:
        return _day(int(iso[1]), int(iso[2]), int(iso[3]))
    usual = re.fullmatch(r"(\d\d?)[/ -](?:de )?(\d\d?|[a-z]{3,10})\.?(?:[/ -](?:de )?(\d{4}|\d\d))?", text, re.ASCII)
    if not usual:
        return None
    month = int(usual[2]) if usual[2].isdigit() else _MONTHS.get(usual[2][:3], 0)
    if usual[3]:
        return _day(int(usual[3]) + (2000 if len(usual[3]) == 2 else 0), month, int(usual[1]))
    this_year = _day(today.year, month, int(usual[1]))
    # "28 dic" asked in January is last month, not a day to come.
    return _day(today.year - 1, month, int(usual[1])) if this_year and this_year > today else this_year


def _day(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


class _Unaccent(Func):
    function = "UNACCENT"


def _name_has(word: str) -> Q:
    """Also "nunez" finds "Núñez": cashiers type fast."""
    return Q(IContains(_Unaccent(F("patient_name")), _Unaccent(Value(word, output_field=TextField()))))


def matching(organization: Organization, text: str, today: dt.date) -> QuerySet[Charge]:
    """The organization's charges that the text may mean: folio, code, amount, day, RFC, UUID or patient's name."""
    charges = Charge.objects.filter(organization=organization)
    if not text:
        return charges
    if read_code(text):
        found = by_code(organization, text)
        return charges.filter(pk=found.pk) if found else charges.none()
    folio = _FOLIO.fullmatch(text)
    if folio:
        return charges.filter(_by_folio(organization, folio[1].lower(), int(folio[2])))
    wanted = Q()
    for meaning in (_as_number, _as_day, _as_receptor):
        wanted |= meaning(text, today, organization)
    name = Q()
    for word in text.split()[:8]:
        name &= _name_has(word)
    return charges.filter(wanted | name)


def _by_folio(organization: Organization, prefix: str, number: int) -> Q:
    if prefix == "pag":
        return Q(pk__in=PaymentSlip.objects.filter(organization=organization, number=number).values("charge_id"))
    return Q(number=number, kind=Charge.Kind.REMISION if prefix == "rem" else Charge.Kind.COPAGO)


def _as_number(text: str, today: dt.date, organization: Organization) -> Q:
    try:
        amount = read_amount(text)
    except ValueError:
        return Q()
    if not Decimal(0) < amount < 10**15:
        return Q()
    wanted = Q(total=amount)
    if amount == int(amount) and "$" not in text and "." not in text:
        wanted |= Q(number=int(amount))
    return wanted


def _as_day(text: str, today: dt.date, organization: Organization) -> Q:
    day = read_day(text, today)
    return Q(issued_on=day) if day else Q()


def _as_receptor(text: str, today: dt.date, organization: Organization) -> Q:
    documents = FiscalDocument.objects.filter(organization=organization)
    try:
        documents = documents.filter(uuid=uuid.UUID(text))
    except ValueError:
        try:
            documents = documents.filter(receptor_rfc=Rfc.parse(text))
        except RfcInvalid:
            return Q()
    return Q(pk__in=Allocation.objects.filter(organization=organization, document__in=documents).values("charge_id"))


def search(organization: Organization, filters: Filters, today: dt.date) -> Page:
    """One page of the table."""
    charges = matching(organization, filters.text, today)
    if filters.since:
        charges = charges.filter(issued_on__gte=filters.since)
    if filters.until:
        charges = charges.filter(issued_on__lte=filters.until)
    charges = _only(charges, filters.shown)
    if filters.before:
        moment, pk = filters.before
        charges = charges.filter(Q(issued_at__lt=moment) | Q(issued_at=moment, pk__lt=pk))
    found = list(with_documents(charges).order_by("-issued_at", "-pk")[: PAGE + 1])
    older = ""
    if len(found) > PAGE:
        last = found[PAGE - 1]
        older = filters.address(antes=f"{last.issued_at.isoformat()}_{last.pk}")
    return Page([as_row(charge) for charge in found[:PAGE]], older)


def with_documents(charges: QuerySet[Charge]) -> QuerySet[Charge]:
    """Charges with the documents that invoice or tried to invoice them, the live one first: one more query in all."""
    attempts = (
        Allocation.objects.select_related("document")
        .defer("document__content", "document__last_text")
        .order_by("-active", "-created_at")
    )
    return charges.prefetch_related(Prefetch("allocations", queryset=attempts)).defer("code_hash", "code_cipher")


def as_row(charge: Charge) -> Found:
    """The row of a charge that comes from `with_documents`."""
    tried = charge.allocations.all()
    document = tried[0].document if tried else None
    return Found(charge, document, money_badge(charge), invoice_badge(document))


def _only(charges: QuerySet[Charge], shown: str) -> QuerySet[Charge]:
    live = Allocation.objects.filter(charge=OuterRef("pk"), active=True)
    match shown:
        case "por-cobrar":
            return charges.filter(state=Charge.State.OPEN, paid__lt=F("total"))
        case "por-facturar":
            return charges.filter(~Exists(live), state=Charge.State.OPEN, paid=F("total"))
        case "facturadas":
            return charges.filter(Exists(live.filter(document__state=State.STAMPED)))
        case "canceladas":
            return charges.filter(state=Charge.State.VOID)
        case _:
            return charges


def _read_cursor(typed: str) -> tuple[dt.datetime, uuid.UUID] | None:
    moment, _, pk = typed.partition("_")
    try:
        read = dt.datetime.fromisoformat(moment)
        return (read, uuid.UUID(pk)) if read.tzinfo else None
    except ValueError:
        return None

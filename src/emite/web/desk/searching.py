"""Finding charges: what was typed in the search box, the filters of the address and the pages of the table.

Every query starts with the organization. What the words may mean is asked in a query each (`meanings`);
what a page shows of each row costs one more, however many rows it has.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet, Subquery, prefetch_related_objects

from emite.charges.models import Allocation, Charge
from emite.documents.models import FiscalDocument, State
from emite.organizations.models import Organization
from emite.web.desk import by_branch
from emite.web.desk.days import read_day as read_day
from emite.web.desk.meanings import NEWEST, Window, alike, bounds, is_too_short, meanings, within
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


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address asks for. `problems` are the words that could not be read, said in Spanish."""

    text: str = ""
    shown: str = ""
    since: dt.date | None = None
    until: dt.date | None = None
    branch: str = ""
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
        text = query.get("q", "").replace("\x00", "").strip()[:200]
        if is_too_short(text):
            problems.append("Para buscar por nombre escriba al menos tres letras de una de sus palabras.")
        return cls(
            text=text,
            shown=query.get("ver", "") if query.get("ver", "") in SHOWN else "",
            since=days["desde"],
            until=days["hasta"],
            branch=by_branch.asked(query),
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
            "sucursal": self.branch,
            **over,
        }
        return "?" + urlencode({name: value for name, value in said.items() if value})

    @property
    def narrows(self) -> bool:
        """Something else than words was asked for."""
        return bool(self.shown or self.since or self.until or self.branch or self.before)

    @property
    def any(self) -> bool:
        return bool(self.text or self.shown or self.since or self.until or self.branch)


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
    # Nothing had the very words: these are nearly so.
    nearly: bool = False


def matching(organization: Organization, text: str, today: dt.date) -> QuerySet[Charge]:
    """The newest charges that the text may mean, as a query that can be narrowed further."""
    found: set[uuid.UUID] = set()
    for charges in meanings(organization, text, today):
        found |= set(charges.order_by("-issued_at", "-pk").values_list("pk", flat=True)[:NEWEST])
    return Charge.objects.filter(organization=organization, pk__in=found)


def search(organization: Organization, filters: Filters, today: dt.date) -> Page:
    """One page of the table."""
    found: dict[uuid.UUID, Charge] = {}
    start, end = bounds(organization, filters.since, filters.until)
    before = filters.before[0] + dt.timedelta(microseconds=1) if filters.before else None
    window = Window(start, min(filter(None, (end, before)), default=None))
    for charges in meanings(organization, filters.text, today, window):
        charges = charges.filter(within(organization, filters.since, filters.until))
        charges = _only(charges.filter(**by_branch.condition(filters.branch)), filters.shown)
        if filters.before:
            moment, pk = filters.before
            # The first condition is for the index, the second for those of that very moment.
            charges = charges.filter(issued_at__lte=moment).filter(Q(issued_at__lt=moment) | Q(pk__lt=pk))
        newest = charges.defer("code_hash", "code_cipher").order_by("-issued_at", "-pk")
        found |= {charge.pk: charge for charge in newest[: PAGE + 1]}
    rows = sorted(found.values(), key=lambda charge: (charge.issued_at, charge.pk), reverse=True)[: PAGE + 1]
    nearly = False
    if not rows and filters.text and not filters.narrows:
        rows, nearly = alike(organization, filters.text, PAGE), True
    prefetch_related_objects(rows, "branch", _attempts())
    older = ""
    if len(rows) > PAGE:
        last = rows[PAGE - 1]
        older = filters.address(antes=f"{last.issued_at.isoformat()}_{last.pk}")
    return Page([as_row(charge) for charge in rows[:PAGE]], older, nearly and bool(rows))


def with_documents(charges: QuerySet[Charge]) -> QuerySet[Charge]:
    """Charges with the documents that invoice or tried to invoice them, the live one first: one more query in all."""
    return charges.prefetch_related(_attempts()).defer("code_hash", "code_cipher")


def _attempts() -> Prefetch[str, QuerySet[Allocation], str]:
    attempts = (
        Allocation.objects.select_related("document")
        .defer("document__content", "document__last_text")
        .order_by("-active", "-created_at")
    )
    return Prefetch("allocations", queryset=attempts)


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
            # Asked charge by charge from the newest on: as a join, PostgreSQL would begin with every charge there is.
            bound = Subquery(live.values("pk")[:1])
            return charges.filter(state=Charge.State.OPEN, paid=F("total")).alias(bound=bound).filter(bound=None)
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
        return (read, uuid.UUID(pk)) if read.tzinfo and 2000 <= read.year <= 2100 else None
    except ValueError:
        return None

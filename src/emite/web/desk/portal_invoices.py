""" "Facturas del portal": what patients invoiced by themselves, what failed and why, and what it saved.

Every portal invoice is booked to the register of "Facturación web"; nothing is decided here.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.contrib import messages
from django.db import connection
from django.db.models import Count, Exists, OuterRef, Prefetch, QuerySet, Sum
from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from emite.charges.models import Allocation, CashRegister, Charge
from emite.documents.delivering import ask
from emite.documents.models import UNSETTLED, Delivery, FiscalDocument, State
from emite.invoices.models import PortalRequest
from emite.organizations import branches
from emite.organizations.models import Organization
from emite.sheets.comma import Cell
from emite.sheets.tables import Table, csv_lines
from emite.web.access import Need, StaffRequest, may, staff
from emite.web.desk import by_branch
from emite.web.desk.reasons import reason_of
from emite.web.desk.searching import read_day
from emite.web.desk.states import Badge, invoice_badge
from emite.web.files import attachment

PAGE: Final = 50
CSV_ROWS: Final = 20_000
#: Shown unless the address says otherwise.
DAYS: Final = 30
#: What a person at the desk takes to ask for the data, type them and hand the invoice over. Said on the page.
MINUTES_SAVED: Final = 5
STATES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "": ("Todas", ()),
    "timbradas": ("Timbradas", (State.STAMPED,)),
    "en-proceso": ("En proceso", UNSETTLED),
    "rechazadas": ("Rechazadas", (State.REJECTED,)),
    "canceladas": ("Canceladas o descartadas", (State.CANCELLED, State.VOID)),
}
_COLUMNS: Final = (
    *("Remisión", "Solicitada", "Estado", "RFC", "Total", "Serie y folio", "Folio fiscal"),
    *("Segundos hasta timbrar", "Caja", "Motivo del rechazo"),
)


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address asks for; days are the organization's."""

    since: dt.date
    until: dt.date
    state: str = ""
    register: uuid.UUID | None = None
    page: int = 1
    branch: str = ""

    @classmethod
    def read(cls, query: QueryDict, today: dt.date) -> Filters:
        until = read_day(query.get("hasta", ""), today) or today
        since = read_day(query.get("desde", ""), today) or until - dt.timedelta(days=DAYS - 1)
        state, page = query.get("estado", ""), query.get("pagina", "1")
        return cls(
            min(since, until),
            max(since, until),
            state if state in STATES else "",
            _uuid(query.get("caja", "")),
            int(page) if page.isascii() and page.isdigit() and 0 < int(page) < 10_000 else 1,
            by_branch.asked(query),
        )

    def address(self, **over: str) -> str:
        """The same list with something else. Another filter starts at its first page."""
        said = {"desde": self.since.isoformat(), "hasta": self.until.isoformat(), "estado": self.state}
        said |= {"caja": str(self.register) if self.register else "", "sucursal": self.branch} | over
        query = QueryDict(mutable=True)
        query.update({name: value for name, value in said.items() if value})
        return f"?{query.urlencode()}"

    def bounds(self, organization: Organization) -> tuple[dt.datetime, dt.datetime]:
        """The first moment of the period and the first after it."""
        first, after = self.since, self.until + dt.timedelta(days=1)
        midnight = dt.time(tzinfo=organization.zone)
        return dt.datetime.combine(first, midnight), dt.datetime.combine(after, midnight)


@dataclass(frozen=True, slots=True)
class Row:
    """A portal invoice as it is listed. `seconds` from the request to the stamp."""

    document: FiscalDocument
    charge: Charge | None
    register: str
    badge: Badge
    seconds: int | None
    reason: str
    address: str
    branch: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What the period comes to, whatever state is shown."""

    stamped: int
    total: Decimal
    median: float | None
    failures: list[tuple[str, int]]
    expired: int
    expired_open: int

    @property
    def hours_saved(self) -> str:
        return f"{self.stamped * MINUTES_SAVED / 60:,.1f}"


@staff(Need.SEE)
@require_GET
def portal_invoices(request: StaffRequest) -> HttpResponse:
    """The list with its figures."""
    organization = request.organization
    filters = Filters.read(request.GET, organization.local_date(timezone.now()))
    found = _listed(organization, filters)
    start = (filters.page - 1) * PAGE
    rows = list(_rows(found[start : start + PAGE + 1]))
    context = {
        "organization": organization,
        "membership": request.membership,
        "section": "portal",
        "zone": organization.zone,
        "filters": filters,
        "states": [(key, label, filters.address(estado=key)) for key, (label, _) in STATES.items()],
        "registers": CashRegister.objects.filter(organization=organization, web_invoicing=True).order_by("name"),
        "branches": branches.of(organization),
        "branch": filters.branch,
        "rows": rows[:PAGE],
        "older": filters.address(pagina=str(filters.page + 1)) if len(rows) > PAGE else "",
        "newer": filters.address(pagina=str(filters.page - 1)) if filters.page > 1 else "",
        "here": filters.address(pagina=str(filters.page)),
        "figures": figures(organization, filters),
        "minutes": MINUTES_SAVED,
        "may_collect": may(request.membership, Need.COLLECT),
    }
    return render(request, "desk/portal_invoices.html", context)


@staff(Need.SEE)
@require_GET
def portal_csv(request: StaffRequest) -> HttpResponse:
    """The same list for a spreadsheet."""
    organization = request.organization
    filters = Filters.read(request.GET, organization.local_date(timezone.now()))
    several = bool(branches.of(organization))
    rows = (_cells(row, organization, several) for row in _rows(_listed(organization, filters)[:CSV_ROWS]))
    name = f"facturas-portal-{filters.since:%Y%m%d}-{filters.until:%Y%m%d}.csv"
    table = Table("", _COLUMNS + ("Sucursal",) * several, rows)
    return attachment("".join(csv_lines(table)), "text/csv; charset=utf-8", name)


@staff(Need.COLLECT)
@require_POST
def portal_mail(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Send it again to the address it went to last."""
    rows = FiscalDocument.objects.filter(organization=request.organization, pk=pk, state=State.STAMPED)
    document = rows.filter(channel=FiscalDocument.Channel.PORTAL).defer("content").first()
    if document is None:
        raise Http404
    last = Delivery.objects.filter(organization=request.organization, document=document).order_by("-requested_at")
    address = last.values_list("address", flat=True).first()
    if address is None:
        messages.error(request, "Nadie ha pedido esta factura por correo: escriba a cuál en su remisión.")
    elif ask(document, address, now=timezone.now()):
        messages.success(request, f"La factura va en camino a {address}.")
    else:
        messages.info(request, f"Ya se está enviando a {address}.")
    today = request.organization.local_date(timezone.now())
    filters = Filters.read(request.GET, today)
    return HttpResponseRedirect(reverse("desk:portal_invoices") + filters.address(pagina=str(filters.page)))


def figures(organization: Organization, filters: Filters) -> Figures:
    """Four queries, whatever the number of invoices."""
    period = _of_period(organization, filters)
    stamped = period.filter(state__in=(State.STAMPED, State.CANCELLED)).aggregate(count=Count("pk"), total=Sum("total"))
    reasons: Counter[str] = Counter()
    for code, count in period.filter(state=State.REJECTED).values_list("last_code").annotate(Count("pk")):
        reasons[reason_of(code)] += count
    start, end = filters.bounds(organization)
    asked = PortalRequest.objects.filter(organization=organization, why=PortalRequest.Why.EXPIRED)
    expired = list(asked.filter(asked_at__gte=start, asked_at__lt=end).values_list("closed_at", flat=True))
    return Figures(
        stamped=stamped["count"],
        total=stamped["total"] or Decimal(0),
        median=_median(organization, start, end),
        failures=reasons.most_common(),
        expired=len(expired),
        expired_open=expired.count(None),
    )


def _median(organization: Organization, start: dt.datetime, end: dt.datetime) -> float | None:
    """Seconds from the request to the stamp of half of the invoices."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM stamped_at - created_at))
               FROM documents_fiscaldocument
               WHERE organization_id = %s AND channel = 'portal' AND stamped_at IS NOT NULL
                 AND created_at >= %s AND created_at < %s""",
            [organization.pk, start, end],
        )
        (seconds,) = cursor.fetchone()
    return None if seconds is None else float(seconds)


def _of_period(organization: Organization, filters: Filters) -> QuerySet[FiscalDocument]:
    start, end = filters.bounds(organization)
    rows = FiscalDocument.objects.filter(organization=organization, channel=FiscalDocument.Channel.PORTAL)
    rows = rows.filter(created_at__gte=start, created_at__lt=end)
    bound = by_branch.condition(filters.branch, "charge__")
    if filters.register:
        bound["register"] = filters.register
    return rows.filter(Exists(Allocation.objects.filter(document=OuterRef("pk"), **bound))) if bound else rows


def _listed(organization: Organization, filters: Filters) -> QuerySet[FiscalDocument]:
    rows = _of_period(organization, filters).defer("content").order_by("-created_at", "-pk")
    allocations = Allocation.objects.select_related("charge__branch", "register").order_by("-active", "-created_at")
    mails = Delivery.objects.order_by("-requested_at")
    states = STATES[filters.state][1]
    return (rows.filter(state__in=states) if states else rows).prefetch_related(
        Prefetch("allocations", queryset=allocations.defer("charge__code_hash", "charge__code_cipher")),
        Prefetch("deliveries", queryset=mails),
    )


def _rows(documents: QuerySet[FiscalDocument]) -> Iterator[Row]:
    for document in documents:
        bound = next(iter(document.allocations.all()), None)
        mail = next(iter(document.deliveries.all()), None)
        yield Row(
            document,
            bound.charge if bound else None,
            bound.register.name if bound and bound.register else "",
            invoice_badge(document),
            round((document.stamped_at - document.created_at).total_seconds()) if document.stamped_at else None,
            reason_of(document.last_code) if document.state == State.REJECTED else "",
            mail.address if mail else "",
            bound.charge.branch.name if bound and bound.charge.branch else "",
        )


def _cells(row: Row, organization: Organization, several: bool) -> tuple[Cell, ...]:
    document = row.document
    cells = (
        row.charge.folio if row.charge else "",
        f"{document.created_at.astimezone(organization.zone):%Y-%m-%d %H:%M:%S}",
        row.badge.text,
        document.receptor_rfc,
        document.total,
        f"{document.serie or ''}{document.folio or ''}",
        str(document.uuid).upper() if document.uuid else "",
        "" if row.seconds is None else row.seconds,
        row.register,
        row.reason,
    )
    return (*cells, row.branch) if several else cells


def _uuid(typed: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(typed)
    except ValueError:
        return None

"""The figures of a period: one aggregate query per table, whatever the number of rows.

Charges count on the day they were issued, invoices on the day they were asked for.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Case, CharField, Count, Exists, F, OuterRef, Q, QuerySet, Sum, Value, When
from django.db.models.functions import TruncDate

from emite.charges.collecting import ANTICIPO
from emite.charges.models import Allocation, Charge, Payment
from emite.documents.models import WITH_UUID, FiscalDocument, State
from emite.organizations.models import Organization

ROADS = {"portal": "Portal", "desk": "Caja", "global": "Factura global", "api": "API"}
#: Days until the portal closes a charge, as the table groups them.
LEFT = ((0, "Vence hoy"), (1, "Vence mañana"), (3, "Vence en 2 o 3 días"))


@dataclass(frozen=True, slots=True)
class Line:
    """What is counted, how many and how much."""

    label: str
    count: int
    total: Decimal


@dataclass(frozen=True, slots=True)
class Period:
    """Days of the organization, both included, perhaps one register, and `of_charge`: which charges, for `filter`."""

    organization: Organization
    since: dt.date
    until: dt.date
    register: uuid.UUID | None = None
    of_charge: Mapping[str, object] = field(default_factory=dict)

    def bounds(self) -> tuple[dt.datetime, dt.datetime]:
        midnight = dt.time(tzinfo=self.organization.zone)
        return (
            dt.datetime.combine(self.since, midnight),
            dt.datetime.combine(self.until + dt.timedelta(days=1), midnight),
        )


def pending(period: Period, today: dt.date) -> list[Line]:
    """Paid charges of the period that nobody invoiced, by the days the portal still gives them."""
    organization = period.organization
    live = Allocation.objects.filter(organization=organization, charge=OuterRef("pk"), active=True)
    found = _charges(period).filter(state=Charge.State.OPEN, paid=F("total")).exclude(Exists(live))
    rows = found.values_list("issued_on").annotate(Count("pk"), Sum("total")).order_by("issued_on")
    counts: dict[str, tuple[int, Decimal]] = {}
    for day, count, total in rows:
        label = _left(organization, day, today)
        before = counts.get(label, (0, Decimal(0)))
        counts[label] = (before[0] + count, before[1] + total)
    order = [label for _, label in LEFT] + ["Con más días", "Fuera de plazo", "Portal apagado"]
    return [Line(label, *counts[label]) for label in order if label in counts]


def _left(organization: Organization, issued_on: dt.date, today: dt.date) -> str:
    if organization.portal_days is None:
        return "Portal apagado"
    days = (issued_on + dt.timedelta(days=organization.portal_days) - today).days
    if days < 0:
        return "Fuera de plazo"
    return next((label for most, label in LEFT if days <= most), "Con más días")


def roads(period: Period) -> list[Line]:
    """Invoices with a folio fiscal, by the way they were asked for."""
    road = Case(When(idempotency_key__startswith="api:", then=Value("api")), default=F("channel"),
                output_field=CharField())  # fmt: skip
    found = _documents(period).filter(kind=FiscalDocument.Kind.INGRESO, state__in=WITH_UUID)
    rows = found.annotate(road=road).values_list("road").annotate(Count("pk"), Sum("total"))
    known = {name: (count, total) for name, count, total in rows}
    return [Line(label, *known[name]) for name, label in ROADS.items() if name in known]


def failures(period: Period, reason_of: Callable[[str], str]) -> list[Line]:
    """Invoices that the PAC or SAT refused, by reason."""
    rejected = _documents(period).filter(state=State.REJECTED)
    counts: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for code, count, total in rejected.values_list("last_code").annotate(Count("pk"), Sum("total")):
        counts[reason_of(code)] += count
        totals[reason_of(code)] += total
    return [Line(label, count, Decimal(totals[label])) for label, count in counts.most_common()]


def by_day(period: Period) -> list[Line]:
    """What was paid each day of the period and not undone, days without payments included.

    What a deposit paid was received with the deposit.
    """
    start, end = period.bounds()
    paid = Payment.objects.filter(
        organization=period.organization,
        slip__paid_at__gte=start,
        slip__paid_at__lt=end,
        slip__undone=None,
        **_booked(period),
    ).exclude(forma_pago=ANTICIPO)
    day = TruncDate("slip__paid_at", tzinfo=period.organization.zone)
    rows = paid.annotate(day=day).values_list("day").annotate(Count("slip", distinct=True), Sum("amount"))
    known = {day: (count, total) for day, count, total in rows}
    days = (period.since + dt.timedelta(days=n) for n in range((period.until - period.since).days + 1))
    return [Line(f"{day:%Y-%m-%d}", *known.get(day, (0, Decimal(0)))) for day in days]


def _charges(period: Period) -> QuerySet[Charge]:
    start, end = period.bounds()
    found = Charge.objects.filter(
        organization=period.organization, issued_at__gte=start, issued_at__lt=end, **period.of_charge
    )
    if period.register is None:
        return found
    slips = Payment.objects.filter(organization=period.organization, slip__register=period.register)
    return found.filter(Exists(slips.filter(charge=OuterRef("pk"))))


def _documents(period: Period) -> QuerySet[FiscalDocument]:
    start, end = period.bounds()
    found = FiscalDocument.objects.filter(
        organization=period.organization, created_at__gte=start, created_at__lt=end
    ).order_by()
    if period.register is None and not period.of_charge:
        return found
    rows = Allocation.objects.filter(
        organization=period.organization,
        document=OuterRef("pk"),
        **{f"charge__{name}": value for name, value in period.of_charge.items()},
    )
    if period.register is None:
        return found.filter(Exists(rows))
    paid_there = Payment.objects.filter(
        organization=period.organization, charge=OuterRef("charge"), slip__register=period.register
    )
    return found.filter(Exists(rows.filter(Q(register=period.register) | Exists(paid_there))))


def _booked(period: Period) -> dict[str, object]:
    """Payments of the period's register and charges."""
    there = {} if period.register is None else {"slip__register": period.register}
    return {f"charge__{name}": value for name, value in period.of_charge.items()} | there


def sum_of(lines: Sequence[Line]) -> Line:
    return Line("Total", sum(line.count for line in lines), sum((line.total for line in lines), Decimal(0)))

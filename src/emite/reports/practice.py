"""What a physician sees at a glance: what waits to be invoiced, answered, paid and complemented, by insurer and RFC.

Five questions to the database, however many services there are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from django.db.models import Count, F, Min, Q, Sum

from emite.care.models import CareService, InsurerInvoice, Payer
from emite.invoices import insured
from emite.issuers.models import Issuer
from emite.organizations.models import Organization
from emite.settlements.models import PaymentComplement, Receivable

#: name: its title. In the order in which an invoice lives.
STAGES: Final = {
    "to_invoice": "Por facturar",
    "registered": "Registradas sin emitir",
    "sent": "Enviadas sin respuesta",
    "received": "Recibidas por la aseguradora",
    "rejected": "Rechazadas",
    "owed": "Por cobrar",
}
_LIVE: Final = Q(state__in=[InsurerInvoice.State.STAMPED, InsurerInvoice.State.EXTERNAL])
_OF_STAGE: Final = {
    "registered": Q(state__in=[InsurerInvoice.State.REGISTERED, InsurerInvoice.State.STAMPING]),
    "sent": _LIVE & Q(review=InsurerInvoice.Review.NONE),
    "received": _LIVE
    & Q(review__in=[InsurerInvoice.Review.RECEIVED, InsurerInvoice.Review.IN_REVIEW, InsurerInvoice.Review.APPROVED]),
    "rejected": _LIVE & Q(review=InsurerInvoice.Review.REJECTED),
}


@dataclass(frozen=True, slots=True)
class Amount:
    count: int = 0
    total: Decimal = Decimal(0)


@dataclass(slots=True)
class Standing:
    """How things stand with one insurer, for one RFC. `days_left` of the complement that is due first."""

    payer: str
    rfc: str
    stages: dict[str, Amount] = field(default_factory=lambda: dict.fromkeys(STAGES, Amount()))
    complements: int = 0
    days_left: int | None = None

    @property
    def is_empty(self) -> bool:
        return not self.complements and not any(each.count for each in self.stages.values())


def glance(organization: Organization, today: dt.date) -> list[Standing]:
    """One row per insurer and RFC with anything to do, by name."""
    payers = {each.rfc: each.name for each in Payer.objects.filter(organization=organization)}
    issuers = {each.pk: each.rfc for each in Issuer.objects.filter(organization=organization)}
    found = {(rfc, pk): Standing(name, issuers[pk]) for rfc, name in payers.items() for pk in issuers}
    for name, rows in _sums(organization).items():
        for row in rows:
            standing = found.get((row["rfc"], row["issuer"]))
            if standing is not None:
                standing.stages[name] = Amount(row["count"], row["total"] or Decimal(0))
    for row in _complements(organization):
        standing = found.get((row["rfc"], row["issuer"]))
        if standing is not None:
            standing.complements, standing.days_left = row["count"], (row["first"] - today).days
    return sorted((each for each in found.values() if not each.is_empty), key=lambda each: (each.payer, each.rfc))


def sums_of(standings: Iterable[Standing]) -> dict[str, Amount]:
    """Each stage over all insurers."""
    rows = list(standings)
    return {
        name: Amount(
            sum(each.stages[name].count for each in rows), sum((each.stages[name].total for each in rows), Decimal(0))
        )
        for name in STAGES
    }


def _sums(organization: Organization) -> dict[str, Iterable[Mapping[str, Any]]]:
    services = CareService.objects.filter(organization=organization, state=CareService.State.RENDERED, payer_part__gt=0)
    waiting = insured.free(services).order_by().values("issuer", rfc=F("payer__rfc"))
    invoices = InsurerInvoice.objects.filter(organization=organization).values("issuer", rfc=F("payer__rfc"))
    taken = Sum("allocations__amount", filter=Q(allocations__active=True))
    receivables = Receivable.objects.filter(organization=organization, closed_at=None).annotate(
        left=F("total") - F("credited") - F("paid")
    )
    owed = receivables.filter(left__gt=0).values("issuer", rfc=F("payer_rfc"))
    return {
        "to_invoice": waiting.annotate(count=Count("pk"), total=Sum("payer_part")),
        **{
            name: invoices.filter(of_stage).annotate(count=Count("pk", distinct=True), total=taken)
            for name, of_stage in _OF_STAGE.items()
        },
        "owed": owed.annotate(count=Count("pk"), total=Sum("left")),
    }


def _complements(organization: Organization) -> Iterable[Mapping[str, Any]]:
    due = PaymentComplement.objects.filter(organization=organization, state=PaymentComplement.State.DUE)
    rows = due.values(issuer=F("payment__issuer"), rfc=F("payment__payer_rfc"))
    return rows.annotate(count=Count("pk"), first=Min("due_on"))

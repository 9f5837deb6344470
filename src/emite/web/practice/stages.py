"""How far an invoice to an insurer is, in its physician's words, and the colour of its badge."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from emite.care.models import InsurerInvoice
from emite.settlements import staging

State, Review = InsurerInvoice.State, InsurerInvoice.Review


@dataclass(frozen=True, slots=True)
class Stage:
    label: str
    tone: str

    @property
    def parts(self) -> list[str]:
        """Where a narrow column may break it."""
        return self.label.split("|")


def stage_of(invoice: InsurerInvoice) -> Stage:
    return stages_of([invoice])[invoice.pk]


def stages_of(invoices: Collection[InsurerInvoice]) -> dict[object, Stage]:
    """The stage of each, by its key."""
    labels = staging.labels_of(invoices)
    return {each.pk: Stage(labels[each.pk], _tone(each, labels[each.pk])) for each in invoices}


def _tone(invoice: InsurerInvoice, label: str) -> str:
    if label in (State.CANCELLED.label, Review.REJECTED.label):
        return "wrong"
    if label in (Review.RECEIVED.label, Review.APPROVED.label, staging.LOADED):
        return "good"
    return "cost" if invoice.failure or label in (staging.PAID, staging.PARTLY_PAID) else "accent"

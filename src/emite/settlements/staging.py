"""How far an invoice to an insurer is, in the words that its physician reads: from "Registrada" to "Complemento
Cargado". What was paid and complemented counts more than what was reviewed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from emite.care.models import InsurerInvoice
from emite.settlements.models import PaymentComplement, PaymentShare, Receivable

TO_INVOICE: Final = "Por facturar"
PARTLY_PAID: Final = "Pagado parcial"
PAID: Final = "PAGADO"
LOADED: Final = "Complemento Cargado"


def label_of(invoice: InsurerInvoice) -> str:
    """The word of one invoice."""
    return labels_of([invoice])[invoice.pk]


def labels_of(invoices: Collection[InsurerInvoice]) -> dict[object, str]:
    """The word of each, by key, in two queries for all of them."""
    uuids = {each.cfdi_uuid for each in invoices if each.cfdi_uuid is not None}
    if not uuids:
        return {each.pk: _without_money(each) for each in invoices}
    organization_id = next(iter(invoices)).organization_id
    rows = Receivable.objects.filter(organization_id=organization_id, cfdi_uuid__in=uuids)
    owed = {row.cfdi_uuid: row for row in rows}
    told = _complemented(owed.values())
    return {each.pk: _label(each, owed.get(each.cfdi_uuid) if each.cfdi_uuid else None, told) for each in invoices}


def _label(invoice: InsurerInvoice, receivable: Receivable | None, told: set[object]) -> str:
    if invoice.state == InsurerInvoice.State.CANCELLED or receivable is None or receivable.paid <= 0:
        return _without_money(invoice)
    if receivable.balance > 0:
        return PARTLY_PAID
    return LOADED if receivable.pk in told else PAID


def _complemented(receivables: Iterable[Receivable]) -> set[object]:
    """Those of which every payment has its complement with the payer."""
    shares = PaymentShare.objects.filter(
        receivable__in=[each.pk for each in receivables], payment__undone_at=None
    ).values_list("receivable_id", "payment_id")
    payments = {payment for _, payment in shares}
    loaded = set(
        PaymentComplement.objects.filter(
            payment__in=payments, state__in=PaymentComplement.DONE, delivered_at__isnull=False
        ).values_list("payment_id", flat=True)
    )
    found: dict[object, bool] = {}
    for receivable, payment in shares:
        found[receivable] = found.get(receivable, True) and payment in loaded
    return {receivable for receivable, every in found.items() if every}


def _without_money(invoice: InsurerInvoice) -> str:
    live = invoice.state in (InsurerInvoice.State.STAMPED, InsurerInvoice.State.EXTERNAL)
    if live and invoice.review != InsurerInvoice.Review.NONE:
        return invoice.get_review_display()
    return invoice.get_state_display()

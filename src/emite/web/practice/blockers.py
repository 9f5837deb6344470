"""What must be cancelled before an invoice, the newest first, each with the page that does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse

from emite.credits.models import CreditNote
from emite.documents.models import FiscalDocument
from emite.settlements.models import PaymentComplement


@dataclass(frozen=True, slots=True)
class Blocker:
    name: str
    address: str = ""


def of(holders: Sequence[FiscalDocument]) -> list[Blocker]:
    return [_blocker(each) for each in sorted(holders, key=lambda each: each.created_at, reverse=True)]


def _blocker(document: FiscalDocument) -> Blocker:
    name = f"{document.get_kind_display()} {document.serie or ''}{document.folio or ''}".strip()
    owned = {"organization_id": document.organization_id, "document": document}
    if document.kind == FiscalDocument.Kind.PAGO:
        complement = PaymentComplement.objects.filter(**owned).first()
        if complement is not None:
            name = f"Complemento de pago {document.serie or ''}{document.folio or ''}"
            return Blocker(name, reverse("practice:complement_cancel", args=[complement.payment_id]))
    note = CreditNote.objects.filter(**owned, charge=None).first()
    if note is not None:
        name = f"Nota de crédito {document.serie or ''}{document.folio or ''}"
        return Blocker(name, reverse("practice:glosa_cancel", args=[note.pk]))
    return Blocker(name)

"""What everybody may know of a live invoice's end: one word, in one query."""

from __future__ import annotations

from django.db.models import Exists, OuterRef

from emite.cancellations.models import OPEN, CancellationRequest, Substitution
from emite.documents.models import FiscalDocument


def public_status(document: FiscalDocument) -> str:
    """ "En proceso de sustitución", "En proceso de cancelación", or nothing when nobody asked for its end."""
    replaced = Substitution.objects.filter(original=OuterRef("pk"), state__in=Substitution.OPEN_STATES)
    ending = CancellationRequest.objects.filter(document=OuterRef("pk"), state__in=OPEN)
    rows = FiscalDocument.objects.filter(organization_id=document.organization_id, pk=document.pk)
    is_replaced, is_ending = rows.values_list(Exists(replaced), Exists(ending)).get()
    if is_replaced:
        return "En proceso de sustitución"
    return "En proceso de cancelación" if is_ending else ""

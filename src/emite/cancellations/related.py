"""What holds a CFDI alive: the live documents that refer to it, which must be cancelled first.

A substitute (relation 04) holds nothing: it is why the other is cancelled.
"""

from __future__ import annotations

from django.db.models import Q

from emite.documents.models import UNSETTLED, FiscalDocument, State

SUBSTITUTE = "04"


def holders(document: FiscalDocument) -> list[FiscalDocument]:
    """Notas de crédito, complementos and others that refer to it and are live, or on their way to be."""
    if document.uuid is None:
        return []
    uuid = str(document.uuid).upper()
    paid = {"pagos": {"pagos": [{"documentos": [{"uuid": uuid}]}]}}
    rows = FiscalDocument.objects.filter(
        Q(content__relacionados__contains=[{"uuids": [uuid]}]) | Q(content__contains=paid),
        organization_id=document.organization_id,
        issuer_id=document.issuer_id,
        state__in=(*UNSETTLED, State.STAMPED),
    ).exclude(pk=document.pk)
    return [row for row in rows.order_by("created_at") if not _only_takes_its_place(row, uuid)]


def _only_takes_its_place(row: FiscalDocument, uuid: str) -> bool:
    kinds = {each["tipo_relacion"] for each in row.content.get("relacionados", []) if uuid in each["uuids"]}
    return kinds == {SUBSTITUTE}

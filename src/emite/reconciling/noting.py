"""Keep what SAT said and what differs; close by itself what agrees again. Rows only, no network."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import structlog
from django.db import transaction

from emite.cancellations.models import OPEN, CancellationRequest
from emite.documents.models import FiscalDocument, State
from emite.pac.port import SatStatus, StatusAnswer
from emite.reconciling.judging import difference
from emite.reconciling.models import Difference, SatWord

log = structlog.get_logger(__name__)

#: Kinds that SAT's word on the document itself opens and closes.
OF_SAT = (Difference.Kind.NOT_AT_SAT, Difference.Kind.CANCELLED_AT_SAT, Difference.Kind.ALIVE_AT_SAT)


def take_word(document: FiscalDocument, answer: StatusAnswer, now: dt.datetime) -> Difference | None:
    """Store SAT's word on a document as it stands now, and what differs. Unknown answers change nothing."""
    if not isinstance(answer, SatStatus):
        return None
    with transaction.atomic():
        locked = FiscalDocument.objects.select_for_update(no_key=True).defer("content").get(pk=document.pk)
        said = {
            "estado": answer.estado.value,
            "es_cancelable": answer.es_cancelable[:60],
            "estatus": answer.estatus_cancelacion[:60],
            "efos": answer.validacion_efos[:10],
            "asked_at": now,
        }
        SatWord.objects.update_or_create(
            organization_id=locked.organization_id, document=locked, defaults=said, create_defaults=said
        )
        assert locked.stamped_at is not None
        assert locked.uuid is not None
        kind = difference(locked.state, locked.stamped_at, answer, now)
        if locked.state == State.STAMPED and kind is Difference.Kind.CANCELLED_AT_SAT and _is_followed(locked):
            kind = None  # a request under way learns it by itself
        close_gone(locked, [each for each in OF_SAT if each is not kind], now)
        return found(locked, kind, locked.uuid, now, raw=answer.evidence.raw) if kind else None


def found(
    document: FiscalDocument,
    kind: Difference.Kind,
    folio: uuid.UUID,
    now: dt.datetime,
    *,
    raw: bytes | None = None,
    xml: bytes | None = None,
) -> Difference:
    """The open difference of this kind and folio, seen now. One that a person closed stays closed."""
    of = {"organization_id": document.organization_id, "document": document, "kind": kind, "uuid": folio}
    return _seen(of, now, raw=raw, xml=xml)


def unheld(organization_id: uuid.UUID, folio: uuid.UUID, now: dt.datetime, *, xml: bytes | None) -> Difference:
    """The same of a stamp that no document of ours is of. Its XML is kept as soon as it can be had."""
    of = {"organization_id": organization_id, "document": None, "kind": Difference.Kind.UNKNOWN, "uuid": folio}
    row = _seen(of, now, raw=None, xml=xml)
    if row.xml is None and xml is not None:
        Difference.objects.filter(pk=row.pk).update(xml=xml)
        row.xml = xml
    return row


def _seen(of: dict[str, Any], now: dt.datetime, *, raw: bytes | None, xml: bytes | None) -> Difference:
    rows = Difference.objects.filter(**of)
    known = rows.filter(closed_at=None).first() or rows.filter(ending=Difference.Ending.PERSON).first()
    if known is not None:
        rows.filter(pk=known.pk).update(seen_at=now)
        return known
    made = Difference.objects.create(**of, raw=raw, xml=xml, found_at=now, seen_at=now)
    log.warning("difference_found", document=str(made.document_id), kind=str(made.kind))
    return made


def close_gone(document: FiscalDocument, kinds: list[Difference.Kind], now: dt.datetime) -> None:
    """What no longer differs."""
    rows = Difference.objects.filter(document=document, kind__in=kinds, closed_at=None)
    rows.update(closed_at=now, ending=Difference.Ending.GONE)


def _is_followed(document: FiscalDocument) -> bool:
    return CancellationRequest.objects.filter(document=document, state__in=OPEN).exists()

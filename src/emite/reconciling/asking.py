"""After each stamp SAT is asked whether it knows the CFDI: soon, then less and less often. "No Encontrado" while it is
fresh is normal. Nothing waits for this; the sweep finds what is due."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable

from django.db.models import Exists, OuterRef

from emite.documents.consulting import SAT_LAG, ask_sat
from emite.documents.models import FiscalDocument, State
from emite.reconciling.judging import PAUSES, ask_again_at
from emite.reconciling.models import SatWord
from emite.reconciling.noting import take_word

ASK = "emite.ask_sat"
#: Another worker that took the row has this long before it is taken again.
TURN = dt.timedelta(minutes=2)


def begin(*, now: dt.datetime, limit: int) -> int:
    """A row for each document stamped lately that has none yet; returns how many."""
    known = SatWord.objects.filter(document=OuterRef("pk"))
    rows = FiscalDocument.objects.filter(state=State.STAMPED, stamped_at__gte=now - SAT_LAG).exclude(Exists(known))
    fresh = [
        SatWord(organization_id=organization, document_id=pk, next_at=stamped + PAUSES[0])
        for pk, organization, stamped in rows.values_list("pk", "organization_id", "stamped_at")[:limit]
        if stamped is not None
    ]
    SatWord.objects.bulk_create(fresh, ignore_conflicts=True)
    return len(fresh)


def due(*, now: dt.datetime, limit: int) -> list[uuid.UUID]:
    """Documents of which SAT should be asked now, the longest waiting first."""
    rows = SatWord.objects.filter(next_at__lte=now).order_by("next_at")
    return list(rows.values_list("pk", flat=True)[:limit])


def drive(pk: uuid.UUID, *, clock: Callable[[], dt.datetime]) -> str | None:
    """Ask once; SAT's Estado, or None when it is not due, somebody else asks, or SAT did not answer."""
    now = clock()
    if not SatWord.objects.filter(pk=pk, next_at__lte=now).update(next_at=now + TURN):
        return None
    row = SatWord.objects.select_related("document__issuer", "document__pac_account").get(pk=pk)
    document = row.document
    assert document.stamped_at is not None
    answer = ask_sat(document)
    now = clock()
    take_word(document, answer, now)
    again = ask_again_at(row.asked + 1, document.stamped_at, answer, now)
    SatWord.objects.filter(pk=pk).update(asked=row.asked + 1, next_at=again)
    return getattr(answer, "estado", None)

"""A CFDI that somebody cancelled elsewhere (SAT's own page, the PAC's): SAT has said so, and it is written here.

Nothing is signed nor sent: the request is born at its end, with SAT's words as evidence.
"""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from emite.accounts.models import User
from emite.cancellations.ending import entail
from emite.cancellations.models import CancellationRequest, State
from emite.cancellations.requesting import create, note, require_askable
from emite.cfdi.cancelacion import Motivo
from emite.documents.models import FiscalDocument


def learn_cancelled(document: FiscalDocument, *, raw: bytes, user: User, now: dt.datetime) -> CancellationRequest:
    """Document cancelled and charges free, in one transaction. `raw`: SAT's answer that says "Cancelado".

    Raises NotAllowed or NotCancellable (a request under way learns it by itself).
    """
    with transaction.atomic():
        locked = require_askable(document, user=user, now=now, despite_deadline=True)
        request = create(locked, Motivo.ERRORS, substitute=None, user=user, now=now)
        CancellationRequest.objects.filter(pk=request.pk).update(
            state=State.CANCELLED, estado="Cancelado", checked_at=now, finished_at=now, next_at=None,
            last_text="Se canceló fuera de este sistema.",
        )  # fmt: skip
        request.refresh_from_db()
        note(request, "status", now=now, detail={"estado": "Cancelado"}, raw=raw)
        note(request, "cancelled", now=now)
        entail(request, now)
    return request

"""SAT's acuse of a request of ours whose answer was lost on the way: asked of the PAC again, checked and kept.

Whoever asked did not get the PAC's answer, and SAT's status showed later that it had the request. Worker only.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid as uuids
from typing import Final

import structlog
from django.db import transaction
from procrastinate.contrib.django import app

from emite.accounts.models import User
from emite.cancellations.models import Acuse, CancellationRequest, State
from emite.cancellations.requesting import NotAllowed, NotCancellable, note
from emite.cfdi import acuse
from emite.documents.consulting import account_of
from emite.invoices.issuing import NO_PERMISSION, may_issue
from emite.issuers.connecting import adapter
from emite.pac.port import Fetched

log = structlog.get_logger(__name__)

FETCH: Final = "emite.acuse"
#: SAT has the request: its acuse exists.
HELD: Final = (State.IN_PROCESS, State.CANCELLED, State.REJECTED)


def exists_at_sat(request: CancellationRequest) -> bool:
    """Whether it was sent from here and SAT has it."""
    return request.attempts > 0 and request.state in HELD


def is_missing(request: CancellationRequest) -> bool:
    """Whether SAT has it and its acuse is not here."""
    return exists_at_sat(request) and not Acuse.objects.filter(request=request).exists()


def ask(request: CancellationRequest, *, user: User) -> None:
    """Have a worker look for it. Raises NotAllowed or NotCancellable."""
    if not may_issue(user, request.organization_id):
        raise NotAllowed(NO_PERMISSION)
    if not is_missing(request):
        raise NotCancellable("El acuse ya está guardado, o el SAT todavía no tiene esta solicitud.")
    app.configure_task(FETCH).defer(pk=str(request.pk))


def fetch(pk: uuids.UUID, *, now: dt.datetime) -> bool:
    """Ask the PAC once; whether the acuse is kept now."""
    rows = CancellationRequest.objects.select_related("document__issuer", "document__pac_account")
    request = rows.get(pk=pk)
    if not is_missing(request):
        return False
    document = request.document
    pac = adapter(account_of(document))
    if not pac.capabilities.receipts:
        return False
    folio, rfc = str(document.uuid).upper(), document.issuer.rfc
    given = pac.receipt(rfc, folio)
    if not isinstance(given, Fetched):
        log.info("acuse_not_given", request=str(pk), reason=given.reason)
        return False
    try:
        told = acuse.read(given.xml, rfc_emisor=rfc, uuids=frozenset({folio}))
    except acuse.AcuseInvalid as invalid:
        log.warning("acuse_not_of_this", request=str(pk), reason=invalid.reason)
        return False
    with transaction.atomic():
        locked = CancellationRequest.objects.select_for_update(of=("self",)).get(pk=pk)
        if not is_missing(locked):
            return False
        Acuse.objects.create(
            organization_id=request.organization_id,
            request=request,
            code=told.codes[folio],
            xml=given.xml,
            sha256=hashlib.sha256(given.xml).digest(),
            stored_at=now,
        )
        note(request, "receipt", now=now, code=told.codes[folio])
    return True

"""What the portal or another system could not finish and waits for somebody: requests for help, refusals, doubts.

Found here in one order, asked for by patients, closed by an invoice or by a person. How to continue is the desk's.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from emite.accounts.models import User
from emite.audit import record
from emite.cfdi.stored import from_json
from emite.charges.models import Allocation, Charge
from emite.documents import resolving
from emite.documents.models import UNSETTLED, FiscalDocument, State
from emite.documents.resolving import NotAllowed, may_resolve
from emite.invoices.models import PortalRequest

#: A document that is not settled by then waits too long: the PAC is away, or something is missing.
TOO_LONG: Final = dt.timedelta(minutes=10)
#: Refusals older than this are history, not work.
REFUSED_SINCE: Final = dt.timedelta(days=30)
#: Rows of one page: the oldest come first, and nobody attends more in a day.
LIMIT: Final = 100
GLOBAL: Final = FiscalDocument.Channel.GLOBAL


#: What a closed request keeps of whoever asked: nothing. It served to answer them.
_FORGOTTEN: Final[dict[str, Any]] = {"receptor": {}, "phone": "", "email": "", "note": ""}


class Kind(StrEnum):
    HELP = "help"
    REFUSED = "refused"
    DOUBT = "doubt"
    WAITING = "waiting"


class AlreadyClosed(Exception):
    """Somebody closed it before, or its charge has its invoice."""


@dataclass(frozen=True, slots=True)
class Pending:
    """One thing to attend. `receptor` is what was typed; `charge` is None for what no single charge leads to."""

    kind: Kind
    since: dt.datetime
    charge: Charge | None
    document: FiscalDocument | None = None
    request: PortalRequest | None = None

    @property
    def receptor(self) -> dict[str, str]:
        if self.request is not None and self.request.receptor:
            return dict(self.request.receptor)
        return typed_for(self.document) if self.document and self.charge else {}


def ask(
    charge: Charge, *, why: str, receptor: dict[str, str], phone: str, email: str, note: str, now: dt.datetime
) -> PortalRequest:
    """Leave a request for help, or bring the open one of this charge up to date. One row, also with two tabs."""
    request, _ = PortalRequest.objects.update_or_create(
        organization_id=charge.organization_id,
        charge=charge,
        closed_at=None,
        defaults={"why": why, "receptor": receptor, "phone": phone, "email": email, "note": note, "asked_at": now},
    )
    return request


def open_request(charge: Charge) -> PortalRequest | None:
    return PortalRequest.objects.filter(
        organization_id=charge.organization_id, charge=charge, closed_at=None
    ).first()  # fmt: skip


def close(pk: uuid.UUID, organization_id: uuid.UUID, *, reason: str, user: User, now: dt.datetime) -> PortalRequest:
    """Close a request without an invoice, with a reason. Raises NotAllowed or AlreadyClosed."""
    if not may_resolve(user, organization_id):
        raise NotAllowed(user.email)
    with transaction.atomic():
        rows = PortalRequest.objects.filter(organization_id=organization_id, pk=pk, closed_at=None)
        ended = {"ending": PortalRequest.Ending.PERSON, "closed_by": user, "closing_reason": reason}
        if not rows.update(closed_at=now, **ended, **_FORGOTTEN):
            raise AlreadyClosed(str(pk))
        request = PortalRequest.objects.select_related("charge").get(pk=pk)
        _tell(request, user, now)
    return request


def put_aside(document: FiscalDocument, charge: Charge, *, reason: str, user: User, now: dt.datetime) -> PortalRequest:
    """Nobody will ask again for what the SAT refused: it leaves the queue, with a reason."""
    if not may_resolve(user, document.organization_id):
        raise NotAllowed(user.email)
    with transaction.atomic():
        request, fresh = PortalRequest.objects.get_or_create(
            organization_id=document.organization_id,
            document=document,
            defaults={
                "charge": charge,
                "why": PortalRequest.Why.REFUSED,
                "asked_at": document.created_at,
                "closed_at": now,
                "ending": PortalRequest.Ending.PERSON,
                "closed_by": user,
                "closing_reason": reason,
            },
        )
        if not fresh:
            raise AlreadyClosed(str(document.pk))
        _tell(request, user, now)
    return request


def close_stamped(document: FiscalDocument, *, now: dt.datetime) -> int:
    """The requests of these charges are answered by their invoice. Call in the transaction that stamps it."""
    if document.channel == GLOBAL:
        return 0
    charges = Allocation.objects.filter(organization_id=document.organization_id, document=document, active=True)
    rows = PortalRequest.objects.filter(
        organization_id=document.organization_id, charge__in=charges.values("charge"), closed_at=None
    )
    return rows.update(closed_at=now, ending=PortalRequest.Ending.STAMPED, **_FORGOTTEN)


def typed_for(document: FiscalDocument) -> dict[str, str]:
    """The fiscal data of a document, by the names of the form that takes them."""
    receptor = from_json(document.content).receptor
    return {
        "rfc": str(receptor.rfc),
        "nombre": receptor.nombre,
        "domicilio_fiscal": receptor.domicilio_fiscal,
        "regimen_fiscal": receptor.regimen_fiscal,
        "uso_cfdi": receptor.uso_cfdi,
    }


def typed_before(charge: Charge) -> dict[str, str]:
    """What was last typed for this charge and not invoiced: in a request for help, or in a refused one; or nothing."""
    request = open_request(charge)
    if request is not None and request.receptor:
        return {**request.receptor, "email": request.email}
    refused = (
        FiscalDocument.objects.filter(
            organization_id=charge.organization_id, allocations__charge=charge, state=State.REJECTED
        )
        .exclude(channel=GLOBAL)
        .order_by("-created_at")
        .first()
    )
    typed = typed_for(refused) if refused else {}
    return {**typed, "email": request.email} if request else typed


def _beyond_charges(organization_id: uuid.UUID, now: dt.datetime) -> QuerySet[FiscalDocument]:
    """Stuck documents that no single charge leads to: facturas globales, and what binds none while it is not stamped
    (the substitute of another, credit notes, complementos de pago)."""
    bound = Allocation.objects.filter(document=OuterRef("pk"), active=True)
    return resolving.stuck(organization_id, now).filter(Q(channel=GLOBAL) | ~Exists(bound))


def attending(organization_id: uuid.UUID, now: dt.datetime) -> list[Pending]:
    """The queue, the oldest first. Three queries."""
    found = [*_help(organization_id), *_documents(organization_id, now), *_globals(organization_id, now)]
    return sorted(found, key=lambda each: each.since)[:LIMIT]


def count(organization_id: uuid.UUID, now: dt.datetime) -> int:
    """How many wait: every page of the desk shows it. Only partial indexes are read."""
    return (
        _open(organization_id).count()
        + _unfinished(organization_id, now).count()
        + _beyond_charges(organization_id, now).count()
    )


def _open(organization_id: uuid.UUID) -> QuerySet[PortalRequest]:
    return PortalRequest.objects.filter(organization_id=organization_id, closed_at=None)


def _unfinished(organization_id: uuid.UUID, now: dt.datetime) -> QuerySet[Allocation]:
    """Charges whose document is stuck, or was refused and that nobody has asked again, closed or asked help for."""
    of_charge = {"charge": OuterRef("charge")}
    late = Q(active=True, document__state__in=UNSETTLED) & (
        Q(document__state=State.HELD) | Q(document__created_at__lt=now - TOO_LONG)
    )
    refused = (
        Q(active=False, document__state=State.REJECTED, document__created_at__gte=now - REFUSED_SINCE)
        & Q(charge__state=Charge.State.OPEN)
        & ~Exists(Allocation.objects.filter(**of_charge, active=True))
        & ~Exists(Allocation.objects.filter(**of_charge, created_at__gt=OuterRef("created_at")))
        & ~Exists(PortalRequest.objects.filter(document=OuterRef("document")))
        & ~Exists(PortalRequest.objects.filter(**of_charge, closed_at=None))
    )
    documents = FiscalDocument.objects.filter(organization_id=organization_id).exclude(channel=GLOBAL)
    recent = documents.filter(state=State.REJECTED, created_at__gte=now - REFUSED_SINCE)
    wanted = documents.filter(state__in=UNSETTLED).values("pk").union(recent.values("pk"), all=True)
    return Allocation.objects.filter(late | refused, organization_id=organization_id, document__in=wanted)


def _help(organization_id: uuid.UUID) -> Iterable[Pending]:
    rows = _open(organization_id).select_related("charge").defer("charge__code_hash", "charge__code_cipher")
    for request in rows.order_by("asked_at")[:LIMIT]:
        yield Pending(Kind.HELP, request.asked_at, request.charge, request=request)


def _documents(organization_id: uuid.UUID, now: dt.datetime) -> Iterable[Pending]:
    rows = _unfinished(organization_id, now).select_related("document", "charge")
    for row in rows.defer("charge__code_hash", "charge__code_cipher").order_by("document__created_at")[:LIMIT]:
        yield Pending(kind_of(row.document, now), row.document.created_at, row.charge, document=row.document)


def _globals(organization_id: uuid.UUID, now: dt.datetime) -> Iterable[Pending]:
    for document in _beyond_charges(organization_id, now)[:LIMIT]:
        yield Pending(Kind.DOUBT, document.created_at, None, document=document)


def kind_of(document: FiscalDocument, now: dt.datetime) -> Kind:
    """Refused, a person's, or still the machine's."""
    if document.state == State.REJECTED:
        return Kind.REFUSED
    long = document.first_sent_at is not None and document.first_sent_at <= now - resolving.HORIZON
    return Kind.DOUBT if document.state == State.HELD or (document.in_doubt and long) else Kind.WAITING


def _tell(request: PortalRequest, user: User, now: dt.datetime) -> None:
    after: dict[str, Any] = {"why": request.why, "document": str(request.document_id) if request.document_id else ""}
    record(
        organization_id=request.organization_id,
        actor=user.email,
        action="request.close",
        subject=f"charge:{request.charge_id}",
        reason=request.closing_reason,
        after=after,
        now=now,
    )

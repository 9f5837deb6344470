"""Where credit notes are tried: a charge invoiced to its patient, and one that a factura global carries."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from decimal import Decimal

from emite.cfdi.notas import Reason
from emite.charges.allocating import live_document
from emite.charges.models import Charge
from emite.credits import checking, lateness, settling
from emite.credits.crediting import Wanted, ask
from emite.credits.models import CreditNote, LateRequest
from emite.documents.models import FiscalDocument, State
from emite.invoices import closing, issuing, periods, stamping
from tests import make

OWNER = "test:1"


def drive(pk: uuid.UUID) -> FiscalDocument:
    """One visit of a worker, with what it tells the operations that wait for the document."""
    stamping.drive(pk, owner=OWNER, clock=make.now)
    settling.settle_of(pk, now=make.now())
    for request in lateness.of_document(pk):
        lateness.advance(request, now=make.now())
    return FiscalDocument.objects.get(pk=pk)


def invoiced(hospital: make.Hospital, charge: Charge | None = None, **over: str) -> Charge:
    """A charge with its own stamped invoice."""
    charge = charge or make.paid_charge(hospital)
    asked = issuing.Request(make.receptor(**over))
    document = issuing.issue(
        charge, asked, channel="desk", user=hospital.biller, now=make.now(), idempotency_key=f"i-{charge.pk.hex}"
    )
    assert drive(document.pk).state == State.STAMPED
    return charge


def in_global(hospital: make.Hospital, *charges: Charge) -> list[Charge]:
    """Charges that a stamped factura global of today carries."""
    found = list(charges) or [make.paid_charge(hospital)]
    today = hospital.organization.local_date(make.now())
    period = periods.containing(periods.DIARIA, today)
    run = closing.start(hospital.issuer, period, user=hospital.biller, now=make.now())
    closing.run(run.pk, owner=OWNER, clock=make.now)
    document = live_document(found[0])
    assert document is not None
    assert drive(document.pk).state == State.STAMPED
    return found


def wanted(**over: object) -> Wanted:
    fields: dict[str, object] = {"reason": Reason.DESCUENTO, "forma_pago": "04", "explanation": "Precio acordado"}
    return Wanted(**(fields | over))  # type: ignore[arg-type]


def credit(hospital: make.Hospital, charge: Charge, *, key: str = "", **over: object) -> CreditNote:
    return ask(charge, wanted(**over), user=hospital.biller, now=make.now(), idempotency_key=key or uuid.uuid4().hex)


def ask_late(hospital: make.Hospital, charge: Charge, *, key: str = "late", **over: str) -> LateRequest:
    return lateness.ask(
        charge,
        issuing.Request(make.receptor(**over)),
        channel="desk",
        user=hospital.biller,
        now=make.now(),
        idempotency_key=key,
    )


def documents_of(request: LateRequest) -> Iterator[FiscalDocument]:
    request.refresh_from_db()
    yield request.note.document
    if request.nominative is not None:
        yield request.nominative


def finish(request: LateRequest, *, now: dt.datetime | None = None) -> LateRequest:
    """What the workers and the sweep do until nothing moves."""
    for _ in range(6):
        for document in list(documents_of(request)):
            if not document.is_settled:
                drive(document.pk)
        lateness.advance(request.pk, now=now or make.now())
    request.refresh_from_db()
    return request


def sound(hospital: make.Hospital) -> None:
    """Income of each charge stands in exactly one live document, less what was credited, unless it says why not."""
    assert list(checking.faults(hospital.organization.pk)) == []


def stamped_total(charge: Charge) -> Decimal:
    """Live I less live E of a charge invoiced alone or in a global, straight from the documents."""
    total = Decimal(0)
    for document in FiscalDocument.objects.filter(allocations__charge=charge, state=State.STAMPED):
        total += charge.total if document.channel == FiscalDocument.Channel.GLOBAL else document.total
    for note in CreditNote.objects.filter(charge=charge, document__state=State.STAMPED):
        total -= note.total
    return total

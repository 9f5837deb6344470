"""A late request after the global: each document refused, each process killed, and income in one place all the time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from decimal import Decimal

import pytest

from emite.cancellations import following, requesting
from emite.cfdi.faults import CfdiInvalid
from emite.cfdi.xml import parse
from emite.charges.allocating import live_document
from emite.charges.models import Charge
from emite.credits import checking, lateness, settling
from emite.credits.lateness import NotLate
from emite.credits.models import CreditNote, LateRequest
from emite.documents import steps
from emite.documents.models import FiscalDocument, State
from emite.documents.rendering import stamped_xml
from emite.invoices import issuing
from tests import make
from tests.credits.stands import ask_late, drive, finish, in_global, invoiced, sound, stamped_total
from tests.pac.sandbox import RunningSandbox

pytestmark = pytest.mark.django_db(transaction=True)

CFDI = "{http://www.sat.gob.mx/cfd/4}"
Status = LateRequest.State


class Killed(BaseException):
    """The process died here."""


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object) -> Iterator[make.Hospital]:
    with make.behind(sandbox, settings) as made:
        yield made
    sound(made)


def test_the_charge_leaves_the_global_and_is_invoiced_to_its_client(hospital: make.Hospital) -> None:
    charge, other = in_global(hospital, make.paid_charge(hospital), make.paid_charge(hospital))
    the_global = live_document(charge)
    assert the_global is not None
    request = ask_late(hospital, charge)
    assert ask_late(hospital, charge) == request
    with pytest.raises(NotLate, match="asked"):
        ask_late(hospital, charge, key="another")
    assert live_document(charge) == the_global
    sound(hospital)
    finish(request)
    assert request.state == Status.DONE
    invoice, egreso = request.nominative, request.note.document
    assert invoice is not None
    assert live_document(charge) == invoice
    assert live_document(other) == the_global
    assert stamped_total(charge) == charge.total
    root = parse(stamped_xml(egreso))
    receptor, related, line = (
        root.find(f"{CFDI}Receptor"),
        root.find(f"{CFDI}CfdiRelacionados"),
        next(root.iter(f"{CFDI}Concepto")),
    )
    assert receptor is not None
    assert related is not None
    assert (receptor.get("Rfc"), receptor.get("RegimenFiscalReceptor"), receptor.get("UsoCFDI")) == (
        "XAXX010101000", "616", "G02",
    )  # fmt: skip
    assert (related.get("TipoRelacion"), related[0].get("UUID")) == ("01", str(the_global.uuid).upper())
    assert (line.get("NoIdentificacion"), root.get("FormaPago")) == (charge.folio, "04")
    assert root.get("Total") == parse(stamped_xml(invoice)).get("Total") == f"{charge.total}"


def test_what_the_invoice_would_be_refused_for_touches_nothing(hospital: make.Hospital) -> None:
    (charge,) = in_global(hospital)
    with pytest.raises(CfdiInvalid):
        ask_late(hospital, charge, uso_cfdi="G03")
    with pytest.raises(issuing.NotAllowed):
        lateness.ask(
            charge, issuing.Request(make.receptor()), channel="desk", user=hospital.cashier, now=make.now(),
            idempotency_key="c",
        )  # fmt: skip
    with pytest.raises(NotLate, match="not_global"):
        ask_late(hospital, invoiced(hospital), key="own")
    assert not CreditNote.objects.exists()
    assert not LateRequest.objects.exists()


def test_a_refused_egreso_leaves_everything_as_it_was(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    (charge,) = in_global(hospital)
    request = ask_late(hospital, charge)
    sandbox.control("lco", without_obligations=[hospital.issuer.rfc])
    try:
        finish(request)
    finally:
        sandbox.control("lco", without_obligations=[])
    assert (request.state, request.last_code) == (Status.FAILED, "402")
    document = live_document(charge)
    assert document is not None
    assert document.channel == "global"
    assert finish(ask_late(hospital, charge, key="again")).state == Status.DONE


def test_a_refused_invoice_waits_for_corrected_data(hospital: make.Hospital) -> None:
    (charge,) = in_global(hospital)
    request = ask_late(hospital, charge, nombre="OTRA PERSONA")
    finish(request)
    assert (request.state, request.last_code) == (Status.WAITING, "CFDI40145")
    assert live_document(charge) is None
    assert stamped_total(charge) == 0
    sound(hospital)
    mended = issuing.issue(
        Charge.objects.get(pk=charge.pk), issuing.Request(make.receptor()), channel="desk", user=hospital.biller,
        now=make.now(), idempotency_key="mended",
    )  # fmt: skip
    drive(mended.pk)
    assert finish(request).state == Status.DONE
    assert request.nominative == mended
    assert stamped_total(charge) == charge.total


def test_the_check_says_what_stands_nowhere(hospital: make.Hospital) -> None:
    (charge,) = in_global(hospital)
    request = ask_late(hospital, charge)
    hospital.biller.memberships.update(can_issue=False)
    finish(request)
    LateRequest.objects.filter(pk=request.pk).update(state=Status.RETURNED, finished_at=make.now(), next_at=None)
    assert [fault.split()[0] for fault in checking.faults(hospital.organization.pk)] == [charge.folio]
    hospital.biller.memberships.update(can_issue=True)
    in_global(hospital, charge)


def test_an_invoice_cancelled_after_it_left_the_global_is_no_loss(hospital: make.Hospital) -> None:
    (charge,) = in_global(hospital)
    request = finish(ask_late(hospital, charge))
    assert request.nominative is not None
    asked = requesting.request_cancellation(request.nominative, "03", user=hospital.biller, now=make.now())
    following.drive(asked.pk, owner="test:1", clock=make.now)
    assert live_document(charge) is None
    sound(hospital)


def test_who_lost_the_permission_meanwhile_leaves_it_waiting(hospital: make.Hospital) -> None:
    (charge,) = in_global(hospital)
    request = ask_late(hospital, charge)
    hospital.biller.memberships.update(can_issue=False)
    finish(request)
    assert request.state == Status.WAITING
    assert "permiso" in request.last_text


@pytest.mark.parametrize(
    "step",
    [
        "late_uncommitted", "late_asked", "sealed", "promised", "answered", "settled_uncommitted", "settled",
        "issued_uncommitted", "late_step_uncommitted", "late_step",
    ],
)  # fmt: skip
def test_a_process_that_dies_anywhere_is_finished_by_the_sweep(
    hospital: make.Hospital, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (charge,) = in_global(hospital)

    def die(name: str) -> None:
        if name == step:
            raise Killed

    for _ in range(2):
        # The first death is on the road of the E, the second on that of the invoice.
        monkeypatch.setattr(steps, "hook", die)
        with contextlib.suppress(Killed):
            finish(ask_late(hospital, charge))
        monkeypatch.setattr(steps, "hook", None)
        sound(hospital)
    request = LateRequest.objects.filter(charge=charge).first() or ask_late(hospital, charge)
    later = make.now() + lateness.WAIT_EVERY * 10
    for _ in range(8):
        for document in FiscalDocument.objects.exclude(state__in=(State.STAMPED, State.REJECTED)):
            FiscalDocument.objects.filter(pk=document.pk).update(lease_until=None, next_at=make.now())
            drive(document.pk)
        for document_id in settling.due(limit=9):
            settling.settle_of(document_id, now=later)
        for pk in lateness.due(now=later, limit=9):
            lateness.advance(pk, now=make.now())
    request.refresh_from_db()
    assert request.state == Status.DONE
    assert stamped_total(charge) == charge.total == Decimal("1160.00")
    assert FiscalDocument.objects.filter(kind="E").count() == LateRequest.objects.count() == 1

"""The second road out of a global: cancelled with motivo 04 and issued again, and income in one place all along."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from unittest.mock import Mock

import pytest

from emite.cancellations import following, rebuilding, requesting
from emite.cancellations.models import CancellationRequest, GlobalRebuild
from emite.cancellations.requesting import NotCancellable
from emite.cfdi.xml import parse
from emite.charges.allocating import live_document
from emite.charges.collecting import PaymentRefused
from emite.charges.models import Allocation, Charge
from emite.credits import checking
from emite.credits.lateness import NotLate
from emite.credits.models import LateRequest
from emite.documents import steps
from emite.documents.models import FiscalDocument, State
from emite.documents.rendering import stamped_xml
from emite.invoices import issuing
from emite.organizations.models import Organization
from tests import make
from tests.cancellations.sweeping import OWNER, sweep
from tests.credits.stands import in_global, sound, stamped_total
from tests.pac.sandbox import RunningSandbox

pytestmark = pytest.mark.django_db(transaction=True)

CFDI = "{http://www.sat.gob.mx/cfd/4}"
Status = LateRequest.State


class Killed(BaseException):
    """The process died here."""


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object) -> Iterator[make.Hospital]:
    with make.behind(sandbox, settings) as made:
        Organization.objects.filter(pk=made.organization.pk).update(late_road=Organization.LateRoad.REBUILD)
        yield made
    steps.hook = None
    sound(made)


def ask(hospital: make.Hospital, charge: Charge, key: str = "late", **over: str) -> LateRequest:
    fresh = Charge.objects.select_related("organization").get(pk=charge.pk)
    return rebuilding.ask(
        fresh, issuing.Request(make.receptor(**over)), channel="desk", user=hospital.biller, now=make.now(),
        idempotency_key=key,
    )  # fmt: skip


def the_rebuild() -> GlobalRebuild:
    return GlobalRebuild.objects.select_related("original", "rebuilt", "request").get()


def test_the_global_is_cancelled_and_issued_again_without_what_left(hospital: make.Hospital) -> None:
    small = make.paid_charge(hospital, [make.line(unit_price=Decimal("10.00"))], forma_pago="01")
    charge, other, third = in_global(hospital, make.paid_charge(hospital), small, make.paid_charge(hospital))
    the_global = live_document(charge)
    assert the_global is not None
    request = ask(hospital, charge)
    assert ask(hospital, charge) == request
    joined = ask(hospital, third, key="third")
    with pytest.raises(NotLate, match="asked"):
        ask(hospital, charge, key="another")
    assert (request.state, request.note) == (Status.CANCELLING, None)
    assert live_document(charge) == the_global
    sound(hospital)
    sweep()
    for row in (request, joined):
        row.refresh_from_db()
        assert row.state == Status.DONE
        assert row.nominative == live_document(row.charge)
    made = the_rebuild()
    assert (made.state, made.request.motivo) == (GlobalRebuild.State.DONE, "04")
    assert made.rebuilt == live_document(other)
    the_global.refresh_from_db()
    assert the_global.state == State.CANCELLED
    assert [stamped_total(each) for each in (charge, other, third)] == [charge.total, other.total, third.total]
    assert made.rebuilt is not None
    root = parse(stamped_xml(made.rebuilt))
    related, period = root.find(f"{CFDI}CfdiRelacionados"), root.find(f"{CFDI}InformacionGlobal")
    assert related is not None
    assert period is not None
    assert (related.get("TipoRelacion"), related[0].get("UUID")) == ("04", str(the_global.uuid).upper())
    assert [each.get("NoIdentificacion") for each in root.iter(f"{CFDI}Concepto")] == [other.folio]
    assert root.get("FormaPago") == "01"  # of the largest that stays
    before = parse(stamped_xml(the_global)).find(f"{CFDI}InformacionGlobal")
    assert before is not None
    assert dict(period.attrib) == dict(before.attrib)
    assert the_global.global_document.closing_id == made.rebuilt.global_document.closing_id
    # The last one leaves: nothing is left to issue again.
    last = ask(hospital, other, key="last")
    sweep()
    last.refresh_from_db()
    assert last.state == Status.DONE
    assert GlobalRebuild.objects.filter(state="done", rebuilt=None).count() == 1
    assert stamped_total(other) == other.total


def test_what_cannot_be_cancelled_leaves_by_an_egreso_and_says_why(hospital: make.Hospital) -> None:
    charge, other, third = in_global(hospital, *(make.paid_charge(hospital) for _ in range(3)))
    with pytest.raises(issuing.NotAllowed):
        rebuilding.ask(
            charge, issuing.Request(make.receptor()), channel="desk", user=hospital.cashier, now=make.now(),
            idempotency_key="c",
        )  # fmt: skip
    document = live_document(charge)
    assert document is not None
    stamped_at = document.stamped_at
    FiscalDocument.objects.filter(pk=document.pk).update(stamped_at=make.now() - dt.timedelta(days=700))
    late = ask(hospital, charge)
    assert late.state == Status.CREDITING
    assert "plazo para cancelarla terminó" in late.last_text
    assert not CancellationRequest.objects.exists()
    FiscalDocument.objects.filter(pk=document.pk).update(stamped_at=stamped_at)
    second = ask(hospital, other, key="second")
    assert second.state == Status.CREDITING
    assert "Primero hay que cancelar" in second.last_text
    sweep()
    assert set(LateRequest.objects.values_list("state", flat=True)) == {Status.DONE}
    assert live_document(third) == document


def test_a_cancellation_that_comes_to_nothing_turns_to_the_egreso(hospital: make.Hospital) -> None:
    charge, other = in_global(hospital, make.paid_charge(hospital), make.paid_charge(hospital))
    the_global = live_document(charge)
    request = ask(hospital, charge)
    requesting.take_back(CancellationRequest.objects.get(), user=hospital.biller, now=make.now())
    sweep()
    request.refresh_from_db()
    assert (request.state, the_rebuild().state) == (Status.DONE, GlobalRebuild.State.FAILED)
    assert request.note is not None
    assert live_document(other) == the_global
    assert (stamped_total(charge), stamped_total(other)) == (charge.total, other.total)


def test_a_new_global_that_is_refused_waits_for_a_person_and_then_is_stamped(
    hospital: make.Hospital, sandbox: RunningSandbox
) -> None:
    charge, other = in_global(hospital, make.paid_charge(hospital), make.paid_charge(hospital))
    request = ask(hospital, charge)
    following.drive(CancellationRequest.objects.get().pk, owner=OWNER, clock=make.now)
    sandbox.control("lco", without_obligations=[hospital.issuer.rfc])
    try:
        sweep(2)
    finally:
        sandbox.control("lco", without_obligations=[])
    made = the_rebuild()
    assert (made.state, made.last_code) == (GlobalRebuild.State.STOPPED, "402")
    assert live_document(other) is None
    request.refresh_from_db()
    assert request.state == Status.WAITING
    sound(hospital)
    rebuilding.again(made, user=hospital.biller, now=make.now())
    with pytest.raises(rebuilding.NothingFree):
        rebuilding.again(made, user=hospital.biller, now=make.now())
    sweep()
    made.refresh_from_db()
    assert made.state == GlobalRebuild.State.DONE
    assert live_document(other) == made.rebuilt
    assert stamped_total(other) == other.total
    in_global(hospital, charge)  # nobody brought better data: the next global takes it
    sweep(1)
    request.refresh_from_db()
    assert request.state == Status.RETURNED


def test_what_keeps_the_new_global_from_its_draft_waits_for_a_person(
    hospital: make.Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge, other = in_global(hospital, make.paid_charge(hospital), make.paid_charge(hospital))
    request = ask(hospital, charge)
    with monkeypatch.context() as patched:
        refused = PaymentRefused("amount", "La remisión no tiene pagos.")
        patched.setattr(rebuilding, "largest_form", Mock(side_effect=refused))
        sweep()
        made = the_rebuild()
        assert (made.state, live_document(other)) == (GlobalRebuild.State.STOPPED, None)
        assert "no tiene pagos" in made.last_text
        with pytest.raises(NotCancellable, match="no tiene pagos"):
            rebuilding.again(made, user=hospital.biller, now=make.now())
    request.refresh_from_db()
    assert request.state == Status.DONE, "whoever left has an invoice all the same"
    rebuilding.again(made, user=hospital.biller, now=make.now())
    sweep()
    assert stamped_total(other) == other.total


def test_what_is_left_behind_is_said(hospital: make.Hospital) -> None:
    charge, other = in_global(hospital, make.paid_charge(hospital), make.paid_charge(hospital))
    ask(hospital, charge)
    sweep()
    made = the_rebuild()
    asked = requesting.request_cancellation(made.rebuilt, "04", user=hospital.biller, now=make.now())
    following.drive(asked.pk, owner=OWNER, clock=make.now)
    assert live_document(other) is None
    sound(hospital)  # a person cancelled it: the charge is free, and was in it
    Allocation.objects.filter(document=made.rebuilt).update(created_at=made.asked_at - dt.timedelta(hours=1))
    assert [fault.split()[0] for fault in checking.faults(hospital.organization.pk)] == [other.folio]
    Allocation.objects.filter(document=made.rebuilt).update(created_at=make.now())


@pytest.mark.parametrize(
    "step",
    [
        "rebuild_uncommitted", "rebuild_asked", "cancel_claimed", "cancel_signed_uncommitted", "cancel_promised",
        "cancel_answered", "cancel_settled_uncommitted", "cancel_settled", "issued_uncommitted",
        "rebuild_step_uncommitted", "rebuild_step", "late_step_uncommitted", "late_step", "promised", "answered",
    ],
)  # fmt: skip
def test_a_process_that_dies_anywhere_is_finished_by_the_sweep(hospital: make.Hospital, step: str) -> None:
    charge, other = in_global(hospital, make.paid_charge(hospital), make.paid_charge(hospital))
    met = 0

    def die(name: str) -> None:
        nonlocal met
        if name == step:
            met += 1
            raise Killed

    for _ in range(2):
        steps.hook = die
        with contextlib.suppress(Killed):
            ask(hospital, charge)
            sweep(2)
        steps.hook = None
        sound(hospital)
        CancellationRequest.objects.exclude(lease_until=None).update(lease_until=make.now())
    assert met
    ask(hospital, charge)
    sweep(6, later=dt.timedelta(minutes=2))
    assert LateRequest.objects.get().state == Status.DONE
    assert the_rebuild().state == GlobalRebuild.State.DONE
    assert (stamped_total(charge), stamped_total(other)) == (charge.total, other.total)
    assert FiscalDocument.objects.filter(kind="E").count() == 0

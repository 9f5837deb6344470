"""A CFDI is cancelled by SAT's word alone: asked, signed, sent, followed, with everything that can go wrong between."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from emite.audit.models import AuditEvent
from emite.cancellations import following, requesting
from emite.cancellations.models import Acuse, CancellationEvent, CancellationRequest, SignedRequest, State
from emite.cancellations.requesting import (
    AlreadyAsked,
    AlreadyCancelled,
    NotAllowed,
    NotCancellable,
    PastDeadline,
)
from emite.cfdi.cancelacion import verify
from emite.cfdi.meanings import meaning_of_cancellation
from emite.cfdi.notas import Reason
from emite.charges.allocating import live_document, release
from emite.charges.models import Allocation, Charge
from emite.credits import crediting
from emite.credits.originals import NotCreditable
from emite.documents import steps
from emite.documents.models import DocumentEvent, FiscalDocument
from emite.documents.models import State as DocumentState
from emite.invoices import issuing, stamping
from emite.organizations.models import Membership
from emite.web.desk import cancel_states
from tests import make
from tests.pac.sandbox import RunningSandbox

pytestmark = pytest.mark.django_db(transaction=True)

OWNER = "test:1"
DAY = 86400


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object) -> Iterator[make.Hospital]:
    with make.behind(sandbox, settings) as made:
        yield made
    steps.hook = None


@pytest.fixture
def document(hospital: make.Hospital) -> FiscalDocument:
    return stamped(hospital)


def stamped(hospital: make.Hospital, *, key: str = "one", dear: bool = False) -> FiscalDocument:
    """The stamped invoice of a paid charge; `dear`: above a thousand pesos, so that the receptor has a say."""
    charge = make.paid_charge(hospital, **({"lines": dear_lines()} if dear else {}))
    made = issuing.issue(
        charge, issuing.Request(make.receptor()), channel="desk", user=hospital.biller, now=make.now(),
        idempotency_key=key,
    )  # fmt: skip
    stamping.drive(made.pk, owner=OWNER, clock=make.now)
    made.refresh_from_db()
    assert made.state == DocumentState.STAMPED
    return made


def dear_lines() -> list[object]:
    return [replace(make.line(), unit_price=Decimal("5000.00"))]


def ask(document: FiscalDocument, hospital: make.Hospital, motivo: str = "02", **over: object) -> CancellationRequest:
    given: dict[str, object] = {"user": hospital.biller, "now": make.now(), **over}
    return requesting.request_cancellation(document, motivo, **given)  # type: ignore[arg-type]


def drive(request: CancellationRequest, clock: Callable[[], dt.datetime] = make.now) -> CancellationRequest:
    following.drive(request.pk, owner=OWNER, clock=clock)
    request.refresh_from_db()
    return request


def later(**span: float) -> Callable[[], dt.datetime]:
    moment = make.now() + dt.timedelta(**span)
    return lambda: moment


def driven(request: CancellationRequest, *, days: float = 0) -> CancellationRequest:
    """Visit after visit, each when the row is due, until it ends or waits for days."""
    limit = make.now() + dt.timedelta(days=days, hours=1)
    for _ in range(40):
        request.refresh_from_db()
        if not request.is_open or request.next_at is None or request.next_at > limit:
            break
        moment = max(request.next_at, request.lease_until or request.next_at, make.now()) + dt.timedelta(seconds=1)
        drive(request, lambda moment=moment: moment)  # type: ignore[misc]
    return request


def fresh(document: FiscalDocument) -> FiscalDocument:
    document.refresh_from_db()
    return document


def charge_of(document: FiscalDocument) -> Charge:
    return Charge.objects.get(allocations__document=document)


def whats(request: CancellationRequest) -> list[str]:
    return list(CancellationEvent.objects.filter(request=request).order_by("at", "id").values_list("what", flat=True))


def test_a_small_invoice_is_cancelled_and_its_charge_is_free(document: FiscalDocument, hospital: make.Hospital) -> None:
    charge = charge_of(document)
    request = drive(ask(document, hospital, "03"))
    assert (request.state, request.estado) == (State.CANCELLED, "Cancelado")
    assert fresh(document).state == DocumentState.CANCELLED
    assert live_document(charge) is None
    signed, certificate = verify(bytes(SignedRequest.objects.get(request=request).xml))
    assert certificate.rfc == document.issuer.rfc
    assert [(folio.uuid, folio.motivo) for folio in signed.folios] == [(str(document.uuid).upper(), "03")]
    assert Acuse.objects.get(request=request).code == "201"
    assert whats(request) == ["asked", "status", "signed", "sent", "told", "received", "status", "cancelled"]
    assert DocumentEvent.objects.filter(document_id=document.pk, what="cancelled").exists()
    assert AuditEvent.objects.filter(action="cancellation.ask", subject=f"document:{document.pk}").exists()
    again = issuing.issue(
        charge, issuing.Request(make.receptor()), channel="desk", user=hospital.biller, now=make.now(),
        idempotency_key="again",
    )  # fmt: skip
    assert live_document(charge) == again


@pytest.mark.parametrize("code", ["206", "211"])
def test_a_code_that_sat_seldom_gives_ends_the_request_and_is_told(
    document: FiscalDocument, hospital: make.Hospital, sandbox: RunningSandbox, code: str
) -> None:
    sandbox.control("settings", cancel_code=code)
    request = drive(ask(document, hospital))
    assert (request.state, request.last_code, request.next_at) == (State.REFUSED, code, None)
    assert fresh(document).state == DocumentState.STAMPED
    assert live_document(charge_of(document)) == document
    meant = meaning_of_cancellation(code)
    assert meant is not None
    told = cancel_states.standing(document)
    assert told.explanation == f"{meant.what}. {meant.cure}"
    assert told.badge is not None
    assert told.badge.text == "Cancelación no admitida"
    sandbox.control("settings", cancel_code=None)
    assert drive(ask(document, hospital)).state == State.CANCELLED, "it may be asked for again"


def test_wrong_requests_are_answered_in_words(document: FiscalDocument, hospital: make.Hospital) -> None:
    with pytest.raises(NotAllowed):
        ask(document, hospital, user=hospital.cashier)
    for motivo in ("01", "04", "99"):
        with pytest.raises(NotCancellable):
            ask(document, hospital, motivo)
    with pytest.raises(PastDeadline):
        ask(document, hospital, now=make.now() + dt.timedelta(days=600))
    stranger = make.hospital()
    with pytest.raises(NotAllowed):
        ask(document, hospital, user=stranger.biller)
    assert not CancellationRequest.objects.exists()
    request = ask(document, hospital)
    with pytest.raises(AlreadyAsked) as met:
        ask(document, hospital)
    assert met.value.request == request
    drive(request)
    with pytest.raises(AlreadyCancelled):
        ask(document, hospital)


def test_of_two_who_ask_at_once_one_wins_and_workers_send_once(
    document: FiscalDocument, hospital: make.Hospital, sandbox: RunningSandbox
) -> None:
    before = sandbox.stats()["calls"].get("cancel", 0)

    def person(who: str) -> str:
        try:
            ask(document, hospital, user=getattr(hospital, who))
            return "asked"
        except AlreadyAsked:
            return "told"
        finally:
            connection.close()

    def worker(_: int) -> None:
        following.drive(request.pk, owner=f"test:{_}", clock=make.now)
        connection.close()

    with ThreadPoolExecutor(4) as crowd:
        assert sorted(crowd.map(person, ("biller", "admin", "biller", "admin"))) == ["asked", "told", "told", "told"]
        request = CancellationRequest.objects.get()
        list(crowd.map(worker, range(4)))
    request.refresh_from_db()
    assert request.state == State.CANCELLED
    assert sandbox.stats()["calls"]["cancel"] == before + 1


def test_the_permission_is_asked_again_by_whoever_signs(document: FiscalDocument, hospital: make.Hospital) -> None:
    request = ask(document, hospital)
    Membership.objects.filter(user=hospital.biller).update(can_issue=False)
    assert drive(request).state == State.DROPPED
    assert fresh(document).state == DocumentState.STAMPED
    assert not SignedRequest.objects.exists()


def test_a_request_is_taken_back_only_before_it_leaves(document: FiscalDocument, hospital: make.Hospital) -> None:
    request = ask(document, hospital)
    requesting.take_back(request, user=hospital.biller, now=make.now())
    assert drive(request).state == State.DROPPED
    second = drive(ask(document, hospital))
    with pytest.raises(NotCancellable):
        requesting.take_back(second, user=hospital.biller, now=make.now())


def test_nothing_is_credited_on_what_is_being_cancelled(document: FiscalDocument, hospital: make.Hospital) -> None:
    request = ask(document, hospital)
    wanted = crediting.Wanted(Reason.BONIFICACION, "03", "Cortesía")
    with pytest.raises(NotCreditable, match="cancelación"):
        crediting.ask(charge_of(document), wanted, user=hospital.biller, now=make.now(), idempotency_key="note")
    requesting.take_back(request, user=hospital.biller, now=make.now())
    crediting.ask(charge_of(document), wanted, user=hospital.biller, now=make.now(), idempotency_key="note")


def test_the_receptor_refuses_and_later_accepts(sandbox: RunningSandbox, hospital: make.Hospital) -> None:
    document = stamped(hospital, dear=True)
    sandbox.control("settings", clock_offset_seconds=10 * DAY)
    request = drive(ask(document, hospital, now=make.now() + dt.timedelta(days=10)), later(days=10))
    assert (request.state, request.acceptance) == (State.IN_PROCESS, "must")
    assert request.accept_by is not None
    assert live_document(charge_of(document)) == document
    sandbox.control("receptor", uuid=str(document.uuid), accepts=False)
    request = drive(request, later(days=10, hours=1))
    assert request.state == State.REJECTED
    assert fresh(document).state == DocumentState.STAMPED
    second = ask(document, hospital, now=make.now() + dt.timedelta(days=11))
    assert (second.acceptance, second.accept_by) == ("again", None)
    second = drive(second, later(days=11))
    assert second.state == State.IN_PROCESS
    sandbox.control("receptor", uuid=str(document.uuid), accepts=True)
    assert drive(second, later(days=11, hours=2)).state == State.CANCELLED
    assert live_document(charge_of(document)) is None


def test_silence_accepts(sandbox: RunningSandbox, hospital: make.Hospital) -> None:
    document = stamped(hospital, dear=True)
    sandbox.control("settings", clock_offset_seconds=10 * DAY)
    request = drive(ask(document, hospital, now=make.now() + dt.timedelta(days=10)), later(days=10))
    assert request.state == State.IN_PROCESS
    sandbox.control("settings", clock_offset_seconds=20 * DAY)
    request = drive(request, later(days=20))
    assert (request.state, request.estatus) == (State.CANCELLED, "Plazo vencido")


def test_the_pac_says_received_and_sat_says_alive(
    document: FiscalDocument, hospital: make.Hospital, sandbox: RunningSandbox
) -> None:
    sandbox.control("settings", cancel_lag_seconds=DAY)
    request = driven(ask(document, hospital))
    assert (request.state, request.last_code, request.estado) == (State.REQUESTED, "201", "Vigente")
    assert live_document(charge_of(document)) == document
    sandbox.control("settings", clock_offset_seconds=DAY + 5)
    assert driven(request, days=2).state == State.CANCELLED


@pytest.mark.parametrize(
    "fault",
    ["cut_before", "error_before", "garbage_before", "cut_after", "error_after", "bare_after", "foreign_after"],
)
def test_faults_of_the_pac_end_in_one_cancellation(
    document: FiscalDocument, hospital: make.Hospital, sandbox: RunningSandbox, fault: str
) -> None:
    sandbox.next(fault, op="cancel")
    request = drive(ask(document, hospital))
    assert request.state == State.SIGNED
    assert live_document(charge_of(document)) == document
    assert driven(request).state == State.CANCELLED
    assert SignedRequest.objects.filter(request=request).count() == 1
    assert live_document(charge_of(document)) is None


def test_sat_away_decides_nothing(document: FiscalDocument, hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    sandbox.next("error_before", "garbage_after", op="status")
    request = drive(ask(document, hospital))
    assert request.state == State.ASKED
    assert driven(request).state == State.CANCELLED


def test_a_fresh_stamp_that_sat_does_not_see_yet_is_waited_for(
    hospital: make.Hospital, sandbox: RunningSandbox
) -> None:
    document = stamped(hospital)
    sandbox.control("stamps", "DELETE")
    request = drive(ask(document, hospital))
    assert (request.state, request.estado) == (State.ASKED, "No Encontrado")
    assert drive(request, later(hours=80)).state == State.REFUSED
    assert request.last_code == "205"


def test_cancelled_elsewhere_is_learned_before_sending(
    document: FiscalDocument, hospital: make.Hospital, sandbox: RunningSandbox
) -> None:
    request = ask(document, hospital)
    sandbox.control("cancel", uuid=str(document.uuid))
    assert drive(request).state == State.CANCELLED
    assert not SignedRequest.objects.exists()


class Died(BaseException):
    """A process ends here."""


@pytest.mark.parametrize(
    "step",
    [
        "cancel_claimed", "cancel_status", "cancel_signed_uncommitted", "cancel_signed", "cancel_promised",
        "cancel_answered", "cancel_settled_uncommitted", "cancel_settled",
    ],
)  # fmt: skip
def test_a_worker_that_dies_is_followed_by_another(
    document: FiscalDocument, hospital: make.Hospital, sandbox: RunningSandbox, step: str
) -> None:
    request = ask(document, hospital)

    def die(reached: str) -> None:
        if reached == step:
            steps.hook = None
            raise Died(step)

    steps.hook = die
    with pytest.raises(Died):
        drive(request)
    assert following.due(now=make.now() + dt.timedelta(minutes=5), limit=5) == [request.pk]
    assert driven(request).state == State.CANCELLED
    assert Allocation.objects.filter(document=document, active=True).count() == 0
    assert SignedRequest.objects.filter(request=request).count() == 1
    assert [row["estado"] for row in sandbox.stamps() if row["uuid"] == str(document.uuid).upper()] == ["Cancelado"]


def test_the_database_refuses_what_code_must_not_do(document: FiscalDocument, hospital: make.Hospital) -> None:
    with pytest.raises(IntegrityError, match="not freed"), transaction.atomic():
        release(document, now=make.now())
    for frees, words in ((True, "only the SAT"), (False, "only the SAT|frees its charges")):
        with pytest.raises(IntegrityError, match=words), transaction.atomic():
            FiscalDocument.objects.filter(pk=document.pk).update(state=DocumentState.CANCELLED)
            if frees:
                release(document, now=make.now())
    request = ask(document, hospital)
    rows = CancellationRequest.objects.filter(pk=request.pk)
    with pytest.raises(IntegrityError, match="only_by_sats_word"), transaction.atomic():
        rows.update(state=State.CANCELLED, finished_at=make.now(), next_at=None)
    with pytest.raises(IntegrityError, match="illegal move"), transaction.atomic():
        rows.update(state=State.REQUESTED)
    with pytest.raises(IntegrityError, match="one_open"), transaction.atomic():
        requesting.create(document, "02", substitute=None, user=hospital.biller, now=make.now())
    drive(request)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE cancellations_acuse SET code = '202'")


def test_nothing_is_credited_on_what_ends_nor_ended_under_a_credit(
    document: FiscalDocument, hospital: make.Hospital
) -> None:
    wanted = crediting.Wanted(Reason.BONIFICACION, "03", "Cortesía")
    note = crediting.ask(charge_of(document), wanted, user=hospital.biller, now=make.now(), idempotency_key="note")
    with pytest.raises(IntegrityError, match="live credit note"), transaction.atomic():
        requesting.create(document, "02", substitute=None, user=hospital.biller, now=make.now())
    FiscalDocument.objects.filter(pk=note.document_id).update(state=DocumentState.VOID, next_at=None)
    ask(document, hospital)
    note.pk = note.document_id = None  # type: ignore[assignment]
    with pytest.raises(IntegrityError, match="being cancelled"), transaction.atomic():
        note.save(force_insert=True)

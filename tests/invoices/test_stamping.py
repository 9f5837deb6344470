"""From a paid charge to a stamped CFDI, with a PAC that answers, refuses, dies and comes back."""

from __future__ import annotations

import datetime as dt
import uuid
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from emite.cfdi.faults import CfdiInvalid
from emite.cfdi.timbre import read
from emite.cfdi.xml import parse
from emite.charges.allocating import live_document
from emite.charges.charging import void
from emite.charges.models import Allocation, Charge
from emite.documents import machine
from emite.documents import stamping as verbs
from emite.documents.models import (
    Delivery,
    DocumentEvent,
    FiscalDocument,
    SealedXml,
    StampAttempt,
    StampedXml,
    State,
)
from emite.documents.sealing import without_collecting
from emite.documents.spool import Rescued, Spool
from emite.invoices import issuing, stamping
from emite.issuers import connecting
from emite.issuers.models import PacAccount
from emite.ops import driving
from tests import make
from tests.pac.sandbox import RunningSandbox

pytestmark = pytest.mark.django_db(transaction=True)

OWNER = "test:1"


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object) -> Iterator[make.Hospital]:
    with make.behind(sandbox, settings) as made:
        yield made


def issue(hospital: make.Hospital, charge: Charge, *, key: str = "one", **over: str) -> FiscalDocument:
    return issuing.issue(
        charge,
        issuing.Request(make.receptor(**over)),
        channel="portal",
        user=hospital.biller,
        now=make.now(),
        idempotency_key=key,
    )


def drive(document: FiscalDocument, clock: Callable[[], dt.datetime] = make.now, **over: object) -> FiscalDocument:
    stamping.drive(document.pk, owner=OWNER, clock=clock, **over)  # type: ignore[arg-type]
    document.refresh_from_db()
    return document


def later(**span: float) -> Callable[[], dt.datetime]:
    moment = make.now() + dt.timedelta(**span)
    return lambda: moment


def events(document: FiscalDocument) -> list[str]:
    return list(
        DocumentEvent.objects.filter(document_id=document.pk).order_by("at", "id").values_list("what", flat=True)
    )


def test_a_paid_charge_becomes_one_stamped_cfdi(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    charge = make.paid_charge(hospital)
    document = drive(issue(hospital, charge))
    assert document.state == State.STAMPED
    stored = StampedXml.objects.get(document_id=document.pk)
    timbre = read(parse(bytes(stored.xml)))
    assert timbre is not None
    assert timbre.uuid == str(document.uuid).upper()
    assert document.uuid is not None
    found = [stamp for stamp in sandbox.stamps() if stamp["uuid"].upper() == timbre.uuid]
    assert [(stamp["serie"], stamp["folio"]) for stamp in found] == [(document.serie, document.folio)]
    assert events(document) == ["draft", "sealed", "stamped"]
    assert parse(bytes(stored.xml)).get("Total") == f"{charge.total}"
    assert live_document(charge) == document


def test_a_sealed_document_leaves_nothing_behind_in_memory(hospital: make.Hospital) -> None:
    document = verbs.claim(issue(hospital, make.paid_charge(hospital)).pk, owner=OWNER, now=make.now())
    assert document is not None
    with without_collecting():  # as while a month is closed: a circle would stay until somebody looks for it
        verbs.seal(document, make.now())
        seen = weakref.ref(document)
        del document
        assert seen() is None


def test_folios_follow_one_another(hospital: make.Hospital) -> None:
    folios = [drive(issue(hospital, make.paid_charge(hospital), key=str(n))).folio for n in range(3)]
    assert folios == ["1", "2", "3"]


def test_the_same_key_is_the_same_invoice_and_another_is_refused(hospital: make.Hospital) -> None:
    charge = make.paid_charge(hospital)
    first = issue(hospital, charge)
    assert issue(hospital, charge) == first
    with pytest.raises(issuing.AlreadyInvoiced):
        issue(hospital, charge, key="two")
    drive(first)
    with pytest.raises(issuing.AlreadyInvoiced):
        issue(hospital, charge, key="two")
    assert FiscalDocument.objects.count() == 1


def test_nobody_issues_without_the_permission(hospital: make.Hospital) -> None:
    charge = make.paid_charge(hospital)
    with pytest.raises(issuing.NotAllowed):
        issuing.issue(
            charge, issuing.Request(make.receptor()), channel="desk", user=hospital.cashier, now=make.now(),
            idempotency_key="x",
        )  # fmt: skip
    assert not FiscalDocument.objects.exists()


def test_an_unpaid_or_void_charge_is_not_invoiced(hospital: make.Hospital) -> None:
    unpaid, cancelled = make.charge(hospital), make.charge(hospital)
    void(cancelled, user=hospital.admin, reason="prueba", now=make.now())
    for charge, reason in ((unpaid, "unpaid"), (cancelled, "void")):
        with pytest.raises(issuing.NotInvoiceable) as refused:
            issue(hospital, charge)
        assert refused.value.reason == reason
    assert not Allocation.objects.exists()


def test_bad_fiscal_data_is_refused_before_anything_is_stored(hospital: make.Hospital) -> None:
    with pytest.raises(CfdiInvalid) as refused:
        issue(hospital, make.paid_charge(hospital), regimen_fiscal="626")
    assert "CFDI40161" in {fault.code for fault in refused.value.faults}
    assert not FiscalDocument.objects.exists()
    assert not Allocation.objects.exists()


def test_a_name_that_sat_does_not_know_frees_the_charge(hospital: make.Hospital) -> None:
    charge = make.paid_charge(hospital)
    document = drive(issue(hospital, charge, nombre="INGRID XODAR GIMENEZ"))
    assert (document.state, document.last_code) == (State.REJECTED, "CFDI40145")
    assert live_document(charge) is None
    again = drive(issue(hospital, charge, key="two"))
    assert again.state == State.STAMPED


@pytest.mark.parametrize(
    "fault", ["cut_after", "error_after", "half_after", "bare_after", "foreign_after", "drip_after"]
)
def test_a_stamp_whose_answer_was_lost_is_found_again(
    hospital: make.Hospital, sandbox: RunningSandbox, settings: object, fault: str
) -> None:
    settings.PAC_TIMEOUTS = (1.0, 1.0, 1.5)  # type: ignore[attr-defined]
    connecting._adapters.clear()
    sandbox.next(fault)
    before = len(sandbox.stamps())
    document = drive(issue(hospital, make.paid_charge(hospital)))
    assert (document.state, document.in_doubt) == (State.UNKNOWN, True)
    document = drive(document, later(minutes=1))
    assert document.state == State.STAMPED
    assert len(sandbox.stamps()) == before + 1


@pytest.mark.parametrize(
    "fault", ["cut_before", "error_before", "garbage_before", "html_before", "unclassified_before"]
)
def test_a_send_that_stamped_nothing_is_repeated_with_the_same_bytes(
    hospital: make.Hospital, sandbox: RunningSandbox, fault: str
) -> None:
    sandbox.next(fault)
    document = drive(issue(hospital, make.paid_charge(hospital)))
    assert document.state == State.UNKNOWN
    sealed = bytes(SealedXml.objects.get(document=document).xml)
    document = drive(document, later(minutes=1))
    assert document.state == State.STAMPED
    assert bytes(SealedXml.objects.get(document=document).xml) == sealed
    assert StampAttempt.objects.filter(document_id=document.pk, phase="sent").count() <= 10


def test_a_refusal_after_a_lost_answer_waits_for_proof(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    """The PAC cut the line and now refuses: until the quiet period is over, that may be the echo of a stamp."""
    sandbox.next("cut_before")
    charge = make.paid_charge(hospital)
    document = drive(issue(hospital, charge, nombre="OTRO NOMBRE"))
    document = drive(document, later(minutes=1))
    assert document.state == State.UNKNOWN
    assert live_document(charge) is not None
    document = drive(document, later(minutes=30))
    assert (document.state, document.last_code) == (State.REJECTED, "CFDI40145")
    assert live_document(charge) is None


def test_the_pac_is_down_for_four_days(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    """Past 72 hours: what never left is dated again and stamped when the PAC is back."""
    documents = [issue(hospital, make.paid_charge(hospital), key=str(n)) for n in range(8)]
    sandbox.stop()
    try:
        for document in documents:
            assert drive(document).state in (State.SEALED, State.DRAFT)
        for hours in (1, 30, 71, 80):
            for document in documents:
                assert drive(document, later(hours=hours)).state in (State.SEALED, State.DRAFT)
    finally:
        sandbox.start()
    sandbox.control("settings", clock_offset_seconds=96 * 3600)
    PacAccount.objects.update(open_until=None, failures=0)
    try:
        for document in documents:
            drive(document, later(hours=96))
    finally:
        sandbox.control("settings", clock_offset_seconds=0)
    assert {document.state for document in documents} == {State.STAMPED}
    assert {document.seal_rev for document in documents} >= {2}
    assert len({document.folio for document in documents}) == len(documents)


def test_the_fifth_failure_in_a_row_opens_the_breaker(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    PacAccount.objects.update(base_url="http://127.0.0.1:9")
    documents = [issue(hospital, make.paid_charge(hospital), key=str(n)) for n in range(7)]
    moment = make.now()
    for document in documents:
        drive(document, lambda: moment)
    assert StampAttempt.objects.filter(phase="sent").count() == 5
    account = PacAccount.objects.get()
    assert account.open_until == moment + dt.timedelta(seconds=30)
    PacAccount.objects.update(base_url=sandbox.url)
    for document in documents:
        drive(document, later(minutes=5))
    assert {document.state for document in documents} == {State.STAMPED}
    account.refresh_from_db()
    assert (account.failures, account.open_until) == (0, None)


def test_look_ups_that_fail_do_not_open_the_breaker(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    sandbox.next("cut_after")
    document = drive(issue(hospital, make.paid_charge(hospital)))
    sandbox.control("faults", faults={"error_before": 1.0}, op="lookup", seed=1)
    for minutes in range(1, 60, 11):
        drive(document, later(minutes=minutes))
    account = PacAccount.objects.get()
    assert (account.failures, account.open_until) == (1, None)
    sandbox.behave()
    assert drive(document, later(hours=2)).state == State.STAMPED


def test_a_worker_that_lost_its_lease_writes_nothing(hospital: make.Hospital) -> None:
    document = issue(hospital, make.paid_charge(hospital))
    from emite.documents import stamping as verbs

    slow = verbs.claim(document.pk, owner="slow", now=make.now())
    assert slow is not None
    assert verbs.claim(document.pk, owner="fast", now=make.now()) is None
    assert drive(document, later(minutes=3)).state == State.STAMPED
    with pytest.raises(verbs.LostLease):
        verbs.seal(slow, make.now())
    document.refresh_from_db()
    assert (document.state, document.seal_rev) == (State.STAMPED, 1)


def test_a_process_that_slept_does_not_send(
    hospital: make.Hospital, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from emite.documents import stamping as verbs

    monkeypatch.setattr(verbs, "PAUSE_LIMIT_SECONDS", -1.0)
    before = sandbox.stats()["stamps"]
    document = drive(issue(hospital, make.paid_charge(hospital)))
    assert (document.state, document.in_doubt, document.first_sent_at) == (State.SEALED, False, None)
    assert sandbox.stats()["stamps"] == before


def test_a_stamp_that_the_database_cannot_take_is_rescued(
    hospital: make.Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path / "1.spool", size=100_000)
    document = issue(hospital, make.paid_charge(hospital))
    with monkeypatch.context() as broken:
        broken.setattr(StampedXml.objects, "create", _disk_full)
        with pytest.raises(DatabaseError):
            drive(document, spool=spool)
    document.refresh_from_db()
    assert document.state == State.SENDING
    assert not spool.is_empty
    reopened = Spool(tmp_path / "1.spool", size=100_000)
    assert stamping.replay(reopened, clock=make.now) == 1
    document.refresh_from_db()
    assert document.state == State.STAMPED
    assert reopened.is_empty
    assert Spool(tmp_path / "1.spool", size=100_000).is_empty


def test_a_stamp_that_cannot_be_restored_keeps_neither_the_others_nor_the_sweep(
    hospital: make.Hospital, tmp_path: Path, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMITE_DATA = tmp_path  # type: ignore[attr-defined]
    documents = [issue(hospital, make.paid_charge(hospital), key=str(n)) for n in range(3)]
    spool = Spool(tmp_path / "spool" / "0.spool", size=100_000)
    spool.write(Rescued(hospital.organization.pk, uuid.uuid4(), 1, b"<nobody/>"))
    with monkeypatch.context() as broken:
        broken.setattr(StampedXml.objects, "create", _disk_full)
        with pytest.raises(DatabaseError):
            drive(documents[0], spool=spool)
    spool.write(Rescued(hospital.organization.pk, documents[1].pk, 0, b"not a stamp"))
    spool.close()
    assert driving.sweep_once() >= 2
    documents[0].refresh_from_db()
    assert documents[0].state == State.STAMPED
    kept = Spool(tmp_path / "spool" / "0.spool", size=100_000)
    assert not kept.is_empty


@pytest.mark.parametrize("where", ["emite.invoices.stamping.wake_delivery", "emite.invoices.stamping.tell"])
def test_a_stamp_is_kept_whatever_happens_to_what_follows_it(
    hospital: make.Hospital, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Not only the database may fail: a job that cannot be deferred must not lose the stamp either."""
    spool = Spool(tmp_path / "1.spool", size=100_000)
    document = issue(hospital, make.paid_charge(hospital))
    Delivery.objects.create(
        organization=hospital.organization, document=document, address="a@b.test", requested_at=make.now()
    )
    with monkeypatch.context() as broken:
        broken.setattr(where, _breaks)
        if where.endswith("tell"):
            assert drive(document, spool=spool).state == State.STAMPED
            return
        with pytest.raises(RuntimeError):
            drive(document, spool=spool)
    assert not spool.is_empty
    assert stamping.replay(spool, clock=make.now) == 1
    document.refresh_from_db()
    assert document.state == State.STAMPED


def _breaks(*_words: object, **_fields: object) -> None:
    raise RuntimeError("no se puede")


def test_the_same_form_after_a_refusal_finds_its_refusal(hospital: make.Hospital) -> None:
    charge = make.paid_charge(hospital)
    refused = drive(issue(hospital, charge, nombre="INGRID XODAR GIMENEZ"))
    assert refused.state == State.REJECTED
    assert issue(hospital, charge) == refused
    assert live_document(charge) is None


@pytest.mark.parametrize(("away", "kept"), [(dt.timedelta(days=40), 0), (dt.timedelta(minutes=-5), -300_000)])
def test_a_clock_that_is_nonsense_dates_nothing(hospital: make.Hospital, away: dt.timedelta, kept: int) -> None:
    from emite.documents import stamping as verbs
    from emite.pac.port import Doubt, Evidence

    document = issue(hospital, make.paid_charge(hospital))
    claimed = verbs.claim(document.pk, owner=OWNER, now=make.now())
    assert claimed is not None
    now = make.now()
    seen = Evidence(http=200, code=None, raw=b"", pac_date=now + away, elapsed_ms=1)
    with transaction.atomic():
        verbs.record_answer(claimed, "stamp", Doubt("", "?", seen), now)
    assert PacAccount.objects.get(pk=hospital.pac_account.pk).clock_offset_ms == kept


def _disk_full(**_fields: object) -> None:
    raise DatabaseError("could not extend file: No space left on device")


def test_a_second_folio_fiscal_is_never_stored(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    """A PAC without de-duplication stamped the same bytes twice: the first stands, and a person is told."""
    from emite.documents import stamping as verbs

    document = issue(hospital, make.paid_charge(hospital))
    claimed = verbs.claim(document.pk, owner="a", now=make.now())
    assert claimed is not None
    drive(document, later(minutes=5))
    assert document.state == State.STAMPED
    first = document.uuid
    timbre = read(parse(bytes(StampedXml.objects.get().xml)))
    assert timbre is not None
    import dataclasses

    other = dataclasses.replace(timbre, uuid="5FB2822E-396D-4725-8521-CDC4BDD20CCF")
    claimed.seal_rev = 1
    with pytest.raises(verbs.StampedTwice):
        stamping._settle(claimed, verbs.Verified(b"<x/>", other), None, make.now(), None)
    document.refresh_from_db()
    assert document.uuid == first
    assert StampedXml.objects.count() == 1
    told = DocumentEvent.objects.get(document_id=document.pk, what="stamped_twice")
    assert told.detail == {"uuid": other.uuid}


def test_the_database_refuses_what_the_code_must_never_do(hospital: make.Hospital) -> None:
    document = drive(issue(hospital, make.paid_charge(hospital)))
    mine = FiscalDocument.objects.filter(pk=document.pk)
    for change in (
        {"state": State.DRAFT},
        {"state": State.SENDING, "uuid": None, "stamped_at": None},
        {"uuid": "5fb2822e-396d-4725-8521-cdc4bdd20ccf"},
        {"folio": "999"},
        {"content": {}},
        {"seal_rev": 2},
        {"total": 1},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            mine.update(**change)
    for rows in (SealedXml.objects, StampedXml.objects, StampAttempt.objects, DocumentEvent.objects):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.filter(organization=hospital.organization).delete()
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.filter(organization=hospital.organization).update(organization=hospital.organization)
    with pytest.raises(DatabaseError), transaction.atomic():
        mine.delete()


def test_a_draft_waits_while_the_certificate_is_missing(hospital: make.Hospital) -> None:
    hospital.issuer.csds.update(active=False)
    document = drive(issue(hospital, make.paid_charge(hospital)))
    assert (document.state, document.last_code) == (State.DRAFT, "EMI-FALTA")
    hospital.issuer.csds.update(active=True)
    assert drive(document, later(minutes=2)).state == State.STAMPED


def test_pauses_are_the_ones_written_down() -> None:
    assert [pause.total_seconds() for pause in machine.LOOKUP_PAUSES] == [10, 20, 40, 120, 300, 600]


def test_a_stamp_learned_twice_is_told_once(hospital: make.Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(stamping, "tell", lambda document, now: told.append(document.state))
    document = issue(hospital, make.paid_charge(hospital))
    drive(document)
    document.refresh_from_db()
    xml = bytes(StampedXml.objects.get(document_id=document.pk).xml)
    again = stamping.stamping.verified(document, xml)
    stamping._settle(document, again, None, make.now(), None)
    assert told.count(State.STAMPED) == 1

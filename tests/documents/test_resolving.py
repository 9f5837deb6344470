"""A person's way out: what no machine can finish ends by a stamp or by proof, whoever acts at the same moment."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import IntegrityError, connection, transaction

from emite.audit.models import AuditEvent
from emite.charges.allocating import live_document
from emite.charges.models import Allocation, Charge
from emite.documents import stamping as verbs
from emite.documents import steps
from emite.documents.models import Delivery, DocumentEvent, FiscalDocument, SealedXml, StampedXml, State
from emite.documents.resolving import NotAllowed, Refused, proof_of, stuck
from emite.invoices import issuing, resolving, stamping
from emite.pac.port import Found
from tests import make
from tests.pac.sandbox import RunningSandbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object) -> Iterator[make.Hospital]:
    settings.PAC_TIMEOUTS = (1.0, 1.0, 1.5)  # type: ignore[attr-defined]
    with make.behind(sandbox, settings) as made:
        yield made


def issue(hospital: make.Hospital, charge: Charge, *, key: str = "one", email: str = "") -> FiscalDocument:
    request = issuing.Request(make.receptor(), email=email)
    return issuing.issue(
        charge, request, channel="portal", user=hospital.biller, now=make.now(), idempotency_key=key
    )  # fmt: skip


def drive(document: FiscalDocument, clock: Callable[[], dt.datetime] = make.now) -> FiscalDocument:
    stamping.drive(document.pk, owner="test:1", clock=clock)
    document.refresh_from_db()
    return document


def later(**span: float) -> Callable[[], dt.datetime]:
    moment = make.now() + dt.timedelta(**span)
    return lambda: moment


def ours(hospital: make.Hospital, document: FiscalDocument) -> dict[str, object]:
    return {
        "pk": document.pk,
        "organization_id": hospital.organization.pk,
        "user": hospital.biller,
        "now": make.now(),
    }


def in_the_pacs_page(sandbox: RunningSandbox, document: FiscalDocument) -> bytes:
    """The stamped XML, as somebody downloads it from the PAC's own page."""
    sealed = SealedXml.objects.get(document=document, seal_rev=document.seal_rev)
    found = sandbox.pac().lookup(bytes(sealed.xml), document.pac_key)
    assert isinstance(found, Found)
    return found.xml


def test_the_stamp_that_the_pac_shows_is_brought_by_a_person(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    """The answer was lost and look-ups fail for days: held. Only the very document with a true stamp is taken."""
    charge = make.paid_charge(hospital)
    sandbox.next("cut_after")
    document = drive(issue(hospital, charge, email="ana@correo.test"))
    sandbox.control("faults", faults={"error_before": 1.0}, op="lookup", seed=1)
    document = drive(document, later(hours=80))
    assert (document.state, document.in_doubt) == (State.HELD, True)
    assert list(stuck(hospital.organization.pk, make.now())) == [document]
    assert proof_of(document).last_outcome == "unknown"
    sandbox.behave()
    other = drive(issue(hospital, make.paid_charge(hospital), key="other"))
    good, sealed = in_the_pacs_page(sandbox, document), bytes(SealedXml.objects.get(document=document).xml)
    for wrong, words in (
        (bytes(StampedXml.objects.get(document_id=other.pk).xml), "Es otra factura"),
        (sealed, "no trae timbre"),
        (good.replace(hospital.issuer.rfc.encode(), b"AAA010101AAA"), "Es de otro emisor"),
        (good.replace(b'Total="1160.00"', b'Total="1160.01"'), "se modificó"),
        (good.replace(b"SelloSAT=\"", b"SelloSAT=\"AAAA"), "se modificó"),
        (b"<!DOCTYPE x><x/>", "No se puede leer"),
        (b"%PDF-1.7", "No se puede leer"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=words):
            resolving.import_stamp(xml=wrong, **ours(hospital, document))  # type: ignore[arg-type]
    document.refresh_from_db()
    assert document.state == State.HELD
    assert resolving.import_stamp(xml=good, **ours(hospital, document)).state == State.STAMPED  # type: ignore[arg-type]
    document.refresh_from_db()
    stored = StampedXml.objects.get(document_id=document.pk)
    assert (document.state, document.in_doubt, bytes(stored.xml)) == (State.STAMPED, False, good)
    assert live_document(charge) == document
    assert Delivery.objects.get(document=document).next_at is not None
    events = list(DocumentEvent.objects.filter(document_id=document.pk).values_list("what", "who").order_by("id"))
    assert events[-2:] == [("imported", hospital.biller.email), ("stamped", "")]
    assert AuditEvent.objects.get(action="document.import").actor == hospital.biller.email
    with pytest.raises(Refused, match="Ya quedó timbrada"):
        resolving.import_stamp(xml=good, **ours(hospital, document))  # type: ignore[arg-type]


@pytest.mark.parametrize("stamped", [False, True])
def test_given_up_in_doubt_it_ends_by_proof_only(
    hospital: make.Hospital, sandbox: RunningSandbox, stamped: bool
) -> None:
    """Until a look-up proves it, the charge stays bound and nothing is sent again; a stamp found counts for more."""
    charge = make.paid_charge(hospital)
    sandbox.next("cut_after" if stamped else "cut_before")
    document = drive(issue(hospital, charge))
    sends = sandbox.stats()["stamps"]
    if stamped:
        sandbox.next("blind", op="lookup")
    given = resolving.give_up(reason="Se hizo otra", **ours(hospital, document))  # type: ignore[arg-type]
    assert given.state == State.UNKNOWN
    document = drive(document)
    assert (document.state, document.in_doubt) == (State.UNKNOWN, True)
    assert live_document(charge) == document
    assert not proof_of(document).is_complete
    document = drive(document, later(minutes=30))
    assert document.state == (State.STAMPED if stamped else State.VOID)
    assert sandbox.stats()["stamps"] == sends
    assert live_document(charge) == (document if stamped else None)
    if not stamped:
        assert drive(issue(hospital, charge, key="two")).state == State.STAMPED


def test_given_up_and_taken_back_it_is_sent_again(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    sandbox.next("cut_before")
    document = drive(issue(hospital, make.paid_charge(hospital)))
    resolving.give_up(reason="", **ours(hospital, document))  # type: ignore[arg-type]
    resolving.keep(**ours(hospital, document))  # type: ignore[arg-type]
    resolving.look_up_again(**ours(hospital, document))  # type: ignore[arg-type]
    assert drive(document).state == State.STAMPED


def test_what_never_left_is_discarded_at_once_and_a_late_worker_sends_nothing(
    hospital: make.Hospital, sandbox: RunningSandbox
) -> None:
    charge, before = make.paid_charge(hospital), sandbox.stats()["stamps"]
    document = issue(hospital, charge, email="ana@correo.test")
    slow = verbs.claim(document.pk, owner="slow", now=make.now())
    assert slow is not None
    verbs.seal(slow, make.now())
    assert resolving.give_up(reason="Duplicada", **ours(hospital, document)).state == State.VOID  # type: ignore[arg-type]
    with pytest.raises(verbs.LostLease):
        verbs.ask(slow, make.now)
    document.refresh_from_db()
    assert document.state == State.VOID
    assert sandbox.stats()["stamps"] == before
    assert live_document(charge) is None
    assert Delivery.objects.get(document=document).state == Delivery.State.FAILED
    assert drive(document, later(hours=2)).state == State.VOID
    with pytest.raises(Refused, match="Ya se descartó"):
        resolving.look_up_again(**ours(hospital, document))  # type: ignore[arg-type]


def test_only_a_facturador_of_the_house_decides(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    document = issue(hospital, make.paid_charge(hospital))
    stranger = make.hospital()
    for user, owner, refused in (
        (hospital.cashier, hospital.organization, NotAllowed),
        (stranger.biller, hospital.organization, NotAllowed),
        (stranger.biller, stranger.organization, Refused),
    ):
        with pytest.raises(refused):
            resolving.give_up(document.pk, owner.pk, reason="", user=user, now=make.now())
    document.refresh_from_db()
    assert document.state == State.DRAFT


def test_the_database_frees_nothing_that_may_be_stamped(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    sandbox.next("cut_before")
    document = drive(issue(hospital, make.paid_charge(hospital)))
    other = make.hospital().pac_account
    nothing = {"in_doubt": False, "first_sent_at": None, "last_sent_at": None}
    mine = FiscalDocument.objects.filter(pk=document.pk)
    for change in (
        {"state": State.VOID},
        {"state": State.VOID, **nothing},
        {"state": State.DRAFT, **nothing},
        {"state": State.SEALED, "in_doubt": False},
        {"first_sent_at": None},
        {"pac_account": other},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            mine.update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        Allocation.objects.filter(document=document).update(active=False, released_at=make.now())


@pytest.mark.parametrize(
    "step", ["claimed", "sealed_uncommitted", "sealed", "promised", "answered", "settled_uncommitted"]
)
@pytest.mark.parametrize("act", ["give_up", "import"])
def test_a_worker_and_a_person_at_the_same_moment(
    hospital: make.Hospital, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch, step: str, act: str
) -> None:
    """The worker stands at each step while a person acts: one end, and never a freed charge with a CFDI."""
    charge = make.paid_charge(hospital)
    document = issue(hospital, charge)
    here, go = threading.Event(), threading.Event()
    worker = threading.Thread(target=_drive_and_close, args=(document,))

    def stop(name: str) -> None:
        if name == step and threading.current_thread() is worker and not here.is_set():
            here.set()
            go.wait(10)

    monkeypatch.setattr(steps, "hook", stop)
    before = {stamp["uuid"] for stamp in sandbox.stamps()}
    worker.start()
    assert here.wait(20)
    person = threading.Thread(target=_act_and_close, args=(hospital, sandbox, document, act))
    person.start()
    # A person who must wait for the worker's transaction is let wait; otherwise they are done before it goes on.
    person.join(0.5 if step.endswith("uncommitted") else 10)
    go.set()
    for thread in (worker, person):
        thread.join(20)
        assert not thread.is_alive()
    for minutes in (3, 30, 60):
        drive(document, later(minutes=minutes))
    new = {stamp["uuid"].upper() for stamp in sandbox.stamps()} - {uuid.upper() for uuid in before}
    if document.state == State.STAMPED:
        assert new == {str(document.uuid).upper()}
        assert live_document(charge) == document
        assert StampedXml.objects.filter(document_id=document.pk).count() == 1
    else:
        assert (document.state, new, live_document(charge)) == (State.VOID, set(), None)


def _drive_and_close(document: FiscalDocument) -> None:
    try:
        stamping.drive(document.pk, owner="worker", clock=make.now)
    finally:
        connection.close()


def _act_and_close(hospital: make.Hospital, sandbox: RunningSandbox, document: FiscalDocument, act: str) -> None:
    try:
        if act == "give_up":
            resolving.give_up(reason="", **ours(hospital, document))  # type: ignore[arg-type]
            return
        row = FiscalDocument.objects.get(pk=document.pk)
        sealed = SealedXml.objects.filter(document=row, seal_rev=row.seal_rev).first()
        found = sandbox.pac().lookup(bytes(sealed.xml), row.pac_key) if sealed else None
        xml = found.xml if isinstance(found, Found) else b"<nada/>"
        resolving.import_stamp(xml=xml, **ours(hospital, row))  # type: ignore[arg-type]
    except Refused:
        pass  # the worker was first, or there is nothing to bring yet: the end below is what counts
    finally:
        connection.close()

"""Ours against SAT and the PAC: nothing where all agrees, one row for each lie, repairs that write and never send."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from django.db import DatabaseError, transaction

from emite.cancellations.models import CancellationRequest
from emite.cfdi import seal
from emite.charges.allocating import live_document
from emite.charges.models import Charge
from emite.documents.consulting import query_of_xml, sat_status_of
from emite.documents.models import FiscalDocument, SealedXml, StampedXml, State
from emite.invoices import building, issuing
from emite.issuers.keys import open_csd
from emite.issuers.models import Series, StoredCsd
from emite.pac.port import Evidence, SatEstado, SatStatus, StatusUnknown
from emite.reconciling import asking, comparing, mending
from emite.reconciling.judging import PAUSES, ask_again_at, difference
from emite.reconciling.models import Comparison, Difference, SatWord
from tests import make
from tests.credits.stands import drive, invoiced
from tests.pac.sandbox import RunningSandbox

pytestmark = pytest.mark.django_db

Kind = Difference.Kind
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
SEEN = Evidence(200, "", b"", None, 1)


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object) -> Iterator[make.Hospital]:
    with make.behind(sandbox, settings) as made:
        sandbox.control("stamps", "DELETE")  # what other tests stamped with this RFC would be unknown here
        yield made


def later(**span: float) -> Callable[[], dt.datetime]:
    moment = make.now() + dt.timedelta(**span)
    return lambda: moment


def compared(hospital: make.Hospital, **span: float) -> list[tuple[str, uuid.UUID]]:
    """What is open after a comparison of everything."""
    now = make.now()
    asked = comparing.start(
        hospital.organization, since=now - dt.timedelta(days=9), until=now + dt.timedelta(days=9), now=now, wake=False
    )
    done = comparing.run(asked.pk, clock=later(**span))
    assert done is not None
    assert done.state == Comparison.State.DONE
    return list(Difference.objects.filter(closed_at=None).values_list("kind", "uuid"))


def document_of(charge: Charge) -> FiscalDocument:
    document = live_document(charge)
    assert document is not None
    return document


@pytest.mark.parametrize(
    ("state", "estado", "age", "kind"),
    [
        (State.STAMPED, SatEstado.VIGENTE, 1, None),
        (State.STAMPED, SatEstado.NOT_FOUND, 72, None),
        (State.STAMPED, SatEstado.NOT_FOUND, 73, Kind.NOT_AT_SAT),
        (State.STAMPED, SatEstado.CANCELADO, 1, Kind.CANCELLED_AT_SAT),
        (State.CANCELLED, SatEstado.CANCELADO, 1, None),
        (State.CANCELLED, SatEstado.VIGENTE, 1, Kind.ALIVE_AT_SAT),
        (State.CANCELLED, SatEstado.NOT_FOUND, 99, None),
    ],
)
def test_what_differs(state: str, estado: SatEstado, age: int, kind: Kind | None) -> None:
    said = SatStatus(estado, "S", "", "", "200", SEEN)
    assert difference(state, NOW - dt.timedelta(hours=age), said, NOW) is kind
    assert difference(state, NOW - dt.timedelta(hours=age), StatusUnknown("sin respuesta", SEEN), NOW) is None


def test_sat_is_asked_less_and_less_until_it_knows() -> None:
    silent = SatStatus(SatEstado.NOT_FOUND, "N", "", "", "", SEEN)
    stamped, moments, now = NOW, [], NOW + PAUSES[0]
    for asked in range(1, 30):
        again = ask_again_at(asked, stamped, silent, now)
        if again is None:
            break
        moments.append(again)
        now = again
    assert len(moments) < 12
    assert moments[-1] - stamped > dt.timedelta(hours=72)
    assert ask_again_at(1, stamped, SatStatus(SatEstado.VIGENTE, "S", "", "", "", SEEN), now) is None


def test_each_stamp_is_asked_of_sat(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    document = document_of(invoiced(hospital))
    assert asking.begin(now=make.now(), limit=9) == 1
    assert asking.begin(now=make.now(), limit=9) == 0
    assert asking.due(now=make.now(), limit=9) == []
    (pk,) = asking.due(now=later(minutes=2)(), limit=9)
    sandbox.next("garbage_after", op="status")
    assert asking.drive(pk, clock=later(minutes=2)) is None
    assert asking.drive(pk, clock=later(minutes=3)) is None, "not due so soon"
    assert asking.drive(pk, clock=later(minutes=20)) == "Vigente"
    row = SatWord.objects.get(document=document)
    assert (row.estado, row.asked, row.next_at) == ("Vigente", 2, None)
    xml = bytes(StampedXml.objects.get(document_id=document.pk).xml)
    query = query_of_xml(xml)
    assert query is not None
    answer = sat_status_of(query, hospital.organization.pk)
    assert isinstance(answer, SatStatus)
    assert answer.estado is SatEstado.VIGENTE
    sandbox.control("stamps", "DELETE")
    assert asking.drive(pk, clock=later(hours=1)) is None, "SAT knew it: it is not asked again"


def test_nothing_is_listed_where_all_agrees(hospital: make.Hospital) -> None:
    invoiced(hospital)
    assert compared(hospital) == []


def test_cancelled_elsewhere_is_listed_and_written_here_without_sending(
    hospital: make.Hospital, sandbox: RunningSandbox
) -> None:
    charge = invoiced(hospital)
    document = document_of(charge)
    before = sandbox.stats()["calls"].get("cancel", 0)
    sandbox.control("cancel", uuid=str(document.uuid))
    assert compared(hospital) == [(Kind.CANCELLED_AT_SAT, document.uuid)]
    assert compared(hospital) == [(Kind.CANCELLED_AT_SAT, document.uuid)], "one row however often it is seen"
    row = Difference.objects.get()
    with pytest.raises(mending.NotAllowed):
        mending.register_cancellation(hospital.organization.pk, row.pk, user=hospital.cashier, now=make.now())
    mending.register_cancellation(hospital.organization.pk, row.pk, user=hospital.biller, now=make.now())
    document.refresh_from_db()
    assert document.state == State.CANCELLED
    assert live_document(charge) is None
    assert sandbox.stats()["calls"].get("cancel", 0) == before
    assert CancellationRequest.objects.get().estado == "Cancelado"
    with pytest.raises(mending.CannotMend):
        mending.register_cancellation(hospital.organization.pk, row.pk, user=hospital.biller, now=make.now())
    assert compared(hospital) == []


def test_what_sat_lost_is_listed_after_its_lag_and_goes_when_it_is_back(
    hospital: make.Hospital, sandbox: RunningSandbox
) -> None:
    document = document_of(invoiced(hospital))
    sandbox.control("settings", blind_seconds=10**6)
    try:
        other = document_of(invoiced(hospital))
        assert compared(hospital) == [], "fresh: No Encontrado says nothing"
        assert compared(hospital, hours=80) == [(Kind.NOT_AT_SAT, other.uuid)]
        row = Difference.objects.get()
        mending.put_aside(hospital.organization.pk, row.pk, reason="El PAC lo reenvía", user=hospital.biller, now=NOW)
        assert compared(hospital, hours=81) == [], "a person answered for it"
        assert document.uuid != other.uuid
    finally:
        sandbox.control("settings", blind_seconds=0)


def test_a_stamp_of_what_came_to_nothing_is_an_orphan(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    charge = make.paid_charge(hospital)
    made = issuing.issue(
        charge, issuing.Request(make.receptor()), channel="desk", user=hospital.biller, now=make.now(),
        idempotency_key="wrong",
    )  # fmt: skip
    sandbox.control("lco", without_obligations=[hospital.issuer.rfc])
    try:
        assert drive(made.pk).state == State.REJECTED
    finally:
        sandbox.control("lco", without_obligations=[])
    assert compared(hospital) == []
    # The PAC refused it and stamps the very bytes all the same, as a late echo would.
    sealed = SealedXml.objects.get(document=made)
    sandbox.pac().stamp(bytes(sealed.xml), made.pac_key)
    sandbox.next("blind", op="lookup")
    ((kind, folio),) = compared(hospital)
    assert kind == Kind.ORPHAN, "its look-up is blind, the PAC's own list is not"
    row = Difference.objects.get()
    assert row.xml is not None
    made.refresh_from_db()
    assert made.state == State.REJECTED, "nothing of ours changes: a person cancels it at the PAC"
    sandbox.control("cancel", uuid=str(folio))
    assert compared(hospital) == []
    assert Difference.objects.get().ending == Difference.Ending.GONE


def test_the_pacs_own_list_settles_what_waits_and_finds_what_no_look_up_saw(
    hospital: make.Hospital, sandbox: RunningSandbox
) -> None:
    charge = make.paid_charge(hospital)
    waiting = issuing.issue(
        charge, issuing.Request(make.receptor()), channel="desk", user=hospital.biller, now=make.now(),
        idempotency_key="waiting",
    )  # fmt: skip
    sandbox.next("cut_after")
    assert drive(waiting.pk).state == State.UNKNOWN
    sandbox.next("error_before", op="list")
    assert compared(hospital) == []
    assert Comparison.objects.get().unanswered == 1, "a list that did not come says nothing"
    stamps = sandbox.stats()["stamps"]
    assert compared(hospital) == []
    assert sandbox.stats()["stamps"] == stamps, "nothing is stamped to look"
    waiting.refresh_from_db()
    assert waiting.state == State.STAMPED
    assert live_document(charge) == waiting


def test_what_the_pac_holds_and_nobody_here_knows_is_shown_and_brought_in(
    hospital: make.Hospital, sandbox: RunningSandbox
) -> None:
    csd = open_csd(StoredCsd.objects.get(issuer=hospital.issuer))
    issuer, charge = hospital.issuer, make.paid_charge(hospital)
    ours = building.comprobante([charge], make.receptor(), issuer=issuer, now=make.now(), with_patient=False)
    series = Series.objects.get(issuer=issuer).name
    elsewhere = replace(ours, serie=series, folio="4711")
    for content in (elsewhere, replace(ours, serie="AJENA", folio="1")):
        sandbox.pac().stamp(seal.seal(content, csd).xml, "")
    ((kind, folio),) = compared(hospital)
    assert kind == Kind.UNKNOWN, "one of a series of others is left alone"
    assert compared(hospital) == [(kind, folio)]
    row = Difference.objects.get()
    assert row.document is None
    with pytest.raises(DatabaseError), transaction.atomic():
        Difference.objects.create(
            organization=hospital.organization, kind=kind, uuid=folio, found_at=make.now(), seen_at=make.now()
        )

    of = {"user": hospital.biller, "now": make.now()}
    with pytest.raises(mending.NotAllowed):
        mending.bring_in(hospital.organization.pk, row.pk, user=hospital.cashier, now=make.now())
    stamps = sandbox.stats()["stamps"]
    document = mending.bring_in(hospital.organization.pk, row.pk, **of)
    assert sandbox.stats()["stamps"] == stamps
    document.refresh_from_db()
    assert (document.state, document.uuid, document.folio) == (State.STAMPED, folio, "4711")
    assert live_document(charge) == document, "it takes the charge that says the same"
    assert Series.objects.get(issuer=issuer).next_folio == 4712
    assert compared(hospital) == []

    again = replace(elsewhere, fecha=elsewhere.fecha - dt.timedelta(seconds=1))
    sandbox.pac().stamp(seal.seal(again, csd).xml, "")
    ((kind, second),) = compared(hospital)
    assert kind == Kind.DUPLICATE, "the same folio twice"
    assert Difference.objects.get(uuid=second).document == document
    with pytest.raises(mending.CannotMend):
        mending.bring_in(hospital.organization.pk, row.pk, **of)


def test_the_night_compares_once(hospital: make.Hospital) -> None:
    night = dt.datetime(2026, 11, 23, 10, tzinfo=dt.UTC)  # 4:00 in the centre of Mexico
    assert comparing.start_nights(night - dt.timedelta(hours=2)) == 0
    assert comparing.start_nights(night) == 1
    assert comparing.start_nights(night) == 0
    (pk,) = comparing.due(now=night, limit=9)
    comparing.run(pk, clock=lambda: night)
    assert comparing.start_nights(night + dt.timedelta(hours=5)) == 0
    assert comparing.start_nights(night + dt.timedelta(days=1)) == 1

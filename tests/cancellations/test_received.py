"""What others ask to cancel of what we received: found, answered once by who may, signed by the worker alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest
from django.db import DatabaseError, transaction

from emite.audit.models import AuditEvent
from emite.cancellations import answering, handing_in, received
from emite.cancellations.answering import CannotAnswer, NotAllowed
from emite.cancellations.handing_in import after_answer
from emite.cancellations.models import AnswerAcuse, PendingList, ReceivedCancellation, SignedAnswer
from emite.cfdi import plazos, respuesta, zones
from emite.cfdi.cancelacion import Cancelacion, Folio
from emite.cfdi.cancelacion import sign as sign_request
from emite.cfdi.comprobante import Receptor
from emite.cfdi.csd import Csd
from emite.pac.port import AnswerTold, CancelDoubt, CancelRefused, Evidence, NotSent, Pac, Pending, PendingUnknown
from tests import make
from tests.pac import make as pac_make
from tests.pac.sandbox import RunningSandbox
from tests.pac.test_cancelling import DAY, big

SEEN = Evidence(200, "", b"<raw/>", None, 1)
NOW = dt.datetime(2026, 11, 23, 18, tzinfo=dt.UTC)
FOLIO = "AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA"
State = ReceivedCancellation.State


def test_what_each_answer_of_the_pac_means() -> None:
    def move(answer: object, *, in_doubt: bool = False, word: str = "Rechazo") -> tuple[str, bool, bool]:
        moved = after_answer(answer, word=word, uuid=FOLIO, attempts=0, in_doubt=in_doubt, now=NOW)  # type: ignore[arg-type]
        return moved.state, moved.next_at is not None, moved.in_doubt

    def told(code: str) -> AnswerTold:
        return AnswerTold({FOLIO: code}, b"", SEEN)

    assert move(told("1000")) == (State.REJECTED, False, False)
    assert move(told("1000"), word="Aceptacion") == (State.ACCEPTED, False, False)
    assert move(told("1002")) == (State.GONE, False, False), "somebody else's answer"
    assert move(told("1002"), in_doubt=True) == (State.REJECTED, False, False), "ours, whose end nobody knew"
    assert move(told("1001"), in_doubt=True) == (State.GONE, False, True)
    assert move(told("1003")) == (State.PENDING, False, False)
    assert move(CancelRefused("305", "", SEEN)) == (State.PENDING, False, False)
    assert move(CancelDoubt("", "", SEEN)) == (State.ANSWERING, True, True)
    assert move(NotSent("", SEEN)) == (State.ANSWERING, True, False)


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object, db: None) -> Iterator[make.Hospital]:
    with make.behind(sandbox, settings) as made:
        yield made
    sandbox.sound()


class Supplier:
    """Somebody of another system who invoiced the hospital and asks to cancel it a week later."""

    def __init__(self, of: make.Hospital, sandbox: RunningSandbox) -> None:
        self.of, self.sandbox = of, sandbox
        self.csd: Csd = pac_make.csd(sandbox.authority, "CEGJ620718HB1")

    def asks(self) -> str:
        issuer = self.of.issuer
        given = big(
            emisor=pac_make.Emisor("CEGJ620718HB1", "JACINTO CERVERA GUZMAN", "612"),
            receptor=Receptor(issuer.rfc, issuer.nombre, issuer.postal_code, issuer.regimen_fiscal, "G03"),
        )
        self.sandbox.pac().stamp(pac_make.sealed(self.csd, **given), "")
        uuid = next(each["uuid"] for each in reversed(self.sandbox.stamps()) if each["rfc_emisor"] == "CEGJ620718HB1")
        self.sandbox.control("settings", clock_offset_seconds=10 * DAY)
        fecha = zones.local_now(make.now(), "06700")
        self.sandbox.pac().cancel(sign_request(Cancelacion("CEGJ620718HB1", fecha, (Folio(uuid, "02"),)), self.csd))
        return uuid


def refreshed(of: make.Hospital, **later: float) -> PendingList:
    now = make.now() + dt.timedelta(**later)
    received.begin(now=now)
    row = PendingList.objects.get(organization=of.organization)
    PendingList.objects.filter(pk=row.pk).update(next_at=now)
    assert received.refresh(row.pk, now=now)
    row.refresh_from_db()
    return row


def test_it_is_found_rejected_by_a_person_and_kept_with_its_acuse(
    hospital: make.Hospital, sandbox: RunningSandbox
) -> None:
    uuid = Supplier(hospital, sandbox).asks()
    watched = refreshed(hospital)
    assert watched.pk not in received.due(now=make.now()), "a PAC is asked now and then"
    row = ReceivedCancellation.objects.get(organization=hospital.organization)
    assert str(row.uuid).upper() == uuid
    assert row.due == plazos.accept_by(zones.local_now(row.first_seen_at, hospital.issuer.lugar_expedicion).date())
    refreshed(hospital, minutes=5)
    assert ReceivedCancellation.objects.filter(organization=hospital.organization).count() == 1

    mine = hospital.organization.pk
    with pytest.raises(NotAllowed):
        answering.answer(mine, row.pk, "Rechazo", reason="x", user=hospital.cashier, now=make.now())
    other = make.hospital()
    with pytest.raises(CannotAnswer):
        answering.answer(other.organization.pk, row.pk, "Rechazo", reason="x", user=other.biller, now=make.now())
    with pytest.raises(CannotAnswer, match="por qué"):
        answering.answer(mine, row.pk, "Rechazo", reason=" ", user=hospital.biller, now=make.now())
    for _ in range(2):
        answering.answer(mine, row.pk, "Rechazo", reason="Se pagó", user=hospital.biller, now=make.now())
    with pytest.raises(CannotAnswer):
        answering.answer(mine, row.pk, "Aceptacion", reason="", user=hospital.biller, now=make.now())
    assert AuditEvent.objects.filter(action="received_cancellation.reject", organization_id=mine).count() == 1

    sandbox.next("cut_after", op="answer")
    assert handing_in.drive(row.pk, owner="one", clock=make.now) == State.ANSWERING
    assert handing_in.drive(row.pk, owner="one", clock=make.now) is None, "not due yet"
    refreshed(hospital, minutes=5)
    after = make.now() + dt.timedelta(hours=1)
    assert handing_in.due(now=after, limit=9) == [row.pk]
    assert handing_in.drive(row.pk, owner="two", clock=lambda: after) == State.REJECTED
    row.refresh_from_db()
    assert row.last_code == respuesta.BEFORE
    signed = SignedAnswer.objects.get(request=row)
    asked, certificate = respuesta.verify(bytes(signed.xml))
    assert (asked.rfc_receptor, asked.uuid, asked.respuesta) == (hospital.issuer.rfc, uuid, "Rechazo")
    assert certificate.rfc == hospital.issuer.rfc
    other_pac = cast(Pac, SimpleNamespace(capabilities=SimpleNamespace(answers_as="LSO1306189R5")))
    anew = [handing_in.signed_for(row, other_pac, make.now()) for _ in range(2)]
    assert anew[0] == anew[1]
    assert anew[0] is not None
    assert respuesta.verify(anew[0])[0].pac == "LSO1306189R5", "another PAC hands in what names it"
    kept = AnswerAcuse.objects.get(request=row)
    assert kept.is_sats
    assert respuesta.read_acuse(bytes(kept.content), asked) == {uuid: respuesta.BEFORE}
    for change in (
        lambda: AnswerAcuse.objects.filter(pk=kept.pk).update(code="1000"),
        lambda: ReceivedCancellation.objects.filter(pk=row.pk).update(state=State.PENDING, finished_at=None),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_what_is_no_longer_listed_ends_by_silence_or_elsewhere(
    hospital: make.Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[object] = [Pending((FOLIO,), SEEN)]
    pac = SimpleNamespace(capabilities=SimpleNamespace(answers_as="X"), pending_cancellations=lambda rfc: listed[0])
    monkeypatch.setattr(received, "adapter", lambda account: pac)
    refreshed(hospital)
    rows = ReceivedCancellation.objects.filter(organization=hospital.organization)
    watch = PendingList.objects.get(organization=hospital.organization)
    listed[0] = PendingUnknown("caído", SEEN)
    assert not received.refresh(watch.pk, now=make.now() + dt.timedelta(days=30))
    assert rows.get().state == State.PENDING, "no list, no conclusion"
    listed[0] = Pending((), SEEN)
    refreshed(hospital, days=1)
    assert rows.get().state == State.GONE
    listed[0] = Pending((FOLIO,), SEEN)
    refreshed(hospital, days=1, hours=2)
    assert rows.count() == 1, "SAT lists for a while what has ended"
    refreshed(hospital, days=4)
    listed[0] = Pending((), SEEN)
    refreshed(hospital, days=30)
    assert list(rows.order_by("first_seen_at").values_list("state", flat=True)) == [State.GONE, State.EXPIRED]

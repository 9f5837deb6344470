"""The receptor's side of a cancellation and the acuse given again, on every PAC's protocol."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from emite.cfdi import acuse, respuesta
from emite.cfdi.cancelacion import Cancelacion, Folio
from emite.cfdi.cancelacion import sign as sign_request
from emite.cfdi.csd import Csd
from emite.cfdi.respuesta import Respuesta, SolicitudRespuesta
from emite.cfdi.zones import local_now
from emite.pac.http import Timeouts
from emite.pac.port import (
    AnswerTold,
    CancelDoubt,
    CancelRefused,
    Fetched,
    NotSent,
    Pending,
    PendingUnknown,
    ReceptorAnswer,
    Unknown,
)
from tests.pac import make
from tests.pac.sandbox import RunningSandbox, running_sandbox
from tests.pac.test_cancelling import DAY, big, stamped

QUICK = Timeouts(connect=1, read=0.6, total=1.2)
OTHER = "AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA"
PROTOCOLS = {"sandbox": "content", "finkok": "content", "swsapien": "key"}
BEFORE = ("cut_before", "error_before", "garbage_before", "html_before", "unclassified_before")
AFTER = (
    "cut_after", "error_after", "garbage_after", "html_after", "unclassified_after", "half_after", "bare_after",
    "foreign_after", "oversize_after",
)  # fmt: skip


class Case:
    """One PAC, an issuer and a receptor with certificates, and a cancellation that waits for the receptor."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self.issuer = make.csd(sandbox.authority)
        self.receptor = make.csd(sandbox.authority, make.PATIENT.rfc)

    def asked(self) -> str:
        """The folio whose cancellation the issuer asked for a day that is no longer the next."""
        row = stamped(self.sandbox, self.issuer, **big())
        self.sandbox.control("settings", clock_offset_seconds=10 * DAY)
        request = Cancelacion(make.EMISOR.rfc, _today(), (Folio(row["uuid"], "02"),))
        self.sandbox.pac(QUICK).cancel(sign_request(request, self.issuer))
        return row["uuid"]

    def answer(self, uuid: str, word: str = Respuesta.REJECT, by: Csd | None = None, **options: str) -> ReceptorAnswer:
        pac = self.sandbox.pac(QUICK, **options)
        csd = by or self.receptor
        request = SolicitudRespuesta(csd.certificate.rfc, pac.capabilities.answers_as, _today(), uuid, word)
        return pac.answer_cancellation(respuesta.sign(request, csd))

    def pending(self, rfc: str = make.PATIENT.rfc, **options: str) -> tuple[str, ...] | None:
        told = self.sandbox.pac(QUICK, **options).pending_cancellations(rfc)
        assert isinstance(told, Pending | PendingUnknown)
        return told.uuids if isinstance(told, Pending) else None


def _today() -> datetime:
    return local_now(datetime.now(UTC), "06700")


def code(answer: ReceptorAnswer) -> str:
    assert isinstance(answer, AnswerTold), answer
    (found,) = answer.codes.values()
    return found


@pytest.fixture(scope="module", params=PROTOCOLS)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    folder: Path = tmp_path_factory.mktemp(request.param)
    with running_sandbox(folder, PROTOCOLS[request.param], provider=request.param) as sandbox:
        yield Case(sandbox)


@pytest.fixture
def case(running: Case) -> Case:
    running.sandbox.sound()
    running.sandbox.control("stamps", "DELETE")
    return running


def test_what_waits_is_listed_answered_once_and_gone(case: Case) -> None:
    assert case.pending() == ()
    uuid = case.asked()
    assert case.pending() == (uuid,)
    assert case.pending(make.EMISOR.rfc) == (), "the issuer has nothing to answer"
    told = case.answer(uuid)
    assert code(told) == respuesta.RECEIVED
    assert isinstance(told, AnswerTold)
    assert bool(told.acuse) is (case.sandbox.provider != "finkok")
    assert case.pending() == ()
    assert code(case.answer(uuid)) == respuesta.BEFORE
    assert code(case.answer(OTHER)) == respuesta.NOT_PENDING
    assert code(case.answer(uuid, by=case.issuer)) == respuesta.NOT_PENDING, "it is not the receptor"
    states = [row["estado"] for row in case.sandbox.stamps()]
    assert states == ["Vigente"]


def test_acceptance_cancels_and_silence_ends_the_wait(case: Case) -> None:
    uuid = case.asked()
    assert code(case.answer(uuid, Respuesta.ACCEPT)) == respuesta.RECEIVED
    assert case.sandbox.stamps()[-1]["estado"] == "Cancelado"
    case.sandbox.control("settings", clock_offset_seconds=0)
    late = case.asked()
    case.sandbox.control("settings", clock_offset_seconds=20 * DAY)
    assert case.pending() == ()
    assert code(case.answer(late)) == respuesta.NOT_PENDING


def test_every_misbehaviour_is_a_doubt_and_sending_again_ends_it(case: Case) -> None:
    uuid = case.asked()
    for fault in BEFORE:
        case.sandbox.next(fault, op="answer")
        assert isinstance(case.answer(uuid), CancelDoubt), fault
        case.sandbox.next(fault, op="pending")
        assert case.pending() is None, fault
    assert case.pending() == (uuid,)
    for fault in AFTER:
        case.sandbox.next(fault, op="answer")
        assert isinstance(case.answer(uuid), CancelDoubt), fault
        assert code(case.answer(uuid)) == respuesta.BEFORE


def test_a_request_refused_whole_and_an_account_that_is_not_let_in(case: Case) -> None:
    uuid = case.asked()
    case.sandbox.control("lco", revoked=[case.receptor.certificate.no_certificado])
    refused = case.answer(uuid)
    assert isinstance(refused, CancelRefused)
    assert refused.code == "304"
    case.sandbox.control("lco")
    assert isinstance(case.answer(uuid, password="otra"), NotSent)
    assert isinstance(case.answer(uuid, base_url="http://127.0.0.1:9"), NotSent)
    assert case.pending(password="otra") is None
    assert case.pending(base_url="http://127.0.0.1:9") is None


def test_the_acuse_of_our_own_cancellation_is_given_again(case: Case) -> None:
    uuid = case.asked()
    pac = case.sandbox.pac(QUICK)
    assert pac.capabilities.receipts
    kept = pac.receipt(make.EMISOR.rfc, uuid)
    assert isinstance(kept, Fetched)
    told = acuse.read(kept.xml, rfc_emisor=make.EMISOR.rfc, uuids=frozenset({uuid}))
    assert told.codes == {uuid: acuse.RECEIVED}
    assert isinstance(pac.receipt(make.EMISOR.rfc, OTHER), Unknown)
    assert isinstance(case.sandbox.pac(QUICK, password="otra").receipt(make.EMISOR.rfc, uuid), Unknown)

"""SAT's status service: our client against the sandbox's stand-in, and against answers that are not SAT's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from emite.cfdi.comprobante import Receptor
from emite.pac.consulta import RESULT, SOAP, TEMPURI, Consulta, envelope, read
from emite.pac.http import Answer, Timeouts, Transport
from emite.pac.port import SatEstado, SatStatus, StatusQuery, StatusUnknown
from tests.pac import make
from tests.pac.sandbox import RunningSandbox, running_sandbox

QUICK = Timeouts(connect=1, read=0.4, total=0.8)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    folder: Path = tmp_path_factory.mktemp("consulta")
    with running_sandbox(folder) as running:
        yield running


def stamped(sandbox: RunningSandbox, **changes: object) -> StatusQuery:
    sandbox.behave()
    sandbox.pac().stamp(make.sealed(make.csd(sandbox.authority), **changes), "k")
    row = sandbox.stamps()[-1]
    return StatusQuery(row["rfc_emisor"], row["rfc_receptor"], row["total"], row["uuid"], row["sello"][-8:])


def test_sats_words_come_back_for_what_was_stamped(sandbox: RunningSandbox) -> None:
    query, pac = stamped(sandbox), sandbox.pac()
    alive = pac.status(query)
    assert isinstance(alive, SatStatus)
    assert (alive.estado, alive.codigo_estatus[0], alive.validacion_efos) == (SatEstado.VIGENTE, "S", "200")
    assert alive.es_cancelable.startswith("Cancelable")
    assert alive.evidence.pac_date is not None
    for wrong in (replace(query, total="580.01"), replace(query, last8="AAAAAAAA"), replace(query, emisor="XXX")):
        unknown = pac.status(wrong)
        assert isinstance(unknown, SatStatus)
        assert unknown.estado is SatEstado.NOT_FOUND
    sandbox.control("cancel", uuid=query.uuid)
    gone = pac.status(replace(query, uuid=query.uuid.lower(), total="580.0"))
    assert isinstance(gone, SatStatus)
    assert gone.estado is SatEstado.CANCELADO


def test_an_ampersand_in_an_rfc_reaches_sat_whole(sandbox: RunningSandbox) -> None:
    company = Receptor("S&M010203TT1", "SUTURAS & MATERIALES", "44160", "601", "G03")
    query = stamped(sandbox, receptor=company)
    assert b"S&amp;amp;M010203TT1" in envelope(query)
    answer = sandbox.pac().status(query)
    assert isinstance(answer, SatStatus)
    assert answer.estado is SatEstado.VIGENTE


@pytest.mark.parametrize("fault", ["cut_before", "error_before", "garbage_after", "html_after", "half_after"])
def test_a_service_that_fails_gives_no_verdict(sandbox: RunningSandbox, fault: str) -> None:
    query = stamped(sandbox)
    sandbox.next(fault, op="status")
    assert isinstance(sandbox.pac(QUICK).status(query), StatusUnknown)
    assert isinstance(sandbox.pac(QUICK).status(query), SatStatus)


def test_a_slow_service_ends_at_the_deadline(sandbox: RunningSandbox) -> None:
    query = stamped(sandbox)
    sandbox.next({"fault": "delay_before", "seconds": 5}, op="status")
    started = time.monotonic()
    assert isinstance(sandbox.pac(QUICK).status(query), StatusUnknown)
    assert time.monotonic() - started < 2


def answer(estado: str, code: str = "S - Comprobante obtenido satisfactoriamente.", status: int = 200) -> Answer:
    text = (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><ConsultaResponse xmlns="{TEMPURI}"><ConsultaResult '
        f'xmlns:a="{RESULT}"><a:CodigoEstatus>{code}</a:CodigoEstatus><a:Estado>{estado}</a:Estado>'
        "</ConsultaResult></ConsultaResponse></s:Body></s:Envelope>"
    )
    return Answer(status, {}, text.encode(), 1)


@pytest.mark.parametrize(
    "strange",
    [
        answer("Favor de consultarlo más tarde", "N - 998"),
        answer("Cancelado", "N - 602: Comprobante no encontrado."),
        answer("No Encontrado"),
        answer("Cancelado", status=500),
        Answer(200, {}, b"<response><Estado>Cancelado</Estado></response>", 1),
        Answer(200, {}, b"<!DOCTYPE x><x/>", 1),
    ],
)
def test_what_is_not_sats_answer_is_no_verdict(strange: Answer) -> None:
    assert isinstance(read(strange), StatusUnknown)


def test_questions_keep_their_pace(sandbox: RunningSandbox) -> None:
    query = stamped(sandbox)
    client = Consulta(Transport(sandbox.url), per_second=20)
    started = time.monotonic()
    assert all(isinstance(client.ask(query), SatStatus) for _ in range(4))
    assert time.monotonic() - started >= 0.15

"""Cancelling at the sandbox through the port: SAT's codes, the receptor's word, the clock, and every misbehaviour."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from emite.cfdi.cancelacion import Cancelacion, Folio, sign
from emite.cfdi.comprobante import Relacionados
from emite.cfdi.csd import Csd
from emite.cfdi.zones import local_now
from emite.pac.http import Timeouts
from emite.pac.port import (
    CancelAnswer,
    CancelDoubt,
    CancelRefused,
    CancelTold,
    NotSent,
    SatEstado,
    SatStatus,
    StatusQuery,
)
from tests.pac import make
from tests.pac.sandbox import RunningSandbox, running_sandbox

QUICK = Timeouts(connect=1, read=0.5, total=1)
DAY = 86400


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    folder: Path = tmp_path_factory.mktemp("cancelling")
    with running_sandbox(folder) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: RunningSandbox) -> RunningSandbox:
    running.behave()
    running.control("stamps", "DELETE")
    running.control("settings", clock_offset_seconds=0, cancel_lag_seconds=0, blind_seconds=0, cancel_code=None)
    return running


@pytest.fixture(scope="module")
def csd(running: RunningSandbox) -> Csd:
    return make.csd(running.authority, not_after=datetime.now(UTC) + timedelta(days=900))


def stamped(sandbox: RunningSandbox, csd: Csd, **changes: Any) -> dict[str, str]:
    sandbox.pac().stamp(make.sealed(csd, **changes), f"k{len(sandbox.stamps())}")
    return sandbox.stamps()[-1]


def big(**changes: Any) -> dict[str, Any]:
    """A change that makes a total above a thousand pesos: the receptor must accept."""
    line = make.comprobante().conceptos[0]
    twenty = Decimal(20)
    taxes = tuple(
        type(tax)(tax.base * twenty, tax.impuesto, tax.tipo_factor, tax.tasa_o_cuota, (tax.importe or 0) * twenty)
        for tax in line.traslados
    )
    from dataclasses import replace

    more = replace(line, cantidad=line.cantidad * twenty, importe=line.importe * twenty, traslados=taxes)
    return {"conceptos": (more,), **changes}


def ask(
    sandbox: RunningSandbox, csd: Csd, uuid: str, motivo: str = "02", new: str | None = None, **options: Any
) -> CancelAnswer:
    fecha = local_now(datetime.now(UTC), "06700")
    return sandbox.pac(**options).cancel(
        sign(Cancelacion(csd.certificate.rfc, fecha, (Folio(uuid, motivo, new),)), csd)
    )


def code(answer: CancelAnswer) -> str:
    assert isinstance(answer, CancelTold), answer
    (found,) = answer.codes.values()
    return found


def status(sandbox: RunningSandbox, row: dict[str, str]) -> tuple[str, str, str]:
    query = StatusQuery(row["rfc_emisor"], row["rfc_receptor"], row["total"], row["uuid"], row["sello"][-8:])
    answer = sandbox.pac().status(query)
    assert isinstance(answer, SatStatus)
    return answer.estado, answer.es_cancelable, answer.estatus_cancelacion


def test_a_small_one_is_cancelled_at_once_and_asking_again_is_harmless(sandbox: RunningSandbox, csd: Csd) -> None:
    row = stamped(sandbox, csd)
    assert status(sandbox, row) == (SatEstado.VIGENTE, "Cancelable sin aceptación", "")
    assert code(ask(sandbox, csd, row["uuid"])) == "201"
    assert status(sandbox, row)[::2] == (SatEstado.CANCELADO, "Cancelado sin aceptación")
    assert code(ask(sandbox, csd, row["uuid"])) == "202"


def test_the_receptor_says_no_then_yes(sandbox: RunningSandbox, csd: Csd) -> None:
    row = stamped(sandbox, csd, **big())
    sandbox.control("settings", clock_offset_seconds=10 * DAY)
    assert status(sandbox, row)[1] == "Cancelable con aceptación"
    assert code(ask(sandbox, csd, row["uuid"])) == "201"
    assert status(sandbox, row)[::2] == (SatEstado.VIGENTE, "En proceso")
    sandbox.control("receptor", uuid=row["uuid"], accepts=False)
    assert status(sandbox, row)[::2] == (SatEstado.VIGENTE, "Solicitud rechazada")
    assert code(ask(sandbox, csd, row["uuid"])) == "201"
    sandbox.control("settings", clock_offset_seconds=30 * DAY)
    assert status(sandbox, row)[2] == "En proceso", "silence accepts nothing after a refusal"
    sandbox.control("receptor", uuid=row["uuid"], accepts=True)
    assert status(sandbox, row)[::2] == (SatEstado.CANCELADO, "Cancelado con aceptación")


def test_silence_accepts_after_three_business_days(sandbox: RunningSandbox, csd: Csd) -> None:
    row = stamped(sandbox, csd, **big())
    sandbox.control("settings", clock_offset_seconds=10 * DAY)
    ask(sandbox, csd, row["uuid"])
    sandbox.control("settings", clock_offset_seconds=20 * DAY)
    assert status(sandbox, row)[::2] == (SatEstado.CANCELADO, "Plazo vencido")


def test_the_substitute_comes_first_and_names_the_old_one(sandbox: RunningSandbox, csd: Csd) -> None:
    old = stamped(sandbox, csd)
    alone = stamped(sandbox, csd, folio="901")
    new = stamped(sandbox, csd, folio="902", relacionados=(Relacionados("04", (old["uuid"],)),))
    missing = "AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA"
    assert code(ask(sandbox, csd, old["uuid"], "01", missing)) == "208"
    assert code(ask(sandbox, csd, old["uuid"], "01", alone["uuid"])) == "212"
    assert code(ask(sandbox, csd, old["uuid"], "01", new["uuid"])) == "201"
    assert status(sandbox, old)[0] == SatEstado.CANCELADO
    assert status(sandbox, new)[0] == SatEstado.VIGENTE


def test_a_live_related_document_blocks(sandbox: RunningSandbox, csd: Csd) -> None:
    old = stamped(sandbox, csd)
    related = stamped(sandbox, csd, folio="903", relacionados=(Relacionados("02", (old["uuid"],)),))
    assert status(sandbox, old)[1] == "No cancelable"
    assert code(ask(sandbox, csd, old["uuid"])) == "204"
    ask(sandbox, csd, related["uuid"])
    assert status(sandbox, related)[0] == SatEstado.CANCELADO
    assert code(ask(sandbox, csd, old["uuid"])) == "201"


def test_what_is_not_ours_not_there_or_too_late(sandbox: RunningSandbox, csd: Csd, running: RunningSandbox) -> None:
    row = stamped(sandbox, csd)
    stranger = make.csd(running.authority, "CEGJ620718HB1")
    assert code(ask(sandbox, stranger, row["uuid"])) == "203"
    assert code(ask(sandbox, csd, "AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA")) == "205"
    sandbox.control("settings", clock_offset_seconds=600 * DAY)
    assert code(ask(sandbox, csd, row["uuid"])) == "210"
    assert status(sandbox, row)[1] == "No cancelable"


@pytest.mark.parametrize("wanted", ["206", "211"])
def test_sat_says_another_code_on_command_and_cancels_nothing(sandbox: RunningSandbox, csd: Csd, wanted: str) -> None:
    row = stamped(sandbox, csd)
    sandbox.control("settings", cancel_code=wanted)
    assert code(ask(sandbox, csd, row["uuid"])) == wanted
    assert status(sandbox, row)[0] == SatEstado.VIGENTE
    sandbox.control("settings", cancel_code=None)
    assert code(ask(sandbox, csd, row["uuid"])) == "201"


def test_a_request_that_was_tampered_with_is_refused_whole(sandbox: RunningSandbox, csd: Csd) -> None:
    row = stamped(sandbox, csd)
    fecha = local_now(datetime.now(UTC), "06700")
    signed = sign(Cancelacion(csd.certificate.rfc, fecha, (Folio(row["uuid"], "02"),)), csd)
    answer = sandbox.pac().cancel(signed.replace(b"<SignatureValue>", b"<SignatureValue>AAAA", 1))
    assert isinstance(answer, CancelRefused)
    assert answer.code == "302"


@pytest.mark.parametrize("fault", ["cut_before", "error_before", "garbage_before", "html_before", "auth_expired"])
def test_faults_before_leave_it_alive(sandbox: RunningSandbox, csd: Csd, fault: str) -> None:
    row = stamped(sandbox, csd)
    sandbox.next(fault, op="cancel")
    answer = ask(sandbox, csd, row["uuid"])
    if fault == "auth_expired":
        assert code(answer) == "201"
    else:
        assert isinstance(answer, CancelDoubt)
        assert status(sandbox, row)[0] == SatEstado.VIGENTE
        assert code(ask(sandbox, csd, row["uuid"])) == "201"


@pytest.mark.parametrize(
    "fault", ["cut_after", "error_after", "garbage_after", "half_after", "bare_after", "foreign_after"]
)
def test_faults_after_are_doubts_and_the_status_tells(sandbox: RunningSandbox, csd: Csd, fault: str) -> None:
    row = stamped(sandbox, csd)
    sandbox.next(fault, op="cancel")
    assert isinstance(ask(sandbox, csd, row["uuid"]), CancelDoubt)
    assert status(sandbox, row)[0] == SatEstado.CANCELADO
    assert code(ask(sandbox, csd, row["uuid"])) == "202"


def test_a_pac_that_nobody_reaches_was_sent_nothing(sandbox: RunningSandbox, csd: Csd) -> None:
    assert isinstance(
        ask(sandbox, csd, "A" * 8 + "-AAAA-4AAA-8AAA-" + "A" * 12, base_url="http://127.0.0.1:9"), NotSent
    )


def test_the_pac_says_yes_while_sat_knows_nothing(sandbox: RunningSandbox, csd: Csd) -> None:
    row = stamped(sandbox, csd)
    sandbox.control("settings", cancel_lag_seconds=3600)
    assert code(ask(sandbox, csd, row["uuid"])) == "201"
    assert status(sandbox, row)[::2] == (SatEstado.VIGENTE, "")
    sandbox.control("settings", clock_offset_seconds=3601)
    assert status(sandbox, row)[0] == SatEstado.CANCELADO

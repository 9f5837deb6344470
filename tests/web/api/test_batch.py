"""A batch of remisiones: each for itself, the whole once, fast."""

from __future__ import annotations

import time
from typing import Any

import pytest

from emite.charges import receiving
from emite.charges.models import Charge, ChargeLine
from emite.integrations.models import IdempotentRequest
from tests import make
from tests.web.api.system import CHARGE, LINE, System, fields, problem

pytestmark = pytest.mark.django_db


def send(system: System, *charges: dict[str, Any], key: str = "") -> Any:
    return system.post("charges/batch", {"charges": list(charges)}, key=key)


def test_good_ones_are_stored_and_bad_ones_told(his: System) -> None:
    his.charge(external_id="H-0")

    response = send(
        his,
        CHARGE | {"external_id": "H-1"},
        {"lines": [LINE | {"clave_unidad": "ZZZ"}]},
        CHARGE | {"external_id": "H-0"},
        CHARGE | {"external_id": "H-1"},
        CHARGE | {"issuer_rfc": "EKU9003173C9"},
        CHARGE,
    )

    assert response.status_code == 200, response.content
    body = response.json()
    assert (body["created"], body["refused"]) == (2, 4)
    assert [one["status"] for one in body["results"]] == [
        "created", "refused", "refused", "refused", "refused", "created",
    ]  # fmt: skip
    problems = [one["problem"] for one in body["results"] if one["problem"]]
    assert [(one["code"], one["errors"][0]["field"]) for one in problems] == [
        ("line_refused", "lines[0].clave_unidad"),
        ("duplicate_external_id", "external_id"),
        ("duplicate_external_id", "external_id"),
        ("invalid", "issuer_rfc"),
    ]
    assert list(Charge.objects.order_by("number").values_list("number", flat=True)) == [1, 2, 3]
    created = body["results"][0]["charge"]
    whole = his.get(f"charges/{created['id']}").json()
    assert {name: whole[name] for name in created} == created


def test_a_charge_of_a_batch_is_like_any_other(his: System) -> None:
    from tests.web.api.test_payments import pay

    charge = send(his, CHARGE).json()["results"][0]["charge"]
    alone = his.charge().json()

    batch = his.get(f"charges/{charge['id']}").json()
    for name in ("id", "folio", "code", "qr", "issued_at"):
        assert alone.pop(name) != batch.pop(name)
    assert alone == batch
    assert pay(his, charge["id"], ("04", charge["owed"])).status_code == 201


def test_a_malformed_batch_stores_nothing(his: System) -> None:
    assert fields(problem(send(his, CHARGE, {"lines": [LINE | {"quantity": 1}]}), 422, "invalid")) == [
        "charges[1].lines[0].quantity"
    ]
    assert fields(problem(send(his), 422, "invalid")) == ["charges"]
    assert fields(problem(send(his, *[{"lines": []}] * 1001), 422, "invalid"))[0].startswith("charges")
    assert not Charge.objects.exists()


def test_replay_shows_the_same_charges_as_they_are_now(his: System) -> None:
    first = send(his, CHARGE, CHARGE, key="b-1").json()
    his.post(f"charges/{first['results'][0]['charge']['id']}/void", {"reason": "Error"})

    again = send(his, CHARGE, CHARGE, key="b-1")

    assert again["Idempotent-Replayed"] == "true"
    assert [one["charge"]["state"] for one in again.json()["results"]] == ["void", "open"]
    assert Charge.objects.count() == 2


def test_what_broke_half_way_is_resumed(his: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "CHUNK", 2)
    real, calls = receiving._receive_chunk, []

    def broken(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("se fue la luz")
        return real(*args, **kwargs)

    monkeypatch.setattr(receiving, "_receive_chunk", broken)
    problem(send(his, *[CHARGE] * 5, key="b-1"), 500, "unexpected")
    assert Charge.objects.count() == 2
    assert IdempotentRequest.objects.get().finished_at is None
    problem(send(his, CHARGE, key="b-1"), 422, "key_reused")

    body = send(his, *[CHARGE] * 5, key="b-1").json()

    assert (body["created"], Charge.objects.count()) == (5, 5)
    assert sorted(Charge.objects.values_list("number", flat=True)) == [1, 2, 3, 4, 5]


@pytest.mark.slow
def test_a_thousand_in_a_few_seconds(his: System, hospital: make.Hospital, record_property: Any) -> None:
    charges = [CHARGE | {"external_id": f"H-{n}", "lines": [LINE, LINE | {"quantity": "2"}]} for n in range(1000)]
    send(his, CHARGE)

    started, worked = time.perf_counter(), time.process_time()
    response = send(his, *charges)
    seconds, processor = time.perf_counter() - started, time.process_time() - worked

    assert (response.status_code, response.json()["created"]) == (200, 1000)
    assert (Charge.objects.count(), ChargeLine.objects.count()) == (1001, 2001)
    record_property("seconds", seconds)
    print(f"1,000 remisiones: {seconds:.2f} s, {processor:.2f} s de procesador")
    # Of this process alone, so that a busy machine does not fail it.
    assert processor < 4

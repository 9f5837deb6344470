"""Idempotency-Key: the same request again is the same thing as it is now; another request under it is refused."""

from __future__ import annotations

import datetime as dt
import json
import threading

import pytest
from django.db import connection

from emite.charges.models import Charge, PaymentSlip
from emite.integrations.models import IdempotentRequest
from emite.integrations.repeating import LEASE, begin
from tests import make
from tests.web.api.system import CHARGE, LINE, System, fields, problem

pytestmark = pytest.mark.django_db


def test_twenty_replays_are_one_charge_in_its_present_state(his: System) -> None:
    first = his.charge(key="k-1")
    made = first.json()["id"]
    his.post(f"charges/{made}/payments", {"parts": [{"forma_pago": "01", "amount": "160.00"}]})

    replays = [his.charge(key="k-1") for _ in range(20)]

    assert "Idempotent-Replayed" not in first
    assert {(one.status_code, one["Idempotent-Replayed"], one.json()["id"]) for one in replays} == {(201, "true", made)}
    assert {one.json()["owed"] for one in replays} == {"1000.00"}
    assert Charge.objects.count() == 1


def test_order_and_spaces_of_the_body_do_not_matter(his: System) -> None:
    his.post("charges", CHARGE | {"external_id": "A"}, key="k-1")

    again = his.post("charges", None, key="k-1", raw=json.dumps({"external_id": "A", **CHARGE}, indent=4).encode())

    assert again["Idempotent-Replayed"] == "true"


def test_changed_body_or_address_is_another_request(his: System) -> None:
    made = his.charge(key="k-1").json()["id"]

    changed = his.charge(key="k-1", lines=[LINE, LINE])
    elsewhere = his.post(f"charges/{made}/void", {"reason": "x"}, key="k-1")

    for response in (changed, elsewhere):
        assert fields(problem(response, 422, "key_reused")) == ["Idempotency-Key"]
    assert Charge.objects.get().state == Charge.State.OPEN


def test_keys_of_two_organizations_do_not_meet(his: System, stranger: System) -> None:
    assert his.charge(key="k-1").json()["id"] != stranger.charge(key="k-1").json()["id"]


def test_a_refused_request_leaves_its_key_free(his: System) -> None:
    problem(his.charge(key="k-1", lines=[LINE | {"quantity": "0"}]), 422, "line_refused")

    assert his.charge(key="k-1").status_code == 201


def test_every_post_asks_for_the_key(his: System) -> None:
    response = his.client.post(
        "/api/v1/charges", json.dumps(CHARGE), content_type="application/json", headers=his.headers
    )

    assert fields(problem(response, 422, "invalid")) == ["Idempotency-Key"]


def test_payments_are_taken_once(his: System) -> None:
    charge = his.charge().json()["id"]
    body = {"parts": [{"forma_pago": "01", "amount": "100.00"}]}

    first, second = (his.post(f"charges/{charge}/payments", body, key="p-1") for _ in range(2))

    assert first.json() == second.json()
    assert PaymentSlip.objects.count() == 1


def test_while_the_first_is_being_served_the_second_waits(his: System, hospital: make.Hospital) -> None:
    his.charge(key="k-1")
    IdempotentRequest.objects.update(finished_at=None, outcome=None)

    waiting = his.charge(key="k-1")
    problem(waiting, 409, "in_flight")
    assert waiting["Retry-After"] == "1"
    # Its process died: after the lease another takes over and finds the charge that the first had made.
    IdempotentRequest.objects.update(locked_until=make.now() - dt.timedelta(seconds=1))
    assert his.charge(key="k-1").status_code == 201
    assert Charge.objects.count() == 1
    assert dt.timedelta(seconds=30) < LEASE


@pytest.mark.django_db(transaction=True)
def test_rivals_at_the_same_moment_make_one_charge(hospital: make.Hospital) -> None:
    his = System.of(hospital)
    answers: list[int] = []
    barrier = threading.Barrier(6)

    def rival() -> None:
        try:
            mine = System(his.token)
            barrier.wait(10)
            answers.append(mine.charge(key="k-1").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=rival) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(answers) == 6
    assert set(answers) <= {201, 409}
    assert 201 in answers
    assert Charge.objects.count() == 1


def test_begin_keeps_only_a_hash_of_what_is_asked(hospital: make.Hospital) -> None:
    row = begin(hospital.organization.pk, "k", b"x" * 32, now=make.now())

    assert (row.finished_at, row.outcome) == (None, None)

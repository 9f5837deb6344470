"""Requests invented from the OpenAPI: no answer 5xx, and none that the OpenAPI does not tell.

A few per operation by default, always the same; EMITE_API_CASES=5000 spreads that many over the operations, which
takes minutes: `make faults` does it.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from emite.integrations.models import ApiKey
from tests import make
from tests.web.api.system import LINE, RECEPTOR, System

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

CASES = int(os.environ.get("EMITE_API_CASES", "128"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@contextlib.contextmanager
def one_connection() -> Iterator[None]:
    """The server must not close the connection that holds the test's transaction, as Django's client sees to."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def test_no_request_breaks_it_nor_surprises(issuing: make.Hospital) -> None:
    from tests.web.api.test_invoices import asked

    his = System.of(issuing)
    ApiKey.objects.update(per_minute=10**6)
    invoice = asked(his)
    paid, unpaid = his.paid(), his.charge().json()["id"]
    foreign = System.of(make.hospital()).charge().json()["id"]
    statuses: dict[int, int] = {}
    with one_connection():
        _attack_all(his, invoice, [paid, unpaid, foreign], statuses)

    assert sum(statuses.values()) >= CASES
    assert min(statuses) == 200
    # Few requests need not hit one that is accepted; thousands must.
    assert ({201, 404, 422} if CASES >= 1000 else {404, 422}) <= set(statuses), statuses
    assert max(statuses) < 500, statuses
    print(f"{sum(statuses.values())} solicitudes inventadas: {dict(sorted(statuses.items()))}")


def _attack_all(his: System, invoice: str, charges: list[str], statuses: dict[int, int]) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", WSGIHandler())
    operations = [result.ok() for result in schema.get_all_operations()]
    for operation in operations:
        known = [invoice] if "/invoices/" in operation.path else charges
        _attack(operation, his, known, statuses, -(-CASES // len(operations)))


#: Bodies that get past the schema and meet the rules, by the end of the address.
_AMOUNT = st.from_regex(r"\A[0-9]{1,4}(\.[0-9]{1,2})?\Z")
_LINE = st.fixed_dictionaries(
    {**{name: st.just(value) for name, value in LINE.items()}, "quantity": _AMOUNT, "unit_price": _AMOUNT},
    optional={"discount": _AMOUNT, "code": st.text(max_size=30)},
)
_CHARGE = st.fixed_dictionaries({"lines": st.lists(_LINE, min_size=1, max_size=3)}, optional={"external_id": st.text()})
_BODIES = {
    "charges": _CHARGE,
    "batch": st.fixed_dictionaries({"charges": st.lists(_CHARGE, min_size=1, max_size=4)}),
    "payments": st.fixed_dictionaries(
        {"parts": st.lists(st.fixed_dictionaries({"forma_pago": st.sampled_from(["01", "04"]), "amount": _AMOUNT}))}
    ),
    "void": st.fixed_dictionaries({"reason": st.text()}),
    "invoice": st.fixed_dictionaries(
        {"receptor": st.fixed_dictionaries({name: st.just(value) | st.text() for name, value in RECEPTOR.items()})}
    ),
}


def _attack(operation: Any, his: System, known: list[str], statuses: dict[int, int], examples: int) -> None:
    cases = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )
    ids = st.one_of(st.sampled_from(known), st.uuids().map(str), st.none())

    @seed(20261122)
    @settings(max_examples=examples, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=cases, pk=ids, body=st.none() | _BODIES.get(operation.path.rpartition("/")[2], st.none()))
    def attack(case: Any, pk: str | None, body: Any) -> None:
        if pk and case.path_parameters:
            case.path_parameters["pk"] = pk
        case.headers = dict(case.headers or {}) | {"Authorization": f"Bearer {his.token}", "Host": "127.0.0.1"}
        case.headers["Accept-Encoding"] = "identity"
        if case.method == "POST" and body is not None:
            case.body, case.media_type = body, "application/json"
        if case.method == "POST" and (pk or body):
            case.headers["Idempotency-Key"] = str(uuid.uuid4())
        response = case.call()
        statuses[response.status_code] = statuses.get(response.status_code, 0) + 1
        case.validate_response(response, checks=CHECKS)

    attack()

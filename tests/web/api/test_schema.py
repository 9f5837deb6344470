"""Requests invented from the OpenAPI: no answer 5xx, and none that the OpenAPI does not tell.

What is invented is dear, sending it is cheap: each case is sent for every id that matters, again under its
Idempotency-Key, and with the keys of who may not. EMITE_API_CASES says how many requests, always the same ones.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
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

from emite.care.models import Physician
from tests import make
from tests import practice as stand
from tests.web.api.system import APPOINTMENT, LINE, RECEPTOR, SERVICE, System

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

CASES = int(os.environ.get("EMITE_API_CASES", "5000"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@contextlib.contextmanager
def one_connection() -> Iterator[None]:
    """The server must not close the connection that holds the test's transaction, as Django's client sees to."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@dataclass
class Attack:
    """Who asks, for what, and what was answered so far."""

    his: System
    narrow: System
    stranger: System
    charges: list[str]
    invoice: str
    services: list[str]
    appointments: list[str]
    statuses: dict[int, int] = field(default_factory=dict)

    def send(self, case: Any, who: System) -> None:
        case.headers["Authorization"] = f"Bearer {who.token}"
        response = case.call()
        self.statuses[response.status_code] = self.statuses.get(response.status_code, 0) + 1
        case.validate_response(response, checks=CHECKS)

    def send_all(self, case: Any, ids: list[str | None]) -> None:
        """The case for each id, once more under its key, by a key that may little and by another organization's."""
        for pk in ids:
            if pk:
                case.path_parameters["pk"] = pk
            if case.method == "POST":
                case.headers["Idempotency-Key"] = str(uuid.uuid4())
            self.send(case, self.his)
        if case.method == "POST":
            self.send(case, self.his)
        self.send(case, self.narrow)
        self.send(case, self.stranger)


def test_no_request_breaks_it_nor_surprises(issuing: make.Hospital, monkeypatch: pytest.MonkeyPatch) -> None:
    from emite.limits.counting import Verdict
    from emite.web.api import access
    from tests.web.api.test_invoices import asked

    # How often one may ask is shown in test_keys; here it would be two statements of each request.
    for name in ("peek", "hit"):
        monkeypatch.setattr(access, name, lambda *_, **__: Verdict(True))

    his, theirs = System.of(issuing), make.hospital()
    stranger = System.of(theirs)
    attends_too(issuing)
    invoice = asked(his)
    charges = [his.paid(), his.charge().json()["id"], stranger.charge().json()["id"], his.charge().json()["id"]]
    services = [str(his.post("services", SERVICE).json()["id"]) for _ in range(2)]
    appointments = [str(his.post("appointments", APPOINTMENT).json()["id"]) for _ in range(3)]
    attack = Attack(his, System.of(issuing, "invoices:read"), stranger, charges, invoice, services, appointments)
    with one_connection():
        _attack_all(attack)

    statuses = attack.statuses
    assert sum(statuses.values()) >= CASES
    assert min(statuses) == 200
    # Few requests need not hit one that is accepted; thousands must.
    assert ({201, 403, 404, 422} if CASES >= 1000 else {404, 422}) <= set(statuses), statuses
    assert max(statuses) < 500, statuses
    print(f"{sum(statuses.values())} solicitudes inventadas: {dict(sorted(statuses.items()))}")


def attends_too(hospital: make.Hospital) -> None:
    """A physician and a payer: of the services that are invented some must be taken."""
    Physician.objects.create(organization=hospital.organization, name="Xóchilt Casas", kind="especialista")
    stand.payer(hospital.organization)


def _attack_all(attack: Attack) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", WSGIHandler())
    operations = [result.ok() for result in schema.get_all_operations()]
    for operation in operations:
        _attack(operation, attack, -(-CASES // len(operations)))


#: Bodies that get past the schema and meet the rules, by the end of the address.
_ODD = dict(enumerate(["0", "0.01", "12.50", "1160.00", "1,5", "1e3", "-1"]))
#: Mostly good, or hardly a body of many fields would be.
_AMOUNT = st.integers(1, 99).map(lambda number: _ODD.get(number - 92, str(number)))
_ID = st.integers(0, 999).map(lambda number: f"HIS-{number}" if number % 9 else f"con espacio\x00{number}")
_CODE = st.sampled_from(["", "URG-01", "CON-02", "LAB-10", "a|b"])
_LINE = st.fixed_dictionaries(
    {**{name: st.just(value) for name, value in LINE.items()}, "quantity": _AMOUNT, "unit_price": _AMOUNT},
    optional={"discount": st.sampled_from(["0", "0.50", "0.25", "99999"]), "code": _CODE},
)
_CHARGE = st.fixed_dictionaries({"lines": st.lists(_LINE, min_size=1, max_size=3)}, optional={"external_id": _ID})
_SERVICE = st.fixed_dictionaries(
    {
        "patient_name": st.just("Ana Torres Luna") | st.text(),
        "rendered_on": st.sampled_from(["2026-01-15", "2026-11-20", "1999-01-01", "2999-12-31", "0001-01-01"]),
        "code": st.sampled_from(["99213", "99203", "a b", "|"]),
        "payer": st.sampled_from(["SCE050620LQ5", "seguros la ceiba", "otra"]),
        "fee": _AMOUNT,
    },
    optional={"external_id": _ID, "patient_part": _AMOUNT, "reference": st.text(), "plan": st.just("Oro")},
)
_APPOINTMENT = st.builds(
    lambda service, at: {name: value for name, value in service.items() if name != "rendered_on"} | {"at": at},
    _SERVICE,
    st.sampled_from(["2027-01-15T10:30:00-06:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "ayer"]),
)
_BODIES = {
    "appointments": _APPOINTMENT,
    "appointments/batch": st.fixed_dictionaries({"appointments": st.lists(_APPOINTMENT, min_size=1, max_size=4)}),
    "services": _SERVICE,
    "services/batch": st.fixed_dictionaries({"services": st.lists(_SERVICE, min_size=1, max_size=4)}),
    "charges": _CHARGE,
    "charges/batch": st.fixed_dictionaries({"charges": st.lists(_CHARGE, min_size=1, max_size=4)}),
    "payments": st.fixed_dictionaries(
        {"parts": st.lists(st.fixed_dictionaries({"forma_pago": st.sampled_from(["01", "04"]), "amount": _AMOUNT}))}
    ),
    "void": st.fixed_dictionaries({"reason": st.text()}),
    "invoice": st.fixed_dictionaries(
        {
            "receptor": st.just(RECEPTOR)
            | st.fixed_dictionaries({name: st.just(value) | st.text() for name, value in RECEPTOR.items()})
        }
    ),
}


def _body(path: str) -> Any:
    ends = ["/".join(path.split("/")[-count:]) for count in (2, 1)]
    return next((_BODIES[end] for end in ends if end in _BODIES), st.none())


def _attack(operation: Any, attack: Attack, requests: int) -> None:
    cases = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )
    # What is voided can neither be paid nor invoiced afterwards: the last is left out there.
    known = [attack.invoice] if "/invoices/" in operation.path else attack.charges
    known = attack.services if "/services/" in operation.path else known
    known = attack.appointments if "/appointments/" in operation.path else known
    known = known[:2] if operation.path.endswith("/cancel") else known
    known = known[:3] if operation.path.endswith("/void") else known
    ids: list[str | None] = [None] if "{" not in operation.path else [None, *known]
    each = len(ids) + 2 + (operation.method.upper() == "POST")

    @seed(20261122)
    @settings(max_examples=-(-requests // each), deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=cases, body=st.none() | _body(operation.path))
    def ask(case: Any, body: Any) -> None:
        case.headers = dict(case.headers or {}) | {"Host": "127.0.0.1", "Accept-Encoding": "identity"}
        if case.method == "POST" and body is not None:
            case.body, case.media_type = body, "application/json"
        attack.send_all(case, ids)

    ask()

"""Services of a practice by its agenda's key: parts that sum, once per key and folio, nothing of the patient back."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from emite.audit.models import AuditEvent
from emite.care.models import CareService, Contract, Physician, Tariff
from tests import practice as stand
from tests.practice import Practice
from tests.web.api.system import SERVICE, System, fields, problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def practice() -> Practice:
    made = stand.practice()
    plan = Contract.objects.create(
        organization=made.organization, payer=made.payer, issuer=made.issuer, name="Plan Plata", copay=Decimal(150)
    )
    Tariff.objects.create(organization=made.organization, contract=plan, system="cpt4", code="99213", fee=Decimal(900))
    return made


def test_a_service_is_split_kept_once_and_voided(practice: Practice) -> None:
    his = System.at(practice)
    told = {name: value for name, value in SERVICE.items() if name not in ("fee", "patient_part")}
    told |= {"plan": "plan plata", "external_id": "CITA-1", "patient_email": "ana@correo.test"}
    made = his.post("services", told, key="k1")
    assert made.status_code == 201
    body = made.json()
    assert (body["fee"], body["patient_part"], body["payer_part"]) == ("900.00", "150.00", "750.00")
    assert (body["plan"], body["invoice"], body["charge"], body["state"]) == ("Plan Plata", None, None, "rendered")
    assert "Ana Torres" not in made.content.decode() + str(list(AuditEvent.objects.values_list("after", flat=True)))
    again = his.post("services", told, key="k1")
    assert (again.status_code, again["Idempotent-Replayed"], again.json()["id"]) == (201, "true", body["id"])
    problem(his.post("services", told, key="k2"), 409, "duplicate_external_id")
    over = his.post("services", told | {"external_id": "CITA-2", "patient_part": "900.01"})
    assert fields(problem(over, 422, "invalid")) == ["patient_part"]
    tomorrow = str(stand.today(practice) + dt.timedelta(days=1))
    for wrong, field in (
        ({"payer": "Otra"}, "payer"), ({"plan": "Oro"}, "plan"), ({"physician": "Nadie"}, "physician"),
        ({"rendered_on": tomorrow}, "rendered_on"), ({"issuer_rfc": "AAA010101AAA"}, "issuer_rfc"),
        ({"patient_email": "ana"}, "patient_email"),
    ):  # fmt: skip
        assert fields(problem(his.post("services", told | {"external_id": "X"} | wrong), 422, "invalid")) == [field]
    invoice = stand.registered(practice, CareService.objects.get())
    assert his.get(f"services/{body['id']}").json()["invoice"]["control_number"] == invoice.control_number
    problem(his.post(f"services/{body['id']}/void", {"reason": "No llegó"}), 409, "service_in_use")
    assert his.get("services", invoiced="false").json()["items"] == []


def test_a_batch_says_of_each_what_became_of_it_and_the_list_goes_on(practice: Practice) -> None:
    his, stranger = System.at(practice), System.at(stand.practice())
    ours = [SERVICE | {"external_id": f"S-{number}"} for number in range(4)]
    batch = {"services": [*ours, SERVICE | {"external_id": "S-0"}, SERVICE | {"payer": "Otra"}]}
    sent = his.post("services/batch", batch, key="lote").json()
    assert (sent["created"], sent["refused"]) == (4, 2)
    assert [one["status"] for one in sent["results"]] == ["created"] * 4 + ["refused"] * 2
    assert [one["problem"]["code"] for one in sent["results"][4:]] == ["duplicate_external_id", "invalid"]
    assert [one["service"]["external_id"] for one in sent["results"][:4]] == [f"S-{number}" for number in range(4)]
    assert his.post("services/batch", batch, key="lote").json() == sent
    assert CareService.objects.count() == 4
    first = his.get("services", limit=3).json()
    rest = his.get("services", limit=3, cursor=first["next"]).json()
    assert {one["external_id"] for one in first["items"] + rest["items"]} == {f"S-{number}" for number in range(4)}
    assert (len(rest["items"]), rest["next"]) == (1, None)
    assert stranger.get("services").json()["items"] == []
    problem(stranger.get(f"services/{sent['results'][0]['service']['id']}"), 404, "not_found")


def test_a_thousand_at_once_ask_the_database_little(practice: Practice, django_assert_max_num_queries: object) -> None:
    his = System.at(practice)
    Physician.objects.create(organization=practice.organization, name="Otro Médico", kind="especialista")
    ours = [SERVICE | {"external_id": f"S-{number}", "physician": "xochilt casas chavez"} for number in range(1000)]
    with django_assert_max_num_queries(40):  # type: ignore[operator]
        assert his.post("services/batch", {"services": ours}).json()["created"] == 1000

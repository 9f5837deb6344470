"""The agenda by its system's key: booked once, checked as the service that it will be, attended once or cancelled."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from pytest_django import DjangoAssertNumQueries

from emite.audit.models import AuditEvent
from emite.care.models import Appointment, CareService, Contract, Tariff
from tests import make
from tests import practice as stand
from tests.practice import Practice
from tests.web.api.system import APPOINTMENT, System, fields, problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def practice() -> Practice:
    made = stand.practice()
    plan = Contract.objects.create(
        organization=made.organization, payer=made.payer, issuer=made.issuer, name="Plan Plata", copay=Decimal(150)
    )
    Tariff.objects.create(organization=made.organization, contract=plan, system="cpt4", code="99213", fee=Decimal(900))
    return made


def told(moment: dt.datetime, **over: object) -> dict[str, object]:
    plain = {name: value for name, value in APPOINTMENT.items() if name not in ("fee", "patient_part")}
    return plain | {"plan": "plan plata", "at": moment.isoformat()} | over


def test_an_hour_is_booked_once_and_becomes_its_service_once(practice: Practice) -> None:
    his, stranger = System.at(practice), System.at(stand.practice())
    asked = told(make.now() - dt.timedelta(minutes=5), external_id="CITA-1")
    made = his.post("appointments", asked, key="k1")
    assert made.status_code == 201, made.content
    body = made.json()
    assert (body["state"], body["fee"], body["plan"], body["service"]) == ("booked", None, "Plan Plata", None)
    assert "Ana Torres" not in made.content.decode()
    assert his.post("appointments", asked, key="k1").json()["id"] == body["id"]
    problem(his.post("appointments", asked, key="k2"), 409, "duplicate_external_id")
    assert Appointment.objects.get().patient_name == "Ana Torres Luna"
    problem(stranger.get(f"appointments/{body['id']}"), 404, "not_found")
    problem(stranger.post(f"appointments/{body['id']}/cancel", {}), 404, "not_found")
    today = str(stand.today(practice))
    assert [one["id"] for one in his.get("appointments", day=today, state="booked").json()["items"]] == [body["id"]]
    assert his.get("appointments", day="9999-12-31").json()["items"] == []

    for key in ("a1", "a1", "a2"):
        attended = his.post(f"appointments/{body['id']}/attended", {}, key=key).json()
    service = CareService.objects.get()
    assert (attended["state"], attended["service"]) == ("rendered", str(service.pk))
    assert (service.external_id, service.fee, service.patient_part) == ("CITA-1", Decimal(900), Decimal(150))
    refused = problem(his.post(f"appointments/{body['id']}/cancel", {}), 409, "appointment_settled")
    assert "anule su servicio" in refused["detail"]


def test_cancelled_it_stays_so(practice: Practice) -> None:
    his = System.at(practice)
    pk = his.post("appointments", told(make.now() + dt.timedelta(days=3))).json()["id"]
    problem(his.post(f"appointments/{pk}/attended", {}), 409, "appointment_settled")  # its day has not come
    assert his.post(f"appointments/{pk}/cancel", {}, key="c1").json()["state"] == "cancelled"
    assert his.post(f"appointments/{pk}/cancel", {}, key="c1").json()["state"] == "cancelled"
    problem(his.post(f"appointments/{pk}/cancel", {}, key="c2"), 409, "appointment_settled")
    assert not CareService.objects.exists()


def test_a_batch_books_what_it_can_and_only_once(
    practice: Practice, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    his, at = System.at(practice), make.now() + dt.timedelta(days=2)
    his.post("appointments", told(at, external_id="L-0"))
    lot = [told(at, external_id=f"L-{number}") for number in range(30)]
    lot[3] |= {"payer": "Otra"}
    lot[4] |= {"at": (at + dt.timedelta(days=999)).isoformat()}
    lot[5] |= {"external_id": "L-6"}
    lot[7] |= {"external_id": "L-8", "code": "a b"}
    # Thirty cost what one does: names, tariffs and folios are looked up together.
    with django_assert_max_num_queries(32):
        body = his.post("appointments/batch", {"appointments": lot}, key="lote").json()
    refused = {one["index"]: one["problem"] for one in body["results"] if one["status"] == "refused"}
    assert (body["created"], body["refused"], sorted(refused)) == (25, 5, [0, 3, 4, 6, 7])
    assert [refused[index]["errors"][0]["field"] for index in (3, 4, 7)] == ["payer", "at", "code"]
    assert refused[0]["code"] == refused[6]["code"] == "duplicate_external_id"
    made = [one["appointment"]["external_id"] for one in body["results"] if one["status"] == "created"]
    assert made == [lot[one["index"]]["external_id"] for one in body["results"] if one["status"] == "created"]
    again = his.post("appointments/batch", {"appointments": lot}, key="lote")
    assert (again.json(), again["Idempotent-Replayed"]) == (body, "true")
    assert Appointment.objects.count() == 26
    assert "Ana Torres" not in again.content.decode()
    event = AuditEvent.objects.get(organization_id=practice.organization.pk, action="agenda.import")
    assert event.after["appointments"] == 25


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"at": "2026-12-01T10:30:00"}, "at"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at"),
        ({"at": "9999-12-31T23:59:59-12:00"}, "at"),
        ({"payer": "Otra"}, "payer"),
        ({"plan": "Oro"}, "plan"),
        ({"patient_part": "1e3"}, "patient_part"),
        ({"rendered_on": "2026-11-20"}, "rendered_on"),
    ],
)
def test_what_is_wrong_is_named(practice: Practice, over: dict[str, object], field: str) -> None:
    refused = problem(System.at(practice).post("appointments", told(make.now(), **over)), 422, "invalid")
    assert fields(refused) == [field]

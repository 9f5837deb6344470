"""Events reach who asked for them: stored with the change, signed, tried again for a day, sent again at will."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from emite.integrations import notifying, outgoing
from emite.integrations.models import WebhookDelivery, WebhookEndpoint
from emite.integrations.notifying import PAUSES, EndpointRefused, add_endpoint, deliver, due, remove_endpoint, replay
from emite.integrations.publishing import EVENTS, publish
from emite.organizations.models import Organization
from tests import make
from tests.integrations.target import Target, listening

pytestmark = pytest.mark.django_db
State = WebhookDelivery.State


@pytest.fixture
def hospital() -> make.Hospital:
    return make.hospital()


@pytest.fixture
def target(settings: Any) -> Iterator[Target]:
    with listening() as running:
        settings.WEBHOOK_ALLOWED = [f"127.0.0.1:{running.port}"]
        yield running


def endpoint(of: make.Hospital, url: str, *events: str) -> tuple[WebhookEndpoint, str]:
    return add_endpoint(of.organization, url=url, events=events or list(EVENTS), by=of.admin, now=make.now())


def tell(of: make.Hospital, **data: Any) -> WebhookDelivery:
    publish(of.organization.pk, "charge.paid", lambda: data, now=make.now())
    return WebhookDelivery.objects.order_by("-created_at").first()  # type: ignore[return-value]


def test_a_paid_charge_is_told_and_signed(hospital: make.Hospital, target: Target) -> None:
    _, secret = endpoint(hospital, target.url)
    charge = make.paid_charge(hospital)
    delivery = WebhookDelivery.objects.get()
    now = make.now()

    assert deliver(delivery.pk, now=now)

    headers, body = target.got[0]
    moment, mac = (part.split("=")[1] for part in headers["Emite-Signature"].split(","))
    assert mac == hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    assert int(moment) == int(now.timestamp())
    told = json.loads(body)
    assert (told["event"], headers["Emite-Event"], headers["Emite-Event-Id"]) == (
        "charge.paid",
        "charge.paid",
        told["id"],
    )
    assert told["data"] == {
        "charge": str(charge.pk), "folio": charge.folio, "external_id": None, "total": "1160.00",
    }  # fmt: skip
    assert "Ana" not in body.decode()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_status, delivery.next_at) == (State.SENT, 200, None)
    assert not deliver(delivery.pk, now=now)
    assert len(target.got) == 1


def test_the_event_lives_and_dies_with_the_change(hospital: make.Hospital) -> None:
    endpoint(hospital, "https://ejemplo.mx/")
    with pytest.raises(RuntimeError), transaction.atomic():
        make.paid_charge(hospital)
        raise RuntimeError

    assert not WebhookDelivery.objects.exists()


def test_only_who_asked_in_this_organization_is_told(hospital: make.Hospital) -> None:
    endpoint(hospital, "https://a.ejemplo.mx/", "invoice.stamped")
    other = make.hospital()
    endpoint(other, "https://b.ejemplo.mx/")

    assert publish(hospital.organization.pk, "charge.paid", dict, now=make.now()) == 0
    make.paid_charge(other)
    assert [row.organization_id for row in WebhookDelivery.objects.all()] == [other.organization.pk]


def test_a_day_of_500_is_survived(hospital: make.Hospital, target: Target) -> None:
    endpoint(hospital, target.url)
    delivery = tell(hospital)
    target.status = 500
    now = make.now()
    for tried in range(1, len(PAUSES) + 1):
        assert due(now=now, limit=10) == [delivery.pk]
        assert not deliver(delivery.pk, now=now)
        delivery.refresh_from_db()
        assert (delivery.state, delivery.tries, delivery.last_status) == (State.PENDING, tried, 500)
        assert due(now=now, limit=10) == []
        now = delivery.next_at or now
    assert now - delivery.created_at > dt.timedelta(days=1)
    target.status = 200

    assert deliver(delivery.pk, now=now)
    assert len({json.loads(body)["id"] for _, body in target.got}) == 1


def test_given_up_in_the_end_and_sent_again_at_will(
    hospital: make.Hospital, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifying, "PAUSES", PAUSES[:1])
    endpoint(hospital, target.url)
    delivery = tell(hospital)
    target.status = 500
    deliver(delivery.pk, now=make.now())
    deliver(delivery.pk, now=make.now() + dt.timedelta(days=1))
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_error) == (State.FAILED, "Respondió 500.")

    target.status = 204
    assert replay(delivery, by=hospital.admin, now=make.now())
    assert deliver(delivery.pk, now=make.now())


@pytest.mark.parametrize(("status", "location"), [(302, "http://127.0.0.1:1/"), (404, ""), (500, "")])
def test_what_is_no_yes_is_tried_later(hospital: make.Hospital, target: Target, status: int, location: str) -> None:
    endpoint(hospital, target.url)
    delivery = tell(hospital)
    target.status, target.location = status, location

    assert not deliver(delivery.pk, now=make.now())
    delivery.refresh_from_db()
    assert (delivery.state, delivery.last_status, len(target.got)) == (State.PENDING, status, 1)


def test_a_hanging_system_gets_one_call_per_pause(
    hospital: make.Hospital, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifying, "post", lambda *args: outgoing.post(*args, total=0.3))
    endpoint(hospital, target.url)
    deliveries = [tell(hospital, number=number) for number in range(5)]
    target.seconds = 2.0
    now = make.now()

    assert not any(deliver(delivery.pk, now=now) for delivery in deliveries)

    assert len(target.got) == 1
    assert due(now=now, limit=10) == []
    assert len(due(now=now + PAUSES[0], limit=10)) == 5


def test_an_address_that_turns_private_is_given_up(hospital: make.Hospital, target: Target, settings: Any) -> None:
    endpoint(hospital, target.url)
    delivery = tell(hospital)
    settings.WEBHOOK_ALLOWED = []

    assert not deliver(delivery.pk, now=make.now())
    delivery.refresh_from_db()
    assert (delivery.state, target.got) == (State.FAILED, [])
    assert "https" in delivery.last_error


def test_a_removed_address_is_told_nothing(hospital: make.Hospital, target: Target) -> None:
    row, _ = endpoint(hospital, target.url)
    delivery = tell(hospital)

    remove_endpoint(row, by=hospital.admin, now=make.now())

    assert not deliver(delivery.pk, now=make.now())
    assert not replay(delivery, by=hospital.admin, now=make.now())
    assert publish(hospital.organization.pk, "charge.paid", dict, now=make.now()) == 0
    assert target.got == []


@pytest.mark.parametrize(
    ("url", "events", "field"),
    [("http://ejemplo.mx/", ["charge.paid"], "url"), ("https://ejemplo.mx/", [], "events"),
     ("https://ejemplo.mx/", ["nada"], "events")],
)  # fmt: skip
def test_addresses_that_cannot_be_added(hospital: make.Hospital, url: str, events: list[str], field: str) -> None:
    with pytest.raises(EndpointRefused) as refused:
        add_endpoint(hospital.organization, url=url, events=events, by=hospital.admin, now=make.now())
    assert refused.value.field == field
    assert not WebhookEndpoint.objects.exists()


def test_the_same_address_twice(hospital: make.Hospital) -> None:
    endpoint(hospital, "https://ejemplo.mx/")
    with pytest.raises(EndpointRefused):
        endpoint(hospital, "https://ejemplo.mx/")


def test_the_sweep_finds_what_nobody_woke(hospital: make.Hospital) -> None:
    from procrastinate.contrib.django.models import ProcrastinateJob

    from emite.ops import driving

    endpoint(hospital, "https://ejemplo.mx/")
    tell(hospital)
    before = ProcrastinateJob.objects.filter(task_name="emite.notify").count()

    assert driving.sweep(now=make.now()) >= 1
    assert driving.sweep(now=make.now()) == 0
    assert ProcrastinateJob.objects.filter(task_name="emite.notify").count() == before + 1


def test_secrets_rotate_with_the_others(hospital: make.Hospital, target: Target) -> None:
    from emite.vault import boxes, rotating

    row, _ = endpoint(hospital, target.url)
    rotating.adopt()

    row.refresh_from_db()
    assert bytes(row.sealed_secret)[:1] == boxes.ENVELOPE
    assert deliver(tell(hospital).pk, now=make.now())
    assert Organization.objects.count() == 1

"""What is over goes in its time, and nothing else."""

from __future__ import annotations

import datetime as dt

import pytest

from emite.accounts.models import Letter
from emite.alarms.models import INSTALLATION, Alarm, Kind
from emite.database.ids import first_of, uuid7
from emite.integrations.models import WebhookDelivery, WebhookEndpoint
from emite.ops import forgetting
from tests import make

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


def test_keys_are_ordered_by_their_time() -> None:
    now = dt.datetime.now(dt.UTC)
    assert first_of(now - DAY) < uuid7() < first_of(now + DAY)


def test_what_is_over_goes_in_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    hospital, now = make.hospital(), make.now()
    Letter.objects.all().delete()
    for due in (None, None, now):
        Letter.objects.create(
            organization_id=INSTALLATION, address="a@b.test", sealed_words=b"x", created_at=now, next_at=due
        )
    for closed in (None, now):
        Alarm.objects.create(
            organization_id=INSTALLATION, kind=Kind.DISK, words="x", grade=0, opened_at=now, seen_at=now,
            closed_at=closed,
        )  # fmt: skip
    endpoint = WebhookEndpoint.objects.create(
        organization=hospital.organization,
        url="https://x.test/",
        events=[],
        sealed_secret=b"x",
        created_at=now,
        created_by=hospital.admin,
    )
    for state, due in (("sent", None), ("failed", None), ("pending", now)):
        WebhookDelivery.objects.create(
            organization=hospital.organization, endpoint=endpoint, event_id=uuid7(), event="alarm.opened", body={},
            state=state, created_at=now, next_at=due,
        )  # fmt: skip
    real = dt.datetime.now(dt.UTC)
    assert forgetting.forget(real + 89 * DAY) == 0
    monkeypatch.setattr(forgetting, "MOST", 1)
    assert [forgetting.forget(real + 91 * DAY) for _ in range(3)] == [2, 2, 0]
    assert Letter.objects.get().next_at is not None
    assert WebhookDelivery.objects.get().state == "pending"
    assert Alarm.objects.count() == 2
    assert forgetting.forget(real + 399 * DAY) == 0
    Alarm.objects.filter(closed_at__isnull=False).update(closed_at=now + 30 * DAY)
    assert forgetting.forget(real + 401 * DAY) == 0, "it lasted a month: it is kept from its end"
    assert forgetting.forget(real + 432 * DAY) == 1
    assert Alarm.objects.get().closed_at is None

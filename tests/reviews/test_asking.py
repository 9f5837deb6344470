"""When SAT is asked again of what was received, and who is told when it changed its word."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from emite.accounts.models import Letter
from emite.care.models import InsurerInvoice, ServiceAllocation
from emite.documents.rendering import stamped_xml
from emite.invoices import external
from emite.reviews import asking, deciding, elsewhere, paying
from emite.reviews.allowing import Refused
from emite.reviews.asking import DAY, Facts, due_at, next_ask, pause
from emite.reviews.models import ElsewhereWatch, ReceivedInvoice, ReviewEvent
from tests import make
from tests import practice as stand
from tests.pac.sandbox import RunningSandbox
from tests.payer import accounted, go_on, row

ZONE = ZoneInfo("America/Monterrey")


def at(month: int, day: int, hour: int = 12, year: int = 2026) -> dt.datetime:
    return dt.datetime(year, month, day, hour, tzinfo=ZONE)


ALIVE = Facts(zone=ZONE, fecha=at(11, 2), asked_at=at(11, 3), estado="Vigente")
PAID = replace(ALIVE, accepted_at=at(11, 3), owed=False, paid_at=at(11, 10))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (replace(ALIVE, asked_at=None), at(11, 12)),
        (ALIVE, at(11, 30, 6)),
        (replace(ALIVE, accepted_at=at(11, 5)), at(11, 5)),
        (replace(ALIVE, accepted_at=at(11, 1)), at(11, 10)),
        (replace(ALIVE, accepted_at=at(11, 3), scheduled_on=dt.date(2026, 11, 6)), at(11, 5, 6)),
        (replace(ALIVE, estado="No Encontrado"), at(11, 3, 18)),
        (replace(ALIVE, estado="No Encontrado", asked_at=at(11, 8)), at(11, 9)),
        (replace(ALIVE, estado="No Encontrado", asked_at=at(12, 20)), at(12, 31, 6)),
        (replace(ALIVE, in_cancellation=True), at(11, 4)),
        (replace(ALIVE, estado="Cancelado"), None),
        (replace(ALIVE, closed=True), None),
        (PAID, at(11, 11)),
        (replace(PAID, asked_at=at(11, 11, 13)), at(11, 30, 6)),
        (replace(PAID, asked_at=at(11, 30, 7)), at(12, 31, 6)),
        (replace(PAID, asked_at=at(2, 28, 8, year=2027)), at(3, 31, 6, year=2027)),
        (replace(PAID, asked_at=at(3, 31, 8, year=2027)), None),
        (replace(PAID, asked_at=at(3, 31, 8, year=2027), in_cancellation=True), at(4, 1, 8, year=2027)),
    ],
)
def test_sat_is_asked_when_its_word_matters_and_no_oftener(facts: Facts, expected: dt.datetime | None) -> None:
    assert next_ask(facts, at(11, 12)) == expected


def test_a_year_of_a_paid_invoice_is_asked_fewer_than_twenty_times() -> None:
    facts, now, asked = replace(PAID, asked_at=None), at(11, 10), 0
    while (moment := next_ask(facts, now)) is not None:
        assert facts.asked_at is None or moment > facts.asked_at, "it goes forward"
        facts, now, asked = replace(facts, asked_at=max(moment, now)), max(moment, now), asked + 1
    assert asked == 7, "at once, the day after it was paid, and the ends of five months"


def test_a_morning_is_spread_and_silence_is_asked_less_and_less() -> None:
    now, keys = at(11, 12), [ReceivedInvoice().pk for _ in range(20)]
    spread = {due_at(now + DAY, pk, now) for pk in keys}
    assert len(spread) > 10
    assert due_at(now, keys[0], now) == now, "what is urgent waits for nothing"
    assert [pause(tries) for tries in (0, 1, 9)] == [asking.PAUSES[0], asking.PAUSES[1], asking.PAUSES[-1]]


def _same(now: dt.datetime) -> dt.datetime:
    return now


@pytest.fixture
def practice(sandbox: RunningSandbox, settings: Any) -> Iterator[stand.Practice]:
    with stand.behind(sandbox, settings) as made:
        yield made


@pytest.mark.django_db
def test_a_paid_invoice_that_its_issuer_cancels_is_found_out_and_both_are_told_once(
    practice: stand.Practice, sandbox: RunningSandbox
) -> None:
    payer = accounted(practice)
    invoice = stand.registered(practice, stand.service(practice), number="SAT-1")
    stand.stamped(invoice, practice)
    go_on()
    arrived = ReceivedInvoice.objects.get(organization=payer.organization)
    assert arrived.sat_due_at is not None
    now = make.now()
    assert asking.due(now=now, limit=500).count(arrived.pk) == 1
    assert asking.drive(arrived.pk, clock=lambda: now) == "", "it was asked on arrival"
    deciding.approve(payer.organization.pk, [arrived.pk], user=payer.reviewer, now=now)
    paying.register(
        payer.organization.pk, [(arrived.pk, Decimal("100.00"))], paid_at=now, forma_pago="03", operation="",
        user=payer.treasurer, now=now, key="sat-1",
    )  # fmt: skip
    later = now + dt.timedelta(days=1, minutes=1)
    assert asking.drive(arrived.pk, clock=lambda: later) == "Vigente"
    arrived.refresh_from_db()
    assert arrived.sat_asked_at == later
    assert arrived.doubt(later) == ""
    assert "hace 11 días" in arrived.doubt(later + 11 * DAY)
    letters = Letter.objects.count()

    sandbox.control("cancel", uuid=str(arrived.uuid).upper())
    later += dt.timedelta(days=8)
    for _ in range(2):
        ReceivedInvoice.objects.filter(pk=arrived.pk).update(sat_due_at=later)
        asking.drive(arrived.pk, clock=lambda: later)
    arrived.refresh_from_db()
    assert (arrived.sat_estado, arrived.trouble) == ("Cancelado", "Cancelada ante el SAT")
    assert not ReceivedInvoice.objects.filter(pk=arrived.pk, sat_due_at__isnull=False).exists(), "its last word"
    assert ReviewEvent.objects.filter(invoice=arrived, who="SAT").count() == 1
    told = Letter.objects.order_by("-created_at").values_list("address", flat=True)[: Letter.objects.count() - letters]
    assert sorted(told) == sorted(
        [payer.admin.email, payer.reviewer.email, payer.treasurer.email, practice.admin.email]
    ), "whoever reviews or pays, and the supplier; once"
    with pytest.raises(Refused, match="está cancelada"):
        paying.register(
            payer.organization.pk, [(arrived.pk, Decimal("1.00"))], paid_at=now, forma_pago="03", operation="",
            user=payer.treasurer, now=now, key="sat-2",
        )  # fmt: skip


@pytest.mark.django_db
def test_sat_that_does_not_answer_is_asked_later_and_what_is_no_cfdi_never(practice: stand.Practice) -> None:
    payer = accounted(practice)
    invoice = stand.registered(practice, stand.service(practice), number="SAT-3")
    stand.stamped(invoice, practice)
    go_on()
    arrived = ReceivedInvoice.objects.get(organization=payer.organization)
    practice.pac_account.base_url = "http://127.0.0.1:9"
    practice.pac_account.save()
    now = make.now() + 40 * DAY
    ReceivedInvoice.objects.filter(pk=arrived.pk).update(sat_due_at=now)
    asked = arrived.sat_asked_at
    for tries in (0, 1):
        clock = partial(_same, now)
        assert asking.drive(arrived.pk, clock=clock) == ""
        arrived.refresh_from_db()
        assert (arrived.sat_tries, arrived.sat_due_at) == (tries + 1, now + asking.PAUSES[tries])
        assert asking.drive(arrived.pk, clock=clock) == "", "not before its time"
        assert (arrived.sat_asked_at, arrived.sat_estado) == (asked, "Vigente"), "an old word is still the last one"
        now += asking.PAUSES[tries]
    other = row(payer.organization)
    assert asking.drive(other.pk, clock=lambda: now) == ""
    other.refresh_from_db()
    assert other.sat_due_at is None


@pytest.mark.django_db
def test_what_a_payer_without_an_account_owes_is_watched_too(practice: stand.Practice, sandbox: RunningSandbox) -> None:
    first = stand.registered(practice, stand.service(practice), number="SAT-4")
    document = stand.stamped(first, practice)
    other = stand.practice(pac_url=sandbox.url)
    stand.service(other)
    taken = stand.registered(other, number="SAT-4")
    external.take(taken, stamped_xml(document), linked=False, user=other.admin, now=make.now())
    assert elsewhere.begin(now=make.now(), limit=500) >= 1
    assert elsewhere.begin(now=make.now(), limit=500) == 0
    watch = ElsewhereWatch.objects.get(invoice=taken)
    now = make.now()
    assert elsewhere.drive(watch.pk, clock=lambda: now) == "", "it was asked when it was taken in"
    watch.refresh_from_db()
    assert watch.due_at is not None
    assert now < watch.due_at < now + 8 * DAY

    sandbox.control("cancel", uuid=str(document.uuid).upper())
    now = watch.due_at
    assert elsewhere.drive(watch.pk, clock=lambda: now) == "Cancelado"
    taken.refresh_from_db()
    watch.refresh_from_db()
    assert taken.state == InsurerInvoice.State.CANCELLED
    assert not ElsewhereWatch.objects.filter(pk=watch.pk, due_at__isnull=False).exists()
    assert not ServiceAllocation.objects.filter(invoice=taken, active=True).exists()
    assert Letter.objects.filter(address=other.admin.email).count() == 1

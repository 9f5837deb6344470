"""No PAC account is asked for more a second than it bears; who waits at a screen goes first, nobody fails for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from emite.documents import pacing, waking
from emite.documents.models import FiscalDocument, StampAttempt, State
from emite.invoices import issuing, stamping
from emite.issuers.models import PacAccount
from tests import make
from tests.pac.sandbox import RunningSandbox

pytestmark = pytest.mark.django_db
SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object) -> Iterator[make.Hospital]:
    with make.behind(sandbox, settings) as made:
        yield made


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr(pacing, "_sleep", waits.append)
    return waits


def issued(hospital: make.Hospital, channel: str = "portal") -> FiscalDocument:
    charge = make.paid_charge(hospital)
    document = issuing.issue(
        charge, issuing.Request(make.receptor()), channel="portal", user=hospital.biller, now=make.now(),
        idempotency_key=str(charge.pk),
    )  # fmt: skip
    FiscalDocument.objects.filter(pk=document.pk).update(channel=channel)
    document.refresh_from_db()
    return document


def paced(account: PacAccount, pace: int) -> None:
    PacAccount.objects.filter(pk=account.pk).update(pace=pace)
    account.refresh_from_db()


def turns(documents: list[FiscalDocument], now: dt.datetime) -> list[float | None]:
    """Seconds until each must come again; None: it went."""
    told = [pacing.turn(each, now) for each in documents]
    return [None if each is None else (each - now) / SECOND for each in told]


def test_real_pacs_have_a_pace_and_the_simulated_one_none(hospital: make.Hospital) -> None:
    account = hospital.pac_account
    assert pacing.pace_of(account) == 0
    account.provider = "finkok"
    assert pacing.pace_of(account) == 10
    account.pace = 0
    assert pacing.pace_of(account) == 0


def test_people_go_before_a_batch_in_one_line_of_all_organizations(hospital: make.Hospital, slept: list[float]) -> None:
    """Two organizations with one account at the PAC: ten a second for both together."""
    other = make.hospital(pac_url=hospital.pac_account.base_url)
    for account in (hospital.pac_account, other.pac_account):
        paced(account, 10)
    batch, person = issued(hospital, "global"), issued(other)
    now = make.now()
    assert turns([batch] * 6, now) == [None] * 6
    assert slept == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert turns([batch], now) == [pytest.approx(0.1)], "the farther half is for people"
    slept.clear()
    assert turns([person] * 5, now) == [None] * 5
    assert slept == pytest.approx([0.6, 0.7, 0.8, 0.9, 1.0])
    (wait,) = turns([person], now)
    assert wait == pytest.approx(0.1)
    woken = ProcrastinateJob.objects.get(
        task_name=waking.DRIVE, args={"pk": str(person.pk)}, scheduled_at__isnull=False
    )
    assert woken.scheduled_at == now + SECOND / 10


def test_organizations_take_turns_in_the_line(hospital: make.Hospital, slept: list[float]) -> None:
    other = make.hospital(pac_url=hospital.pac_account.base_url)
    waiting = {}
    for who in (hospital, other):
        paced(who.pac_account, 1)
        waiting[who.issuer.pk] = [issued(who, "global") for _ in range(3 if who is hospital else 1)]
    now = make.now()
    many, one = waiting[hospital.issuer.pk], waiting[other.issuer.pk]
    pacing.turn(many[0], now)
    for each in many[1:]:
        at = pacing.turn(each, now)
        FiscalDocument.objects.filter(pk=each.pk).update(state=State.SEALED, seal_rev=1, folio="1", next_at=at)
    assert turns(one, now)[0] == pytest.approx(0.5), "it does not stand behind all of the other's"
    assert turns(many[:1], now)[0] == pytest.approx(2.5), "two of its own wait already"


def test_what_must_wait_fails_for_nobody_and_goes_on(hospital: make.Hospital, slept: list[float]) -> None:
    paced(hospital.pac_account, 1)
    first, second, third = (issued(hospital) for _ in range(3))
    now = make.now()
    for each in (first, second, third):
        stamping.drive(each.pk, owner="test:1", clock=lambda: now)
        each.refresh_from_db()
    assert [each.state for each in (first, second, third)] == [State.STAMPED, State.STAMPED, State.SEALED]
    assert slept == [1.0]
    assert (third.next_at, third.last_code, third.lease_owner) == (now + SECOND, "", "")
    assert not StampAttempt.objects.filter(document_id=third.pk).exists()
    assert third.pk not in stamping.due(now=now, limit=9)
    assert third.pk in stamping.due(now=now + SECOND, limit=9, hurried=True)
    assert third.pk not in stamping.due(now=now + SECOND, limit=9, hurried=False)
    stamping.drive(third.pk, owner="test:1", clock=lambda: now + 2 * SECOND)
    third.refresh_from_db()
    assert third.state == State.STAMPED

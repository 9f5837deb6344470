"""An alarm is told when it begins, not every minute, again when it is worse or a day old, and when it is over."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from emite.accounts.models import Letter
from emite.alarms import finding, reading, telling
from emite.alarms.finding import Found
from emite.alarms.models import INSTALLATION, Alarm, Kind
from emite.documents.models import Quarantine
from emite.issuers.models import PacAccount, StoredCsd
from emite.vault import boxes
from emite.vault.worker import open_sealed
from tests import make

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 22, 18, tzinfo=dt.UTC)
MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)


@pytest.fixture
def hospital() -> make.Hospital:
    return make.hospital()


@pytest.fixture
def told(hospital: make.Hospital) -> Iterator[list[tuple[str, str, str]]]:
    """The letters written since, oldest first: to whom, subject, words."""
    Letter.objects.all().delete()

    class Told(list[tuple[str, str, str]]):
        def new(self) -> list[tuple[str, str, str]]:
            found = []
            for letter in Letter.objects.order_by("pk"):
                bound = boxes.aad(letter.organization_id, "letter", letter.pk)
                subject, body = json.loads(open_sealed(bytes(letter.sealed_words), bound))
                found.append((letter.address, subject, body))
            Letter.objects.all().delete()
            return found

    return Told()  # type: ignore[return-value]


def _held(hospital: make.Hospital, **changed: Any) -> Found:
    said: dict[str, Any] = {"kind": Kind.HELD, "words": "2 CFDI detenidos esperan a una persona.", "grade": 2}
    return Found(organization=hospital.organization.pk, **(said | changed))


def test_told_once_then_when_worse_then_each_day_then_its_end(hospital: make.Hospital, told: Any) -> None:
    found = _held(hospital)
    assert telling.settle([found], NOW) == 1
    ((to, subject, body),) = told.new()
    assert to == hospital.admin.email
    assert subject == "emite: CFDI detenidos"
    assert found.words in body
    telling.settle([found], NOW + MINUTE)
    telling.settle([_held(hospital, grade=1, words="1 CFDI detenidos esperan a una persona.")], NOW + 2 * MINUTE)
    assert told.new() == []
    telling.settle([_held(hospital, grade=3)], NOW + 3 * MINUTE)
    assert len(told.new()) == 1
    telling.settle([_held(hospital, grade=3)], NOW + DAY)
    assert told.new() == []
    telling.settle([_held(hospital, grade=3)], NOW + DAY + 3 * MINUTE)
    assert len(told.new()) == 1
    telling.settle([], NOW + DAY + 4 * MINUTE)  # may come back in a minute
    assert (told.new(), Alarm.objects.filter(closed_at=None).count()) == ([], 1)
    telling.settle([], NOW + DAY + 20 * MINUTE)
    ((_, subject, body),) = told.new()
    assert subject == "emite: resuelto, CFDI detenidos"
    assert "Esto ya quedó" in body
    assert Alarm.objects.get().closed_at == NOW + DAY + 20 * MINUTE


def test_a_note_is_told_once(hospital: make.Hospital, told: Any) -> None:
    for day in range(3):
        telling.settle([_held(hospital, serious=False)], NOW + day * DAY)
    assert len(told.new()) == 1


def test_a_pac_that_comes_and_goes_wakes_nobody(hospital: make.Hospital, told: Any) -> None:
    found = _held(hospital, kind=Kind.PAC, subject="finkok", words="El PAC finkok no responde desde hace 3 intentos.")
    for minute in range(10):
        telling.settle([found] if minute % 2 == 0 else [], NOW + minute * MINUTE)
    assert told.new() == []
    telling.settle([found], NOW + 10 * MINUTE)
    assert len(told.new()) == 1


def test_all_of_an_organization_in_one_mail_and_nothing_of_another(hospital: make.Hospital, told: Any) -> None:
    other = make.hospital()
    theirs = Found(Kind.STAMPS, "A la cuenta demo de finkok le quedan 3 timbres.", organization=other.organization.pk)
    telling.settle(
        [_held(hospital), _held(hospital, kind=Kind.MANIFEST, words="Falta la carta manifiesto."), theirs], NOW
    )
    letters = {to: (subject, body) for to, subject, body in told.new()}
    assert set(letters) == {hospital.admin.email, other.admin.email}
    subject, body = letters[hospital.admin.email]
    assert subject == "emite: CFDI detenidos y 1 más"
    assert "carta manifiesto" in body
    assert "timbres" not in body


def test_those_of_the_installation_go_to_the_operator(told: Any, settings: Any) -> None:
    settings.EMITE_OPERATORS = ["guardia@ejemplo.mx"]
    Quarantine.objects.create(taken_at=NOW, restored_at=NOW)
    telling.settle(finding.whole(NOW), NOW)
    ((to, _, body),) = told.new()
    assert to == "guardia@ejemplo.mx"
    assert "nada se timbra" in body


def test_one_open_alarm_of_each_thing(hospital: make.Hospital) -> None:
    telling.settle([_held(hospital)], NOW)
    row = Alarm.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Alarm.objects.create(
            organization_id=row.organization_id, kind=row.kind, grade=1, words="x", opened_at=NOW, seen_at=NOW
        )


@pytest.mark.parametrize(
    ("days", "grade", "serious"),
    [(61, None, None), (60, 1, False), (31, 1, False), (30, 2, True), (7, 3, True), (1, 4, True), (-1, 5, True)],
)
def test_a_certificate_is_told_at_each_of_its_days(
    hospital: make.Hospital, days: int, grade: int | None, serious: bool | None
) -> None:
    csd = StoredCsd.objects.create(
        organization=hospital.organization, issuer=hospital.issuer, no_certificado="30001000000500003416",
        certificate=b"", sealed_key=b"", not_before=NOW - 900 * DAY,
        not_after=NOW + dt.timedelta(days=days, hours=1 if days > 0 else -1),
    )  # fmt: skip
    mine = [each for each in finding.certificates(NOW) if each.subject == csd.no_certificado]
    assert [(each.grade, each.serious) for each in mine] == ([] if grade is None else [(grade, serious)])


def test_what_keeps_a_pac_account_from_stamping(hospital: make.Hospital) -> None:
    of = hospital.organization.pk
    PacAccount.objects.filter(organization_id=of).update(
        clock_offset_ms=-90_000, open_until=NOW + MINUTE, failures=4, stamps_left=3, stamps_alarm=50
    )
    mine = {each.kind: each for each in finding.accounts(NOW) if each.organization == of}
    assert set(mine) >= {Kind.PAC_CLOCK, Kind.PAC, Kind.STAMPS}
    assert "-90 s" in mine[Kind.PAC_CLOCK].words
    assert (mine[Kind.STAMPS].serious, mine[Kind.PAC].serious) == (False, True)


def test_a_sound_installation_says_nothing(hospital: make.Hospital, tmp_path: Path) -> None:
    assert [each for each in finding.everything(dt.datetime.now(dt.UTC), tmp_path) if each.kind != Kind.DISK] == []


def test_a_full_disk_is_told_before_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shutil import _ntuple_diskusage as usage  # type: ignore[attr-defined]

    monkeypatch.setattr(finding.shutil, "disk_usage", lambda _: usage(100 << 30, 96 << 30, 4 << 30))
    (found,) = finding.disk(tmp_path)
    assert "4.0 GiB" in found.words
    monkeypatch.setattr(finding.shutil, "disk_usage", lambda _: usage(100 << 30, 90 << 30, 10 << 30))
    assert list(finding.disk(tmp_path)) == []


def test_an_organization_reads_its_own_and_support_all(hospital: make.Hospital) -> None:
    other = make.hospital()
    telling.settle([_held(hospital), Found(kind=Kind.DISK, words="Queda poco disco.")], NOW)
    telling.settle([Found(kind=Kind.DISK, words="Queda poco disco."), _held(other)], NOW + MINUTE * 30)
    own = reading.shown(NOW + DAY, hospital.organization.pk)
    assert ([row.kind for row in own.standing], [row.kind for row in own.ended]) == ([], [Kind.HELD])
    everything = reading.shown(NOW + DAY)
    assert [row.organization_id for row in everything.standing] == [INSTALLATION, other.organization.pk]
    assert reading.shown(NOW + DAY * 40).ended == []

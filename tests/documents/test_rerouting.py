"""A PAC account takes the place of another: what never left moves, what was sent is settled where it was sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from emite.audit.models import AuditEvent
from emite.documents import rerouting
from emite.documents import stamping as verbs
from emite.documents.models import FiscalDocument, StampAttempt, State
from emite.invoices import issuing, stamping
from emite.issuers.keys import open_pac_password
from emite.issuers.models import PacAccount
from emite.issuers.pac_accounts import AccountRefused, NotAllowed, Wanted, change_password, run_test
from tests import make
from tests.pac.sandbox import RunningSandbox, running_sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object) -> Iterator[make.Hospital]:
    with make.behind(sandbox, settings) as made:
        yield made


def wanted(url: str, **over: Any) -> Wanted:
    return Wanted(**{"provider": "sandbox", "base_url": url, "user": "pruebas", "password": "pruebas"} | over)


def issue(hospital: make.Hospital) -> FiscalDocument:
    charge = make.paid_charge(hospital)
    return issuing.issue(
        charge, issuing.Request(make.receptor()), channel="portal", user=hospital.biller, now=make.now(),
        idempotency_key=str(charge.pk),
    )  # fmt: skip


def drive(document: FiscalDocument, **later: float) -> FiscalDocument:
    moment = make.now() + dt.timedelta(**later)
    stamping.drive(document.pk, owner="test:1", clock=lambda: moment)
    document.refresh_from_db()
    return document


def test_what_never_left_moves_and_what_was_sent_is_settled_where_it_was(
    hospital: make.Hospital, sandbox: RunningSandbox
) -> None:
    old = hospital.pac_account
    sandbox.next("cut_after")
    doubtful, fresh, about_to_leave = drive(issue(hospital)), issue(hospital), issue(hospital)
    slow = verbs.claim(about_to_leave.pk, owner="slow", now=make.now())
    assert slow is not None
    verbs.seal(slow, make.now())

    done = rerouting.use(hospital.issuer, wanted(f"{sandbox.url}/"), user=hospital.admin, now=make.now())

    assert (done.moved, done.pinned) == (2, 1)
    new = PacAccount.objects.get(issuer=hospital.issuer, active=True)
    assert (new, new.base_url, open_pac_password(new)) == (done.account, sandbox.url, "pruebas")
    assert PacAccount.objects.get(pk=old.pk).replaced_at is not None
    with pytest.raises(verbs.LostLease):
        verbs.ask(slow, make.now)
    for document, account in ((doubtful, old), (fresh, new), (about_to_leave, new)):
        drive(document, minutes=1)
        assert (document.state, document.pac_account_id) == (State.STAMPED, account.pk)
        used = StampAttempt.objects.filter(document_id=document.pk).values_list("pac_account_id", flat=True)
        assert set(used) == {account.pk}
    assert rerouting.pinned(hospital.issuer) == 0
    told = AuditEvent.objects.get(action="pac_account.replace")
    assert (told.actor, told.after["moved"], told.after["pinned"]) == (hospital.admin.email, 2, 1)
    assert "pruebas" not in str(told.after | {"user": ""})


def test_a_draft_written_while_the_account_was_replaced_moves_with_the_sweep(
    hospital: make.Hospital, sandbox: RunningSandbox
) -> None:
    rerouting.use(hospital.issuer, wanted(sandbox.url), user=None, now=make.now())
    late = issue(hospital)
    FiscalDocument.objects.filter(pk=late.pk).update(pac_account=hospital.pac_account)
    assert rerouting.move_stragglers(make.now()) == 1
    late.refresh_from_db()
    assert late.pac_account.active
    assert rerouting.move_stragglers(make.now()) == 0


def test_what_was_sent_never_changes_its_pac(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    sandbox.next("cut_before")
    document = drive(issue(hospital))
    done = rerouting.use(hospital.issuer, wanted(sandbox.url), user=None, now=make.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        FiscalDocument.objects.filter(pk=document.pk).update(pac_account=done.account)


@pytest.mark.parametrize(("before", "after"), [("finkok", "swsapien"), ("swsapien", "finkok")])
def test_between_real_protocols_nothing_in_doubt_is_asked_of_the_second_pac(
    hospital: make.Hospital, sandbox: RunningSandbox, tmp_path: Path, before: str, after: str
) -> None:
    """One stamped there whose answer was lost, one that never arrived, one never sent; and the first PAC goes away."""
    for name in (before, after):
        (tmp_path / name).mkdir()
        (tmp_path / name / "authority").symlink_to(sandbox.folder / "authority")
    with _speaking(tmp_path, before) as old, _speaking(tmp_path, after) as new:
        first = rerouting.use(hospital.issuer, wanted(old.url, provider=before), user=None, now=make.now()).account
        old.next("cut_after", "cut_before")
        stamped_there, lost, fresh = drive(issue(hospital)), drive(issue(hospital)), issue(hospital)
        assert [stamped_there.state, lost.state] == [State.UNKNOWN, State.UNKNOWN]
        done = rerouting.use(hospital.issuer, wanted(new.url, provider=after), user=None, now=make.now())
        assert (done.moved, done.pinned) == (1, 2)
        assert drive(fresh).state == State.STAMPED

        old.control("settings", down=True)
        for minutes in (1, 5, 20, 60):
            for each in (stamped_there, lost):
                assert drive(each, minutes=minutes).state in (State.UNKNOWN, State.SEALED)
            rerouting.move_stragglers(make.now() + dt.timedelta(minutes=minutes))
        assert [each.pac_account_id for each in (stamped_there, lost)] == [first.pk, first.pk]
        assert new.stats()["stamps"] == 1, "only what was never sent elsewhere"
        with pytest.raises(IntegrityError), transaction.atomic():
            FiscalDocument.objects.filter(pk=lost.pk).update(pac_account=done.account)

        old.control("settings", down=False)
        for minutes in (80, 100, 120):
            for each in (stamped_there, lost):
                drive(each, minutes=minutes)
        assert [each.state for each in (stamped_there, lost)] == [State.STAMPED, State.STAMPED]
        for there in (old, new):
            assert there.stats()["duplicates"] == 0
        assert str(stamped_there.uuid).upper() in {row["uuid"] for row in old.stamps()}
        assert old.stats()["stamps"] + new.stats()["stamps"] == 3
    assert rerouting.pinned(hospital.issuer) == 0


def _speaking(folder: Path, provider: str) -> AbstractContextManager[RunningSandbox]:
    return running_sandbox(folder / provider, "key" if provider == "swsapien" else "content", provider=provider)


@pytest.mark.parametrize(
    ("over", "field", "words"),
    [
        ({"provider": "nadie"}, "provider", "No hay adaptador"),
        ({"base_url": "http://pac.example"}, "base_url", "por https"),
        ({"base_url": "ftp://pac.example"}, "base_url", "no válida"),
        ({"base_url": "https://ana:clave@pac.example"}, "base_url", "solo la dirección"),
        ({"base_url": "https://10.0.0.8"}, "base_url", "red interna"),
        ({"provider": "finkok", "base_url": "https://localhost"}, "base_url", "red interna"),
        ({"provider": "finkok", "base_url": "http://127.0.0.1:8801"}, "base_url", "por https"),
        ({"base_url": "http://127.0.0.1:5432"}, "base_url", "otro programa"),
        ({"user": " "}, "user", "usuario"),
        ({"password": ""}, "password", "contraseña"),
        ({"dedup": "otro"}, "dedup", "duplicados"),
    ],
)
def test_an_account_that_cannot_be_used_changes_nothing(
    hospital: make.Hospital, settings: Any, over: dict[str, str], field: str, words: str
) -> None:
    settings.PAC_ALLOWED, settings.PAC_SANDBOX_PORT = [], 9
    with pytest.raises(AccountRefused, match=words) as refused:
        rerouting.use(hospital.issuer, wanted("http://127.0.0.1:9", **over), user=hospital.admin, now=make.now())
    assert refused.value.field == field
    assert list(PacAccount.objects.values_list("pk", "active")) == [(hospital.pac_account.pk, True)]


def test_only_an_administrator_of_the_house(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    for user in (hospital.biller, make.hospital().admin):
        with pytest.raises(NotAllowed):
            rerouting.use(hospital.issuer, wanted(sandbox.url), user=user, now=make.now())
        with pytest.raises(NotAllowed):
            change_password(hospital.pac_account, "otra", user=user, now=make.now())


def test_a_try_tells_what_is_wrong_and_stamps_nothing(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    account, before = hospital.pac_account, sandbox.stats()["stamps"]

    def tried(**change: Any) -> tuple[bool | None, str]:
        PacAccount.objects.filter(pk=account.pk).update(**change)
        run_test(account.pk, now=make.now())
        row = PacAccount.objects.get(pk=account.pk)
        return row.test_ok, row.test_text

    assert tried(open_until=make.now(), failures=5)[0] is True
    assert PacAccount.objects.get(pk=account.pk).open_until is None
    for change, words in (
        ({"base_url": "http://127.0.0.1:9"}, "Revise la dirección"),
        ({"base_url": sandbox.url, "dedup": "key"}, "duplicados"),
    ):
        ok, text = tried(**change)
        assert (ok, words in text) == (False, True), text
    change_password(account, "no es esta", user=hospital.admin, now=make.now())
    ok, text = tried(dedup="content")
    assert (ok, "Revise el usuario y la contraseña" in text) == (False, True)
    assert sandbox.stats()["stamps"] == before

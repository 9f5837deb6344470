"""No document of value leaves before the carta manifiesto is here; and how many stamps an account has left."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction

from emite.documents.models import FiscalDocument, StampAttempt, State
from emite.invoices import issuing, stamping
from emite.issuers import pac_manifests, pac_stamps
from emite.issuers.models import PacAccount, PacManifest
from emite.issuers.pac_accounts import NotAllowed, run_test
from emite.issuers.pac_manifests import ManifestRefused, Standing
from emite.pac.connect import stamps_for_real
from emite.pac.finkok import URL
from emite.web.setup import readiness
from tests import make
from tests.pac.sandbox import RunningSandbox, running_sandbox
from tests.web.desk.staff import Person, audited, said

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.7 carta firmada"


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object) -> Iterator[make.Hospital]:
    with make.behind(sandbox, settings) as made:
        yield made


def real(hospital: make.Hospital, **changes: Any) -> PacAccount:
    PacAccount.objects.update(**{"provider": "finkok", "base_url": URL, "dedup": ""} | changes)
    return PacAccount.objects.select_related("issuer").get()


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


def sign(hospital: make.Hospital, **over: Any) -> PacManifest:
    now = over.pop("now", make.now())
    given = {"signed_on": hospital.organization.local_date(now), "pdf": PDF, "user": hospital.admin, "now": now} | over
    return pac_manifests.sign(hospital.issuer, given.pop("provider", "finkok"), **given)


@pytest.mark.parametrize(
    ("provider", "url", "real"),
    [
        ("sandbox", "https://pac.example", False), ("finkok", URL, True),
        ("swsapien", "https://services.sw.com.mx", True),
        ("finkok", "https://demo-facturacion.finkok.com", False),
        ("swsapien", "https://services.test.sw.com.mx", False), ("finkok", "http://127.0.0.1:9", False),
        ("finkok", "https://demostracion.example", True),
    ],
)  # fmt: skip
def test_what_has_fiscal_value(provider: str, url: str, real: bool) -> None:
    assert stamps_for_real(provider, url) is real


def test_nothing_is_sent_before_the_manifest_and_then_it_goes_on(
    hospital: make.Hospital, sandbox: RunningSandbox
) -> None:
    account = real(hospital)
    assert pac_manifests.standing(account) == Standing.PENDING
    waiting = drive(issue(hospital))
    assert (waiting.state, waiting.last_code) == (State.SEALED, "EMI-MANIFIESTO")
    assert StampAttempt.objects.count() == 0
    [point] = [each for each in readiness.stamping(hospital.organization, make.now()) if "manifiesto" in each.title]
    assert point.is_missing

    sign(hospital)
    assert pac_manifests.standing(account) == Standing.SIGNED
    PacAccount.objects.update(provider="sandbox", base_url=sandbox.url, dedup=sandbox.dedup)
    assert drive(waiting, minutes=5).state == State.STAMPED


def test_the_pacs_word_outweighs_the_evidence_until_it_stamps(hospital: make.Hospital) -> None:
    sign(hospital, now=make.now() - dt.timedelta(hours=1))
    account = real(hospital)
    pac_manifests.refused_by_pac(account, make.now())
    assert pac_manifests.standing(account) == Standing.REFUSED
    pac_manifests.accepted_by_pac(PacAccount.objects.get())
    assert pac_manifests.standing(PacAccount.objects.get()) == Standing.SIGNED
    PacAccount.objects.update(provider="swsapien", base_url="https://services.sw.com.mx")
    assert pac_manifests.standing(PacAccount.objects.get()) == Standing.PENDING, "one for each PAC"


def test_what_is_no_evidence_is_not_kept_and_what_is_does_not_change(hospital: make.Hospital) -> None:
    with pytest.raises(NotAllowed):
        sign(hospital, user=hospital.cashier)
    for bad in ({"pdf": b"<html>"}, {"pdf": b""}, {"pdf": b"%PDF-" + b"0" * pac_manifests.MAX_PDF},
                {"signed_on": make.now().date() + dt.timedelta(days=2)}, {"provider": "sandbox"}):  # fmt: skip
        with pytest.raises(ManifestRefused):
            sign(hospital, **bad)
    assert sign(hospital).pk == sign(hospital).pk
    assert audited(hospital.organization, "pac_manifest.sign")
    with pytest.raises(DatabaseError), transaction.atomic():
        PacManifest.objects.update(sha256="0" * 64)


def test_an_administrator_records_it_on_the_page(hospital: make.Hospital, settings: Any) -> None:
    settings.EMITE_DEMO = True  # without the second step, which has tests of its own
    account, admin = real(hospital), Person(hospital.admin)
    assert "Sin ella no se envía nada" in said(admin.get("pac"))
    wrong = admin.post("pac_manifest", account.pk, signed_on="2026-11-20", pdf=SimpleUploadedFile("carta.pdf", b"hola"))
    assert (wrong.status_code, "no es un PDF" in said(wrong)) == (422, True)
    done = admin.post("pac_manifest", account.pk, signed_on="2026-11-20", pdf=SimpleUploadedFile("carta.pdf", PDF))
    page = said(admin.follow(done))
    assert "Firmada el 20/11/2026" in page
    assert pac_manifests.evidence(account).sha256 in page  # type: ignore[union-attr]
    cashier = Person(hospital.cashier)
    assert cashier.post("pac_manifest", account.pk, signed_on="2026-11-20").status_code == 403


@pytest.mark.parametrize("provider", ["finkok", "swsapien"])
def test_a_real_protocol_is_tried_stamps_and_tells_what_is_left(
    hospital: make.Hospital, provider: str, sandbox: RunningSandbox, tmp_path: Any, settings: Any
) -> None:
    dedup = "key" if provider == "swsapien" else "content"
    (tmp_path / "authority").symlink_to(sandbox.folder / "authority")
    with running_sandbox(tmp_path, dedup, provider=provider) as there:
        account = real(hospital, provider=provider, base_url=there.url)
        assert run_test(account.pk, now=make.now())[0]
        there.control("settings", credits=3)
        there.next("cut_after")
        document = drive(issue(hospital))
        assert document.state == State.UNKNOWN
        for minutes in (1, 3, 6):
            document = drive(document, minutes=minutes)
        assert document.state == State.STAMPED
        assert there.stats()["duplicates"] == 0

        assert pac_stamps.watch(make.now()) == 1
        assert pac_stamps.watch(make.now()) == 0
        pac_stamps.ask(account.pk, now=make.now())
    account.refresh_from_db()
    assert account.stamps_left == 2
    assert pac_stamps.runs_short(account)
    [point] = [each for each in readiness.stamping(hospital.organization, make.now()) if "timbres" in each.title]
    assert point.is_urgent
    settings.EMITE_DEMO = True
    page = said(Person(hospital.admin).get("pac"))
    assert "Timbres que quedan 2" in page
    assert "Ritmo a lo más 10 timbres por segundo" in page

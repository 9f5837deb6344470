"""/metrics: only for who carries the word, routes by name, and gauges of what waits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from emite.reports import gauges
from emite.web import health, metrics
from tests import make

pytestmark = pytest.mark.django_db

WORD = "palabra-del-monitor"


@pytest.fixture(autouse=True)
def with_a_word(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EMITE_METRICS_TOKEN = WORD
    monkeypatch.setattr(metrics, "_read", None)
    monkeypatch.setattr(metrics.connection, "close_if_unusable_or_obsolete", lambda: None)  # the test's transaction


@pytest.fixture
def issuing(sandbox: Any, settings: Any, db: None) -> Iterator[make.Hospital]:
    with make.behind(sandbox, settings) as made:
        yield made


def _page(word: str = WORD) -> tuple[str, dict[tuple[str, frozenset[tuple[str, str]]], float]]:
    said: list[str] = []

    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("404 Not Found", [])
        return [b""]

    environ = {"PATH_INFO": "/metrics", "HTTP_AUTHORIZATION": f"Bearer {word}"}
    body = b"".join(health.before(application)(environ, lambda status, _: said.append(status))).decode()
    samples = [sample for family in text_string_to_metric_families(body) for sample in family.samples]
    return said[0], {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}


@pytest.mark.parametrize("word", ["", "otra", WORD + " ", "ñ"])
def test_without_the_word_there_is_no_such_page(word: str) -> None:
    assert _page(word) == ("404 Not Found", {})


def test_without_a_word_set_nobody_reads_it_nor_is_anything_counted(settings: Any) -> None:
    settings.EMITE_METRICS_TOKEN = ""
    assert _page("")[0] == "404 Not Found"
    with pytest.raises(metrics.MiddlewareNotUsed):
        metrics.MetricsMiddleware(lambda request: HttpResponse())


def test_what_waits_is_counted_without_saying_whose(issuing: make.Hospital) -> None:
    from emite.documents.models import FiscalDocument
    from tests.web.api.system import System
    from tests.web.api.test_invoices import asked

    document = FiscalDocument.objects.get(pk=asked(System.of(issuing)))
    status, samples = _page()
    assert status == "200 OK"
    assert samples["emite_database_up", frozenset()] == 1
    state = frozenset({("state", document.state)})
    assert samples["emite_documents_unsettled", state] == FiscalDocument.objects.filter(state=document.state).count()
    assert samples["emite_documents_oldest_seconds", state] >= 0
    assert samples["emite_quarantine", frozenset()] == 0
    assert sum(name == "emite_jobs" for name, _ in samples) >= 1  # its wake-up
    assert samples["emite_csd_next_expiry_seconds", frozenset()] > 0
    labels = {value for _, pairs in samples for _, value in pairs}
    assert not {issuing.organization.slug, issuing.organization.name, str(document.pk)} & labels


def test_answers_are_those_of_the_last_minutes(issuing: make.Hospital) -> None:
    from emite.documents.models import FiscalDocument, StampAttempt
    from tests.web.api.system import System
    from tests.web.api.test_invoices import asked

    document = FiscalDocument.objects.get(pk=asked(System.of(issuing)))
    now = timezone.now()
    for number, took in enumerate((100, 200, 900), 1):
        StampAttempt.objects.create(
            organization=issuing.organization, document_id=document.pk, seal_rev=1, number=number,
            phase="answered", operation="stamp", pac_account_id=document.pac_account_id, at=now,
            outcome="stamped", elapsed_ms=took,
        )  # fmt: skip

    def told(at: dt.datetime) -> dict[tuple[str, str], float]:
        return {
            (each.name, dict(each.labels).get("quantile", "")): each.value
            for each in gauges.read(at)
            if each.name.startswith("pac_") and dict(each.labels)["outcome"] == "stamped"
        }

    assert told(timezone.now()) == {
        ("pac_answers", ""): 3.0,
        ("pac_answer_seconds", "0.5"): 0.2,
        ("pac_answer_seconds", "0.95"): pytest.approx(0.83),
    }
    assert told(now + dt.timedelta(minutes=6)) == {}


def test_requests_are_told_by_route_never_by_path() -> None:
    visitor = Client(HTTP_HOST="127.0.0.1")  # of a handler that starts with the word set
    for path in ("/entrar/", "/entrar/", "/q/san-telmo/ABCD-EFGH-JKMN-PQRS", "/no/existe"):
        visitor.get(path)
    text = metrics.exposition().decode()
    assert 'emite_requests_total{method="GET",route="login:enter",status="200"} 2.0' in text
    assert 'emite_requests_total{method="GET",route="none",status="404"} 1.0' in text
    assert 'emite_request_seconds_count{route="login:enter"} 2.0' in text
    assert "ABCD" not in text
    assert "san-telmo" not in text

"""What watches over the processes asks: alive, and able to serve; in words when not, and past nobody's session."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection
from pytest_django import DjangoAssertNumQueries

from emite.database import migrating
from emite.database.trouble import Trouble
from emite.vault import keyfiles
from emite.web import health

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_up_to_date", False)
    monkeypatch.setattr(connection, "close_if_unusable_or_obsolete", lambda: None)  # the test's own transaction


def _ask(path: str) -> tuple[str, str]:
    said: list[str] = []

    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"page"]

    def start(status: str, headers: Any) -> None:
        said.append(status)

    body = b"".join(health.before(application)({"PATH_INFO": path}, start))
    return said[0], body.decode().strip()


def test_alive_and_ready(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    assert _ask("/livez") == ("200 OK", "bien")
    assert _ask("/readyz") == ("200 OK", "bien")
    with django_assert_num_queries(1):  # once the tables are known to be of this version, one question
        assert _ask("/readyz") == ("200 OK", "bien")
    assert _ask("/f/san-telmo/")[1] == "page"


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating, "pending", lambda: ["charges.0099"])
    assert _ask("/readyz") == ("503 Service Unavailable", "Las tablas están atrasadas: emite migrate")
    monkeypatch.setattr(migrating, "pending", list)

    def unreadable(name: str) -> None:
        raise Trouble(f"Falta la llave {name}.")

    monkeypatch.setattr(keyfiles, "ring", unreadable)
    assert _ask("/readyz")[1] == "Falta la llave app/pepper."

    def gone() -> None:
        raise DatabaseError("connection refused: password=hunter2")

    monkeypatch.setattr(connection, "cursor", gone)
    assert _ask("/readyz") == ("503 Service Unavailable", "La base de datos no responde")
    assert _ask("/livez")[0] == "200 OK"

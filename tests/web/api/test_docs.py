"""The documentation: from the schema itself, without a script of others, readable by a program and by people."""

from __future__ import annotations

import re

import pytest

from tests.web.api.system import System
from tests.web.desk.staff import said

pytestmark = pytest.mark.django_db


def test_openapi_is_3_1_and_tells_every_refusal(his: System) -> None:
    schema = his.client.get("/api/v1/openapi.json").json()

    assert schema["openapi"].startswith("3.1")
    for path, item in schema["paths"].items():
        for operation in item.values():
            assert {"401", "403", "409", "422", "429"} <= set(operation["responses"]), path
            assert operation["security"] == [{"LlaveDeApi": []}], path
    references = set(re.findall(r'"#/components/schemas/(\w+)"', str(schema).replace("'", '"')))
    assert references <= set(schema["components"]["schemas"])
    charge = schema["components"]["schemas"]["ChargeIn"]
    assert charge["additionalProperties"] is False


def test_the_page_is_ours_alone(his: System) -> None:
    page = his.client.get("/api/v1/docs")

    assert page.status_code == 200
    html = page.content.decode()
    assert "script-src 'self'" in page["Content-Security-Policy"]
    assert not re.findall(r'(?:src|href)="https?://', html)
    assert "<style" not in html
    words = said(page)
    for one in ("POST /api/v1/charges/batch", "Idempotency-Key", "duplicate_external_id", "external_id"):
        assert one in words
    assert his.client.get("/api/v1/nada")["Content-Type"] == "application/problem+json"

"""The adapter against a PAC that answers nonsense: always an answer of the port, never a stamp that isn't there."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from emite.pac.connect import PacConfig, connect
from emite.pac.http import Timeouts
from emite.pac.port import Doubt, LookupAnswer, NotFound, StampAnswer, Unknown
from emite.pac.sandbox.authority import TestAuthority
from tests.pac import make
from tests.pac.wire import listening, says

STAMP = "<cfdi:Comprobante xmlns:cfdi='http://www.sat.gob.mx/cfd/4'/>"
BODIES: list[Any] = [
    [],
    "text",
    {},
    {"codigo": 200},
    {"codigo": "200"},
    {"codigo": "200", "cfdi": None},
    {"codigo": "200", "cfdi": 7},
    {"codigo": "200", "cfdi": "\ud800"},
    {"codigo": "200", "cfdi": ""},
    {"codigo": "200", "cfdi": STAMP},
    {"codigo": "200", "cfdi": "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"},
    {"codigo": "200", "cfdi": [STAMP, 7, None, "\ud800", {}]},
    {"codigo": "CFDI40145\u0000", "mensaje": "a\u0000\ud800\u202eb" * 400},
    {"codigo": "3" * 500, "mensaje": {"a": [1]}},
]
STATUSES = (200, 201, 204, 301, 307, 401, 402, 409, 422, 500)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make.sealed(make.csd(TestAuthority.open(tmp_path_factory.mktemp("authority"))))


def raw(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)) + body


SESSION = raw(200, json.dumps({"codigo": "200", "token": "t", "duplicados": "content"}).encode())


def answers_to(document: bytes, answer: bytes) -> tuple[StampAnswer, LookupAnswer]:
    with listening(says(SESSION), says(answer), says(answer)) as url:
        pac = connect(PacConfig("sandbox", url, "u", "p"), timeouts=Timeouts(read=1, total=3))
        return pac.stamp(document, "k"), pac.lookup(document, "k")


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("status", STATUSES)
def test_json_that_means_nothing_is_doubt(document: bytes, status: int, body: Any) -> None:
    stamped, found = answers_to(document, raw(status, json.dumps(body).encode()))
    assert isinstance(stamped, Doubt)
    assert isinstance(found, Unknown)
    for text in (stamped.text, stamped.code, found.reason):
        assert text.isprintable()
        assert len(text) <= 500
    assert len(stamped.evidence.raw) <= 64 * 1024


def test_bytes_that_mean_nothing_are_doubt(document: bytes) -> None:
    dice = random.Random(11)
    for _ in range(60):
        noise = dice.randbytes(dice.randrange(200))
        for answer in (
            raw(200, noise),
            raw(422, b"[" * 5000),
            b"HTTP/1.1 200 OK\r\nDate: " + noise + b"\r\n\r\n",
            noise,
        ):
            stamped, found = answers_to(document, answer)
            assert isinstance(stamped, Doubt)
            assert isinstance(found, Unknown)
            assert (stamped.text + found.reason).isprintable()


def test_only_a_list_without_documents_is_not_found(document: bytes) -> None:
    _, found = answers_to(document, raw(200, b'{"codigo": "603", "cfdi": []}'))
    assert isinstance(found, NotFound)

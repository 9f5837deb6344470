"""No secret reaches a log line, whichever way it tries."""

import io
import json
import logging
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from emite.ops import logs

KEY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDHqV"
SECRETS = [
    (f"-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----", "[PEM]"),
    (f"-----BEGIN PRIVATE KEY-----\n{KEY}", "[PEM]"),
    (KEY, "[base64]"),
    ("x" * 70 + "==", "[base64]"),
    ("password=hunter2", "hunter2"),
    ('{"password": "hunter 2"}', "hunter 2"),
    ("contraseña: 12345678a", "12345678a"),
    ("Authorization: Bearer abc.def", "abc.def"),
    ("postgresql://emite:s3cret@db/x", "s3cret"),
    ("/r/san-telmo/ABCD-EFGH-JKMN-PQR7", "ABCD-EFGH-JKMN-PQR7"),
    ("/r/san-telmo/abcdefghjkmnpqr7?x=1", "abcdefghjkmnpqr7"),
    ("/r/san-telmo/ABCDEFGHJKMNPQRS", "ABCDEFGHJKMNPQRS"),
    ("Receptor MISC491214B86 no existe", "MISC491214B86"),
    ("Receptor ÑIX491214B86", "491214B86"),
    ("para ana.lopez@example.mx", "ana.lopez"),
]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    monkeypatch.setenv("EMITE_LOG", "json")
    root = logging.getLogger()
    before = (root.handlers, root.level)
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    logs.configure(level="INFO")
    yield stream
    root.handlers, root.level = before
    logging.captureWarnings(False)
    structlog.reset_defaults()


def last(stream: io.StringIO) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stream.getvalue().splitlines()[-1])
    return found


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_secrets_are_blotted_out_of_every_way_in(lines: io.StringIO, text: str, secret: str) -> None:
    log = structlog.get_logger("emite.test")
    log.warning(text, detail=text, reason=[text, {"detail": text}], path=text, headers=text)
    logging.getLogger("somebody.else").error("said %s", text)
    try:
        raise ValueError(text)
    except ValueError:
        log.exception("failed")
    written = lines.getvalue()
    for hidden in (KEY, "hunter", "12345678a", "abc.def", "s3cret", "MISC491214B86", "491214B86", "ana.lopez"):
        assert hidden not in written
    if not secret.startswith("["):
        assert secret not in written


def test_fields_off_the_list_are_left_out_and_named(lines: io.StringIO) -> None:
    structlog.get_logger("emite.test").warning("charged", document="d1", patient="Ana", form={"rfc": "X"})
    line = last(lines)
    assert line["omitted"] == ["form", "patient"]
    assert (line["event"], line["document"], line["logger"]) == ("charged", "d1", "emite.test")
    assert "Ana" not in lines.getvalue()


def test_bytes_and_ids_are_kept_readable(lines: io.StringIO) -> None:
    folio = "01936f4e-7d2a-7c3b-9f4e-2b1c0d9e8f7a"
    structlog.get_logger("emite.test").warning("stamped", uuid=folio, detail=b"\x00\x01", elapsed_ms=12)
    line = last(lines)
    assert (line["uuid"], line["detail"], line["elapsed_ms"]) == (folio, "[2 bytes]", 12)


@pytest.mark.parametrize("path", ["/entrar/invitacion/aB3-xyz_/", "/entrar/contrasena/01936f4e/c9k-0a1b2c/?x=1"])
def test_a_link_that_opens_an_account_is_not_in_the_log(path: str) -> None:
    told = logs.redact(f"Method Not Allowed (HEAD): {path}")
    assert told.startswith("Method Not Allowed (HEAD): /entrar/")
    assert "c9k" not in told
    assert "aB3" not in told


@pytest.mark.parametrize(
    "text", ["internacionaliza", "/caja/remisiones/nueva", "20001000000300022323", "2026-11-22T18:00:00"]
)
def test_plain_words_survive(text: str) -> None:
    assert logs.redact(text) == text


def test_the_reference_on_an_error_page_is_in_the_log(lines: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request="ABCD-EFGH"):
        structlog.get_logger("emite.test").error("unexpected")
    assert last(lines)["request"] == "ABCD-EFGH"


def test_what_a_job_logs_says_which_job_and_of_which_row(monkeypatch: pytest.MonkeyPatch) -> None:
    from emite.accounts import posting
    from emite.ops import driving

    pk = uuid.uuid4()
    bound: list[dict[str, Any]] = []
    monkeypatch.setattr(driving, "close_old_connections", lambda: None)
    monkeypatch.setattr(posting, "deliver", lambda *_, **__: bound.append(structlog.contextvars.get_contextvars()))
    driving.post(str(pk))
    assert bound == [{"job": posting.POST, "letter": str(pk)}]
    assert {"job", "letter"} <= logs.ALLOWED
    assert "letter" not in structlog.contextvars.get_contextvars()

"""The transport against servers that break every promise of HTTP."""

from __future__ import annotations

import os
import random
import socket
import ssl
import struct
import time
from pathlib import Path

import pytest

from emite.pac.http import ANSWER_LIMIT, Answer, NoAnswer, Timeouts, Transport
from tests.pac.wire import Script, listening, request_of, says

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Sun, 22 Nov 2026 18:00:00 GMT\r\n\r\nok"


def post(transport: Transport, body: bytes = b"document") -> Answer | NoAnswer:
    return transport.call("POST", "/stamp", body=body, headers={"Content-Type": "application/xml"})


def test_a_whole_answer_comes_with_status_headers_and_the_date() -> None:
    with listening(says(GOOD)) as url:
        answer = post(Transport(url))
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body) == (200, b"ok")
    assert answer.date is not None
    assert answer.date.isoformat() == "2026-11-22T18:00:00+00:00"


def test_a_connection_is_used_again() -> None:
    with listening(says(GOOD, times=3)) as url:
        transport = Transport(url)
        answers = [post(transport) for _ in range(3)]
    assert [type(each) for each in answers] == [Answer] * 3


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9", "https://127.0.0.1:9", "http://localhost:9"], ids=["refused", "tls", "name"]
)
def test_a_refused_connection_wrote_nothing(url: str) -> None:
    answer = post(Transport(url))
    assert isinstance(answer, NoAnswer)
    assert not answer.written


def test_a_name_that_does_not_resolve_wrote_nothing() -> None:
    answer = post(Transport("https://pac.invalid", Timeouts(connect=2)))
    assert isinstance(answer, NoAnswer)
    assert not answer.written


def test_a_handshake_that_fails_wrote_nothing() -> None:
    with listening(says(b"not tls at all\r\n\r\n")) as url:
        answer = post(Transport(url.replace("http:", "https:"), Timeouts(connect=1)))
    assert isinstance(answer, NoAnswer)
    assert not answer.written


def test_an_untrusted_certificate_wrote_nothing(tls: ssl.SSLContext) -> None:
    with listening(says(GOOD), context=tls) as url:
        answer = post(Transport(url))
    assert isinstance(answer, NoAnswer)
    assert "certificate" in answer.reason
    assert not answer.written


def test_over_tls_the_deadline_holds_too(tls: ssl.SSLContext) -> None:
    with listening(says(GOOD), drips(0.05), context=tls) as url:
        transport = Transport(url, Timeouts(total=0.6))
        assert transport._tls is not None
        transport._tls.check_hostname = False
        transport._tls.verify_mode = ssl.CERT_NONE
        first = post(transport)
        assert isinstance(first, Answer)
        started = time.monotonic()
        transport.close()
        second = post(transport)
        took = time.monotonic() - started
    assert isinstance(second, NoAnswer)
    assert second.written
    assert took < 1.0


def drips(seconds: float) -> Script:
    """One byte at a time, head included, without end."""

    def script(connection: socket.socket) -> None:
        request_of(connection)
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000:
            connection.sendall(bytes([byte]))
            time.sleep(seconds)

    return script


@pytest.mark.parametrize("seconds", [0.01, 0.1], ids=["in the body", "in the head"])
def test_a_slow_drip_ends_at_the_total_deadline(seconds: float) -> None:
    with listening(drips(seconds)) as url:
        started = time.monotonic()
        answer = post(Transport(url, Timeouts(read=0.5, total=0.8)))
        took = time.monotonic() - started
    assert isinstance(answer, NoAnswer)
    assert answer.written
    assert 0.7 < took < 1.3


def test_silence_ends_at_the_read_limit() -> None:
    with listening(lambda connection: time.sleep(1.0)) as url:
        started = time.monotonic()
        answer = post(Transport(url, Timeouts(read=0.3, total=5)))
        took = time.monotonic() - started
    assert isinstance(answer, NoAnswer)
    assert answer.written
    assert took < 0.8


def test_a_server_that_does_not_read_ends_at_the_deadline() -> None:
    with listening(lambda connection: time.sleep(1.5)) as url:
        answer = post(Transport(url, Timeouts(read=0.4, total=0.6)), body=b"x" * 30_000_000)
    assert isinstance(answer, NoAnswer)
    assert answer.written


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\x13garbage",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly a part",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 2oo OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    ],
)
def test_what_is_no_answer_is_told_as_written(raw: bytes) -> None:
    with listening(says(raw)) as url:
        answer = post(Transport(url, Timeouts(read=2)))
    assert isinstance(answer, NoAnswer)
    assert answer.written


def test_what_had_arrived_of_a_broken_answer_is_kept() -> None:
    with listening(says(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"a" * 70_000)) as url:
        answer = post(Transport(url))
    assert isinstance(answer, NoAnswer)
    assert answer.status == 200
    assert answer.partial.startswith(b"aaaa")


def test_no_bytes_make_the_transport_raise() -> None:
    dice = random.Random(7)
    starts = (b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    scripts = [says(dice.choice(starts) + dice.randbytes(dice.randrange(400))) for _ in range(150)]
    with listening(*scripts) as url:
        for _ in scripts:
            # A new transport each: its connection can't be the one that was spoiled before.
            assert isinstance(post(Transport(url, Timeouts(read=1))), Answer | NoAnswer)


def test_an_endless_answer_is_cut_at_the_limit() -> None:
    def script(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with listening(script) as url:
        answer = post(Transport(url))
    assert isinstance(answer, NoAnswer)
    assert answer.written
    assert len(answer.partial) == ANSWER_LIMIT


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with listening(says(b"HTTP/1.1 307 T\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")) as url:
        answer = post(Transport(url))
    assert isinstance(answer, Answer)
    assert answer.status == 307


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with listening(says(GOOD)) as url:
        assert isinstance(post(Transport(url)), Answer)


def test_an_idle_connection_that_the_server_closed_is_replaced() -> None:
    with listening(says(GOOD), says(GOOD)) as url:
        transport = Transport(url)
        assert isinstance(post(transport), Answer)
        time.sleep(0.1)  # the server's close arrives
        assert isinstance(post(transport), Answer)


def test_a_connection_cut_after_it_took_the_request_is_written() -> None:
    def script(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(GOOD)
        request_of(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with listening(script, says(GOOD)) as url:
        transport = Transport(url)
        assert isinstance(post(transport), Answer)
        answer = post(transport)
    assert isinstance(answer, NoAnswer), "a second try would be a second stamp"
    assert answer.written


def test_a_dead_connection_that_took_no_byte_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(says(GOOD), says(GOOD)) as url:
        transport = Transport(url)
        post(transport)
        held = transport._idle[0].connection
        # The race: alive when looked at, dead when written to.
        monkeypatch.setattr(type(held), "is_connected", True)
        assert held.sock is not None
        held.sock.shutdown(socket.SHUT_WR)
        assert isinstance(post(transport), Answer)


def test_nothing_is_sent_after_the_deadline() -> None:
    asked: list[bytes] = []
    with listening(lambda connection: asked.append(request_of(connection))) as url:
        transport = Transport(url)
        answer = transport.call("POST", "/stamp", body=b"x", deadline=time.monotonic() - 1)
    assert isinstance(answer, NoAnswer)
    assert not answer.written
    assert asked in ([], [b""])


def test_a_forked_child_does_not_share_its_parents_connection() -> None:
    with listening(says(GOOD, times=2), says(GOOD)) as url:
        transport = Transport(url)
        post(transport)
        child = os.fork()
        if child == 0:
            os._exit(0 if isinstance(post(transport), Answer) and len(transport._idle) == 1 else 1)
        # The listener serves one connection at a time: the parent's ends first.
        assert isinstance(post(transport), Answer)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize(
    "url", ["http://pac.example.com", "ftp://127.0.0.1", "https://", "https://user:pass@pac.example.com"]
)
def test_addresses_that_would_leak_are_refused(url: str) -> None:
    with pytest.raises(ValueError):
        Transport(url)


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """A server context with a certificate that nobody trusts."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context

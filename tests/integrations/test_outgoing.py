"""Calls to addresses that strangers choose: nothing private is reached, nothing hangs, no redirect is followed."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from emite.integrations import outgoing
from emite.integrations.outgoing import AddressRefused, NoAnswer, post, target_of
from tests.integrations.target import Target, listening


@pytest.fixture
def target(settings: Any) -> Iterator[Target]:
    with listening() as running:
        settings.WEBHOOK_ALLOWED = [f"127.0.0.1:{running.port}"]
        yield running


@pytest.mark.parametrize(
    "url",
    [
        "http://ejemplo.mx/", "https://ejemplo.mx:8443/", "ftp://ejemplo.mx/", "file:///etc/passwd", "gopher://x/",
        "https://user:pass@ejemplo.mx/", "https:///x", "https://ejemplo.mx/#x", "https://ejemplo.mx/a b",
        "https://ejemplo.mx/a\r\nX: y", "https://ejemplo.mx:99999/", "https://[::1", "", "nada", "https://ejemplo.mx/ñ",
    ],
)  # fmt: skip
def test_urls_that_are_never_called(url: str) -> None:
    with pytest.raises(AddressRefused):
        target_of(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/", "https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/",
    ],
)  # fmt: skip
def test_ways_of_writing_loopback_and_metadata(url: str, settings: Any) -> None:
    settings.WEBHOOK_ALLOWED = []
    with pytest.raises((AddressRefused, NoAnswer)):
        post(url, b"{}", {})


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Names resolve to the next of `answers`; returns the names that were asked."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[Any] = []
    monkeypatch.setattr(socket, "create_connection", lambda *args, **_: connected.append(args))
    resolving(monkeypatch, ["8.8.8.8", "10.0.0.1"])

    with pytest.raises(AddressRefused):
        post("https://ejemplo.mx/", b"{}", {})
    assert connected == []


def test_a_name_that_changes_its_mind_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    connected: list[Any] = []

    def connect(address: Any, **_: Any) -> Any:
        connected.append(address)
        raise ConnectionRefusedError

    asked = resolving(monkeypatch, ["8.8.8.8"], ["127.0.0.1"])
    monkeypatch.setattr(socket, "create_connection", connect)

    with pytest.raises(NoAnswer):
        post("https://ejemplo.mx/", b"{}", {})
    assert (asked, connected) == (["ejemplo.mx"], [("8.8.8.8", 443)])


def test_only_its_status_is_read(target: Target) -> None:
    answer = post(target.url, b'{"a":1}', {"Emite-Event": "x"})

    headers, body = target.got[0]
    assert (answer.status, body) == (200, b'{"a":1}')
    assert (headers["Host"], headers["Emite-Event"]) == (f"127.0.0.1:{target.port}", "x")


def test_redirects_are_not_followed(target: Target) -> None:
    target.status, target.location = 302, f"http://127.0.0.1:{target.port}/otra"

    assert post(target.url, b"{}", {}).status == 302
    assert len(target.got) == 1


@pytest.mark.parametrize("drip", [False, True])
def test_who_hangs_or_drips_is_left_in_time(target: Target, drip: bool) -> None:
    target.seconds, target.drip = 4.0, drip

    started = time.monotonic()
    with pytest.raises(NoAnswer):
        post(target.url, b"{}", {}, total=0.6)
    assert time.monotonic() - started < 2


def test_a_name_that_does_not_resolve_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(3) or [])

    started = time.monotonic()
    with pytest.raises(NoAnswer):
        post("https://ejemplo.mx/", b"{}", {}, total=0.4)
    assert time.monotonic() - started < 2


def test_tls_checks_the_name(target: Target, settings: Any) -> None:
    """What speaks no TLS, or with another's certificate, gets no byte of the event."""
    settings.WEBHOOK_ALLOWED = ["127.0.0.1"]
    with pytest.raises(NoAnswer):
        post(target.url.replace("http:", "https:"), b"{}", {}, total=2)
    assert target.got == []
    assert outgoing.TOTAL == 5.0

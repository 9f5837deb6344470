"""Where a PAC account may lead: to the Internet, to the installation's own sandbox, and nowhere else inside."""

from __future__ import annotations

import ipaddress
import socket
import time
from typing import Any

import pytest

from emite.pac.connect import PacConfig, connect
from emite.pac.http import Answer, NoAnswer, Transport
from emite.pac.port import NotSent, NotSentCause
from emite.pac.reach import OutOfReach, Reach, is_public
from tests.integrations.target import listening


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "fe80::1",
        "fc00::1", "fd00:ec2::254",
        "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:7f00:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1",
        "ff02::1",
    ],
)  # fmt: skip
def test_addresses_inside(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "201.131.0.1", "2001:4860:4860::8888", "::ffff:8.8.8.8"])
def test_addresses_of_the_internet(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Every name leads to these addresses; returns the names that were asked."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("addresses", [("10.0.0.8",), ("8.8.8.8", "127.0.0.1"), ("169.254.169.254",)])
def test_a_pac_whose_name_leads_inside_gets_no_byte(
    monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...]
) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("it was connected to")

    monkeypatch.setattr(socket.socket, "connect", never)
    asked = resolving(monkeypatch, *addresses)
    pac = connect(PacConfig("finkok", "https://pac.example", "u", "p"))
    answer = pac.stamp(b"<x/>", "k")
    assert isinstance(answer, NotSent)
    assert answer.cause is NotSentCause.UNREACHABLE
    assert "red privada" in answer.reason
    assert asked == ["pac.example"]


def test_the_address_that_was_judged_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is resolved once for a call: one that changes its mind afterwards changes nothing."""
    real = socket.getaddrinfo
    asked: list[str] = []

    def getaddrinfo(host: str, *args: Any, **options: Any) -> Any:
        if host != "pac.example":
            return real(host, *args, **options)
        asked.append(host)
        return real("127.0.0.1" if len(asked) == 1 else "127.0.0.9", *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with listening() as target:
        transport = Transport(f"https://pac.example:{target.port}", reach=Reach((f"pac.example:{target.port}",)))
        answer = transport.call("GET", "/")
    assert isinstance(answer, NoAnswer)
    assert not answer.written
    assert asked == ["pac.example"]


def test_this_machine_is_reached_only_by_the_ports_that_are_given() -> None:
    with listening() as target:
        open_, closed = Reach(local=frozenset({target.port})), Reach(local=frozenset({1}))
        answer = Transport(target.url, reach=open_).call("POST", "/", body=b"x")
        refused = Transport(target.url, reach=closed).call("POST", "/", body=b"x")
        named = Transport(target.url, reach=Reach((f"127.0.0.1:{target.port}",), frozenset())).call("POST", "/")
    assert isinstance(answer, Answer)
    assert isinstance(refused, NoAnswer)
    assert not refused.written
    assert "otro programa" in refused.reason
    assert isinstance(named, Answer)
    assert len(target.got) == 2
    with pytest.raises(OutOfReach):
        closed.address("localhost", 5432, time.monotonic() + 1)

"""Which codes are a proof of refusal, and which adapter an account gets."""

from __future__ import annotations

from datetime import timedelta

import pytest

from emite.pac.connect import PacConfig, connect
from emite.pac.port import Dedup, LookupBy, is_definitive


@pytest.mark.parametrize(
    "code",
    [
        "301",
        "302",
        "303",
        "304",
        "305",
        "306",
        "308",
        "402",
        "CFDI40101",
        "CFDI40299",
        "CFDI140224",
        "CRP20101",
        "CRP20279",
    ],
)
def test_the_document_was_read_and_refused(code: str) -> None:
    assert is_definitive(code)


@pytest.mark.parametrize(
    "code",
    [
        *("", "200", "307", "401", "403", "404", "500", "603", "3011", "40145", "AUT02", "CFDI40999", "CRP20999"),
        *("CFDI3307", "CFDI40145 ", "CFDI401450", "CFDI140999", "cfdi40145"),
    ],
)
def test_everything_else_proves_nothing(code: str) -> None:
    assert not is_definitive(code)


def account(**changes: str) -> PacConfig:
    given = {
        "provider": "sandbox",
        "base_url": "http://127.0.0.1:9",
        "user": "pruebas",
        "password": "secreto",
        **changes,
    }
    return PacConfig(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("dedup", "lookup", "ttl"),
    [
        ("content", LookupBy.BYTES, None),
        ("key", LookupBy.KEY, timedelta(hours=72)),
        ("none", LookupBy.FOLIO, None),
    ],
)
def test_a_class_decides_how_to_look_up(dedup: str, lookup: LookupBy, ttl: timedelta | None) -> None:
    capabilities = connect(account(dedup=dedup)).capabilities
    assert (capabilities.dedup, capabilities.lookup, capabilities.key_ttl) == (Dedup(dedup), lookup, ttl)


@pytest.mark.parametrize("wrong", [{"provider": "nadie"}, {"dedup": "tal vez"}, {"base_url": "http://pac.example.com"}])
def test_an_account_that_cannot_be_used_is_told(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        connect(account(**wrong))


def test_a_password_is_not_shown() -> None:
    assert "secreto" not in repr(account())

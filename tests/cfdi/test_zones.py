"""The clock of each postal code, in winter and in summer, and the earlier of two where SAT and the law differ."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from emite.cfdi import codes
from emite.cfdi.zones import local_now, moment_of, zone_of

WINTER = datetime(2026, 1, 15, 18, 0, tzinfo=UTC)
SUMMER = datetime(2026, 7, 15, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cp", "zone", "winter", "summer"),
    [
        ("06700", "America/Mexico_City", 12, 12),
        ("64000", "America/Mexico_City", 12, 12),
        ("82000", "America/Mazatlan", 11, 11),  # Sinaloa
        ("83000", "America/Mazatlan", 11, 11),  # Sonora
        ("22000", "America/Tijuana", 10, 11),
        ("77500", "America/Cancun", 13, 13),
        ("88500", "America/Matamoros", 12, 13),  # Reynosa
        ("26000", "America/Matamoros", 12, 13),  # Piedras Negras
        ("32000", "America/Ciudad_Juarez", 11, 12),
        ("32880", "America/Mexico_City", 12, 12),  # Ojinaga: by law one hour later in summer
        ("31000", "America/Mexico_City", 12, 12),  # Chihuahua, the city
        ("63732", "America/Mexico_City", 12, 12),  # Bahía de Banderas
        ("63000", "America/Mazatlan", 11, 11),  # Tepic
    ],
)
def test_clocks(cp: str, zone: str, winter: int, summer: int) -> None:
    assert zone_of(cp).key == zone
    assert local_now(WINTER, cp).hour == winter
    assert local_now(SUMMER, cp).hour == summer


def test_every_postal_code_has_a_clock() -> None:
    zones = {zone_of(cp).key for cp in codes.keys("c_CodigoPostal")}
    assert zones == {
        "America/Mexico_City",
        "America/Mazatlan",
        "America/Tijuana",
        "America/Cancun",
        "America/Matamoros",
        "America/Ciudad_Juarez",
    }


def test_seconds_are_whole_and_never_ahead() -> None:
    now = WINTER + timedelta(seconds=59, microseconds=999_999)
    assert local_now(now, "06700") == datetime(2026, 1, 15, 12, 0, 59)


@pytest.mark.parametrize("cp", ["00001", "", "abc", "067000"])
def test_an_unknown_postal_code_is_refused(cp: str) -> None:
    with pytest.raises(ValueError, match="no postal code"):
        local_now(WINTER, cp)


def test_a_naive_now_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        local_now(datetime(2026, 1, 1), "06700")


@pytest.mark.parametrize("cp", ["06700", "22000", "32000", "77500"])
def test_there_and_back(cp: str) -> None:
    assert moment_of(local_now(SUMMER, cp), cp) == SUMMER


def test_the_hour_that_comes_twice_is_taken_as_the_first() -> None:
    assert moment_of(datetime(2026, 11, 1, 1, 30), "22000") == datetime(2026, 11, 1, 8, 30, tzinfo=UTC)

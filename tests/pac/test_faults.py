"""Faults to order: counted ones in their turn, the others by a chance that can be repeated."""

from __future__ import annotations

from typing import Any

import pytest

from emite.pac.sandbox.faults import KINDS, Faults
from emite.pac.sandbox.settings import Settings


def kinds(faults: Faults, calls: int, operation: str = "stamp") -> list[str | None]:
    drawn = [faults.draw(operation) for _ in range(calls)]
    return [None if each is None else each.kind for each in drawn]


def test_counted_faults_come_in_order_and_end() -> None:
    faults = Faults()
    faults.plan("stamp", "cut_after", times=2)
    faults.plan("lookup", "blind")
    faults.plan("stamp", "error_before", status=500)
    assert kinds(faults, 1, "lookup") == ["blind"]
    assert kinds(faults, 4) == ["cut_after", "cut_after", "error_before", None]
    assert faults.met == {"stamp:cut_after": 2, "stamp:error_before": 1, "lookup:blind": 1}


def test_a_seed_repeats_its_chances() -> None:
    sequences = []
    for seed in (1, 1, 2):
        faults = Faults()
        faults.chance("stamp", {"cut_after": 0.3, "delay_after": {"p": 0.2, "seconds": [0.1, 0.2]}}, seed)
        sequences.append(kinds(faults, 300))
    assert sequences[0] == sequences[1] != sequences[2]
    assert 60 < sequences[0].count("cut_after") < 120
    assert 35 < sequences[0].count("delay_after") < 90


def test_a_drawn_time_is_within_its_bounds() -> None:
    faults = Faults()
    faults.chance("stamp", {"delay_after": {"p": 1, "seconds": [0.1, 0.2]}}, 1)
    seconds = [fault.seconds for fault in (faults.draw("stamp") for _ in range(50)) if fault is not None]
    assert len(seconds) == 50
    assert 0.1 <= min(seconds) < max(seconds) <= 0.2


def test_clearing_ends_both() -> None:
    faults = Faults()
    faults.plan("stamp", "cut_after")
    faults.chance("stamp", {"cut_before": 1}, 1)
    faults.clear()
    assert kinds(faults, 3) == [None] * 3


@pytest.mark.parametrize(
    ("operation", "kind", "seconds"),
    [
        ("stamp", "explode", None),
        ("dance", "cut_after", None),
        ("stamp", "blind", None),
        ("stamp", "delay_after", "soon"),
        ("stamp", "delay_after", [1]),
    ],
)
def test_an_order_that_makes_no_sense_is_told(operation: str, kind: str, seconds: Any) -> None:
    with pytest.raises(ValueError):
        Faults().plan(operation, kind, seconds=seconds)


def test_chances_cannot_add_up_to_more_than_one() -> None:
    with pytest.raises(ValueError, match="más de 1"):
        Faults().chance("stamp", dict.fromkeys(list(KINDS)[:3], 0.5), 1)


@pytest.mark.parametrize("given", [{"gravity": 0}, {"down": "yes"}, {"credits": 1, "clock_offset_seconds": "1"}])
def test_a_setting_that_does_not_exist_changes_nothing(given: dict[str, Any]) -> None:
    settings = Settings()
    with pytest.raises(ValueError):
        settings.change(given)
    assert settings == Settings()

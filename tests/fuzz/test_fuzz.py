"""A short look in every run: each parser refuses spoilt bytes in its own words, and soon. `make fuzz` goes on."""

import random
import time

import pytest

from tests.fuzz.targets import TARGETS, feed, spoil

#: Seconds of one reading; on a busy machine it must still hold.
LONGEST = 2.0
ROUNDS = 60


@pytest.mark.parametrize("name", TARGETS)
def test_spoilt_bytes_are_refused_in_words(name: str) -> None:
    target = TARGETS[name]
    assert all(feed(target, seed) for seed in target.seeds), "what is spoilt must be good to begin with"
    chance = random.Random(f"emite {name}")
    for number in range(ROUNDS):
        data = spoil(chance.choice(target.seeds), chance)
        began = time.process_time()
        feed(target, data)
        assert time.process_time() - began < LONGEST, f"{number}: {data[:200]!r}"


def test_spoiling_changes_what_it_gets() -> None:
    chance = random.Random(1)
    assert sum(spoil(b"abcdefgh" * 9, chance) != b"abcdefgh" * 9 for _ in range(100)) > 90

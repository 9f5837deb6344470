"""docs/asvs.csv answers every requirement of ASVS 5.0 up to level 2, and what it names is there."""

import csv
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = list(csv.DictReader((ROOT / "docs" / "asvs.csv").open(encoding="utf-8")))
_PATH = re.compile(r"(?:tests|docs|src|deploy)/[\w./-]*[\w/]|\b[A-Z]{4,}\.md\b")


def test_every_requirement_has_one_answer() -> None:
    assert Counter(row["level"] for row in ROWS) == {"1": 70, "2": 183}
    assert len({row["requirement"] for row in ROWS}) == 253
    assert {row["state"] for row in ROWS} == {"met", "n/a", "gap"}
    assert not [row["requirement"] for row in ROWS if not row["shown_by_or_why"] or not row["asks"]]


def test_what_shows_it_exists() -> None:
    named = {path for row in ROWS for path in _PATH.findall(row["shown_by_or_why"])}
    assert len(named) > 40
    assert sorted(path for path in named if not (ROOT / path).exists()) == []

"""kill -9 of web and worker at every named step and at random, with a PAC that misbehaves, for each class of PAC.

`EMITE_KILLS` sets how many processes die over the three classes; 500 by default. `EMITE_END_KILLS`: how many while what
is stamped is cancelled, substituted or leaves its global; 48 by default.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import make
from tests.faults import endings, harness
from tests.pac.sandbox import running_sandbox

KILLS = int(os.environ.get("EMITE_KILLS", "500"))
END_KILLS = int(os.environ.get("EMITE_END_KILLS", "48"))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("dedup", ["content", "key", "none"])
def test_no_charge_is_lost_or_stamped_twice(dedup: str, tmp_path: Path, settings: object) -> None:
    with running_sandbox(tmp_path / "sandbox", dedup=dedup) as sandbox:
        settings.PAC_TRUST_DIR = sandbox.trust_dir  # type: ignore[attr-defined]
        hospital = make.hospital(authority=sandbox.authority, pac_url=sandbox.url, dedup=dedup)
        report = harness.run(sandbox, hospital, kills=KILLS // 3 + 1, seed=20260101, folder=tmp_path / "spool")
    print(report)
    assert report.is_clean, str(report)
    assert report.killed >= KILLS // 3
    assert report.faults > KILLS // 60, str(report)  # the more people wait, the fewer sends a kill meets
    assert set(harness.WEB_STEPS + harness.WORKER_STEPS[:6]) <= set(report.kills), str(report)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_nothing_is_lost_or_left_twice_after_the_stamp(tmp_path: Path, settings: object) -> None:
    with running_sandbox(tmp_path / "sandbox") as sandbox:
        settings.PAC_TRUST_DIR = sandbox.trust_dir  # type: ignore[attr-defined]
        hospital = make.hospital(authority=sandbox.authority, pac_url=sandbox.url)
        ground = endings.prepare(hospital, each=max(3, END_KILLS // 15))
        report = endings.run(sandbox, ground, kills=END_KILLS, seed=20260401)
    print(report)
    assert report.is_clean, str(report)
    assert report.faults
    assert len(set(report.kills) & set(endings.STEPS)) > len(endings.STEPS) // 3, str(report)

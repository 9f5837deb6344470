"""kill -9 of web and worker at every named step and at random, with a PAC that misbehaves, for each class of PAC.

`EMITE_KILLS` sets how many processes die over the three classes; 500 by default.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import make
from tests.faults import harness
from tests.pac.sandbox import running_sandbox

KILLS = int(os.environ.get("EMITE_KILLS", "500"))


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

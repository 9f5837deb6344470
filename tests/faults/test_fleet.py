"""Web servers and workers on machines of their own: any of them may die while people come, and nothing is lost.

`EMITE_FLEET_KILLS` is how many die: one of 2 web servers and one of 2 workers by default; with more than 20, of 4 + 4.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import make
from tests.faults import fleet
from tests.pac.sandbox import running_sandbox

KILLS = int(os.environ.get("EMITE_FLEET_KILLS", "2"))
EACH = 4 if KILLS > 20 else 2


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_any_machine_may_die_while_people_come(tmp_path: Path, settings: object) -> None:
    with running_sandbox(tmp_path / "sandbox") as sandbox:
        settings.PAC_TRUST_DIR = sandbox.trust_dir  # type: ignore[attr-defined]
        hospital = make.hospital(authority=sandbox.authority, pac_url=sandbox.url)
        report, seen = fleet.run(
            sandbox, hospital, web=EACH, workers=EACH, kills=KILLS, charges=KILLS * 8, people=4, seed=20260701,
            folder=tmp_path / "fleet",
        )  # fmt: skip
    print(report, f"; pages asked for again {seen.again}, longest wait {seen.longest:.1f} s")
    assert seen.wrong == []
    assert report.is_clean, str(report)
    assert report.stamps == KILLS * 8
    assert report.killed == KILLS
    assert set(report.kills) == {"web", "worker"}

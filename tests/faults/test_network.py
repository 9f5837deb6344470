"""The line to the PAC breaks at every place: what it stamped is found, never asked for twice, and none is lost.

`EMITE_NETWORK_ROUNDS` is how many times each fault is met, for each class of PAC; by default once, and only for the
class that would stamp a second time.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from emite.charges.models import Charge
from emite.documents.models import UNSETTLED, FiscalDocument
from emite.documents.spool import Spool
from emite.invoices import issuing
from emite.invoices import stamping as driving
from emite.issuers import connecting
from emite.issuers.models import PacAccount
from tests import make
from tests.faults import harness
from tests.faults.proxy import Fault, faulty
from tests.pac.sandbox import running_sandbox

ROUNDS = int(os.environ.get("EMITE_NETWORK_ROUNDS", "1"))
CLASSES = ("none",) if ROUNDS == 1 else ("content", "key", "none")
FAULTS = (
    Fault(up=0), Fault(up=0, reset=True), Fault(up=900), Fault(up=900, reset=True), Fault(up=900, black_hole=True),
    Fault(down=0), Fault(down=0, reset=True), Fault(down=0, black_hole=True), Fault(down=60), Fault(down=700),
    Fault(down=700, reset=True), Fault(down=700, black_hole=True), Fault(delay=0.02, drip=200),
)  # fmt: skip
PATIENCE_SECONDS = 60.0 + ROUNDS


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("dedup", CLASSES)
def test_the_line_to_the_pac_breaks_anywhere(dedup: str, tmp_path: Path, settings: object) -> None:
    with running_sandbox(tmp_path / "sandbox", dedup=dedup) as sandbox, faulty(sandbox.port) as proxy:
        settings.PAC_TRUST_DIR = sandbox.trust_dir  # type: ignore[attr-defined]
        url = f"http://127.0.0.1:{proxy.port}"
        hospital = make.hospital(authority=sandbox.authority, pac_url=url, dedup=dedup)
        PacAccount.objects.filter(pk=hospital.pac_account.pk).update(
            visible_after=harness.VISIBLE_AFTER, max_processing=harness.MAX_PROCESSING
        )
        charges = [make.paid_charge(hospital) for _ in range(ROUNDS * len(FAULTS))]
        spool = Spool(tmp_path / "spool", size=256 * 1024)
        report, began = harness.Report(dedup, len(charges)), time.monotonic()
        with harness.short_times():
            for charge, fault in zip(charges, FAULTS * ROUNDS, strict=True):
                connecting._adapters.clear()  # a line of its own: a kept one would not meet the fault
                _issue(hospital, charge)
                proxy.next(fault)
                _pass(spool)
            _drain(spool)
        report.faults, report.seconds = len(proxy.met), time.monotonic() - began
        harness.count(sandbox, hospital, report)
    print(report)
    assert report.is_clean, str(report)
    assert report.stamps == len(charges)
    assert report.faults == ROUNDS * (len(FAULTS) - 1)  # a drip ends by itself


def _issue(hospital: make.Hospital, charge: Charge) -> None:
    issuing.issue(
        charge, issuing.Request(make.receptor()), channel=FiscalDocument.Channel.PORTAL, user=hospital.biller,
        now=make.now(), idempotency_key=f"n-{charge.pk.hex}",
    )  # fmt: skip


def _pass(spool: Spool) -> None:
    for pk in driving.due(now=make.now(), limit=50):
        driving.drive(pk, owner="network:1", clock=make.now, spool=spool)


def _drain(spool: Spool) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while FiscalDocument.objects.filter(state__in=UNSETTLED).exists():
        assert time.monotonic() < deadline, harness._unsettled()
        _pass(spool)
        time.sleep(0.01)

"""kill -9 of the process beside the worker while it writes a month's end, and of the worker itself."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection, transaction

from emite.charges.models import Allocation
from emite.documents.models import FiscalDocument, State
from emite.documents.waking import LARGE
from emite.invoices import closing, periods
from emite.invoices.models import Closing, GlobalDocument, GlobalPolicy
from tests import make
from tests.faults import fleet
from tests.invoices.test_closing import copied
from tests.pac.sandbox import running_sandbox

PARTS = 3


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_month_end_whose_process_is_killed_is_finished_and_nothing_is_twice(tmp_path: Path, settings: object) -> None:
    with running_sandbox(tmp_path / "sandbox") as sandbox:
        settings.PAC_TRUST_DIR = sandbox.trust_dir  # type: ignore[attr-defined]
        hospital = make.hospital(authority=sandbox.authority, pac_url=sandbox.url)
        GlobalPolicy.objects.create(organization=hospital.organization, ceiling=LARGE)
        copied(make.paid_charge(hospital), PARTS * LARGE)
        today = periods.containing(periods.DIARIA, hospital.organization.local_date(make.now()))
        closing.start(hospital.issuer, today, user=hospital.biller, now=make.now())
        worker = fleet._node("worker", tmp_path / "worker", sandbox, "http://127.0.0.1:9")
        worker.start()
        try:
            assert worker.process is not None
            seen = _aside_of(worker.process.pid)
            _until(GlobalDocument.objects.exists)
            os.kill(seen, signal.SIGKILL)
            written = GlobalDocument.objects.count()
            assert written < PARTS, "it was over before anybody could kill it"
            _until(lambda: seen not in _children(worker.process.pid))  # type: ignore[union-attr]
            _let_leases_run_out()
            _until(lambda: Closing.objects.get().state == Closing.State.DONE)
            _let_leases_run_out()
            _until(lambda: FiscalDocument.objects.filter(state=State.STAMPED).count() == PARTS)
            again = _aside_of(worker.process.pid)
            assert again != seen
            os.kill(worker.process.pid, signal.SIGKILL)
            worker.process.wait()
            _until(lambda: not Path(f"/proc/{again}").exists())
        finally:
            worker.kill()
        mine = {one["uuid"].upper() for one in sandbox.stamps() if one["rfc_emisor"] == hospital.issuer.rfc}
    assert {str(uuid).upper() for uuid in FiscalDocument.objects.values_list("uuid", flat=True)} == mine
    live = Allocation.objects.filter(active=True)
    assert live.count() == live.values("charge").distinct().count() == PARTS * LARGE
    assert [row.charges for row in GlobalDocument.objects.order_by("number")] == [LARGE] * PARTS


def _until(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.005)


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for each in found for child in each.read_text().split()]


def _aside_of(worker: int) -> int:
    """The process beside it, once it is there."""
    mine: list[int] = []

    def there() -> bool:
        mine[:] = [pid for pid in _children(worker) if b"--aside" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        return bool(mine)

    _until(there)
    return mine[0]


def _let_leases_run_out() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for table in ("invoices_closing", "documents_fiscaldocument"):
            cursor.execute(
                f"UPDATE {table} SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL"
            )

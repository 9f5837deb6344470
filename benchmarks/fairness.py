"""Does one organization's month end make another's patients wait? From the click to the stamp, before and during.

    python -m benchmarks.fairness [CHARGES] [CLICKS]

The demo's own processes: one web, one worker, one sandbox PAC. First CLICKS patients of the hospital, one at a time,
with nothing else to do; then as many as fit while the practice's month of CHARGES is closed into facturas globales by
the same worker (in the process that it starts beside it for what is long). Trust the ratio.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.closing import CHARGES, LINES, PAYMENTS, SLIPS
from benchmarks.report import Row, keep
from benchmarks.road import click_of
from benchmarks.serving import demo, signature, world

if TYPE_CHECKING:
    import uuid


#: A patient beside somebody's month end waits at most this many times longer.
TARGET_RATIO = 2.0


def main(charges: int = 50_000, clicks: int = 60) -> int:
    with demo() as (site, _):
        hospital = world()
        for _ in range(10):  # the first ones warm pools and caches
            click_of(site, hospital)
        alone = [click_of(site, hospital)["timbrada"] for _ in range(clicks)]
        closing = _month_end(charges)
        began, beside = time.monotonic(), []
        while not _over(closing):
            beside.append(click_of(site, hospital)["timbrada"])
        _print(charges, time.monotonic() - began, alone, beside)
    return 0


def _month_end(charges: int) -> uuid.UUID:
    """The practice's last month with that many copays of its own register, its closing just asked for."""
    from django.db import connection
    from django.utils import timezone

    from emite.charges.models import CashRegister
    from emite.invoices import closing, periods
    from emite.issuers.models import Issuer
    from emite.ops import seeding_practice
    from emite.organizations.models import Membership, Organization

    practice = Organization.objects.get(slug=seeding_practice.SLUG)
    issuer = Issuer.objects.filter(organization=practice).order_by("created_at").first()
    assert issuer is not None
    period = closing.last_ended(issuer, periods.MENSUAL, timezone.now())
    with connection.cursor() as cursor:
        values = {
            "organization": practice.pk, "issuer": issuer.pk, "count": charges,
            "register": CashRegister.objects.filter(organization=practice, web_invoicing=False).first().pk,  # type: ignore[union-attr]
            "start": period.bounds(practice.zone)[0],
        }  # fmt: skip
        mine = " WHERE organization_id = %(organization)s AND number <= %(count)s AND number > 0 AND patient_name = ''"
        cursor.execute(CHARGES, values)
        first, second = LINES.split("UNION ALL")
        cursor.execute(f"{first}{mine} UNION ALL {second}{mine}", values)
        cursor.execute(SLIPS + mine, values)
        cursor.execute(f"{PAYMENTS} WHERE organization_id = %(organization)s AND number <= %(count)s", values)
        cursor.execute("ANALYZE")
    member = Membership.objects.filter(organization=practice, can_issue=True).select_related("user").first()
    assert member is not None
    return closing.start(issuer, period, user=member.user, now=timezone.now()).pk


def _over(pk: uuid.UUID) -> bool:
    """Everything of it is stamped."""
    from emite.documents.models import UNSETTLED
    from emite.invoices.models import Closing, GlobalDocument

    done = Closing.objects.filter(pk=pk, state=Closing.State.DONE).exists()
    return done and not GlobalDocument.objects.filter(closing_id=pk, document__state__in=UNSETTLED).exists()


def _print(charges: int, seconds: float, alone: list[float], beside: list[float]) -> None:
    if not beside:
        raise SystemExit("the month end was over before anybody came: ask for more charges")
    print(f"one RSA signature of this run: {signature():.2f} ms; {charges:,} charges closed in {seconds:.1f} s")
    for name, times in (("alone", alone), ("beside the month end", beside)):
        print(f"{name:<22}{len(times):>5} clicks   p50 {_p(times, 0.5):7.1f}   p95 {_p(times, 0.95):7.1f} ms")
    for share in (0.5, 0.95):
        ratio = _p(beside, share) / _p(alone, share)
        keep(Row(f"click to stamped beside a month end, p{share * 100:.0f}, to alone", ratio, "x", TARGET_RATIO))
        print(f"p{share * 100:.0f}: {ratio:.2f} times   target <= {TARGET_RATIO:g}")


def _p(times: list[float], share: float) -> float:
    return (
        statistics.quantiles(times, n=100, method="inclusive")[round(share * 100) - 1] if len(times) > 1 else times[0]
    )


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

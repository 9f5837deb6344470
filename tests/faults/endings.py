"""Kills real processes while they cancel, substitute and rebuild globals, and compares with what the PAC's book says.

The children, their deaths and their shortened times are the harness's. Half of the charges have their own invoice, the
rest are in one factura global; each gets one operation, asked for by rivals.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from unittest import mock

from django.db import connections

from emite.cancellations import following, machine, rebuilding, requesting, substituting
from emite.cancellations.models import CancellationRequest, GlobalRebuild, Substitution
from emite.cancellations.requesting import NotCancellable
from emite.charges.allocating import live_document
from emite.charges.models import Allocation, Charge
from emite.credits import checking, lateness, settling
from emite.credits.models import LATE_MOVING, LateRequest
from emite.documents.models import UNSETTLED, FiscalDocument, State
from emite.invoices import issuing
from emite.invoices import stamping as driving
from emite.issuers import connecting
from emite.issuers.models import PacAccount
from emite.organizations.models import Organization
from tests import make
from tests.credits.stands import in_global, invoiced
from tests.faults import harness
from tests.pac.sandbox import RunningSandbox

#: Every step of these roads at which a child may be killed, each as likely.
STEPS = (
    "cancel_asked_uncommitted", "cancel_asked", "substitution_asked_uncommitted", "substitution_asked",
    "rebuild_uncommitted", "rebuild_asked", "cancel_claimed", "cancel_status", "cancel_signed_uncommitted",
    "cancel_signed", "cancel_promised", "cancel_answered", "cancel_settled_uncommitted", "cancel_settled",
    "substitution_uncommitted", "substitution_went_on", "rebuild_step_uncommitted", "rebuild_step",
    "issued_uncommitted", "sealed", "promised", "answered", "settled_uncommitted", "settled",
    "late_step_uncommitted", "late_step",
)  # fmt: skip
FAULTS = {"cut_before": 0.05, "cut_after": 0.1, "error_before": 0.04, "error_after": 0.05, "garbage_after": 0.03}
SOON = tuple(dt.timedelta(milliseconds=ms) for ms in (20, 40, 80, 160))
RIGHT = make.receptor(uso_cfdi="S01")


@dataclass(frozen=True)
class Ground:
    """What is asked of which charge."""

    hospital: make.Hospital
    cancelled: tuple[uuid.UUID, ...]
    substituted: tuple[uuid.UUID, ...]
    leaving: tuple[uuid.UUID, ...]
    staying: tuple[uuid.UUID, ...]

    @property
    def all(self) -> tuple[uuid.UUID, ...]:
        return self.cancelled + self.substituted + self.leaving + self.staying


@contextmanager
def short_times() -> Iterator[None]:
    """As the harness's, for the pauses of these roads too."""
    soon = dt.timedelta(milliseconds=30)
    with (
        harness.short_times(),
        mock.patch.multiple(machine, SEND_PAUSES=SOON, FOLLOW_PAUSES=SOON),
        mock.patch.object(following, "LEASE", dt.timedelta(seconds=0.7)),
        mock.patch.multiple(lateness, LOOK_EVERY=soon, WAIT_EVERY=soon),
        mock.patch.dict(harness.CHANCE_TO_DIE, dict.fromkeys(STEPS, 0.2)),
    ):
        yield


def prepare(hospital: make.Hospital, *, each: int) -> Ground:
    """Stamped invoices to be cancelled and substituted, and a stamped global that some leave."""
    Organization.objects.filter(pk=hospital.organization.pk).update(late_road=Organization.LateRoad.REBUILD)
    in_it = in_global(hospital, *(make.paid_charge(hospital) for _ in range(each + 2)))
    alone = [invoiced(hospital) for _ in range(2 * each)]
    keys = [charge.pk for charge in (*alone, *in_it)]
    return Ground(hospital, *(tuple(keys[at : at + each]) for at in (0, each, 2 * each)), tuple(keys[3 * each :]))


def run(sandbox: RunningSandbox, ground: Ground, *, kills: int, seed: int, children: int = 4) -> harness.Report:
    """Kill until `kills` processes died, let the rest finish undisturbed, then compare with the PAC's book."""
    dice = random.Random(seed)
    report = harness.Report(sandbox.dedup, len(ground.all))
    started = time.monotonic()
    PacAccount.objects.filter(pk=ground.hospital.pac_account.pk).update(
        visible_after=harness.VISIBLE_AFTER, max_processing=harness.MAX_PROCESSING
    )
    with short_times():
        connections.close_all()
        connecting._adapters.clear()
        for op in ("stamp", "cancel", "status"):
            sandbox.control("faults", faults=FAULTS, op=op, seed=seed)
        living: dict[int, tuple[int, float | None]] = {}
        born = 0
        while report.killed < kills or living:
            while len(living) < children and report.killed + len(living) < kills:
                born += 1
                at_random = dice.random() < 0.15
                work = _rival(ground, dice.getrandbits(32)) if born % 3 == 0 else _worker()
                pid, pipe = harness._fork(work, None if at_random else random.Random(dice.getrandbits(32)))
                living[pid] = (pipe, time.monotonic() + dice.uniform(0.02, 0.3) if at_random else None)
            harness._reap(living, report)
        report.faults = sum(sandbox.stats()["faults"].values())
        sandbox.behave()
        _drain()
        harness._wait(harness._fork(_rival(ground, seed), None), 60)  # what nobody lived to ask for
        _drain()
    report.seconds = time.monotonic() - started
    _count(sandbox, ground, report)
    return report


def _drain() -> None:
    """Nobody dies any more."""
    for drainer in [harness._fork(_worker(until_idle=True), None) for _ in range(2)]:
        harness._wait(drainer, 120)


def _rival(ground: Ground, seed: int) -> Callable[[], None]:
    """Somebody at the desk who asks for every operation, in an order of their own."""

    def work() -> None:
        acts = [*((_cancel, pk) for pk in ground.cancelled), *((_substitute, pk) for pk in ground.substituted),
                *((_leave, pk) for pk in ground.leaving)]  # fmt: skip
        random.Random(seed).shuffle(acts)
        for act, pk in acts:
            charge = Charge.objects.select_related("organization").get(pk=pk)
            with suppress(NotCancellable, lateness.NotLate):
                act(ground.hospital, charge)

    return work


def _cancel(hospital: make.Hospital, charge: Charge) -> None:
    document = live_document(charge)
    if document is not None:
        requesting.request_cancellation(document, "03", user=hospital.biller, now=make.now())


def _substitute(hospital: make.Hospital, charge: Charge) -> None:
    document = live_document(charge)
    if document is None or Substitution.objects.filter(substitute=document).exists():
        return
    substituting.substitute(
        document, issuing.Request(RIGHT), user=hospital.biller, now=make.now(), idempotency_key=f"s-{charge.pk.hex}"
    )


def _leave(hospital: make.Hospital, charge: Charge) -> None:
    rebuilding.ask(
        charge, issuing.Request(make.receptor()), channel="desk", user=hospital.biller, now=make.now(),
        idempotency_key=f"l-{charge.pk.hex}",
    )  # fmt: skip


def _worker(*, until_idle: bool = False) -> Callable[[], None]:
    """What the sweep does for these roads. It lives two seconds, or until nothing is left."""

    def work() -> None:
        end = time.monotonic() + 2
        while until_idle or time.monotonic() < end:
            if not _pass() and until_idle and not _moving():
                return
            time.sleep(0.01)

    return work


def _pass() -> int:
    now, done = make.now(), 0
    owner = f"{os.getpid()}:{uuid.uuid4().hex[:8]}"
    roads: Sequence[tuple[list[uuid.UUID], Callable[[uuid.UUID], object]]] = (
        (driving.due(now=now, limit=9), lambda pk: driving.drive(pk, owner=owner, clock=make.now)),
        (substituting.due(limit=9), lambda pk: substituting.go_on(pk, now=make.now())),
        (following.due(now=now, limit=9), lambda pk: following.drive(pk, owner=owner, clock=make.now)),
        (rebuilding.due(now=now, limit=9), lambda pk: rebuilding.advance(pk, now=make.now())),
        (lateness.due(now=now, limit=9), lambda pk: lateness.advance(pk, now=make.now())),
        (settling.due(limit=9), lambda pk: settling.settle_of(pk, now=make.now())),
    )
    for keys, act in roads:
        random.shuffle(keys)
        for pk in keys:
            act(pk)
            done += 1
    return done


def _moving() -> bool:
    return (
        FiscalDocument.objects.filter(state__in=UNSETTLED).exists()
        or CancellationRequest.objects.filter(finished_at=None).exists()
        or Substitution.objects.filter(state="stamping").exists()
        or GlobalRebuild.objects.filter(state__in=("cancelling", "stamping")).exists()
        or LateRequest.objects.filter(state__in=LATE_MOVING).exists()
    )


def _count(sandbox: RunningSandbox, ground: Ground, report: harness.Report) -> None:
    """The PAC's book against ours, charge by charge."""
    ours = [row for row in sandbox.stamps() if row["rfc_emisor"] == ground.hospital.issuer.rfc]
    alive = {row["uuid"].upper(): Decimal(row["total"]) for row in ours if row["estado"] == "Vigente"}
    report.stamps = len(ours)
    report.duplicates = len(ours) - len({(row["serie"], row["folio"]) for row in ours})
    live = FiscalDocument.objects.filter(organization=ground.hospital.organization, state=State.STAMPED)
    report.wrong_uuids = len(set(alive) ^ {str(row.uuid).upper() for row in live})
    charges = Charge.objects.in_bulk(ground.all)
    standing = sum((charges[pk].total for pk in ground.all if pk not in ground.cancelled), Decimal(0))
    report.lost = int(sum(alive.values(), Decimal(0)) != standing)
    report.stories += list(checking.faults(ground.hospital.organization.pk))
    report.lost += len(report.stories)
    free = set(ground.all) - set(Allocation.objects.filter(active=True).values_list("charge_id", flat=True))
    report.unfinished = len(free ^ set(ground.cancelled)) + _moving()
    report.unfinished += Substitution.objects.exclude(state="done").exclude(state="failed").count()
    report.unfinished += GlobalRebuild.objects.exclude(state="done").count()
    report.unfinished += len(ground.leaving) - LateRequest.objects.filter(state="done").count()
    for connection in connections.all():
        connection.close()

"""Kills real processes while they invoice, and counts what the PAC really stamped.

Children are forked from a warmed parent that holds no connection and has compiled no page. Web children ask for
invoices of the same charges as rivals, worker children drive documents; each dies by SIGKILL at a named step of
the road or at a random moment, and another takes its place. Times are shortened, never the algorithm.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import select
import signal
import sys
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from django.db import connection, connections
from django.test import override_settings

from emite.cfdi.timbre import read
from emite.cfdi.xml import parse
from emite.charges.models import Allocation, Charge
from emite.documents import machine, stamping, steps
from emite.documents.models import UNSETTLED, FiscalDocument, StampAttempt, StampedXml, State
from emite.documents.spool import Spool
from emite.invoices import issuing
from emite.invoices import stamping as driving
from emite.issuers import breaker, connecting
from emite.issuers.models import PacAccount
from tests import make
from tests.pac.sandbox import RunningSandbox

#: Every step at which a child may be killed.
WEB_STEPS = ("issued_uncommitted", "issued")
WORKER_STEPS = (
    "claimed", "sealed_uncommitted", "sealed", "promised", "answered",
    "lookup_promised", "lookup_answered", "settled_uncommitted", "settled",
)  # fmt: skip
#: How likely a child dies when it reaches a step; the rarer the step, the likelier.
CHANCE_TO_DIE = {
    "issued_uncommitted": 0.25, "issued": 0.25, "lookup_promised": 0.3, "lookup_answered": 0.3,
    "claimed": 0.07, "sealed_uncommitted": 0.12, "sealed": 0.2, "promised": 0.2, "answered": 0.25,
}  # fmt: skip
#: What the PAC does wrong, as probabilities.
STAMP_FAULTS = {
    "cut_before": 0.04, "cut_after": 0.08, "error_before": 0.03, "error_after": 0.04, "garbage_after": 0.02,
    "half_after": 0.03, "html_after": 0.02, "bare_after": 0.03, "unclassified_after": 0.02,
    "delay_after": {"p": 0.03, "seconds": [0.1, 0.5]},
}  # fmt: skip
LOOKUP_FAULTS = {"blind": 0.05, "error_before": 0.04, "cut_after": 0.04, "garbage_after": 0.02}
PAC_TIMEOUTS = (0.2, 0.25, 0.3)
#: A child that slept longer than this between its promise and the send does not send.
PAUSE_LIMIT_SECONDS = 0.2
#: The PAC forgets nothing for longer than this: that pause, 0.5 s of its longest delay, and its answer.
MAX_PROCESSING = dt.timedelta(seconds=1.2)
VISIBLE_AFTER = dt.timedelta(seconds=0.2)


@dataclass
class Report:
    """What happened, and what was left behind."""

    dedup: str
    charges: int
    kills: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    lost: int = 0
    duplicates: int = 0
    wrong_uuids: int = 0
    unfinished: int = 0
    stamps: int = 0
    faults: int = 0
    stories: list[str] = field(default_factory=list)  # of each document that went wrong, what was sent and answered

    @property
    def killed(self) -> int:
        return sum(self.kills.values())

    def __str__(self) -> str:
        return (
            f"{self.dedup}: {self.killed} kills, {self.faults} faults of the PAC, {self.charges} charges, "
            f"{self.stamps} stamps, lost {self.lost}, "
            f"duplicates {self.duplicates}, wrong UUIDs {self.wrong_uuids}, unfinished {self.unfinished}, "
            f"{self.seconds:.0f} s; by step {dict(sorted(self.kills.items()))}" + "".join(self.stories)
        )

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.duplicates or self.wrong_uuids or self.unfinished)


@contextmanager
def short_times() -> Iterator[None]:
    """Leases, pauses and deadlines of tenths of a second instead of minutes."""
    kept = stamping.LEASE, machine.LOOKUP_PAUSES, machine.SEND_PAUSES, breaker.PROBE_EVERY
    limit, stamping.PAUSE_LIMIT_SECONDS = stamping.PAUSE_LIMIT_SECONDS, PAUSE_LIMIT_SECONDS
    stamping.LEASE = dt.timedelta(seconds=0.7)
    machine.LOOKUP_PAUSES = tuple(dt.timedelta(milliseconds=ms) for ms in (20, 40, 80, 160))
    machine.SEND_PAUSES = tuple(dt.timedelta(milliseconds=ms) for ms in (10, 20, 40, 80))
    breaker.PROBE_EVERY = dt.timedelta(milliseconds=50)
    try:
        with override_settings(PAC_TIMEOUTS=PAC_TIMEOUTS):
            yield
    finally:
        stamping.LEASE, machine.LOOKUP_PAUSES, machine.SEND_PAUSES, breaker.PROBE_EVERY = kept
        stamping.PAUSE_LIMIT_SECONDS = limit


def run(
    sandbox: RunningSandbox, hospital: make.Hospital, *, kills: int, seed: int, folder: Path, children: int = 4
) -> Report:
    """Kill until `kills` processes died, let the rest finish undisturbed, then compare with the PAC's own list."""
    dice = random.Random(seed)
    PacAccount.objects.filter(pk=hospital.pac_account.pk).update(
        visible_after=VISIBLE_AFTER, max_processing=MAX_PROCESSING
    )
    charges = [make.paid_charge(hospital).pk for _ in range(max(20, kills * 2 // 3))]
    report = Report(sandbox.dedup, len(charges))
    started = time.monotonic()
    with short_times():
        connections.close_all()
        connecting._adapters.clear()
        sandbox.control("faults", faults=STAMP_FAULTS, op="stamp", seed=seed)
        sandbox.control("faults", faults=LOOKUP_FAULTS, op="lookup", seed=seed)
        _reign_of_terror(hospital, dice, report, kills=kills, folder=folder, children=children)
        report.faults = sum(sandbox.stats()["faults"].values())
        sandbox.behave()
        _let_finish(hospital, charges, folder)
    report.seconds = time.monotonic() - started
    count(sandbox, hospital, report)
    return report


def _reign_of_terror(
    hospital: make.Hospital, dice: random.Random, report: Report, *, kills: int, folder: Path, children: int
) -> None:
    living: dict[int, tuple[int, float | None]] = {}  # pid -> (pipe, when to kill it at random)
    born = 0
    while report.killed < kills or living:
        while len(living) < children and report.killed + len(living) < kills:
            born += 1
            at_random = dice.random() < 0.25
            work = _web(hospital, dice.getrandbits(32)) if born % 2 else _worker(folder)
            pid, pipe = _fork(work, None if at_random else random.Random(dice.getrandbits(32)))
            living[pid] = (pipe, time.monotonic() + dice.uniform(0.01, 0.2) if at_random else None)
        _reap(living, report)


def _reap(living: dict[int, tuple[int, float | None]], report: Report) -> None:
    """Kill those whose time has come, and bury the dead."""
    ready, _, _ = select.select([pipe for pipe, _ in living.values()], [], [], 0.005)
    now = time.monotonic()
    for pid, (pipe, doom) in list(living.items()):
        if doom is not None and now >= doom:
            os.kill(pid, signal.SIGKILL)
        elif pipe not in ready and doom is None:
            continue
        if doom is not None and now < doom and pipe not in ready:
            continue
        said = os.read(pipe, 4000).decode()
        _, status = os.waitpid(pid, 0)
        os.close(pipe)
        del living[pid]
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            report.kills[said.strip() or "random"] += 1
        elif os.WEXITSTATUS(status):
            raise AssertionError(f"a child failed by itself:\n{said}")


def _fork(work: Callable[[], None], doom: random.Random | None) -> tuple[int, int]:
    """A child that works until it is done or killed, by `doom` at a step or by us. The pipe says where, or why."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    os.close(reading)
    return _live(work, doom, writing)


def _live(work: Callable[[], None], doom: random.Random | None, pipe: int) -> NoReturn:
    def die(step: str) -> None:
        if doom is not None and doom.random() < CHANCE_TO_DIE.get(step, 0.1):
            os.write(pipe, step.encode())
            os.kill(os.getpid(), signal.SIGKILL)

    steps.hook = die
    _forget_connections()
    try:
        work()
    except BaseException:  # noqa: BLE001  the parent fails with the child's whole story
        os.write(pipe, traceback.format_exc()[-3900:].encode())
        os._exit(1)
    finally:
        sys.stdout.flush()
    os._exit(0)


_inherited: list[object] = []  # never closed by us: closing would say goodbye on the parent's socket


def _forget_connections() -> None:
    """Use none of the parent's connections.

    Django keeps them apart for a thread with a running event loop and without; a child has none even where a
    browser test left the parent one, so it would find what the parent opened before that test, and share it.
    """
    for inherited in connections.all(initialized_only=True):
        _inherited.append(inherited.connection)
        inherited.connection = None


def _web(hospital: make.Hospital, seed: int) -> Callable[[], None]:
    """A rival: asks for the invoice of the first charges that nobody invoiced, some of them twice."""

    def work() -> None:
        dice = random.Random(seed)
        while True:
            free = Charge.objects.exclude(allocations__active=True).filter(organization=hospital.organization)
            keys = list(free.order_by("id").values_list("pk", flat=True)[:3])
            if not keys:
                return
            for pk in keys:
                _ask(hospital, pk, key=f"{seed}-{pk.hex[-12:]}", again=dice.random() < 0.3)

    return work


def _ask(hospital: make.Hospital, pk: uuid.UUID, *, key: str, again: bool) -> None:
    charge = Charge.objects.get(pk=pk)
    for _ in range(2 if again else 1):
        try:
            issuing.issue(
                charge,
                issuing.Request(make.receptor()),
                channel=FiscalDocument.Channel.PORTAL,
                user=hospital.biller,
                now=make.now(),
                idempotency_key=key,
            )
        except issuing.AlreadyInvoiced:
            return


def _worker(folder: Path, *, until_idle: bool = False) -> Callable[[], None]:
    """A worker: what the sweep does, without its wake-up. It lives two seconds, or until nothing is left."""

    def work() -> None:
        spool = Spool(folder / f"{os.getpid()}.spool", size=256 * 1024)
        end = time.monotonic() + 2
        while until_idle or time.monotonic() < end:
            keys = driving.due(now=make.now(), limit=10)
            random.shuffle(keys)
            for pk in keys:
                driving.drive(pk, owner=f"{os.getpid()}:{uuid.uuid4().hex[:8]}", clock=make.now, spool=spool)
            if keys:
                continue
            if until_idle and not FiscalDocument.objects.filter(state__in=UNSETTLED).exists():
                return
            time.sleep(0.01)

    return work


def _let_finish(hospital: make.Hospital, charges: list[uuid.UUID], folder: Path) -> None:
    """Nobody dies any more: every charge is asked for once, and the workers drain what is left."""

    def ask_all() -> None:
        for pk in charges:
            _ask(hospital, pk, key=f"last-{pk.hex[-12:]}", again=False)

    patience = 120 + len(charges) // 10
    _wait(_fork(ask_all, None), patience)
    drainers = [_fork(_worker(folder, until_idle=True), None) for _ in range(2)]
    for drainer in drainers:
        _wait(drainer, patience)


def _wait(child: tuple[int, int], seconds: float) -> None:
    pid, pipe = child
    ready, _, _ = select.select([pipe], [], [], seconds)
    if not ready:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise AssertionError(f"not done after {seconds} s: {_unsettled()}")
    said = os.read(pipe, 4000).decode()
    _, status = os.waitpid(pid, 0)
    os.close(pipe)
    if status:
        raise AssertionError(f"a child failed by itself:\n{said}")


def _unsettled() -> list[tuple[object, ...]]:
    rows = FiscalDocument.objects.filter(state__in=UNSETTLED)
    return list(rows.values_list("state", "next_at", "lease_until", "last_code", "attempts")[:10])


def count(sandbox: RunningSandbox, hospital: make.Hospital, report: Report) -> None:
    """The PAC's own list against ours, charge by charge."""
    at_pac = {stamp["uuid"].upper(): stamp for stamp in sandbox.stamps() if stamp["rfc_emisor"] == hospital.issuer.rfc}
    report.stamps = len(at_pac)
    ours: dict[str, FiscalDocument] = {}
    for document in FiscalDocument.objects.filter(organization=hospital.organization, state=State.STAMPED):
        ours[str(document.uuid).upper()] = document
    allocated = Allocation.objects.filter(
        organization=hospital.organization, active=True, document__state=State.STAMPED
    ).values_list("charge_id", flat=True)
    report.lost = len(set(at_pac) - set(ours)) + report.charges - len(set(allocated))
    report.duplicates = len(at_pac) - len({stamp["sello"] for stamp in at_pac.values()})
    report.duplicates += len(list(allocated)) - len(set(allocated))
    report.wrong_uuids = len(set(ours) - set(at_pac))
    for folio_fiscal, document in ours.items():
        timbre = read(parse(bytes(StampedXml.objects.get(document_id=document.pk).xml)))
        report.wrong_uuids += timbre is None or timbre.uuid.upper() != folio_fiscal
    folios = Counter((stamp["serie"], stamp["folio"]) for stamp in at_pac.values())
    report.duplicates += len(at_pac) - len(folios)
    report.stories += [_story(hospital, *name, at_pac) for name, times in folios.items() if times > 1]
    report.unfinished = FiscalDocument.objects.filter(organization=hospital.organization, state__in=UNSETTLED).count()
    connection.close()


def _story(hospital: make.Hospital, serie: str, folio: str, at_pac: dict[str, dict[str, str]]) -> str:
    stamps = [str(one) for one in at_pac.values() if (one["serie"], one["folio"]) == (serie, folio)]
    documents = FiscalDocument.objects.filter(organization=hospital.organization, serie=serie, folio=folio)
    attempts = StampAttempt.objects.filter(document_id__in=documents.values("pk")).order_by("at", "number")
    said = [f"{one.at:%H:%M:%S.%f} {one.phase} {one.operation} {one.outcome} {one.code}" for one in attempts]
    return "\n  ".join(["", *stamps, *said])

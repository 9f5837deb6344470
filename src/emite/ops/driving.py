"""The worker's jobs: a kind of wake-up and its handler, and the sweep that needs no wake-up.

What a step means lives in `invoices` and `documents`; here it is only called, bounded and logged.
"""

from __future__ import annotations

import datetime as dt
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import cast

import structlog
from django.conf import settings
from django.db import OperationalError, close_old_connections, transaction
from django.utils import timezone
from procrastinate import exceptions
from procrastinate.contrib.django import app
from procrastinate.jobs import DEFAULT_QUEUE

from emite.accounts import posting
from emite.alarms import finding, telling
from emite.cancellations import answering, following, handing_in, rebuilding, receipts, received, substituting
from emite.cancellations.waking import FOLLOW, SUBSTITUTE
from emite.care import forwarding
from emite.charges import patient_words
from emite.credits import anticipos, lateness, settling
from emite.documents import delivering, rerouting, scrubbing
from emite.documents.spool import Spool
from emite.documents.waking import ASIDE, DELIVER, DRIVE
from emite.integrations import notifying
from emite.integrations.publishing import NOTIFY
from emite.invoices import closing, stamping, watching
from emite.issuers import pac_accounts, pac_stamps
from emite.reconciling import asking, comparing
from emite.reviews import asking as reviews_asking
from emite.reviews import elsewhere, going_on, receiving
from emite.settlements import following as settlements_following

log = structlog.get_logger(__name__)

#: Rows woken by one pass of the sweep: enough for the PAC's pace, small beside the queue.
SWEEP_LIMIT = 200
SWEEP_SECONDS = 3
#: Of the jobs that nobody waits for: behind every other, and behind those that were never tried.
LATER = -1_000_000
#: How often the periods that ended are looked at.
WATCH_SECONDS = 60.0

_spool: Spool | None = None
_spool_lock = threading.Lock()
_next_watch = 0.0


def owner_name() -> str:
    """Who holds a lease: this process on this machine, and this very task."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"[:64]


def spool() -> Spool:
    """The rescue spool of this process, opened on first use."""
    global _spool
    with _spool_lock:
        if _spool is None:
            _spool = Spool(spool_folder() / f"{os.getpid()}.spool")
        return _spool


def spool_folder() -> Path:
    """Where the workers of this machine keep their rescue spools."""
    return Path(settings.EMITE_DATA) / "spool"


def job(name: str, kind: str) -> Callable[[Callable[[uuid.UUID], None]], Callable[[str], None]]:
    """Make of a step the job of that name, woken with the key of one row; `kind` names that key in its log lines."""

    def made(step: Callable[[uuid.UUID], None]) -> Callable[[str], None]:
        @wraps(step)
        def run(pk: str) -> None:
            close_old_connections()
            with structlog.contextvars.bound_contextvars(job=name, **{kind: pk}):
                step(uuid.UUID(pk))

        return cast("Callable[[str], None]", app.task(name=name)(run))

    return made


@job(DRIVE, "document")
def drive(pk: uuid.UUID) -> None:
    """Take one document as far as it goes now."""
    stamping.drive(pk, owner=owner_name(), clock=timezone.now, spool=spool())
    _tell_credits(pk)


def _tell_credits(document: uuid.UUID) -> None:
    """What waited for this document goes on now and not at the next sweep."""
    settling.settle_of(document, now=timezone.now())
    for request in lateness.of_document(document):
        lateness.advance(request, now=timezone.now())
    for application in anticipos.due(limit=SWEEP_LIMIT, document=document):
        anticipos.advance(application, now=timezone.now())
    _tell_rebuilds(document)
    settlements_following.after(document, now=timezone.now())


def _tell_rebuilds(pk: uuid.UUID) -> None:
    """The globals that wait for this document, or for this cancellation."""
    for rebuild in rebuilding.waiting_for(pk):
        rebuilding.advance(rebuild, now=timezone.now())


@job(DELIVER, "delivery")
def deliver(pk: uuid.UUID) -> None:
    """Send one mail."""
    delivering.deliver(pk, now=timezone.now())


@job(forwarding.FORWARD, "delivery")
def forward(pk: uuid.UUID) -> None:
    """Send one mail with a CFDI that was stamped elsewhere."""
    forwarding.deliver(pk, now=timezone.now())


@job(posting.POST, "letter")
def post(pk: uuid.UUID) -> None:
    """Send one letter of the system."""
    posting.deliver(pk, now=timezone.now())


@job(FOLLOW, "cancellation")
def follow(pk: uuid.UUID) -> None:
    """Take one cancellation as far as it goes now."""
    following.drive(pk, owner=owner_name(), clock=timezone.now)
    receipts.fetch(pk, now=timezone.now())
    _tell_rebuilds(pk)


@job(SUBSTITUTE, "substitution")
def substitute(pk: uuid.UUID) -> None:
    """Take the step of a substitution that its new document allows."""
    substituting.go_on(pk, now=timezone.now())


@job(receipts.FETCH, "cancellation")
def fetch_acuse(pk: uuid.UUID) -> None:
    """Ask a PAC for the acuse of a cancellation that never arrived."""
    receipts.fetch(pk, now=timezone.now())


@job(received.REFRESH, "issuer")
def ask_pending_cancellations(pk: uuid.UUID) -> None:
    """Ask a PAC which cancellations wait for one taxpayer's answer."""
    received.refresh(pk, now=timezone.now())


@job(answering.HAND_IN, "cancellation")
def hand_in_answer(pk: uuid.UUID) -> None:
    """Hand one person's answer to the SAT."""
    handing_in.drive(pk, owner=owner_name(), clock=timezone.now)


@job(closing.CLOSE, "closing")
def close(pk: uuid.UUID) -> None:
    """Build the facturas globales of one period."""
    closing.run(pk, owner=owner_name(), clock=timezone.now)


@job(pac_accounts.TEST, "account")
def test_pac(pk: uuid.UUID) -> None:
    """Try the connection of a PAC account."""
    pac_accounts.run_test(pk, now=timezone.now())


@job(pac_stamps.ASK, "account")
def ask_stamps_left(pk: uuid.UUID) -> None:
    """Ask a PAC how many stamps an account has left."""
    pac_stamps.ask(pk, now=timezone.now())


@job(NOTIFY, "notice")
def notify(pk: uuid.UUID) -> None:
    """Tell another system of one event."""
    notifying.deliver(pk, now=timezone.now())


@job(asking.ASK, "document")
def ask_sat(pk: uuid.UUID) -> None:
    """Ask SAT once about one stamped document."""
    asking.drive(pk, clock=timezone.now)


@job(receiving.RECEIVE, "invoice")
def receive(pk: uuid.UUID) -> None:
    """Put one invoice into its payer's inbox."""
    receiving.deliver(pk, now=timezone.now())


@job(reviews_asking.ASK, "invoice")
def ask_sat_of_received(pk: uuid.UUID) -> None:
    """Ask SAT once about one invoice that a payer received."""
    reviews_asking.drive(pk, clock=timezone.now)


@job(elsewhere.ASK, "invoice")
def ask_sat_of_elsewhere(pk: uuid.UUID) -> None:
    """Ask SAT once about one invoice that was stamped elsewhere."""
    elsewhere.drive(pk, clock=timezone.now)


@job(comparing.COMPARE, "comparison")
def compare(pk: uuid.UUID) -> None:
    """Compare a window of documents with SAT and the PAC."""
    comparing.run(pk, clock=timezone.now)


def look_at_credits(now: dt.datetime) -> None:
    """Go on with the credit notes and late requests whose worker died, or that wait for something."""
    for document in settling.due(limit=SWEEP_LIMIT):
        _or_say(partial(settling.settle_of, document, now=now))
    for request in lateness.due(now=now, limit=SWEEP_LIMIT):
        _or_say(partial(lateness.advance, request, now=now))
    for application in anticipos.due(limit=SWEEP_LIMIT):
        _or_say(partial(anticipos.advance, application, now=now))
    for rebuild in rebuilding.due(now=now, limit=SWEEP_LIMIT):
        _or_say(partial(rebuilding.advance, rebuild, now=now))
    for document in settlements_following.due(limit=SWEEP_LIMIT):
        _or_say(partial(settlements_following.settle, document, now=now))
    _or_say(partial(settlements_following.catch_up, now=now, limit=SWEEP_LIMIT))
    for step in going_on.steps(now, limit=SWEEP_LIMIT):
        _or_say(step)


def _or_say(step: Callable[[], object]) -> None:
    """One row that cannot go on must not keep the others waiting."""
    try:
        step()
    except OperationalError:
        raise
    except Exception:
        log.exception("step_failed")


def sweep(*, now: dt.datetime | None = None) -> int:
    """Wake a worker for every row that is due and has nobody; returns how many were woken."""
    moment = now or timezone.now()
    woken = 0
    hurried, unhurried = (stamping.due(now=moment, limit=SWEEP_LIMIT, hurried=each) for each in (True, False))
    closings = closing.due(now=moment, limit=SWEEP_LIMIT)
    aside = stamping.large([*hurried, *unhurried]) | closing.large(closings)
    for name, keys, *later in (
        (DRIVE, hurried),
        (DRIVE, unhurried, LATER),
        (DELIVER, delivering.due(now=moment, limit=SWEEP_LIMIT)),
        (forwarding.FORWARD, forwarding.due(now=moment, limit=SWEEP_LIMIT)),
        (posting.POST, posting.due(now=moment, limit=SWEEP_LIMIT)),
        (NOTIFY, notifying.due(now=moment, limit=SWEEP_LIMIT)),
        (closing.CLOSE, closings),
        (FOLLOW, following.due(now=moment, limit=SWEEP_LIMIT)),
        (SUBSTITUTE, substituting.due(limit=SWEEP_LIMIT)),
        (asking.ASK, asking.due(now=moment, limit=SWEEP_LIMIT)),
        (comparing.COMPARE, comparing.due(now=moment, limit=SWEEP_LIMIT)),
        (receiving.RECEIVE, receiving.due(limit=SWEEP_LIMIT)),
        (reviews_asking.ASK, reviews_asking.due(now=moment), LATER),
        (elsewhere.ASK, elsewhere.due(now=moment), LATER),
        (received.REFRESH, received.due(now=moment)),
        (answering.HAND_IN, handing_in.due(now=moment, limit=SWEEP_LIMIT)),
    ):
        for pk in keys:
            try:
                with transaction.atomic():
                    priority = later[0] if later else 0
                    queue = ASIDE if pk in aside else DEFAULT_QUEUE
                    task = app.configure_task(name, queue=queue, queueing_lock=f"{name}:{pk}", priority=priority)
                    task.defer(pk=str(pk))
                woken += 1
            except exceptions.AlreadyEnqueued:
                continue
    return woken


def replay_spools() -> int:
    """Bring in what earlier processes of this machine rescued; a live process's own spool is left to it."""
    folder, restored = spool_folder(), 0
    if not folder.is_dir():
        return 0
    for path in sorted(folder.glob("*.spool")):
        pid = int(path.stem) if path.stem.isdigit() else 0
        if pid != os.getpid() and pid and Path(f"/proc/{pid}").exists():
            continue
        kept = spool() if pid == os.getpid() else Spool(path)
        try:
            restored += stamping.replay(kept, clock=timezone.now)
        finally:
            empty = kept.is_empty
            if pid != os.getpid():
                kept.close()
        if pid != os.getpid() and empty:
            path.unlink(missing_ok=True)  # another worker may have replayed it too
    if restored:
        log.warning("spool_replayed", documents=restored)
    return restored


def watch_closings() -> None:
    """Start the closings that are due and warn of those that wait, at most once a minute in this process.

    Also bring to the account in use what was drafted while another was being replaced, and begin to ask SAT of what
    was stamped since, and the night's comparison; read some of the stored CFDI again, and tell what is wrong.
    """
    global _next_watch
    if time.monotonic() >= _next_watch:
        _next_watch = time.monotonic() + WATCH_SECONDS
        watching.watch(timezone.now())
        rerouting.move_stragglers(timezone.now())
        asking.begin(now=timezone.now(), limit=SWEEP_LIMIT)
        comparing.start_nights(timezone.now())
        received.begin(now=timezone.now())
        elsewhere.begin(now=timezone.now(), limit=SWEEP_LIMIT)
        patient_words.read_new(timezone.now())
        scrubbing.scrub(timezone.now())
        _or_say(_tell_alarms)


def _tell_alarms() -> None:
    """Tell who can cure it what is wrong now, and what is not any more."""
    now = timezone.now()
    telling.settle(finding.everything(now, Path(settings.EMITE_DATA)), now)


def _replay_or_say() -> None:
    """A spool that cannot be read or replayed must not keep the sweep from every other row."""
    try:
        replay_spools()
    except OperationalError:
        raise
    except Exception:
        log.exception("replay_failed")


def sweep_once() -> int:
    """One pass for a command or the worker's own clock: rescued stamps first, then what is due."""
    close_old_connections()
    try:
        _replay_or_say()
        woken = sweep()
        look_at_credits(timezone.now())
        watch_closings()
        pac_stamps.watch(timezone.now())
        return woken
    except OperationalError as error:
        log.warning("sweep_without_database", detail=str(error).splitlines()[0])
        return 0

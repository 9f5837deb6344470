"""`emite work`: the worker. The only process that opens keys; its jobs and its sweep live in driving.
Jobs only wake: a row that nobody woke is found by the sweep."""

import argparse
import asyncio
import os
import sys
import threading
import time

from procrastinate.jobs import DEFAULT_QUEUE

from emite.database import orphans
from emite.documents import waking
from emite.ops import aside, ground
from emite.vault import keyfiles

CONCURRENCY = 4
HOUSEKEEPING_SECONDS = 600.0
#: How long a thread that computes (a factura global of thousands) keeps the interpreter from the one that stamps for a
#: patient. Python's own 5 ms, at each of its answers from the database, made that patient wait six times longer.
SWITCH_SECONDS = 0.0005


def add_arguments(parser: argparse.ArgumentParser) -> None:
    # Of the worker that starts it: see `ops.aside`.
    parser.add_argument("--aside", type=int, metavar="PID", default=0, help=argparse.SUPPRESS)
    parser.add_argument("--concurrency", type=int, default=CONCURRENCY, help=f"trabajos a la vez ({CONCURRENCY})")


def run(options: argparse.Namespace) -> int:
    """Work until SIGTERM or Ctrl-C; jobs in course have ten seconds to end."""
    if options.aside:
        aside.be(options.aside)
    orphans.close_memory()
    ground.prepare()
    os.environ["EMITE_PROCESS"] = "worker"
    ground.confirm_keys(keyfiles.NAMES)
    ground.refuse_half_restored()
    ground.set_up_django()
    if not options.aside:
        ground.wait_until_it_writes()
    if options.aside:
        aside.end_when_idle()
        asyncio.run(_work(aside.CONCURRENCY, waking.ASIDE))
        return 0
    sys.setswitchinterval(SWITCH_SECONDS)
    stop = threading.Event()
    sweeper = threading.Thread(target=_sweep_until, args=(stop,), name="sweep", daemon=True)
    sweeper.start()
    try:
        asyncio.run(_work(options.concurrency, DEFAULT_QUEUE))
    finally:
        stop.set()
        sweeper.join(aside.STOP_SECONDS + 2)
    return 0


async def _work(concurrency: int, queue: str) -> None:
    from procrastinate.contrib.django import app

    import emite.ops.driving  # noqa: F401 - registers the jobs

    # Another app for the loop; the global one keeps Django's connector, so that a job defers in its row's transaction.
    worker = app.with_connector(app.connector.get_worker_connector())  # type: ignore[attr-defined]
    async with worker.open_async():
        await worker.run_worker_async(
            queues=[queue],
            concurrency=concurrency,
            fetch_job_polling_interval=1.0,
            shutdown_graceful_timeout=10,
            delete_jobs="successful",
            name=f"emite-{os.getpid()}",
        )


def _sweep_until(stop: threading.Event) -> None:
    import structlog
    from django.db import connections

    from emite.ops import driving, housekeeping

    log = structlog.get_logger(__name__)
    next_cleaning = time.monotonic()
    beside = aside.Aside()
    while not stop.is_set():
        try:
            driving.sweep_once()
            if time.monotonic() >= next_cleaning:
                housekeeping.clean_up()
                next_cleaning = time.monotonic() + HOUSEKEEPING_SECONDS
        except Exception:  # the sweep is the guarantee: it must outlive any one failure, and says it
            log.exception("sweep_failed")
        for _ in range(driving.SWEEP_SECONDS):
            try:
                beside.tend()
            except Exception:
                log.exception("aside_failed")
            if stop.wait(1):
                break
    beside.stop()
    connections.close_all()

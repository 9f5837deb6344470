"""The demo's own processes for a benchmark, in a folder that goes with them, and one RSA signature as the floor."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emite.ops.seeding import World

START_SECONDS = 120
PATIENT = {
    "rfc": "XOJI740919U48", "nombre": "INGRID XODAR JIMENEZ", "domicilio_fiscal": "76028",
    "regimen_fiscal": "605", "uso_cfdi": "D01", "email": "",
}  # fmt: skip


@contextmanager
def demo() -> Iterator[tuple[str, int]]:
    """Its address and the id of the process above all of its own; stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="emite-bench-", dir="/tmp"))
    os.environ["EMITE_DATA"] = str(folder)
    from emite.ops.demo import free_port

    port, log = free_port(), folder / "demo.log"
    with log.open("wb") as written:
        command = [sys.executable, "-m", "emite", "demo", "--port", str(port)]
        process = subprocess.Popen(command, stdout=written, stderr=written, stdin=subprocess.DEVNULL)
    try:
        _await(log, process)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _await(log: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while "Ctrl-C lo detiene todo" not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(log.read_text())
        time.sleep(0.1)


def world() -> World:
    """The demo's hospital. Sets Django up in this process."""
    from emite.ops import ground

    ground.set_up_django()
    from emite.accounts.models import User
    from emite.charges.models import CashRegister
    from emite.issuers.models import Issuer
    from emite.ops import seeding
    from emite.organizations.models import Organization

    hospital = Organization.objects.get(slug=seeding.SLUG)
    person = User.objects.get(email=seeding.PEOPLE[2][0])
    of = {"organization": hospital}
    return seeding.World(
        hospital, Issuer.objects.get(**of), CashRegister.objects.get(name="Caja 1", **of), person, person
    )


def ticket(hospital: World) -> tuple[object, str]:
    """A paid charge of now: its key, and the code of its ticket."""
    from emite.charges.charging import code_of
    from emite.ops import seeding

    charge = seeding.paid_remision(hospital, now=dt.datetime.now(dt.UTC))
    return charge.pk, code_of(charge)


def signature() -> float:
    """Milliseconds of one RSA-2048 signature here and now: the floor of a seal."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    key = rsa.generate_private_key(65537, 2048)
    times = []
    for _ in range(300):
        started = time.perf_counter()
        key.sign(b"x" * 800, padding.PKCS1v15(), hashes.SHA256())
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)

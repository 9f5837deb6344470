"""The patient's click, from the button to the stamp, in one run: web, worker and sandbox PAC as real processes.

    python -m benchmarks.road [CLICKS]

Prints the answer of the web (draft checked and committed with its job), the seal and the stamp, beside one RSA
signature of the same run (the floor of any seal) and the targets of the project.
"""

from __future__ import annotations

import http.client
import statistics
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from benchmarks.report import Row, keep
from benchmarks.serving import PATIENT, demo, signature, ticket, world

if TYPE_CHECKING:
    from emite.ops.seeding import World

#: name: (p50, p99) in milliseconds
TARGETS = {"web": (5.0, 15.0), "sellada": (25.0, None), "timbrada": (60.0, None)}

SAID = {"web": "draft and job committed", "sellada": "sealed", "timbrada": "stamped"}
#: The first clicks warm pools and caches.
WARMING = 10
#: MiB
MEMORY = {"emite web": 130.0, "emite work": 130.0, "PSS total": 450.0}


def main(clicks: int = 200) -> int:
    with demo() as (site, root):
        world()
        before = _disk()
        figures = _measure(site, clicks)
        grown = (_disk() - before) / (clicks + WARMING)
        memory = _memory(root)
    _print(figures, memory, clicks)
    print(f"{'disk per invoice':<20}{grown / 1024:>9.1f} KiB, its charge, payment, XML, log and their indexes included")
    return 0


def _measure(site: str, clicks: int) -> dict[str, list[float]]:
    hospital = world()
    figures: dict[str, list[float]] = {"web": [], "sellada": [], "timbrada": []}
    for number in range(clicks + WARMING):
        spent = click_of(site, hospital)
        if number >= WARMING:
            for name, milliseconds in spent.items():
                figures[name].append(milliseconds)
    return figures


def click_of(site: str, hospital: World) -> dict[str, float]:
    """Milliseconds from the button of one patient with a new ticket to the answer, the seal and the stamp."""
    from emite.documents.models import DocumentEvent, FiscalDocument
    from emite.ops import seeding
    from emite.ops.visiting import Visitor

    charge, code = ticket(hospital)
    visitor = Visitor(site)
    visitor.get(f"/q/{seeding.SLUG}/{code}")
    form = visitor.get(f"/f/{seeding.SLUG}/datos/")
    web, clicked = _click(visitor, form, site)
    moments = _moments(FiscalDocument.objects.get(allocations__charge=charge).pk, DocumentEvent)
    return {"web": web} | {
        name: (moments[what] - clicked) * 1000 for name, what in (("sellada", "sealed"), ("timbrada", "stamped"))
    }


def _click(visitor: object, page: object, site: str) -> tuple[float, float]:
    """Milliseconds of the answer to the button, and when it was pressed (Unix seconds)."""
    form = page.form("rfc")  # type: ignore[attr-defined]
    fields = [(name, value) for name, value in form.form_values() if name not in PATIENT] + list(PATIENT.items())
    jar = next(h for h in visitor._opener.handlers if hasattr(h, "cookiejar")).cookiejar  # type: ignore[attr-defined]
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)
    address = urlsplit(page.url)  # type: ignore[attr-defined]
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    connection.connect()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookies, "Origin": site}
    clicked, started = time.time(), time.perf_counter()
    connection.request("POST", address.path, urlencode(fields), headers)
    answer = connection.getresponse()
    answer.read()
    spent = (time.perf_counter() - started) * 1000
    connection.close()
    if answer.status != 303:
        raise SystemExit(f"the form was not accepted: {answer.status}")
    return spent, clicked


def _moments(pk: object, events: object) -> dict[str, float]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        rows = dict(events.objects.filter(document_id=pk).values_list("what", "at"))  # type: ignore[attr-defined]
        if "stamped" in rows:
            return {what: at.timestamp() for what, at in rows.items()}
        time.sleep(0.005)
    raise SystemExit("the invoice was not stamped in 20 s")


def _disk() -> int:
    """Bytes of the database's files."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


def _memory(root: int) -> dict[str, float]:
    """MiB of each process of the demo: RSS, and PSS of all together."""
    import psutil

    total, found = 0.0, {}
    for process in [psutil.Process(root), *psutil.Process(root).children(recursive=True)]:
        try:
            memory = process.memory_full_info()
            words = " ".join(process.cmdline())
        except psutil.Error:
            continue
        total += memory.pss
        for name in ("emite web", "emite work", "emite sandbox-pac"):
            if name in words or name.replace("emite ", "-m emite ") in words:
                found[name] = max(found.get(name, 0.0), memory.rss / 2**20)
    return {**found, "PSS total": total / 2**20}


def _print(figures: dict[str, list[float]], memory: dict[str, float], clicks: int) -> None:
    floor = signature()
    print(f"{clicks} clicks, one at a time; one RSA signature of this run: {floor:.2f} ms")
    print(f"{'from the click to':<20}{'p50 ms':>9}{'p99 ms':>9}{'in RSA':>9}   target")
    for name, values in figures.items():
        ordered = sorted(values)
        p50, p99 = statistics.median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
        target = TARGETS[name]
        keep(Row(f"click to {SAID[name]}, p50", p50, "ms", target[0], floor, "one RSA signature"))
        if target[1]:
            keep(Row(f"click to {SAID[name]}, p99", p99, "ms", target[1], floor, "one RSA signature"))
        words = f"p50 <= {target[0]:g}" + (f", p99 <= {target[1]:g}" if target[1] else "")
        print(f"{name:<20}{p50:>9.1f}{p99:>9.1f}{p50 / floor:>9.1f}   {words}")
    for name, value in memory.items():
        print(f"{name:<20}{value:>9.0f} MiB")
        if name in MEMORY:
            keep(Row(f"memory, {name}", value, "MiB", MEMORY[name]))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))

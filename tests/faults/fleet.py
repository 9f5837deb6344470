"""Several web servers and workers on one database behind a proxy, as on machines of their own, and kills among them.

Each has its own data folder and its own copy of the keys (the web ones without the worker's); they share the
database alone. People ask for their invoices through the proxy while one after another dies by SIGKILL, its children
too, and comes back.
"""

from __future__ import annotations

import http.client
import os
import queue
import random
import select
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from emite.documents.models import UNSETTLED, FiscalDocument
from emite.issuers.models import PacAccount
from emite.ops.demo import free_port
from emite.ops.run import listens
from emite.ops.visiting import Lost, Page, Visitor
from emite.vault import keyfiles
from tests import make
from tests.concurrency.web import database_line
from tests.faults import harness
from tests.pac.sandbox import RunningSandbox

PATIENT = {
    "rfc": "XOJI740919U48", "nombre": "INGRID XODAR JIMENEZ", "domicilio_fiscal": "76028", "regimen_fiscal": "605",
    "uso_cfdi": "D01",
}  # fmt: skip
START_SECONDS, REST_SECONDS, SETTLE_SECONDS, PATIENCE_SECONDS = 60.0, 0.5, 120.0, 90.0


@dataclass
class Node:
    """One machine: a web server on a port, or a worker."""

    kind: str
    folder: Path
    environment: dict[str, str]
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        web = ["emite", "web", "--port", str(self.port), "--workers", "1"]
        with (self.folder / "said.log").open("ab") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *(web if self.kind == "web" else ["tests.faults.node"])], env=self.environment,
                stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        """The machine loses its power: nobody in it says goodbye."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def await_start(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self.kind == "web" and not listens("127.0.0.1", self.port):
            assert self.process is not None
            said = (self.folder / "said.log").read_text()[-2000:]
            assert self.process.poll() is None, f"a web server ended while starting: {said}"
            assert time.monotonic() < deadline, f"a web server did not start: {said}"
            time.sleep(0.05)


class Proxy(socketserver.ThreadingTCPServer):
    """Each connection to the next web server that takes it."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, ports: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), Passage)
        self.ports = ports
        self._turn = 0

    def upstream(self) -> socket.socket | None:
        for _ in self.ports:
            self._turn += 1
            with suppress(OSError):
                return socket.create_connection(("127.0.0.1", self.ports[self._turn % len(self.ports)]), timeout=2)
        return None


class Passage(socketserver.BaseRequestHandler):
    """Bytes both ways until either side ends."""

    def handle(self) -> None:
        assert isinstance(self.server, Proxy)
        upstream = self.server.upstream()
        if upstream is None:
            return
        with upstream:
            ends = {self.request: upstream, upstream: self.request}
            with suppress(OSError):
                while True:
                    for end in select.select(list(ends), [], [])[0]:
                        data = end.recv(65536)
                        if not data:
                            return
                        ends[end].sendall(data)


@dataclass
class Seen:
    """What people met."""

    again: int = 0
    """Pages that did not come and were asked for again."""
    longest: float = 0.0
    """Seconds from the code to the page of the invoice, for whoever waited longest."""
    wrong: list[str] = field(default_factory=list)


def run(
    sandbox: RunningSandbox,
    hospital: make.Hospital,
    *,
    web: int,
    workers: int,
    kills: int,
    charges: int,
    people: int,
    seed: int,
    folder: Path,
) -> tuple[harness.Report, Seen]:
    """Kill while people come, let what is left settle, compare with the PAC's own list."""  # fmt: skip
    PacAccount.objects.filter(pk=hospital.pac_account.pk).update(
        visible_after=harness.VISIBLE_AFTER, max_processing=harness.MAX_PROCESSING
    )
    codes: queue.SimpleQueue[str] = queue.SimpleQueue()
    for _ in range(charges):
        codes.put(make.code(make.paid_charge(hospital)))
    report, seen = harness.Report(sandbox.dedup, charges), Seen()
    sandbox.control("faults", faults=harness.STAMP_FAULTS, op="stamp", seed=seed)
    started = time.monotonic()
    with _standing(sandbox, folder, web, workers) as (site, nodes):
        threads = [threading.Thread(target=_come, args=(site, hospital, codes, seen)) for _ in range(people)]
        for thread in threads:
            thread.start()
        dice = random.Random(seed)
        while report.killed < kills:
            kind = ("web", "worker")[report.killed % 2]
            _kill(dice.choice([node for node in nodes if node.kind == kind]), report)
            time.sleep(REST_SECONDS)
        for thread in threads:
            thread.join(START_SECONDS + PATIENCE_SECONDS * charges / people)
            assert not thread.is_alive(), "somebody is still waiting"
        report.faults = sum(sandbox.stats()["faults"].values())
        sandbox.behave()
        _settle(hospital)
    report.seconds = time.monotonic() - started
    harness.count(sandbox, hospital, report)
    return report, seen


def _kill(node: Node, report: harness.Report) -> None:
    node.kill()
    report.kills[node.kind] += 1
    time.sleep(REST_SECONDS)
    node.start()
    node.await_start()


def _come(site: str, hospital: make.Hospital, codes: queue.SimpleQueue[str], seen: Seen) -> None:
    """One after another with their tickets, until there is none left."""
    while True:
        try:
            code = codes.get_nowait()
        except queue.Empty:
            return
        visitor, began = Visitor(site, timeout=20), time.monotonic()
        while True:
            try:
                page = _ask(visitor, hospital.organization.slug, code)
            except (OSError, http.client.HTTPException):
                seen.again += 1
                if time.monotonic() - began > PATIENCE_SECONDS:
                    seen.wrong.append(f"{code[:4]}…: nobody answered")
                    break
                time.sleep(0.2)
                continue
            if not page.url.endswith("/factura/"):
                seen.wrong.append(f"{page.status} {page.url}: {page.text[:200]}")
            seen.longest = max(seen.longest, time.monotonic() - began)
            break


def _ask(visitor: Visitor, slug: str, code: str) -> Page:
    page = visitor.get(f"/q/{slug}/{code}")
    if page.url.endswith("/factura/"):
        return page  # it was taken before its page was lost
    page = visitor.get(f"/f/{slug}/datos/")
    if page.url.endswith("/factura/"):
        return page
    try:
        return visitor.submit(page, PATIENT, has="rfc")
    except Lost as lost:
        raise ConnectionError(str(lost)) from lost  # half a page: its server died while it wrote


def _settle(hospital: make.Hospital) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    waiting = FiscalDocument.objects.filter(organization=hospital.organization, state__in=UNSETTLED)
    while waiting.exists() and time.monotonic() < deadline:
        time.sleep(0.2)


@contextmanager
def _standing(sandbox: RunningSandbox, folder: Path, web: int, workers: int) -> Iterator[tuple[str, list[Node]]]:
    ports = [free_port() for _ in range(web)]
    with ExitStack() as stack:
        proxy = stack.enter_context(Proxy(ports))
        site = f"http://127.0.0.1:{proxy.server_address[1]}"
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        stack.callback(proxy.shutdown)
        nodes = [_node("web", folder / f"web{n}", sandbox, site, port) for n, port in enumerate(ports)]
        nodes += [_node("worker", folder / f"worker{n}", sandbox, site) for n in range(workers)]
        for node in nodes:
            node.start()
            stack.callback(node.kill)
        for node in nodes:
            node.await_start()
        yield site, nodes


def _node(kind: str, folder: Path, sandbox: RunningSandbox, site: str, port: int = 0) -> Node:
    folder.mkdir(parents=True)
    shutil.copytree(sandbox.trust_dir, folder / "sandbox" / "authority")
    keys = keyfiles.keys_folder()
    shutil.copytree(keys / "app", folder / "keys" / "app")
    if kind == "worker":
        shutil.copytree(keys / "worker", folder / "keys" / "worker")
    environment = {**os.environ, "EMITE_DATA": str(folder), "DATABASE_URL": database_line(), "EMITE_URL": site}
    environment.pop("EMITE_KEYS", None)
    return Node(kind, folder, environment, port)

"""Patients at the portal: pages a second of one web process, and how long each waits when a hundred come at once.

    python -m benchmarks.portal [USERS] [SECONDS]

The demo's own processes serve (Granian, one web process, worker, sandbox PAC), and the visitors run beside them on the
same machine, so what they take is missing there. First each page alone, from a few connections that never pause; then
USERS people who look at each page for about a second and each ask for their invoice.
"""

from __future__ import annotations

import http.client
import random
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

from benchmarks.report import Row, keep
from benchmarks.serving import PATIENT, demo, signature, ticket, world

CONNECTIONS, PAGE_SECONDS, LOOK_SECONDS = 8, 3.0, 1.0
TARGET_PAGES, TARGET_P95 = 900, 300.0
PAGES = {"code": "", "charge": "cargo/", "data": "datos/"}

Times = dict[str, list[float]]


class Person:
    """One connection with its cookies; knows only what a load needs."""

    def __init__(self, site: str, slug: str) -> None:
        address = urlsplit(site)
        self.site, self.slug, self.cookies = site, slug, dict[str, str]()
        self.connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)

    def ask(self, path: str, fields: dict[str, str] | None = None) -> tuple[int, bytes, float]:
        """Status, body and milliseconds."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        body = None
        if fields is not None:
            body = urlencode(fields)
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.site}
        started = time.perf_counter()
        self.connection.request("GET" if body is None else "POST", path, body, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        spent = (time.perf_counter() - started) * 1000
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer.status, content, spent

    def enter(self, code: str) -> None:
        status, _, _ = self.ask(f"/q/{self.slug}/{code}")
        if status != 303:
            raise SystemExit(f"the code was not taken: {status}")

    def page(self, name: str) -> float:
        status, _, spent = self.ask(f"/f/{self.slug}/{PAGES[name]}")
        if status != 200:
            raise SystemExit(f"{name}: {status}")
        return spent

    def click(self) -> float:
        """The form of fiscal data, filled and sent; only the answer to the button is timed."""
        from lxml import html

        address = f"/f/{self.slug}/datos/"
        form = next(one for one in html.fromstring(self.ask(address)[1]).forms if "rfc" in one.fields)
        status, _, spent = self.ask(address, {**dict(form.form_values()), **PATIENT})
        if status != 303:
            raise SystemExit(f"the form was not accepted: {status}")
        return spent


def main(users: int = 100, seconds: float = 20) -> int:
    with demo() as (site, _):
        _measure(site, users, seconds)
    return 0


def _measure(site: str, users: int, seconds: float) -> None:
    hospital = world()
    codes = [ticket(hospital)[1] for _ in range(users)]
    floor = signature()
    print(f"one web process; one RSA signature of this run: {floor:.2f} ms")
    aim = TARGET_PAGES * 0.28 / 1000
    for name in PAGES:
        people = [_entered(site, codes[0]) for _ in range(CONNECTIONS)]
        found: Times = {}
        spent = _together([_hurrying(person, name, found) for person in people])
        times = found[name]
        rate = len(times) / spent
        keep(Row(f"portal, {name}", rate, "1/s", aim * 1000 / floor, 1000 / floor, "one RSA signature", at_least=True))
        print(f"{name:8} {rate:7.0f} pages/s   {_words(times)}   {rate * floor / 1000:.2f} in the time of a signature")
    print(f"target   {TARGET_PAGES:7} pages/s where a signature takes 0.28 ms: {aim:.2f} in the time of one")
    found = {}
    people = [_entered(site, code) for code in codes]
    spent = _together([_looking(person, found, seconds) for person in people])
    total = sum(map(len, found.values()))
    print(f"{users} people, {LOOK_SECONDS:g} s at each page: {total / spent:.0f} requests/s (p95 <= {TARGET_P95:g} ms)")
    everything = sorted(spent for times in found.values() for spent in times)
    late = everything[min(len(everything) - 1, int(len(everything) * 0.95))]
    keep(Row(f"{users} people at the portal, p95", late, "ms", TARGET_P95))
    for name in [*PAGES, "click"]:
        print(f"{name:8} {len(found[name]):7} times     {_words(found[name])}")


def _entered(site: str, code: str) -> Person:
    from emite.ops.seeding import SLUG

    person = Person(site, SLUG)
    person.enter(code)
    return person


def _hurrying(person: Person, name: str, found: Times) -> Iterator[None]:
    until = time.monotonic() + PAGE_SECONDS
    while time.monotonic() < until:
        found.setdefault(name, []).append(person.page(name))
        yield


def _looking(person: Person, found: Times, seconds: float) -> Iterator[None]:
    chance = random.Random(person.connection.port)
    until = time.monotonic() + seconds
    click_at = time.monotonic() + seconds * random.random() * 0.8
    time.sleep(random.random() * LOOK_SECONDS)
    while time.monotonic() < click_at:
        name = chance.choice(list(PAGES))
        found.setdefault(name, []).append(person.page(name))
        time.sleep(LOOK_SECONDS * (0.5 + random.random()))
        yield
    found.setdefault("click", []).append(person.click())
    while time.monotonic() < until:  # the invoice is asked for: whoever waits looks at the first page
        found.setdefault("code", []).append(person.page("code"))
        time.sleep(LOOK_SECONDS * (0.5 + random.random()))
        yield


def _together(works: list[Iterator[None]]) -> float:
    """Everybody at once; the seconds it took. What goes wrong in one of them is raised."""
    wrong: list[BaseException] = []

    def run(work: Iterator[None]) -> None:
        try:
            for _ in work:
                pass
        except BaseException as error:  # noqa: BLE001 - said below, by the thread that prints
            wrong.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise wrong[0]
    return time.perf_counter() - started


def _words(times: list[float]) -> str:
    ordered = sorted(times)
    late = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"p50 {statistics.median(ordered):6.1f} ms   p95 {late:6.1f} ms"


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:3])))

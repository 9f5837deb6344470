"""SW's datawarehouse: its search by dates, and a stamped CFDI by its folio fiscal.

Sources: the tests of lunasoft/sw-sdk-python (windows of up to 30 days, empty beyond) and the records of its other
libraries (docs/operacion/pac.md). Not here: sessions (swsapien.py), what a found CFDI proves (seals.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from emite.pac import reading
from emite.pac.http import Answer, NoAnswer, Transport, plain
from emite.pac.port import Evidence, FetchAnswer, Fetched, ListAnswer, Listed, ListedStamp, NotListed, NotSent, Unknown
from emite.pac.reach import Reach

LIVE: Final = "/datawarehouse/v1/live/"
#: Its days are taken for local ones: one more is asked of each side.
_MORE: Final = timedelta(days=1)
_LONGEST: Final = timedelta(days=26)
MOST_PAGES: Final = 40
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")

Get = Callable[[str], Answer | NoAnswer | NotSent]
"""One authorised GET of a path."""


def listing(get: Get, rfc: str, since: datetime, until: datetime, *, most_pages: int = MOST_PAGES) -> ListAnswer:
    """Every stamp of the issuer, window after window and page after page; NotListed when one of them is missing."""
    stamps: dict[str, ListedStamp] = {}
    start, pages = since, 0
    while True:
        end = min(until, start + _LONGEST)
        number, count = 1, 1
        while number <= count:
            pages += 1
            path = f"{LIVE}?startDate={start - _MORE:%Y-%m-%d}&endDate={end + _MORE:%Y-%m-%d}&page={number}"
            answer = get(path)
            if not isinstance(answer, Answer):
                return NotListed(*_unanswered(answer))
            evidence = reading.evidence(answer, None)
            data = _data(answer)
            records, count = data.get("records"), _pages(data)
            if not isinstance(records, list) or pages > most_pages:
                return NotListed("el PAC no dio la lista completa", evidence)
            found = [each for each in map(_record, records) if each is not None and each[0] == rfc]
            stamps |= {stamp.uuid: stamp for _, stamp in found}
            number += 1
        if end >= until:
            return Listed(tuple(stamps.values()), evidence)
        start = end


def fetch(get: Get, transport: Transport, uuid: str, *, link: str = "urlXml") -> FetchAnswer:
    """The CFDI (or its acuse of cancellation) behind the link that the datawarehouse gives: on this very server, or on
    the Internet over TLS."""
    if not _UUID.fullmatch(uuid):
        return Unknown("no es un folio fiscal", Evidence(None, None, b"", None, 0))
    answer = get(f"{LIVE}{uuid}")
    if not isinstance(answer, Answer):
        return Unknown(*_unanswered(answer))
    evidence = reading.evidence(answer, None)
    records = _data(answer).get("records")
    first = records[0] if isinstance(records, list) and records else None
    given = first.get(link) if isinstance(first, dict) else None
    if not isinstance(given, str) or not given.isascii() or not given.isprintable():
        return Unknown("el PAC no dio ese folio fiscal", evidence)
    parts = urlsplit(given)
    base = f"{parts.scheme}://{parts.netloc}"
    try:
        own = base == transport.base_url.rstrip("/")
        there = transport if own else Transport(base, transport.timeouts, Reach(local=frozenset()))
    except ValueError:
        return Unknown("la liga del XML no se puede usar", evidence)
    kept = there.call("GET", given[len(base) :])
    if not isinstance(kept, Answer) or kept.status != 200 or not kept.body.startswith(b"<"):
        return Unknown("no se pudo descargar el XML del PAC", evidence)
    return Fetched(kept.body, reading.evidence(kept, None))


def _unanswered(answer: NoAnswer | NotSent) -> tuple[str, Any]:
    if isinstance(answer, NotSent):
        return answer.reason, answer.evidence
    return f"sin respuesta completa del PAC ({answer.reason})", reading.evidence(answer, None)


def _data(answer: Answer) -> dict[str, Any]:
    data = reading.json_object(answer).get("data") if answer.status == 200 else None
    return data if isinstance(data, dict) else {}


def _pages(data: dict[str, Any]) -> int:
    meta = data.get("metaData")
    told = str(meta.get("pageCount", 1)) if isinstance(meta, dict) else "1"
    return int(told) if told.isdigit() and len(told) < 6 else 1


def _record(each: object) -> tuple[str, ListedStamp] | None:
    if not isinstance(each, dict) or not isinstance(each.get("uuid"), str):
        return None
    serie, folio = (plain(str(each.get(name) or ""), 40) for name in ("serie", "folio"))
    return str(each.get("emisorRfc")), ListedStamp(plain(each["uuid"], 40).upper(), serie, folio)

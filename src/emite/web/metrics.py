"""/metrics in Prometheus' text format: what this web server answered and how fast, and the installation's gauges.

Off, and free, until EMITE_METRICS_TOKEN says who may read it; without that word the address does not exist. Requests
are told by the name of their route, never by their path, which may carry a ticket's code. The processes of one server
count together in a folder of their own (PROMETHEUS_MULTIPROC_DIR, made by `emite web`).
"""

from __future__ import annotations

import datetime as dt
import hmac
import os
import threading
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.db import DatabaseError, connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from emite import __version__
from emite.database import tenancy

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram

    from emite.reports.gauges import Gauge

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
#: From a page in a few milliseconds to a patient who has given up.
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
#: The gauges are read at most so often, however many monitors ask.
KEEP: Final = dt.timedelta(seconds=5)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_read: tuple[dt.datetime, list[Gauge]] | None = None
_reading = threading.Lock()


def is_asked(path: str) -> bool:
    """Whether this address is the metrics', in an installation that has them."""
    return path == "/metrics" and bool(settings.EMITE_METRICS_TOKEN)


def may_read(authorization: str) -> bool:
    """Whether the header carries the monitor's word."""
    given = authorization.removeprefix("Bearer ").encode()
    return hmac.compare_digest(given, settings.EMITE_METRICS_TOKEN.encode())


def exposition() -> bytes:
    """The page. While the database is away it says so and shows what the processes counted."""
    from prometheus_client import REGISTRY, CollectorRegistry, generate_latest, multiprocess

    if _FOLDER in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry = REGISTRY
    own = CollectorRegistry()
    own.register(_Installation())
    return generate_latest(registry) + generate_latest(own)


class MetricsMiddleware:
    """Counts each answer and its time. Outermost, so that nothing of the road is left out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not settings.EMITE_METRICS_TOKEN:
            raise MiddlewareNotUsed
        self.get_response = get_response
        self._answers, self._seconds = _counters()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        route = (match.view_name if match else "") or "none"
        method = request.method if request.method in _METHODS else "other"
        self._answers.labels(route, method, str(response.status_code)).inc()
        self._seconds.labels(route).observe(time.perf_counter() - started)
        return response


@cache
def _counters() -> tuple[Counter, Histogram]:
    """Made once a process, when its folder is known."""
    from prometheus_client import Counter, Histogram

    return (
        Counter("emite_requests", "Requests answered.", ["route", "method", "status"]),
        Histogram("emite_request_seconds", "Time to the answer.", ["route"], buckets=BUCKETS),
    )


class _Installation:
    """The installation's gauges as Prometheus' collector."""

    def collect(self) -> Iterable[Any]:
        from prometheus_client.core import GaugeMetricFamily

        found, answers = _gauges()
        yield _one("emite_database_up", "1 when the database answered this look.", float(answers))
        build = GaugeMetricFamily("emite_build", "The version that runs.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        families: dict[str, Any] = {}
        for each in found:
            names = [name for name, _ in each.labels]
            family = families.setdefault(each.name, GaugeMetricFamily(f"emite_{each.name}", each.help, labels=names))
            family.add_metric([value for _, value in each.labels], each.value)
        yield from families.values()


def _one(name: str, text: str, value: float) -> Any:
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(name, text, value=value)


def _gauges() -> tuple[list[Gauge], bool]:
    """Those of the last seconds, or read now; nothing and False while the database is away."""
    from emite.reports import gauges  # its tables exist once Django is set up, which is after this door is made

    global _read
    now = timezone.now()
    with _reading:
        if _read and now - _read[0] < KEEP:
            return _read[1], True
        try:
            with tenancy.everybody():
                found = gauges.read(now)
        except DatabaseError:
            return [], False
        finally:
            connection.close_if_unusable_or_obsolete()
        _read = (now, found)
        return found, True

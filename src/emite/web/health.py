"""/livez, /readyz and /metrics, for whoever watches over the processes: before Django, without session or log line.

`/livez` says that this process answers. `/readyz` that it can serve: its database answers, the tables are those of this
version, and the keys that the web uses can be read; with a database that only lets itself be read it says so, and still
serves what can be looked at. What `/metrics` shows is in `metrics`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db import DatabaseError, connection

from emite.database import migrating, standby
from emite.database.trouble import Trouble
from emite.vault import keyfiles
from emite.web import metrics

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

_PLAIN = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
_METRICS = [("Content-Type", "text/plain; version=0.0.4; charset=utf-8"), ("Cache-Control", "no-store")]
_up_to_date = False

FINE, ONLY_READS = "bien", "solo lectura"


def before(application: Application) -> Application:
    """The application, with the three addresses in front of it."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        fine = FINE
        match environ.get("PATH_INFO"):
            case "/livez":
                wrong = ""
            case "/readyz":
                wrong, fine = look()
            case str(path) if metrics.is_asked(path) and metrics.may_read(environ.get("HTTP_AUTHORIZATION", "")):
                start_response("200 OK", _METRICS)
                return [metrics.exposition()]
            case _:
                return application(environ, start_response)
        start_response("503 Service Unavailable" if wrong else "200 OK", _PLAIN)
        return [f"{wrong or fine}\n".encode()]

    return answer


def look() -> tuple[str, str]:
    """Why this process cannot serve now, in words for its operator ("" when it can), and how well it can."""
    global _up_to_date
    fine = FINE
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if standby.only_reads(connection.connection):
            fine = ONLY_READS
        if not _up_to_date:  # asked until it is so: nobody takes a migration back from under a running version
            if migrating.pending():
                return "Las tablas están atrasadas: emite migrate", ""
            _up_to_date = True
        for name in keyfiles.NAMES:
            if name.startswith("app/"):
                keyfiles.ring(name)
    except DatabaseError:
        return "La base de datos no responde", ""
    except Trouble as trouble:
        return str(trouble), ""
    finally:
        connection.close_if_unusable_or_obsolete()
    return "", fine

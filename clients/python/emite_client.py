"""A small client of emite's API: one file, the standard library only. Copy it into your system.

Every POST carries an Idempotency-Key, so that trying again after a cut never charges twice. Money is Decimal or text,
never float. What each call takes and gives is said in `/api/v1/docs` of your installation.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

#: Worth trying again with the same key: somebody else is serving it, too many at once, or out of line.
_AGAIN = {409: {"in_flight"}, 429: {"too_many_requests"}, 502: None, 503: None, 504: None}
UNSETTLED = {"draft", "sealed", "sending", "unknown", "held"}


class EmiteError(Exception):
    """A refusal: `status`, the stable `code`, `detail` in Spanish and `errors` with field, code and message."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status, self.problem = status, dict(problem)
        self.code: str = problem.get("code", "")
        self.detail: str = problem.get("detail", "")
        self.errors: list[dict[str, str]] = list(problem.get("errors", []))
        super().__init__(f"{status} {self.code}: {self.detail}")


class Unreachable(Exception):
    """No answer after every try. Repeating the call with the same `key` is safe."""


class Emite:
    """One installation and one key."""

    def __init__(self, url: str, token: str, *, timeout: float = 30.0, tries: int = 5, pause: float = 0.5) -> None:
        self.url, self.token = url.rstrip("/") + "/api/v1", token
        self.timeout, self.tries, self.pause = timeout, tries, pause

    def me(self) -> Any:
        """Whose key this is and what it may do."""
        return self._json("GET", "/me")

    def create_charge(self, charge: Mapping[str, Any], *, key: str | None = None) -> Any:
        """A remisión with its folio, code, link and QR."""
        return self._json("POST", "/charges", charge, key)

    def create_charges(self, charges: Sequence[Mapping[str, Any]], *, key: str | None = None) -> Any:
        """Up to 1,000 remisiones; each result is `created` or `refused` with its problem."""
        return self._json("POST", "/charges/batch", {"charges": list(charges)}, key)

    def charge(self, pk: str) -> Any:
        """A remisión as it is now."""
        return self._json("GET", f"/charges/{pk}")

    def charges(self, **filters: Any) -> Iterator[Any]:
        """Every remisión that fits, the newest first, page after page."""
        return self._pages("/charges", filters)

    def pay(self, pk: str, parts: Sequence[Mapping[str, Any]], *, key: str | None = None, **more: Any) -> Any:
        """A payment in one or several forms."""
        return self._json("POST", f"/charges/{pk}/payments", {"parts": list(parts), **more}, key)

    def void(self, pk: str, reason: str, *, key: str | None = None) -> Any:
        """Cancel a remisión without payments nor invoice."""
        return self._json("POST", f"/charges/{pk}/void", {"reason": reason}, key)

    def qr_png(self, pk: str, px: int = 400) -> bytes:
        """The QR to print on a ticket of your own."""
        return self._call("GET", f"/charges/{pk}/qr.png?px={px}")

    def ticket_pdf(self, pk: str, paper: str = "80mm") -> bytes:
        """The ticket as the desk prints it; paper: 80mm or letter."""
        return self._call("GET", f"/charges/{pk}/ticket.pdf?paper={paper}")

    def ask_invoice(self, pk: str, receptor: Mapping[str, str], *, key: str | None = None, **more: Any) -> Any:
        """Ask for the invoice of a paid remisión; it is stamped afterwards."""
        return self._json("POST", f"/charges/{pk}/invoice", {"receptor": dict(receptor), **more}, key)

    def invoice(self, pk: str) -> Any:
        """The state of an invoice."""
        return self._json("GET", f"/invoices/{pk}")

    def invoices(self, **filters: Any) -> Iterator[Any]:
        """Every invoice that fits, the newest first."""
        return self._pages("/invoices", filters)

    def wait_invoice(self, pk: str, *, seconds: float = 60.0) -> Any:
        """The invoice once it is settled, or as it is after `seconds`. Webhooks tell the same without asking."""
        stop = time.monotonic() + seconds
        while True:
            found = self.invoice(pk)
            if found["settled"] or time.monotonic() >= stop:
                return found
            time.sleep(self.pause)

    def create_service(self, service: Mapping[str, Any], *, key: str | None = None) -> Any:
        """A service that a practice rendered, with the patient's part and the payer's."""
        return self._json("POST", "/services", service, key)

    def create_services(self, services: Sequence[Mapping[str, Any]], *, key: str | None = None) -> Any:
        """Up to 1,000 services; each result is `created` or `refused` with its problem."""
        return self._json("POST", "/services/batch", {"services": list(services)}, key)

    def services(self, **filters: Any) -> Iterator[Any]:
        """Every service that fits, the last registered first, page after page."""
        return self._pages("/services", filters)

    def void_service(self, pk: str, reason: str, *, key: str | None = None) -> Any:
        """Annul a service that no invoice has and whose copay nobody paid."""
        return self._json("POST", f"/services/{pk}/void", {"reason": reason}, key)

    def book(self, appointment: Mapping[str, Any], *, key: str | None = None) -> Any:
        """An appointment, checked as the service that it will be. `at` carries its zone."""
        return self._json("POST", "/appointments", appointment, key)

    def book_many(self, appointments: Sequence[Mapping[str, Any]], *, key: str | None = None) -> Any:
        """Up to 1,000 appointments; each result is `created` or `refused` with its problem."""
        return self._json("POST", "/appointments/batch", {"appointments": list(appointments)}, key)

    def appointments(self, **filters: Any) -> Iterator[Any]:
        """Every appointment that fits, the last registered first, page after page."""
        return self._pages("/appointments", filters)

    def attended(self, pk: str, *, key: str | None = None) -> Any:
        """Register an appointment as rendered: it becomes a service, once."""
        return self._json("POST", f"/appointments/{pk}/attended", {}, key)

    def cancel_appointment(self, pk: str, *, key: str | None = None) -> Any:
        """Nobody came."""
        return self._json("POST", f"/appointments/{pk}/cancel", {}, key)

    def xml(self, pk: str) -> bytes:
        """The CFDI as it was stamped."""
        return self._call("GET", f"/invoices/{pk}/xml")

    def pdf(self, pk: str) -> bytes:
        """Its printed representation."""
        return self._call("GET", f"/invoices/{pk}/pdf")

    def _pages(self, path: str, filters: Mapping[str, Any]) -> Iterator[Any]:
        query = {name: _query(value) for name, value in filters.items() if value is not None}
        while True:
            page = self._json("GET", f"{path}?{urllib.parse.urlencode(query)}")
            yield from page["items"]
            if page["next"] is None:
                return
            query["cursor"] = page["next"]

    def _json(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        return json.loads(self._call(method, path, body, key))

    def _call(self, method: str, path: str, body: Any = None, key: str | None = None) -> bytes:
        headers = {"Authorization": f"Bearer {self.token}", "User-Agent": "emite-client"}
        data = None
        if method == "POST":
            headers |= {"Content-Type": "application/json", "Idempotency-Key": key or str(uuid.uuid4())}
            data = json.dumps(body, default=_plain, ensure_ascii=False).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        for turn in range(1, self.tries + 1):
            wait = self.pause * 2 ** (turn - 1)
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as response:
                    return bytes(response.read())
            except urllib.error.HTTPError as error:
                refused = _refusal(error)
                codes = _AGAIN.get(error.code, set())
                if turn == self.tries or (codes is not None and refused.code not in codes):
                    raise refused from None
                wait = max(wait, float(error.headers.get("Retry-After") or 0))
            except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
                if turn == self.tries:
                    raise Unreachable(str(error)) from error
            time.sleep(wait)
        raise AssertionError("tries is at least one")


def check_signature(
    secret: str, body: bytes, header: str, *, now: float | None = None, tolerance: float = 300.0
) -> bool:
    """Whether a webhook's body is emite's and recent. `header` is Emite-Signature; `body`, the bytes as they came."""
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    moment, given = parts.get("t", ""), parts.get("v1", "")
    if not moment.isdigit() or abs((time.time() if now is None else now) - int(moment)) > tolerance:
        return False
    expected = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), given.encode())


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} is not for JSON; money is Decimal or text")


def _query(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refusal(error: urllib.error.HTTPError) -> EmiteError:
    try:
        problem = json.loads(error.read())
    except ValueError:
        problem = {}
    return EmiteError(error.code, problem if isinstance(problem, dict) else {})

"""The adapter of SW sapien: its REST services turned into the port's answers.

Sources: developers.sw.com.mx and the lunasoft/sw-sdk-* libraries (docs/operacion/pac.md has the list).
Not here: sockets (http.py), SAT's codes (port.py).

SW recognises a document by our key (`customid`, 72 hours from its first use) and has no question that finds a stamp
by key or by bytes. Its datawarehouse is searched by date (swwarehouse.py): what is found there is found, but what is
missing proves nothing. So a look-up never says "not found", and what settles the rest is to send the same bytes under
the same key again, which documents/machine.py does while the key lasts.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from emite.pac import cancels, reading, swwarehouse
from emite.pac.consulta import beside
from emite.pac.http import Answer, NoAnswer, Transport, plain
from emite.pac.port import (
    CancelAnswer,
    CancelDoubt,
    CancelRefused,
    Capabilities,
    Credits,
    CreditsAnswer,
    CreditsUnknown,
    Doubt,
    Evidence,
    FetchAnswer,
    Fetched,
    Found,
    ListAnswer,
    LookupAnswer,
    NotListed,
    NotSent,
    NotSentCause,
    PendingAnswer,
    PendingUnknown,
    ReceptorAnswer,
    Rejected,
    StampAnswer,
    Stamped,
    StatusAnswer,
    StatusQuery,
    Unknown,
    is_definitive,
)
from emite.pac.seals import Identity, carries_stamp_of, parse
from emite.pac.trust import Folder

if TYPE_CHECKING:
    from emite.cfdi.csd import Certificate

URL: Final = "https://services.sw.com.mx"
AUTHENTICATE: Final = "/v2/security/authenticate"
STAMP: Final = "/v4/cfdi33/stamp/v4"
"""The path says cfdi33 and takes the version in force."""
CANCEL: Final = "/cfdi33/cancel/xml"
ANSWER: Final = "/acceptreject/xml"
PENDING: Final = "/pendings/"
RFC: Final = "LSO1306189R5"
BALANCE: Final = "/management/v2/api/users/balance"
REPEATED: Final = "307"
KEY_LIMIT: Final = 100
_CODE: Final = re.compile(r"\s*([A-Z]{0,8}\d{3,6})\b")
_NOTHING_PENDING: Final = "1101"
_NO_MANIFEST: Final = "AU2003"
_RENEW_BEFORE: Final = 120.0
"""Seconds before its end at which a token isn't used any more."""
_LIFE: Final = 7200.0
_STAMPED_WITHIN: Final = timedelta(days=3)
_PAGES_OF_A_LOOKUP: Final = 8


class SwSapien:
    """One account. Thread-safe: the token is shared, every call has its own connection."""

    def __init__(
        self, transport: Transport, *, user: str, password: str, capabilities: Capabilities, trust_dir: Path | None
    ) -> None:
        self.capabilities = capabilities
        self._transport = transport
        self._management = _management_of(transport)
        self._consulta = beside(transport)
        self._user, self._password = user, password
        self._folder = Folder(trust_dir)
        self._lock = threading.Lock()
        self._token, self._until = "", 0.0
        self._was_empty = False

    def stamp(self, xml: bytes, key: str) -> StampAnswer:
        """Stamp v4 with our key. A token refused at the door is renewed and the document sent once more."""
        if len(key) > KEY_LIMIT:
            raise ValueError("SW's customid has at most 100 characters")
        deadline = time.monotonic() + self._transport.timeouts.total
        if self._was_empty and (empty := self._still_empty(deadline)) is not None:
            return empty
        body, content = _form(xml)
        headers = {"Content-Type": content, "customid": key}
        answer = self._authorised(self._transport, "POST", STAMP, body, headers, deadline)
        if isinstance(answer, NotSent):
            return answer
        if isinstance(answer, NoAnswer):
            return reading.unanswered(answer)
        return self._judge(answer, xml, deadline)

    def lookup(self, xml: bytes, key: str) -> LookupAnswer:
        """The datawarehouse around the document's date: found, or unknown. See above."""
        root = parse(xml)
        try:
            issued = datetime.fromisoformat(root.get("Fecha", "")).replace(tzinfo=UTC)
        except ValueError:
            return Unknown("el documento no tiene fecha", Evidence(None, None, b"", None, 0))
        ours, get = Identity.of(xml), self._getter()
        listed = swwarehouse.listing(get, ours.rfc, issued, issued + _STAMPED_WITHIN, most_pages=_PAGES_OF_A_LOOKUP)
        if isinstance(listed, NotListed):
            return Unknown(listed.reason, listed.evidence)
        for each in listed.stamps:
            if (each.serie, each.folio) == (ours.serie, ours.folio):
                kept = swwarehouse.fetch(get, self._management, each.uuid)
                if isinstance(kept, Fetched) and carries_stamp_of(kept.xml, xml):
                    return Found(kept.xml, kept.evidence)
        return Unknown("no está en el almacén del PAC, lo que no prueba nada", listed.evidence)

    def cancel(self, request: bytes) -> CancelAnswer:
        """The request as we signed it: the key stays here."""
        deadline = time.monotonic() + self._transport.timeouts.total
        body, content = _form(request)
        answer = self._authorised(self._transport, "POST", CANCEL, body, {"Content-Type": content}, deadline)
        if isinstance(answer, NotSent):
            return answer
        if isinstance(answer, NoAnswer):
            return reading.cancel_unanswered(answer)
        said = reading.json_object(answer)
        code, words = _code(said), reading.words(said.get("message"), answer)
        evidence = reading.evidence(answer, code)
        acuse = reading.document(_data(said).get("acuse"))
        if acuse:
            return cancels.judge(acuse, request, evidence)
        if 400 <= answer.status < 500 and cancels.is_refusal(code):
            return CancelRefused(code, words, evidence)
        return CancelDoubt(code, words, evidence)

    def receipt(self, rfc: str, uuid: str) -> FetchAnswer:
        """The datawarehouse's link to it."""
        return swwarehouse.fetch(self._getter(), self._management, uuid, link="urlAckCancellation")

    def pending_cancellations(self, rfc: str) -> PendingAnswer:
        """`pendings`: SAT's 1100 with folios, 1101 without."""
        deadline = time.monotonic() + self._transport.timeouts.total
        path = PENDING + quote(rfc, safe="")
        answer = self._authorised(self._transport, "GET", path, b"", {}, deadline)
        if isinstance(answer, NotSent):
            return PendingUnknown(answer.reason, answer.evidence)
        if isinstance(answer, NoAnswer):
            return PendingUnknown(f"sin respuesta completa del PAC ({answer.reason})", reading.evidence(answer, None))
        return _pending(answer)

    def answer_cancellation(self, request: bytes) -> ReceptorAnswer:
        """`acceptreject` of what we signed: the key stays here."""
        deadline = time.monotonic() + self._transport.timeouts.total
        body, content = _form(request)
        answer = self._authorised(self._transport, "POST", ANSWER, body, {"Content-Type": content}, deadline)
        if isinstance(answer, NotSent):
            return answer
        if isinstance(answer, NoAnswer):
            return reading.cancel_unanswered(answer)
        said = reading.json_object(answer)
        code, words = _code(said), reading.words(said.get("message"), answer)
        evidence = reading.evidence(answer, code)
        acuse = reading.document(_data(said).get("acuse"))
        if acuse:
            return cancels.judge_answer(acuse, request, evidence)
        if 400 <= answer.status < 500 and cancels.is_refusal(code):
            return CancelRefused(code, words, evidence)
        return CancelDoubt(code, words, evidence)

    def status(self, query: StatusQuery) -> StatusAnswer:
        """SAT's public service itself."""
        return self._consulta.ask(query)

    def credits(self, rfc: str) -> CreditsAnswer:
        """The account's balance: SW counts by account, not by RFC."""
        return self._balance(time.monotonic() + self._transport.timeouts.total)

    def listing(self, rfc: str, since: datetime, until: datetime) -> ListAnswer:
        """The datawarehouse's search by dates."""
        return swwarehouse.listing(self._getter(), rfc, since, until)

    def fetch(self, rfc: str, uuid: str) -> FetchAnswer:
        """The datawarehouse's CFDI of a folio fiscal."""
        return swwarehouse.fetch(self._getter(), self._management, uuid)

    def certificates(self) -> Mapping[str, Certificate]:
        """The trusted folder's alone: SW publishes none."""
        return self._folder.signers()

    def _judge(self, answer: Answer, xml: bytes, deadline: float) -> StampAnswer:
        said = reading.json_object(answer)
        code, words = _code(said), reading.words(said.get("message"), answer)
        evidence = reading.evidence(answer, code)
        stamped = reading.document(_data(said).get("cfdi"))
        is_success = answer.status == 200 and said.get("status") == "success"
        if stamped and (is_success or code == REPEATED):
            if carries_stamp_of(stamped, xml):
                self._was_empty = False
                return Stamped(stamped, code == REPEATED, evidence)
            return Doubt(code, "el PAC respondió con otro documento", evidence)
        if code == _NO_MANIFEST:
            return reading.refused(words, answer, code, NotSentCause.NO_MANIFEST)
        if 400 <= answer.status < 500 and said.get("status") == "error":
            if is_definitive(code):
                return Rejected(code, words, evidence)
            if code in ("", "CO1000") and answer.status in (400, 402):
                # SW publishes no code for an account without stamps: its balance tells, before the next send.
                balance = self._balance(deadline)
                self._was_empty = isinstance(balance, Credits) and balance.left == 0
        return Doubt(code, words, evidence)

    def _getter(self) -> swwarehouse.Get:
        """Authorised questions that share one total deadline."""
        deadline = time.monotonic() + self._transport.timeouts.total
        return lambda path: self._authorised(self._management, "GET", path, b"", {}, deadline)

    def _still_empty(self, deadline: float) -> NotSent | None:
        balance = self._balance(deadline)
        self._was_empty = isinstance(balance, Credits) and balance.left == 0
        if not self._was_empty:
            return None
        return NotSent("la cuenta ya no tiene timbres", balance.evidence, NotSentCause.NO_CREDITS)

    def _balance(self, deadline: float) -> CreditsAnswer:
        answer = self._authorised(self._management, "GET", BALANCE, b"", {}, deadline)
        if isinstance(answer, NotSent):
            return CreditsUnknown(answer.reason, answer.evidence)
        evidence = reading.evidence(answer, None)
        if isinstance(answer, NoAnswer):
            return CreditsUnknown(f"sin respuesta del PAC ({answer.reason})", evidence)
        told = _data(reading.json_object(answer))
        left, unlimited = told.get("stampsBalance"), told.get("isUnlimited", told.get("unlimited"))
        if answer.status == 200 and unlimited is True:
            return Credits(None, evidence)
        if answer.status == 200 and isinstance(left, int) and not isinstance(left, bool):
            return Credits(max(left, 0), evidence)
        return CreditsUnknown("el PAC no dijo cuántos timbres quedan", evidence)

    def _authorised(
        self, transport: Transport, method: str, path: str, body: bytes, headers: Mapping[str, str], deadline: float
    ) -> Answer | NoAnswer | NotSent:
        for attempt in (1, 2):
            token = self._login(deadline)
            if isinstance(token, NotSent):
                return token
            sent = {**headers, "Authorization": f"Bearer {token}"}
            answer = transport.call(method, path, body=body, headers=sent, deadline=deadline)
            if not isinstance(answer, Answer) or answer.status != 401:
                return answer
            self._forget(token)
            if attempt == 2:
                code = _code(reading.json_object(answer))
                cause = NotSentCause.UNAUTHENTICATED
                return reading.refused("el PAC rechazó la sesión dos veces", answer, code, cause)
        raise AssertionError("unreachable")

    def _login(self, deadline: float) -> str | NotSent:
        with self._lock:
            if self._token and time.monotonic() < self._until:
                return self._token
        body = json.dumps({"user": self._user, "password": self._password}).encode()
        headers = {"Content-Type": reading.JSON}
        answer = self._transport.call("POST", AUTHENTICATE, body=body, headers=headers, deadline=deadline)
        if isinstance(answer, NoAnswer):
            reason = f"no se pudo iniciar sesión con el PAC ({answer.reason})"
            return NotSent(reason, reading.evidence(answer, None))
        said = reading.json_object(answer)
        token = _data(said).get("token")
        if answer.status == 200 and isinstance(token, str) and token and token.isascii() and token.isprintable():
            with self._lock:
                self._token, self._until = token, time.monotonic() + _LIFE - _RENEW_BEFORE
            return token
        if answer.status in (400, 401, 403):
            reason, cause = "el PAC no aceptó usuario y contraseña", NotSentCause.UNAUTHENTICATED
        else:
            reason, cause = f"el PAC no abrió sesión (HTTP {answer.status})", NotSentCause.UNREACHABLE
        return reading.refused(reason, answer, _code(said), cause)

    def _forget(self, token: str) -> None:
        with self._lock:
            if self._token == token:
                self._token = ""


def _management_of(transport: Transport) -> Transport:
    """Balances live at api.…, the rest at services.…; a server on this machine has both."""
    parts = urlsplit(transport.base_url)
    if transport.is_loopback or not parts.netloc.startswith("services."):
        return transport
    address = parts._replace(netloc=f"api.{parts.netloc.removeprefix('services.')}").geturl()
    return Transport(address, transport.timeouts, transport.reach)


def _form(xml: bytes) -> tuple[bytes, str]:
    """A multipart form with the document as its one file."""
    mark = f"emite{secrets.token_hex(16)}"
    head = f'--{mark}\r\nContent-Disposition: form-data; name="xml"; filename="xml"\r\nContent-Type: text/xml\r\n\r\n'
    return head.encode() + xml + f"\r\n--{mark}--\r\n".encode(), f"multipart/form-data; boundary={mark}"


def _pending(answer: Answer) -> PendingAnswer:
    # Its documents and its users show the names in either case.
    said = {name.lower(): value for name, value in reading.json_object(answer).items()}
    data = {name.lower(): value for name, value in _data(said).items()}
    code = str(said.get("codstatus") or data.get("codestatus") or "")
    evidence = reading.evidence(answer, plain(code, 20))
    if code == _NOTHING_PENDING:
        return cancels.pending([], evidence)
    if answer.status != 200 or said.get("status") != "success":
        return PendingUnknown(reading.words(said.get("message"), answer), evidence)
    return cancels.pending(data.get("uuid"), evidence)


def _data(said: dict[str, Any]) -> dict[str, Any]:
    data = said.get("data")
    return data if isinstance(data, dict) else {}


def _code(said: dict[str, Any]) -> str:
    """The code with which SW begins its message: "CFDI40145 - …", "307. …"."""
    message = said.get("message")
    found = _CODE.match(message) if isinstance(message, str) else None
    return found[1] if found else ""

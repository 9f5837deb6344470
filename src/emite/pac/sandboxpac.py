"""The adapter of the sandbox PAC: its JSON protocol (docs/sandbox-pac.md) turned into the port's answers.
Not here: the sandbox itself (sandbox/), sockets (http.py), which codes are definitive (port.py)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from emite.pac import cancels, reading
from emite.pac.consulta import Consulta
from emite.pac.http import Answer, NoAnswer, Transport, plain
from emite.pac.port import (
    CancelAnswer,
    CancelDoubt,
    CancelRefused,
    Capabilities,
    Credits,
    CreditsAnswer,
    CreditsUnknown,
    Dedup,
    Doubt,
    Evidence,
    FetchAnswer,
    Fetched,
    Found,
    ListAnswer,
    Listed,
    ListedStamp,
    LookupAnswer,
    LookupBy,
    NotFound,
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
from emite.pac.seals import Identity, carries_stamp_of
from emite.pac.trust import Folder, from_base64

if TYPE_CHECKING:
    from emite.cfdi.csd import Certificate

LOOKUPS: Final = {Dedup.CONTENT: LookupBy.BYTES, Dedup.KEY: LookupBy.KEY, Dedup.NONE: LookupBy.FOLIO}
RFC: Final = "PSE260101E13"
"""Of the PAC that the sandbox plays."""
_XML: Final = "application/xml; charset=utf-8"


class SandboxPac:
    """One account of a sandbox PAC. Thread-safe: the token is shared, every call has its own connection."""

    def __init__(
        self, transport: Transport, *, user: str, password: str, capabilities: Capabilities, trust_dir: Path | None
    ) -> None:
        self.capabilities = capabilities
        self._transport = transport
        self._consulta = Consulta(transport)
        self._user, self._password = user, password
        self._folder = Folder(trust_dir)
        self._lock = threading.Lock()
        self._token = ""
        self._signers: Mapping[str, Certificate] = {}

    def stamp(self, xml: bytes, key: str) -> StampAnswer:
        """POST /stamp. A token refused before the document is read is renewed and the document sent once more; a
        second refusal is NotSent."""
        deadline = time.monotonic() + self._transport.timeouts.total
        answer = self._authorised("POST", "/stamp", xml, {"Content-Type": _XML, "X-Clave": key}, deadline)
        if isinstance(answer, NotSent):
            return answer
        if isinstance(answer, NoAnswer):
            return reading.unanswered(answer)
        return self._judge(answer, xml)

    def lookup(self, xml: bytes, key: str) -> LookupAnswer:
        """POST /lookup by bytes, key or folio, as the account's class allows; Found is a stamp of this very seal."""
        deadline = time.monotonic() + self._transport.timeouts.total
        body, content = self._question(xml, key)
        answer = self._authorised("POST", "/lookup", body, {"Content-Type": content}, deadline)
        if isinstance(answer, NotSent):
            return Unknown(answer.reason, answer.evidence)
        if isinstance(answer, NoAnswer):
            return Unknown(f"sin respuesta completa del PAC ({answer.reason})", reading.evidence(answer, None))
        said = reading.json_object(answer)
        evidence = reading.evidence(answer, _code(said))
        if answer.status != 200 or not isinstance(said.get("cfdi"), list):
            return Unknown(f"respuesta que no se entiende (HTTP {answer.status})", evidence)
        held = [reading.document(each) for each in said["cfdi"]]
        if not held:
            return NotFound(evidence)
        for stamped in held:
            if carries_stamp_of(stamped, xml):
                return Found(stamped, evidence)
        return Unknown("el PAC tiene otro documento con esta clave o este folio", evidence)

    def cancel(self, request: bytes) -> CancelAnswer:
        """POST /cancel."""
        deadline = time.monotonic() + self._transport.timeouts.total
        answer = self._authorised("POST", "/cancel", request, {"Content-Type": _XML}, deadline)
        if isinstance(answer, NotSent):
            return answer
        if isinstance(answer, NoAnswer):
            return reading.cancel_unanswered(answer)
        said = reading.json_object(answer)
        code, evidence = _code(said), reading.evidence(answer, _code(said))
        text = reading.words(said.get("mensaje"), answer)
        if (answer.status, code) == (200, "200"):
            return cancels.judge(reading.document(said.get("acuse")), request, evidence)
        if answer.status == 422 and cancels.is_refusal(code):
            return CancelRefused(code, text, evidence)
        return CancelDoubt(code, text, evidence)

    def receipt(self, rfc: str, uuid: str) -> FetchAnswer:
        """POST /receipt."""
        said = self._asked("/receipt", {"rfc": rfc, "uuid": uuid})
        if isinstance(said, Unknown):
            return said
        acuse = reading.document(said[0].get("acuse"))
        return Fetched(acuse, said[1]) if acuse else Unknown("el PAC no dio ese acuse", said[1])

    def pending_cancellations(self, rfc: str) -> PendingAnswer:
        """POST /pending."""
        said = self._asked("/pending", {"rfc": rfc})
        if isinstance(said, Unknown):
            return PendingUnknown(said.reason, said.evidence)
        return cancels.pending(said[0].get("uuid"), said[1])

    def answer_cancellation(self, request: bytes) -> ReceptorAnswer:
        """POST /answer."""
        deadline = time.monotonic() + self._transport.timeouts.total
        answer = self._authorised("POST", "/answer", request, {"Content-Type": _XML}, deadline)
        if isinstance(answer, NotSent):
            return answer
        if isinstance(answer, NoAnswer):
            return reading.cancel_unanswered(answer)
        said = reading.json_object(answer)
        code, evidence = _code(said), reading.evidence(answer, _code(said))
        text = reading.words(said.get("mensaje"), answer)
        if (answer.status, code) == (200, "200"):
            return cancels.judge_answer(reading.document(said.get("acuse")), request, evidence)
        if answer.status == 422 and cancels.is_refusal(code):
            return CancelRefused(code, text, evidence)
        return CancelDoubt(code, text, evidence)

    def status(self, query: StatusQuery) -> StatusAnswer:
        """The sandbox stands in for SAT's service at its own address, for what it stamped."""
        return self._consulta.ask(query)

    def credits(self, rfc: str) -> CreditsAnswer:
        """GET /credits."""
        deadline = time.monotonic() + self._transport.timeouts.total
        answer = self._authorised("GET", "/credits", b"", {}, deadline)
        if isinstance(answer, NotSent):
            return CreditsUnknown(answer.reason, answer.evidence)
        evidence = reading.evidence(answer, None)
        if isinstance(answer, NoAnswer):
            return CreditsUnknown(f"sin respuesta del PAC ({answer.reason})", evidence)
        said = reading.json_object(answer)
        left = said.get("timbres", "")
        if answer.status == 200 and (left is None or isinstance(left, int)):
            return Credits(left, evidence)
        return CreditsUnknown("el PAC no dijo cuántos timbres quedan", evidence)

    def listing(self, rfc: str, since: datetime, until: datetime) -> ListAnswer:
        """POST /list."""
        said = self._asked("/list", {"rfc": rfc, "desde": since.isoformat(), "hasta": until.isoformat()})
        if isinstance(said, Unknown):
            return NotListed(said.reason, said.evidence)
        given, evidence = said
        rows = given.get("timbres")
        if not isinstance(rows, list) or not all(isinstance(each, dict) and "uuid" in each for each in rows):
            return NotListed("lista que no se entiende", evidence)
        listed = (ListedStamp(*(plain(str(each.get(k, "")), 40) for k in ("uuid", "serie", "folio"))) for each in rows)
        return Listed(tuple(listed), evidence)

    def fetch(self, rfc: str, uuid: str) -> FetchAnswer:
        """POST /fetch."""
        said = self._asked("/fetch", {"rfc": rfc, "uuid": uuid})
        if isinstance(said, Unknown):
            return said
        xml = reading.document(said[0].get("cfdi"))
        return Fetched(xml, said[1]) if xml else Unknown("el PAC no dio ese folio fiscal", said[1])

    def certificates(self) -> Mapping[str, Certificate]:
        """From the trusted folder when one is set, read again when it changes; else what the sandbox itself (on this
        machine) publishes, kept after the first good answer. Empty when neither can be had: nothing then verifies,
        which is the safe side."""
        if self._folder.path is not None:
            return self._folder.signers()
        if self._signers:
            return self._signers
        answer = self._transport.call("GET", "/certificates")
        if isinstance(answer, Answer) and answer.status == 200:
            self._signers = from_base64(reading.json_object(answer).get("certificados"))
        return self._signers

    def _asked(self, path: str, question: dict[str, str]) -> tuple[dict[str, Any], Evidence] | Unknown:
        deadline = time.monotonic() + self._transport.timeouts.total
        body = json.dumps(question).encode()
        answer = self._authorised("POST", path, body, {"Content-Type": reading.JSON}, deadline)
        if isinstance(answer, NotSent):
            return Unknown(answer.reason, answer.evidence)
        if isinstance(answer, NoAnswer):
            return Unknown(f"sin respuesta completa del PAC ({answer.reason})", reading.evidence(answer, None))
        said = reading.json_object(answer)
        evidence = reading.evidence(answer, _code(said))
        if (answer.status, _code(said)) != (200, "200"):
            return Unknown(f"respuesta que no se entiende (HTTP {answer.status})", evidence)
        return said, evidence

    def _authorised(
        self, method: str, path: str, body: bytes, headers: dict[str, str], deadline: float
    ) -> Answer | NoAnswer | NotSent:
        for attempt in (1, 2):
            token = self._login(deadline)
            if isinstance(token, NotSent):
                return token
            answer = self._transport.call(
                method, path, body=body, headers={**headers, "Authorization": f"Bearer {token}"}, deadline=deadline
            )
            if not isinstance(answer, Answer) or answer.status != 401 or _code(reading.json_object(answer)) != "AUT02":
                return answer
            self._forget(token)
            if attempt == 2:
                return _refused("el PAC rechazó la sesión dos veces", answer, NotSentCause.UNAUTHENTICATED)
        raise AssertionError("unreachable")

    def _login(self, deadline: float) -> str | NotSent:
        with self._lock:
            if self._token:
                return self._token
        body = json.dumps({"usuario": self._user, "contrasena": self._password}).encode()
        answer = self._transport.call(
            "POST", "/auth", body=body, headers={"Content-Type": reading.JSON}, deadline=deadline
        )
        if isinstance(answer, NoAnswer):
            return NotSent(f"no se pudo iniciar sesión con el PAC ({answer.reason})", reading.evidence(answer, None))
        said = reading.json_object(answer)
        token = said.get("token")
        if answer.status == 401:
            return _refused("el PAC no aceptó usuario y contraseña", answer, NotSentCause.UNAUTHENTICATED)
        if answer.status != 200 or not isinstance(token, str):
            return _refused(f"el PAC no abrió sesión (HTTP {answer.status})", answer, NotSentCause.UNREACHABLE)
        if said.get("duplicados") != self.capabilities.dedup.value:
            theirs = plain(str(said.get("duplicados")), 40)
            reason = f"la cuenta reconoce duplicados como {theirs!r}, no como {self.capabilities.dedup.value!r}"
            return _refused(reason, answer, NotSentCause.MISCONFIGURED)
        with self._lock:
            self._token = token
        return token

    def _forget(self, token: str) -> None:
        with self._lock:
            if self._token == token:
                self._token = ""

    def _question(self, xml: bytes, key: str) -> tuple[bytes, str]:
        if self.capabilities.lookup is LookupBy.BYTES:
            return xml, _XML
        if self.capabilities.lookup is LookupBy.KEY:
            return json.dumps({"clave": key}).encode(), reading.JSON
        who = Identity.of(xml)
        return json.dumps({"rfc": who.rfc, "serie": who.serie, "folio": who.folio}).encode(), reading.JSON

    def _judge(self, answer: Answer, xml: bytes) -> StampAnswer:
        said = reading.json_object(answer)
        code = _code(said)
        evidence = reading.evidence(answer, code)
        text = reading.words(said.get("mensaje"), answer)
        if (answer.status, code) in ((200, "200"), (409, "307")):
            stamped = reading.document(said.get("cfdi"))
            if carries_stamp_of(stamped, xml):
                return Stamped(stamped, code == "307", evidence)
            return Doubt(code, "el PAC respondió con otro documento" if stamped else text, evidence)
        if answer.status == 402 and code == "SALDO":
            return NotSent(text, evidence, NotSentCause.NO_CREDITS)
        if answer.status == 422 and is_definitive(code):
            return Rejected(code, text, evidence)
        return Doubt(code, text, evidence)


def _code(said: dict[str, Any]) -> str:
    code = said.get("codigo")
    return plain(code, 40) if isinstance(code, str) else ""


def _refused(reason: str, answer: Answer, cause: NotSentCause) -> NotSent:
    return reading.refused(reason, answer, _code(reading.json_object(answer)), cause)

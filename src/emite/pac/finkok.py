"""The adapter of Finkok (today Quadrum): its SOAP services turned into the port's answers.

Sources: the services' own WSDL names and the tables of codes of its wiki as phpcfdi/finkok and its users publish them
(docs/operacion/pac.md has the list). Not here: envelopes (soap.py), sockets (http.py), SAT's codes (port.py).
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from emite.cfdi.respuesta import Respuesta
from emite.pac import cancels, reading, soap
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
    FetchAnswer,
    Fetched,
    Found,
    ListAnswer,
    Listed,
    ListedStamp,
    LookupAnswer,
    NotFound,
    NotListed,
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
from emite.pac.seals import carries_stamp_of
from emite.pac.trust import Folder

if TYPE_CHECKING:
    from lxml import etree

    from emite.cfdi.csd import Certificate

URL: Final = "https://facturacion.finkok.com"
PATHS: Final = {name: f"/servicios/soap/{name}.wsdl" for name in ("stamp", "cancel", "registration", "utilities")}
NAMESPACE: Final = "http://facturacion.finkok.com"
REPEATED: Final = "307"
MISSING: Final = "603"
"""`stamped`: no earlier stamp. For some seconds after a stamp it is said of a stamped document too."""
_CAUSES: Final = {
    "300": NotSentCause.UNAUTHENTICATED,
    "701": NotSentCause.UNAUTHENTICATED,  # the RFC is suspended in the account
    "702": NotSentCause.UNAUTHENTICATED,  # the RFC is not registered in the account
    "703": NotSentCause.UNAUTHENTICATED,  # the account is suspended
    "718": NotSentCause.NO_CREDITS,
    "740": NotSentCause.NO_MANIFEST,
}
"""Finkok's own incidencias that it gives before it reads the document."""
_REFUSALS: Final = frozenset({"705", "712", "719", "720", "738"})
"""Its own for a document that it read and refused: structure, NoCertificado, namespaces."""
_ISSUED: Final = "I"
_CANCELLED: Final = "C"
RFC: Final = "CVD110412TF6"
_WORDS: Final = {"Acepta": Respuesta.ACCEPT, "Rechaza": Respuesta.REJECT}
_ZONE_UNKNOWN: Final = timedelta(days=1)
_LONG_LIST: Final = 400_000
_LOGIN_REFUSED: Final = "Invalid Username or Password"
"""What the cancel service says instead of incidencia 300."""


class Finkok:
    """One account. Thread-safe: there is no session, every call carries user and password."""

    def __init__(
        self, transport: Transport, *, user: str, password: str, capabilities: Capabilities, trust_dir: Path | None
    ) -> None:
        self.capabilities = capabilities
        self._transport = transport
        self._consulta = beside(transport)
        self._user, self._password = user, password
        self._folder = Folder(trust_dir)

    def stamp(self, xml: bytes, key: str) -> StampAnswer:
        """`stamp`. The same document again is answered 307, with the earlier stamp or without it."""
        answer = self._call("stamp", "stamp", {"xml": base64.b64encode(xml).decode()})
        if isinstance(answer, NoAnswer):
            return reading.unanswered(answer)
        said = soap.result(answer.body, "stamp") if answer.status == 200 else None
        if said is None:
            return Doubt("", reading.words(None, answer), reading.evidence(answer, None))
        return self._judge(said, answer, xml)

    def lookup(self, xml: bytes, key: str) -> LookupAnswer:
        """`stamped`: the earlier stamp of this very document."""
        answer = self._call("stamp", "stamped", {"xml": base64.b64encode(xml).decode()})
        if isinstance(answer, NoAnswer):
            reason = f"sin respuesta completa del PAC ({answer.reason})"
            return Unknown(reason, reading.evidence(answer, None))
        said = soap.result(answer.body, "stamped") if answer.status == 200 else None
        if said is None:
            return Unknown(reading.words(None, answer), reading.evidence(answer, None))
        codes, words = _incidencias(said)
        evidence = reading.evidence(answer, codes[0] if codes else None)
        held = reading.document(soap.text(said, "xml"))
        if held:
            if carries_stamp_of(held, xml):
                return Found(held, evidence)
            return Unknown("el PAC respondió con otro documento", evidence)
        if codes and set(codes) == {MISSING}:
            return NotFound(evidence)
        return Unknown(words or reading.words(None, answer), evidence)

    def cancel(self, request: bytes) -> CancelAnswer:
        """`cancel_signature`, never through Finkok's own queue (store_pending): we are the ones who try again."""
        fields = {"xml": base64.b64encode(request).decode(), "store_pending": "false"}
        answer = self._call("cancel", "cancel_signature", fields)
        if isinstance(answer, NoAnswer):
            return reading.cancel_unanswered(answer)
        said = soap.result(answer.body, "cancel_signature") if answer.status == 200 else None
        if said is None:
            return CancelDoubt("", reading.words(None, answer), reading.evidence(answer, None))
        status = soap.text(said, "CodEstatus") or soap.text(said, "error")
        evidence = reading.evidence(answer, plain(status, 20))
        acuse = reading.document(soap.text(said, "Acuse"))
        if acuse:
            return cancels.judge(acuse, request, evidence)
        if status == _LOGIN_REFUSED:
            return reading.refused("el PAC no aceptó usuario y contraseña", answer, "300", NotSentCause.UNAUTHENTICATED)
        if said.findtext("{*}Folios/{*}Folio/{*}EstatusUUID") == "no_cancelable":
            # Finkok asks SAT first, and does not hand in a request that SAT would refuse.
            return CancelRefused("204", "el CFDI tiene documentos relacionados vigentes", evidence)
        code, words = plain(status, 3), plain(status, 500) or reading.words(None, answer)
        return (CancelRefused if cancels.is_refusal(code) else CancelDoubt)(code, words, evidence)

    def receipt(self, rfc: str, uuid: str) -> FetchAnswer:
        """`get_receipt`."""
        fields = {"taxpayer_id": rfc, "uuid": uuid, "type": _CANCELLED}
        answer = self._call("cancel", "get_receipt", fields)
        evidence = reading.evidence(answer, None)
        if isinstance(answer, NoAnswer):
            return Unknown(f"sin respuesta completa del PAC ({answer.reason})", evidence)
        said = soap.result(answer.body, "get_receipt") if answer.status == 200 else None
        acuse = reading.document(soap.text(said, "receipt")) if said is not None else b""
        return Fetched(acuse, evidence) if acuse.startswith(b"<") else Unknown("el PAC no dio ese acuse", evidence)

    def pending_cancellations(self, rfc: str) -> PendingAnswer:
        """`get_pending`."""
        answer = self._call("cancel", "get_pending", {"rtaxpayer_id": rfc})
        evidence = reading.evidence(answer, None)
        if isinstance(answer, NoAnswer):
            return PendingUnknown(f"sin respuesta completa del PAC ({answer.reason})", evidence)
        said = soap.result(answer.body, "get_pending") if answer.status == 200 else None
        if said is None or soap.text(said, "error"):
            words = reading.words(None if said is None else soap.text(said, "error"), answer)
            return PendingUnknown(words, evidence)
        return cancels.pending([node.text or "" for node in said.iterfind("{*}uuids/{*}string")], evidence)

    def answer_cancellation(self, request: bytes) -> ReceptorAnswer:
        """`accept_reject_signature`: a code for the folio, and no acuse."""
        fields = {"xml": base64.b64encode(request).decode()}
        answer = self._call("cancel", "accept_reject_signature", fields)
        if isinstance(answer, NoAnswer):
            return reading.cancel_unanswered(answer)
        said = soap.result(answer.body, "accept_reject_signature") if answer.status == 200 else None
        if said is None:
            return CancelDoubt("", reading.words(None, answer), reading.evidence(answer, None))
        error = soap.text(said, "error")
        evidence = reading.evidence(answer, plain(error, 20))
        codes = [
            (soap.text(node, "uuid"), word.value, soap.text(node, "status"))
            for name, word in _WORDS.items()
            for node in said.iter(f"{{*}}{name}")
        ]
        if codes:
            return cancels.judge_codes(codes, request, evidence)
        if error == _LOGIN_REFUSED:
            return reading.refused("el PAC no aceptó usuario y contraseña", answer, "300", NotSentCause.UNAUTHENTICATED)
        code, words = plain(error, 3), plain(error, 500) or reading.words(None, answer)
        return (CancelRefused if cancels.is_refusal(code) else CancelDoubt)(code, words, evidence)

    def status(self, query: StatusQuery) -> StatusAnswer:
        """SAT's public service itself: Finkok's get_sat_status asks without the seal, and has said "Vigente" to a
        question that SAT calls invalid."""
        return self._consulta.ask(query)

    def credits(self, rfc: str) -> CreditsAnswer:
        """`registration.get`: the stamps of this issuer; an issuer of type "O" (on demand) has no limit."""
        names = {"reseller_username": self._user, "reseller_password": self._password, "taxpayer_id": rfc}
        answer = self._post("registration", "get", names)
        if isinstance(answer, NoAnswer):
            return CreditsUnknown(f"sin respuesta del PAC ({answer.reason})", reading.evidence(answer, None))
        said = soap.result(answer.body, "get") if answer.status == 200 else None
        evidence = reading.evidence(answer, None)
        if said is None:
            return CreditsUnknown(reading.words(None, answer), evidence)
        for user in said.iterfind("{*}users/{*}ResellerUser"):
            credit = soap.text(user, "credit")
            if soap.text(user, "taxpayer_id") == rfc and credit.lstrip("-").isdigit():
                return Credits(None if int(credit) < 0 else int(credit), evidence)
        return CreditsUnknown(plain(soap.text(said, "message"), 200) or "el PAC no conoce este RFC", evidence)

    def listing(self, rfc: str, since: datetime, until: datetime) -> ListAnswer:
        """`report_uuid`: folio fiscal and date alone. Its zone is not documented, so that a day more is asked of each
        side."""
        window = {"date_from": since - _ZONE_UNKNOWN, "date_to": until + _ZONE_UNKNOWN}
        dates = {name: f"{moment:%Y-%m-%dT%H:%M:%S}" for name, moment in window.items()}
        answer = self._call("utilities", "report_uuid", {"taxpayer_id": rfc, "invoice_type": _ISSUED, **dates})
        evidence = reading.evidence(answer, None)
        if isinstance(answer, NoAnswer):
            return NotListed(f"sin respuesta completa del PAC ({answer.reason})", evidence)
        said = soap.result(answer.body, "report_uuid", max_nodes=_LONG_LIST) if answer.status == 200 else None
        if said is None or soap.text(said, "error"):
            words = reading.words(None if said is None else soap.text(said, "error"), answer)
            return NotListed(words, evidence)
        rows = said.iterfind("{*}invoices/{*}ReportUUID")
        return Listed(tuple(ListedStamp(plain(soap.text(row, "uuid"), 40).upper()) for row in rows), evidence)

    def fetch(self, rfc: str, uuid: str) -> FetchAnswer:
        """`get_xml`. Now and then it answers with the name of a file instead of the document: that is no CFDI."""
        fields = {"uuid": uuid, "taxpayer_id": rfc, "invoice_type": _ISSUED}
        answer = self._call("utilities", "get_xml", fields)
        if isinstance(answer, NoAnswer):
            reason = f"sin respuesta completa del PAC ({answer.reason})"
            return Unknown(reason, reading.evidence(answer, None))
        said = soap.result(answer.body, "get_xml") if answer.status == 200 else None
        evidence = reading.evidence(answer, None)
        xml = reading.document(soap.text(said, "xml")) if said is not None else b""
        if xml.startswith(b"<"):
            return Fetched(xml, evidence)
        return Unknown("el PAC no dio ese folio fiscal", evidence)

    def certificates(self) -> Mapping[str, Certificate]:
        """The trusted folder's alone: Finkok publishes none."""
        return self._folder.signers()

    def _call(self, service: str, operation: str, fields: Mapping[str, str]) -> Answer | NoAnswer:
        return self._post(service, operation, {**fields, "username": self._user, "password": self._password})

    def _post(self, service: str, operation: str, fields: Mapping[str, str]) -> Answer | NoAnswer:
        body = soap.envelope(f"{NAMESPACE}/{service}", operation, fields)
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{operation}"'}
        deadline = time.monotonic() + self._transport.timeouts.total
        return self._transport.call("POST", PATHS[service], body=body, headers=headers, deadline=deadline)

    def _judge(self, said: etree._Element, answer: Answer, xml: bytes) -> StampAnswer:
        codes, words = _incidencias(said)
        code = codes[0] if codes else ""
        evidence = reading.evidence(answer, code)
        stamped = reading.document(soap.text(said, "xml"))
        if stamped:
            # Incidencias may come with a good stamp: the document decides.
            if carries_stamp_of(stamped, xml):
                return Stamped(stamped, REPEATED in codes, evidence)
            return Doubt(code, "el PAC respondió con otro documento", evidence)
        words = words or reading.words(None, answer)
        cause = _CAUSES.get(code) if set(codes) == {code} else None
        if cause is not None:
            return reading.refused(words, answer, code, cause)
        if codes and all(is_definitive(each) or each in _REFUSALS for each in codes):
            return Rejected(code, words, evidence)
        return Doubt(REPEATED if REPEATED in codes else code, words, evidence)


def _incidencias(said: etree._Element) -> tuple[list[str], str]:
    """The codes as they come, and the first sentence."""
    nodes = said.findall("{*}Incidencias/{*}Incidencia")
    codes = [plain(soap.text(node, "CodigoError"), 40) for node in nodes]
    return codes, plain(soap.text(nodes[0], "MensajeIncidencia"), 500) if nodes else ""

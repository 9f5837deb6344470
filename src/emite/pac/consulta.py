"""SAT's ConsultaCFDIService: is this CFDI alive, can it be cancelled, and how far is its cancellation.
Not here: when to ask and what follows from an answer (cancellations/). No credentials: anybody may ask."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape

from emite.cfdi import xml as cfdi_xml
from emite.pac.http import Answer, NoAnswer, Timeouts, Transport, plain
from emite.pac.port import RAW_LIMIT, Evidence, SatEstado, SatStatus, StatusAnswer, StatusQuery, StatusUnknown

PATH: Final = "/ConsultaCFDIService.svc"
SAT_URL: Final = "https://consultaqr.facturaelectronica.sat.gob.mx"
SAT_TESTS_URL: Final = "https://pruebacfdiconsultaqr.cloudapp.net"
"""SAT's own for what the PACs' test environments stamp."""
SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
TEMPURI: Final = "http://tempuri.org/"
RESULT: Final = "http://schemas.datacontract.org/2004/07/Sat.Cfdi.Negocio.ConsultaCfdi.Servicio"
PER_SECOND: Final = 20.0
"""SAT speaks of two million questions an hour for everybody; one installation stays far below."""
_HEADERS: Final = {
    "Content-Type": "text/xml; charset=utf-8",
    "Accept": "text/xml",
    "SOAPAction": f"{TEMPURI}IConsultaCFDIService/Consulta",
}
_FIELDS: Final = ("CodigoEstatus", "Estado", "EsCancelable", "EstatusCancelacion", "ValidacionEFOS")


@dataclass
class Consulta:
    """A client of the service at one address. Thread-safe; asks at most `per_second` times a second."""

    transport: Transport
    per_second: float = PER_SECOND
    _next: float = field(default=0.0, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def ask(self, query: StatusQuery) -> StatusAnswer:
        """One question. Never raises for what the network or SAT does; ends within the total deadline."""
        deadline = time.monotonic() + self.transport.timeouts.total
        wait = self._turn()
        if time.monotonic() + wait > deadline:
            return StatusUnknown("demasiadas consultas al SAT a la vez", Evidence(None, None, b"", None, 0))
        time.sleep(wait)
        answer = self.transport.call("POST", PATH, body=envelope(query), headers=_HEADERS, deadline=deadline)
        if isinstance(answer, NoAnswer):
            evidence = Evidence(answer.status, None, answer.partial[:RAW_LIMIT], None, answer.elapsed_ms)
            return StatusUnknown(f"sin respuesta del SAT ({answer.reason})", evidence)
        return read(answer)

    def _turn(self) -> float:
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + 1 / self.per_second
        return turn - now


def beside(pac: Transport) -> Consulta:
    """The service that knows what this PAC stamps: SAT's, SAT's for tests, or the server on this machine itself."""
    if pac.is_loopback:
        return Consulta(pac)
    limits = Timeouts(pac.timeouts.connect, min(pac.timeouts.read, 15.0), min(pac.timeouts.total, 20.0))
    return Consulta(Transport(SAT_TESTS_URL if pac.is_for_tests else SAT_URL, limits, pac.reach))


def expression(query: StatusQuery) -> str:
    """The expresión impresa: what the QR carries. An RFC's & is written as an entity inside of it."""
    emisor, receptor = escape(query.emisor), escape(query.receptor)
    return f"?re={emisor}&rr={receptor}&tt={query.total}&id={query.uuid}&fe={query.last8}"


def envelope(query: StatusQuery) -> bytes:
    """The SOAP request."""
    return (
        f'<soapenv:Envelope xmlns:soapenv="{SOAP}" xmlns:tem="{TEMPURI}"><soapenv:Header/><soapenv:Body>'
        f"<tem:Consulta><tem:expresionImpresa>{escape(expression(query))}</tem:expresionImpresa></tem:Consulta>"
        "</soapenv:Body></soapenv:Envelope>"
    ).encode()


def read(answer: Answer) -> StatusAnswer:
    """What an HTTP answer says. Anything that is not SAT's answer in SAT's words is StatusUnknown."""
    evidence = Evidence(answer.status, None, answer.body[:RAW_LIMIT], answer.date, answer.elapsed_ms)
    unreadable = StatusUnknown(f"respuesta del SAT que no se entiende (HTTP {answer.status})", evidence)
    if answer.status != 200:
        return unreadable
    try:
        root = cfdi_xml.parse(answer.body, max_bytes=RAW_LIMIT, max_nodes=200)
    except cfdi_xml.XmlRefused:
        return unreadable
    path = f"{{{SOAP}}}Body/{{{TEMPURI}}}ConsultaResponse/{{{TEMPURI}}}ConsultaResult"
    results = root.findall(path) if root.tag == f"{{{SOAP}}}Envelope" else []
    if len(results) != 1:
        return unreadable
    said = {name: plain((results[0].findtext(f"{{{RESULT}}}{name}") or "").strip(), 200) for name in _FIELDS}
    code, estado = said["CodigoEstatus"], said["Estado"]
    evidence = Evidence(answer.status, code[:20], answer.body[:RAW_LIMIT], answer.date, answer.elapsed_ms)
    known = next((each for each in SatEstado if each.value.lower() == estado.lower()), None)
    if known is None or code.startswith("S") is (known is SatEstado.NOT_FOUND):
        return StatusUnknown(f"estado del SAT que no se entiende: {code} / {estado}", evidence)
    return SatStatus(known, code, said["EsCancelable"], said["EstatusCancelacion"], said["ValidacionEFOS"], evidence)

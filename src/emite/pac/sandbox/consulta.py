"""The sandbox's stand-in for SAT's ConsultaCFDIService: the same SOAP, for what this PAC stamped.
Not here: the client (pac/consulta.py), how a cancellation goes (cancelling.py)."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, unescape

from emite.cfdi import xml as cfdi_xml
from emite.pac.consulta import PATH, RESULT, SOAP, TEMPURI
from emite.pac.sandbox.cancelling import standing
from emite.pac.sandbox.reply import Reply
from emite.pac.sandbox.stamping import Office
from emite.pac.sandbox.state import StampRow

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PATH", "answer"]

FOUND: Final = "S - Comprobante obtenido satisfactoriamente."
NOT_FOUND: Final = "N - 602: Comprobante no encontrado."
NOT_VALID: Final = "N - 601: La expresión impresa proporcionada no es válida."
_NAMES: Final = ("re", "rr", "tt", "id", "fe")


def answer(office: Office, body: bytes) -> Reply:
    """SAT's answer to one SOAP request."""
    try:
        root = cfdi_xml.parse(body, max_bytes=10_000, max_nodes=50)
    except cfdi_xml.XmlRefused:
        return Reply(400, b"", "text/xml; charset=utf-8")
    text = root.findtext(f"{{{SOAP}}}Body/{{{TEMPURI}}}Consulta/{{{TEMPURI}}}expresionImpresa") or ""
    asked = _asked(text.strip())
    if asked is None:
        return _said(NOT_VALID, "No Encontrado")
    row = office.state.by_uuid(asked["id"])
    if row is None or row.visible_at > office.settings.now() or not _matches(row, asked):
        return _said(NOT_FOUND, "No Encontrado")
    now = standing(office, row)
    return _said(FOUND, now.estado, now.es_cancelable, now.estatus)


def _asked(text: str) -> Mapping[str, str] | None:
    """The five data of an expression; an & that belongs to an RFC is written as an entity."""
    if not text.startswith("?"):
        return None
    pairs = (part.partition("=") for part in text[1:].replace("&amp;", "\0").split("&"))
    asked = {name: unescape(value.replace("\0", "&")) for name, _, value in pairs}
    return asked if all(asked.get(name) for name in _NAMES) else None


def _matches(row: StampRow, asked: Mapping[str, str]) -> bool:
    same = (row.rfc_emisor, row.rfc_receptor, row.sello[-8:]) == (asked["re"], asked["rr"], asked["fe"])
    try:
        return same and Decimal(row.total) == Decimal(asked["tt"])
    except InvalidOperation:
        return False


def _said(code: str, estado: str, es_cancelable: str = "", estatus: str = "") -> Reply:
    efos = "200" if code == FOUND else ""
    fields = {
        "CodigoEstatus": code, "EsCancelable": es_cancelable, "Estado": estado, "EstatusCancelacion": estatus,
        "ValidacionEFOS": efos,
    }  # fmt: skip
    said = "".join(f"<a:{name}>{escape(value)}</a:{name}>" for name, value in fields.items())
    text = (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><ConsultaResponse xmlns="{TEMPURI}">'
        f'<ConsultaResult xmlns:a="{RESULT}">{said}</ConsultaResult></ConsultaResponse></s:Body></s:Envelope>'
    )
    return Reply(200, text.encode(), "text/xml; charset=utf-8")

"""Finkok's SOAP as its public documents tell it, over the sandbox's core. Duplicates are known by content."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from emite.cfdi import respuesta
from emite.cfdi import xml as cfdi_xml
from emite.cfdi.respuesta import Respuesta
from emite.pac.finkok import NAMESPACE, PATHS, REPEATED
from emite.pac.sandbox import cancelling
from emite.pac.sandbox.faces import AUTH_EXPIRED, NO_CREDITS, Call, Operation, account_of, shown, shown_acuse
from emite.pac.sandbox.reply import Reply
from emite.pac.sandbox.settings import spend
from emite.pac.sandbox.stamping import CENTRAL
from emite.pac.soap import SOAP

if TYPE_CHECKING:
    from lxml import etree

    from emite.pac.sandbox.program import Server

VIEWS: Final = "apps.services.soap.core.views"
_DONE: Final = "Comprobante timbrado satisfactoriamente"
_NAMES: Final = {
    ("stamp", "stamp"): "stamp",
    ("stamp", "stamped"): "lookup",
    ("cancel", "cancel_signature"): "cancel",
    ("registration", "get"): "credits",
    ("utilities", "report_uuid"): "list",
    ("utilities", "get_xml"): "fetch",
    ("cancel", "get_receipt"): "receipt",
    ("cancel", "get_pending"): "pending",
    ("cancel", "accept_reject_signature"): "answer",
}
_OWN: Final = {
    "300": "El usuario o contraseña son inválidos",
    "603": "El CFDI no contiene un timbre previo",
    "718": "Timbres agotados",
    "740": "Error Firma de Manifiesto",
}


class FinkokFace:
    """See faces.Face."""

    def operation(self, call: Call) -> str | None:
        service = {path: name for name, path in PATHS.items()}.get(call.path)
        asked = _asked(call.body)
        return _NAMES.get((service or "", asked.tag.rpartition("}")[2])) if asked is not None else None

    def answer(self, server: Server, operation: str, call: Call) -> Reply:
        return _OPERATIONS[operation](server, call)

    def refusal(self, operation: str, code: str) -> Reply:
        code = {NO_CREDITS: "718", AUTH_EXPIRED: "300"}.get(code, code)
        return _incidencia("stamped" if operation == "lookup" else "stamp", code, _OWN.get(code, "Sin clasificar"))


def _stamp(server: Server, call: Call) -> Reply:
    asked = _expected(call)
    account = account_of(server, _text(asked, "username"), _text(asked, "password"))
    if account is None:
        return _incidencia("stamp", "300", _OWN["300"])
    if server.is_empty:
        return _incidencia("stamp", "718", _OWN["718"])
    outcome = server.office.stamp(account, _bytes(asked), "")
    server.tally(f"stamp {outcome.code}")
    if outcome.code == "200":
        spend(server.office.settings)
    elif outcome.code != REPEATED:
        return _incidencia("stamp", outcome.code, outcome.message)
    assert outcome.row is not None
    has_document = outcome.code == "200" or server.office.settings.repeated_with_xml
    document = shown(outcome.row.xml, call.fault) if has_document else ""
    told = "" if outcome.code == "200" else _one(REPEATED, outcome.message) * 2  # it really comes twice
    uuid = outcome.row.uuid if document else ""
    return _said("stamp", "stamp", _stamped(document, uuid, told))


def _lookup(server: Server, call: Call) -> Reply:
    asked = _expected(call)
    account = account_of(server, _text(asked, "username"), _text(asked, "password"))
    if account is None:
        return _incidencia("stamped", "300", _OWN["300"])
    is_blind = call.fault is not None and call.fault.kind == "blind"
    rows = [] if is_blind else server.office.find(account, document=_bytes(asked))
    if not rows:
        return _incidencia("stamped", "603", _OWN["603"])
    return _said("stamp", "stamped", _stamped(shown(rows[0].xml, call.fault), rows[0].uuid, ""))


def _cancel(server: Server, call: Call) -> Reply:
    asked = _expected(call)
    if account_of(server, _text(asked, "username"), _text(asked, "password")) is None:
        return _said("cancel", "cancel_signature", "<s0:CodEstatus>Invalid Username or Password</s0:CodEstatus>")
    code, told = cancelling.cancel(server.office, _bytes(asked))
    server.tally(f"cancel {code}")
    if code != "200":
        said = f"<s0:CodEstatus>{escape(f'{code} - {told.decode()}')}</s0:CodEstatus>"
        return _said("cancel", "cancel_signature", said)
    acuse = f"<s0:Acuse>{escape(shown_acuse(told, call.fault))}</s0:Acuse>"
    return _said("cancel", "cancel_signature", f"<s0:Folios/>{acuse}")


def _credits(server: Server, call: Call) -> Reply:
    asked = _expected(call)
    if account_of(server, _text(asked, "reseller_username"), _text(asked, "reseller_password")) is None:
        return _said("registration", "get", "<s0:message>Invalid Username or Password</s0:message>")
    left = server.office.settings.credits
    names = {
        "status": "A",
        "counter": "0",
        "taxpayer_id": _text(asked, "taxpayer_id"),
        "credit": -1 if left is None else left,
    }
    user = "".join(f"<s0:{name}>{escape(str(value))}</s0:{name}>" for name, value in names.items())
    return _said("registration", "get", f"<s0:users><s0:ResellerUser>{user}</s0:ResellerUser></s0:users>")


def _list(server: Server, call: Call) -> Reply:
    asked = _expected(call)
    account = account_of(server, _text(asked, "username"), _text(asked, "password"))
    if account is None:
        return _said("utilities", "report_uuid", "<s0:error>Invalid Username or Password</s0:error>")
    try:
        since, until = (
            datetime.fromisoformat(_text(asked, name)).replace(tzinfo=CENTRAL) for name in ("date_from", "date_to")
        )
    except ValueError:
        return _said("utilities", "report_uuid", "<s0:error>Invalid date</s0:error>")
    told = "".join(
        f"<s0:ReportUUID><s0:date>{row.stamped_at.astimezone(CENTRAL):%Y-%m-%dT%H:%M:%S}</s0:date>"
        f"<s0:uuid>{row.uuid}</s0:uuid></s0:ReportUUID>"
        for row in server.office.listed(account, _text(asked, "taxpayer_id"), since, until)
    )
    return _said("utilities", "report_uuid", f"<s0:invoices>{told}</s0:invoices>")


def _fetch(server: Server, call: Call) -> Reply:
    asked = _expected(call)
    account = account_of(server, _text(asked, "username"), _text(asked, "password"))
    row = server.office.kept(account, _text(asked, "uuid")) if account is not None else None
    if row is None:
        return _said("utilities", "get_xml", "<s0:error>UUID not found</s0:error>")
    return _said("utilities", "get_xml", f"<s0:xml>{escape(shown(row.xml, call.fault))}</s0:xml>")


def _receipt(server: Server, call: Call) -> Reply:
    asked = _expected(call)
    if account_of(server, _text(asked, "username"), _text(asked, "password")) is None:
        return _said("cancel", "get_receipt", "<s0:error>Invalid Username or Password</s0:error>")
    kept = cancelling.receipt(server.office, _text(asked, "taxpayer_id"), _text(asked, "uuid"))
    if not kept:
        return _said("cancel", "get_receipt", "<s0:success>false</s0:success><s0:error>UUID not found</s0:error>")
    told = f"<s0:success>true</s0:success><s0:receipt>{escape(shown_acuse(kept, call.fault))}</s0:receipt>"
    return _said("cancel", "get_receipt", told)


def _pending(server: Server, call: Call) -> Reply:
    asked = _expected(call)
    if account_of(server, _text(asked, "username"), _text(asked, "password")) is None:
        return _said("cancel", "get_pending", "<s0:error>Invalid Username or Password</s0:error>")
    uuids = cancelling.pending(server.office, _text(asked, "rtaxpayer_id"))
    told = "".join(f"<s0:string>{uuid}</s0:string>" for uuid in uuids)
    return _said("cancel", "get_pending", f"<s0:uuids>{told}</s0:uuids>")


def _answer(server: Server, call: Call) -> Reply:
    asked = _expected(call)
    if account_of(server, _text(asked, "username"), _text(asked, "password")) is None:
        return _said("cancel", "accept_reject_signature", "<s0:error>Invalid Username or Password</s0:error>")
    code, status, told = cancelling.hear(server.office, _bytes(asked))
    if code != "200":
        said = f"<s0:error>{escape(f'{code} - {told.decode()}')}</s0:error>"
        return _said("cancel", "accept_reject_signature", said)
    given, _ = respuesta.verify(_bytes(asked))
    if call.fault is not None and call.fault.kind == "bare_after":
        return _said("cancel", "accept_reject_signature", "")
    uuid = given.uuid[::-1] if call.fault is not None and call.fault.kind == "foreign_after" else given.uuid
    group, one = ("aceptacion", "Acepta") if given.respuesta == Respuesta.ACCEPT else ("rechazo", "Rechaza")
    item = f"<s0:{one}><s0:uuid>{uuid}</s0:uuid><s0:status>{status}</s0:status></s0:{one}>"
    return _said("cancel", "accept_reject_signature", f"<s0:{group}>{item}</s0:{group}>")


def _asked(body: bytes) -> etree._Element | None:
    """The operation's element."""
    try:
        root = cfdi_xml.parse(body, max_bytes=len(body) + 1, max_nodes=100)
    except cfdi_xml.XmlRefused:
        return None
    found = root.find(f"{{{SOAP}}}Body/*")
    return found if found is not None and found.tag.startswith(f"{{{NAMESPACE}/") else None


def _expected(call: Call) -> etree._Element:
    asked = _asked(call.body)
    assert asked is not None  # operation() read it
    return asked


def _text(asked: etree._Element, name: str) -> str:
    return asked.findtext(f"{{*}}{name}") or ""


def _bytes(asked: etree._Element) -> bytes:
    try:
        return base64.b64decode(_text(asked, "xml"), validate=True)
    except ValueError:
        return b""


def _stamped(document: str, uuid: str, incidencias: str) -> str:
    status = f"<s0:CodEstatus>{_DONE}</s0:CodEstatus>" if document else ""
    said = f"<s0:xml>{escape(document)}</s0:xml><s0:UUID>{uuid}</s0:UUID>{status}"
    return f"{said}<s0:Incidencias>{incidencias}</s0:Incidencias>"


def _one(code: str, message: str) -> str:
    said = (
        f"<s0:CodigoError>{escape(code)}</s0:CodigoError><s0:MensajeIncidencia>{escape(message)}</s0:MensajeIncidencia>"
    )
    return f"<s0:Incidencia><s0:IdIncidencia>1</s0:IdIncidencia>{said}</s0:Incidencia>"


def _incidencia(operation: str, code: str, message: str) -> Reply:
    return _said("stamp", operation, _stamped("", "", _one(code, message)))


def _said(service: str, operation: str, inner: str) -> Reply:
    names = f'xmlns:senv="{SOAP}" xmlns:tns="{NAMESPACE}/{service}" xmlns:s0="{VIEWS}"'
    result = f"<tns:{operation}Result>{inner}</tns:{operation}Result>"
    body = f"<senv:Body><tns:{operation}Response>{result}</tns:{operation}Response></senv:Body>"
    text = f"<?xml version='1.0' encoding='UTF-8'?><senv:Envelope {names}>{body}</senv:Envelope>"
    return Reply(200, text.encode(), "text/xml; charset=utf-8")


_OPERATIONS: Final[dict[str, Operation]] = {
    "stamp": _stamp,
    "lookup": _lookup,
    "cancel": _cancel,
    "credits": _credits,
    "list": _list,
    "fetch": _fetch,
    "receipt": _receipt,
    "pending": _pending,
    "answer": _answer,
}

"""SW sapien's REST as its public documents tell it, over the sandbox's core. Duplicates are known by `customid`."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.message import Message
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote

from emite.cfdi import respuesta
from emite.pac.sandbox import cancelling
from emite.pac.sandbox.faces import AUTH_EXPIRED, NO_CREDITS, Call, Operation, account_of, bearer, shown, shown_acuse
from emite.pac.sandbox.reply import Reply, as_object
from emite.pac.sandbox.settings import spend
from emite.pac.sandbox.stamping import CENTRAL
from emite.pac.swsapien import ANSWER, AUTHENTICATE, BALANCE, CANCEL, PENDING, REPEATED, STAMP
from emite.pac.swwarehouse import LIVE

if TYPE_CHECKING:
    from emite.pac.sandbox.program import Server
    from emite.pac.sandbox.state import StampRow

_STORAGE: Final = "/storage/"
_PER_PAGE: Final = 20
_DAY: Final = timedelta(days=1)
_LONGEST: Final = timedelta(days=30)
_PATHS: Final = {
    ("POST", AUTHENTICATE): "auth",
    ("POST", STAMP): "stamp",
    ("POST", CANCEL): "cancel",
    ("GET", BALANCE): "credits",
    ("POST", ANSWER): "answer",
}
_ACUSES: Final = "/acuses/"


class SwSapienFace:
    """See faces.Face."""

    def operation(self, call: Call) -> str | None:
        if call.method == "GET" and call.path.startswith(LIVE):
            return "fetch" if call.path != LIVE else "list"
        if call.method == "GET" and call.path.startswith(_STORAGE):
            return "fetch"
        if call.method == "GET" and call.path.startswith(_ACUSES):
            return "receipt"
        if call.method == "GET" and call.path.startswith(PENDING):
            return "pending"
        return _PATHS.get((call.method, call.path))

    def answer(self, server: Server, operation: str, call: Call) -> Reply:
        return _OPERATIONS[operation](server, call)

    def refusal(self, operation: str, code: str) -> Reply:
        if code == NO_CREDITS:
            # SW publishes no code for it.
            return _error(400, "La cuenta no cuenta con timbres para realizar la operación.")
        if code == AUTH_EXPIRED:
            return _error(401, "AU4000 - No fue posible validar el token.")
        return _error(400, f"{code} - Error no clasificado.")


def _auth(server: Server, call: Call) -> Reply:
    given = as_object(call.body)
    account = account_of(server, str(given.get("user")), str(given.get("password", "")))
    if account is None:
        text = "AU2000 - El usuario y/o contraseña son inválidos, no se puede autenticar el servicio."
        return _error(401, text)
    token = {"token": server.open_session(account), "expires_in": server.token_seconds, "token_type": "Bearer"}
    return _success(token)


def _stamp(server: Server, call: Call) -> Reply:
    account = bearer(server, call)
    if account is None:
        return _error(401, "AU4000 - No fue posible validar el token.")
    if server.is_empty:
        return _error(400, "La cuenta no cuenta con timbres para realizar la operación.")
    outcome = server.office.stamp(account, _file(call), call.headers.get("customid", "")[:100])
    server.tally(f"stamp {outcome.code}")
    if outcome.code == "200":
        spend(server.office.settings)
    elif outcome.code != REPEATED:
        return _error(400, f"{outcome.code} - {outcome.message}")
    assert outcome.row is not None
    has_document = outcome.code == "200" or server.office.settings.repeated_with_xml
    document = shown(outcome.row.xml, call.fault) if has_document else ""
    data = {"cfdi": document, "uuid": outcome.row.uuid} if document else None
    if outcome.code == "200":
        return _success(data)
    return _error(400, "307. El comprobante contiene un timbre previo.", data)


def _cancel(server: Server, call: Call) -> Reply:
    if bearer(server, call) is None:
        return _error(401, "AU4000 - No fue posible validar el token.")
    code, told = cancelling.cancel(server.office, _file(call))
    server.tally(f"cancel {code}")
    if code != "200":
        return _error(400, f"{code} - {told.decode()}")
    acuse = shown_acuse(told, call.fault)
    return _success({"acuse": acuse} if acuse else None)


def _credits(server: Server, call: Call) -> Reply:
    if bearer(server, call) is None:
        return _error(401, "AU4000 - No fue posible validar el token.")
    left = server.office.settings.credits
    return _success({"stampsBalance": left or 0, "isUnlimited": left is None})


def _list(server: Server, call: Call) -> Reply:
    account = bearer(server, call)
    if account is None:
        return _error(401, "AU4000 - No fue posible validar el token.")
    given = parse_qs(call.query)
    try:
        since, until = (
            datetime.fromisoformat(given[name][0]).replace(tzinfo=CENTRAL) for name in ("startDate", "endDate")
        )
    except (KeyError, ValueError):
        return _error(400, "Se requiere la fecha de inicio.")
    rows = [] if until - since > _LONGEST else server.office.listed(account, "", since, until + _DAY)
    page = int(given.get("page", ["1"])[0])
    count = max(1, -(-len(rows) // _PER_PAGE))
    records = [_record(row) for row in rows[(page - 1) * _PER_PAGE : page * _PER_PAGE]]
    meta = {"page": page, "perPage": _PER_PAGE, "pageCount": count, "totalCount": len(rows)}
    return _success({"metaData": meta, "records": records})


def _fetch(server: Server, call: Call) -> Reply:
    uuid = call.path.rpartition("/")[2]
    if call.path.startswith(_STORAGE):  # the link is the key: whoever has it may read
        row = server.office.state.by_uuid(uuid)
        return Reply(200, row.xml, "application/xml") if row is not None else Reply(404, b"")
    account = bearer(server, call)
    if account is None:
        return _error(401, "AU4000 - No fue posible validar el token.")
    row = server.office.kept(account, uuid)
    if row is None:
        return _success({"records": []})
    here = f"http://{call.headers.get('Host')}"
    acuse = f"{here}{_ACUSES}{uuid}" if server.office.state.receipt(uuid) else None
    links = {"urlXml": f"{here}{_STORAGE}{uuid}", "urlAckCancellation": acuse}
    return _success({"records": [{**_record(row), **links}]})


def _receipt(server: Server, call: Call) -> Reply:
    kept = server.office.state.receipt(call.path.rpartition("/")[2])  # the link is the key here too
    return Reply(200, shown_acuse(kept, call.fault).encode(), "application/xml") if kept else Reply(404, b"")


def _pending(server: Server, call: Call) -> Reply:
    if bearer(server, call) is None:
        return _error(401, "AU4000 - No fue posible validar el token.")
    uuids = cancelling.pending(server.office, unquote(call.path.removeprefix(PENDING)))
    code = "1100" if uuids else "1101"
    data = {"uuid": uuids, "codEstatus": code} if uuids else None
    return Reply.json(200, {"codStatus": code, "message": None, "data": data, "status": "success"})


def _answer(server: Server, call: Call) -> Reply:
    if bearer(server, call) is None:
        return _error(401, "AU4000 - No fue posible validar el token.")
    code, status, told = cancelling.hear(server.office, _file(call))
    if code != "200":
        return _error(400, f"{code} - {told.decode()}")
    given, _ = respuesta.verify(_file(call))
    folios = [{"uuid": given.uuid, "estatusUUID": status, "respuesta": given.respuesta}]
    acuse = shown_acuse(told, call.fault)
    return _success({"folios": folios, "acuse": acuse} if acuse else None)


def _record(row: StampRow) -> dict[str, Any]:
    names = {"uuid": row.uuid, "emisorRfc": row.rfc_emisor, "serie": row.serie, "folio": row.folio}
    return {**names, "selloCFD": row.sello, "total": row.total, "urlXml": None}


def _file(call: Call) -> bytes:
    """The form's one file."""
    head = f"Content-Type: {call.headers.get('Content-Type', '')}\r\n\r\n".encode()
    form: Message = BytesParser().parsebytes(head + call.body)
    parts = [part for part in form.walk() if not part.is_multipart()]
    given = parts[0].get_payload(decode=True) if form.is_multipart() and len(parts) == 1 else None
    return given if isinstance(given, bytes) else b""


def _success(data: dict[str, Any] | None) -> Reply:
    return Reply.json(200, {"data": data, "status": "success"})


def _error(status: int, message: str, data: dict[str, Any] | None = None) -> Reply:
    return Reply.json(status, {"message": message, "messageDetail": None, "data": data, "status": "error"})


_OPERATIONS: Final[dict[str, Operation]] = {
    "auth": _auth,
    "stamp": _stamp,
    "cancel": _cancel,
    "credits": _credits,
    "list": _list,
    "fetch": _fetch,
    "receipt": _receipt,
    "pending": _pending,
    "answer": _answer,
}

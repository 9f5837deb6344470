"""The sandbox's own protocol: JSON over plain paths (docs/sandbox-pac.md)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from emite.pac.sandbox import cancelling
from emite.pac.sandbox.faces import AUTH_EXPIRED, NO_CREDITS, Call, Operation, account_of, bearer, shown, shown_acuse
from emite.pac.sandbox.reply import Reply, as_object
from emite.pac.sandbox.settings import spend

if TYPE_CHECKING:
    from emite.pac.sandbox.program import Server
    from emite.pac.sandbox.state import StampRow

_EXPIRED: Final = Reply.json(401, {"codigo": "AUT02", "mensaje": "La sesión no existe o ya venció."})
_NO_CREDITS: Final = Reply.json(402, {"codigo": "SALDO", "mensaje": "La cuenta ya no tiene timbres."})
_PATHS: Final = {
    ("POST", "/auth"): "auth",
    ("POST", "/stamp"): "stamp",
    ("POST", "/lookup"): "lookup",
    ("POST", "/cancel"): "cancel",
    ("GET", "/credits"): "credits",
    ("POST", "/list"): "list",
    ("POST", "/fetch"): "fetch",
    ("POST", "/receipt"): "receipt",
    ("POST", "/pending"): "pending",
    ("POST", "/answer"): "answer",
}


class OwnFace:
    """See faces.Face."""

    def operation(self, call: Call) -> str | None:
        return _PATHS.get((call.method, call.path))

    def answer(self, server: Server, operation: str, call: Call) -> Reply:
        return _OPERATIONS[operation](server, call)

    def refusal(self, operation: str, code: str) -> Reply:
        if code == NO_CREDITS:
            return _NO_CREDITS
        if code == AUTH_EXPIRED:
            return _EXPIRED
        return Reply.json(422, {"codigo": code, "mensaje": "Error no clasificado."})


def _auth(server: Server, call: Call) -> Reply:
    given = as_object(call.body)
    account = account_of(server, str(given.get("usuario")), str(given.get("contrasena", "")))
    if account is None:
        return Reply.json(401, {"codigo": "AUT01", "mensaje": "Usuario o contraseña incorrectos."})
    token = server.open_session(account)
    said = {"codigo": "200", "token": token, "segundos": server.token_seconds, "duplicados": account.dedup.value}
    return Reply.json(200, said)


def _stamp(server: Server, call: Call) -> Reply:
    account = bearer(server, call)
    if account is None:
        return _EXPIRED
    if server.is_empty:
        return _NO_CREDITS
    outcome = server.office.stamp(account, call.body, call.headers.get("X-Clave", "")[:100])
    server.tally(f"stamp {outcome.code}")
    if outcome.code == "200":
        spend(server.office.settings)
    said: dict[str, Any] = {"codigo": outcome.code, "mensaje": outcome.message}
    if outcome.row is not None and (outcome.code == "200" or server.office.settings.repeated_with_xml):
        said["uuid"] = outcome.row.uuid
        document = shown(outcome.row.xml, call.fault)
        if document:
            said["cfdi"] = document
    return Reply.json({"200": 200, "307": 409}.get(outcome.code, 422), said)


def _lookup(server: Server, call: Call) -> Reply:
    account = bearer(server, call)
    if account is None:
        return _EXPIRED
    rows: list[StampRow] = []
    if call.fault is None or call.fault.kind != "blind":
        find = server.office.find
        if call.headers.get_content_type() == "application/json":
            given = {name: str(value) for name, value in as_object(call.body).items()}
            if "clave" in given:
                rows = find(account, key=given["clave"])
            else:
                rows = find(account, folio=(given.get("rfc", ""), given.get("serie", ""), given.get("folio", "")))
        else:
            rows = find(account, document=call.body)
    said: dict[str, Any] = {"codigo": "200" if rows else "603", "uuid": [row.uuid for row in rows]}
    if call.fault is None or call.fault.kind != "bare_after":
        said["cfdi"] = [row.xml.decode() for row in rows]
    return Reply.json(200, said)


def _cancel(server: Server, call: Call) -> Reply:
    if bearer(server, call) is None:
        return _EXPIRED
    code, told = cancelling.cancel(server.office, call.body)
    server.tally(f"cancel {code}")
    if code != "200":
        return Reply.json(422, {"codigo": code, "mensaje": told.decode()})
    said = {"codigo": "200", "mensaje": "Solicitud atendida."}
    acuse = shown_acuse(told, call.fault)
    return Reply.json(200, {**said, "acuse": acuse} if acuse else said)


def _credits(server: Server, call: Call) -> Reply:
    if bearer(server, call) is None:
        return _EXPIRED
    return Reply.json(200, {"codigo": "200", "timbres": server.office.settings.credits})


def _list(server: Server, call: Call) -> Reply:
    account = bearer(server, call)
    if account is None:
        return _EXPIRED
    given = as_object(call.body)
    try:
        since, until = (datetime.fromisoformat(str(given.get(name))) for name in ("desde", "hasta"))
        rows = server.office.listed(account, str(given.get("rfc")), since, until)
    except (ValueError, TypeError):
        return Reply.json(400, {"codigo": "FECHA", "mensaje": "Se esperan desde y hasta, con su zona."})
    told = [{"uuid": row.uuid, "serie": row.serie, "folio": row.folio} for row in rows]
    return Reply.json(200, {"codigo": "200", "timbres": told})


def _fetch(server: Server, call: Call) -> Reply:
    account = bearer(server, call)
    if account is None:
        return _EXPIRED
    row = server.office.kept(account, str(as_object(call.body).get("uuid")))
    if row is None:
        return Reply.json(404, {"codigo": "603", "mensaje": "No hay un timbre con ese folio fiscal."})
    return Reply.json(200, {"codigo": "200", "cfdi": shown(row.xml, call.fault)})


def _receipt(server: Server, call: Call) -> Reply:
    if bearer(server, call) is None:
        return _EXPIRED
    given = as_object(call.body)
    kept = cancelling.receipt(server.office, str(given.get("rfc")), str(given.get("uuid")))
    if not kept:
        return Reply.json(404, {"codigo": "603", "mensaje": "No hay un acuse de ese folio fiscal."})
    return Reply.json(200, {"codigo": "200", "acuse": shown_acuse(kept, call.fault)})


def _pending(server: Server, call: Call) -> Reply:
    if bearer(server, call) is None:
        return _EXPIRED
    uuids = cancelling.pending(server.office, str(as_object(call.body).get("rfc")))
    return Reply.json(200, {"codigo": "200", "uuid": uuids})


def _answer(server: Server, call: Call) -> Reply:
    if bearer(server, call) is None:
        return _EXPIRED
    code, _, told = cancelling.hear(server.office, call.body)
    if code != "200":
        return Reply.json(422, {"codigo": code, "mensaje": told.decode()})
    said = {"codigo": "200", "mensaje": "Respuesta atendida."}
    acuse = shown_acuse(told, call.fault)
    return Reply.json(200, {**said, "acuse": acuse} if acuse else said)


_OPERATIONS: Final[dict[str, Operation]] = {
    "auth": _auth,
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

"""SW sapien's REST as its public documents tell it, over the sandbox's core. Duplicates are known by `customid`."""

from __future__ import annotations

from email.message import Message
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any, Final

from emite.pac.sandbox import cancelling
from emite.pac.sandbox.faces import AUTH_EXPIRED, NO_CREDITS, Call, Operation, account_of, bearer, shown, shown_acuse
from emite.pac.sandbox.reply import Reply, as_object
from emite.pac.sandbox.settings import spend
from emite.pac.swsapien import AUTHENTICATE, BALANCE, CANCEL, REPEATED, STAMP

if TYPE_CHECKING:
    from emite.pac.sandbox.program import Server

_PATHS: Final = {
    ("POST", AUTHENTICATE): "auth",
    ("POST", STAMP): "stamp",
    ("POST", CANCEL): "cancel",
    ("GET", BALANCE): "credits",
}


class SwSapienFace:
    """See faces.Face."""

    def operation(self, call: Call) -> str | None:
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
}

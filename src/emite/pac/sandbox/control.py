"""The control calls of the sandbox PAC: make it misbehave, move its clock, count what it did.
Not here: what a fault does (program.py), which one comes next (faults.py). Loopback and a token of their own only."""

from __future__ import annotations

import hmac
import ipaddress
import json
from collections.abc import Callable, Mapping
from email.message import Message
from typing import TYPE_CHECKING, Any, Final

from emite.pac.sandbox import cancelling
from emite.pac.sandbox.reply import Reply
from emite.pac.sandbox.taxpayers import Taxpayer

if TYPE_CHECKING:
    from emite.pac.sandbox.program import Server

HEADER: Final = "X-Control-Token"


def answer(server: Server, method: str, path: str, headers: Message, body: bytes, client: str) -> Reply:
    """The reply to a call under /_control/."""
    token = headers.get(HEADER, "")
    is_known = hmac.compare_digest(token.encode(), server.control_token.encode())
    if not (is_known and ipaddress.ip_address(client).is_loopback):
        return Reply.json(403, {"codigo": "CONTROL", "mensaje": "El control pide su propia clave, desde esta máquina."})
    action = _ACTIONS.get((method, path.removeprefix("/_control/")))
    if action is None:
        return Reply.json(404, {"codigo": "RUTA", "mensaje": "No existe esta orden de control."})
    try:
        given: Any = json.loads(body) if body else {}
        if not isinstance(given, dict):
            raise ValueError("se espera un objeto JSON")
        return Reply.json(200, action(server, given))
    except (ValueError, KeyError, TypeError) as error:
        return Reply.json(400, {"codigo": "CONTROL", "mensaje": f"{type(error).__name__}: {error}"})


def _plan(server: Server, given: dict[str, Any]) -> dict[str, Any]:
    """{"next": [{"op", "fault", "times", "seconds", "status"}…]} and/or {"op", "faults": {kind: p | {…}}, "seed"}."""
    for each in given.get("next", []):
        server.faults.plan(
            each.get("op", "stamp"),
            each["fault"],
            int(each.get("times", 1)),
            each.get("seconds"),
            int(each.get("status", 503)),
        )
    unknown = set(given) - {"next", "faults", "op", "seed"}
    if unknown:
        raise ValueError(f"no se entiende {sorted(unknown)}; se espera next, faults, op o seed")
    if "faults" in given:
        server.faults.chance(given.get("op", "stamp"), given["faults"], int(given.get("seed", 0)))
    return {"codigo": "200"}


def _behave(server: Server, given: dict[str, Any]) -> dict[str, Any]:
    server.faults.clear()
    return {"codigo": "200"}


def _change(server: Server, given: dict[str, Any]) -> dict[str, Any]:
    server.office.settings.change(given)
    return server.office.settings.listed()


def _stats(server: Server, given: dict[str, Any]) -> dict[str, Any]:
    state = server.office.state
    duplicates = state.duplicates()
    return {
        "stamps": state.count(),
        "duplicates": len(duplicates),
        "duplicated": duplicates,
        "calls": dict(server.calls),
        "faults": dict(server.faults.met),
        "settings": server.office.settings.listed(),
        "now": server.office.settings.now().isoformat(),
    }


def _stamps(server: Server, given: dict[str, Any]) -> dict[str, Any]:
    return {"stamps": [row.listed() for row in server.office.state.all()]}


def _cancel(server: Server, given: dict[str, Any]) -> dict[str, Any]:
    return {"cancelled": server.office.state.cancel(str(given["uuid"]))}


def _receptor(server: Server, given: dict[str, Any]) -> dict[str, Any]:
    """{"uuid", "accepts": true | false}: the receptor's word on a cancellation in process."""
    return {"estatus": cancelling.answer(server.office, str(given["uuid"]), bool(given["accepts"]))}


def _forget(server: Server, given: dict[str, Any]) -> dict[str, Any]:
    server.office.state.forget()
    return {"codigo": "200"}


def _taxpayers(server: Server, given: dict[str, Any]) -> dict[str, Any]:
    """{"add": [{"rfc", "nombre", "cp", "regimenes": […], "retencion": 0|1|2}…]}"""
    taxpayers = [
        Taxpayer(
            str(each["rfc"]),
            str(each["nombre"]),
            str(each["cp"]),
            frozenset(str(key) for key in each["regimenes"]),
            int(each.get("retencion", 0)),
        )
        for each in given["add"]
    ]
    server.office.registry.add(taxpayers)
    return {"added": len(taxpayers)}


def _restrict(server: Server, given: dict[str, Any]) -> dict[str, Any]:
    """{"revoked": [NoCertificado…], "without_obligations": [RFC…]}; what isn't named is lifted."""
    server.office.registry.restrict(
        revoked=given.get("revoked", []), without_obligations=given.get("without_obligations", [])
    )
    return {"codigo": "200"}


_ACTIONS: Final[Mapping[tuple[str, str], Callable[[Server, dict[str, Any]], dict[str, Any]]]] = {
    ("POST", "faults"): _plan,
    ("DELETE", "faults"): _behave,
    ("POST", "settings"): _change,
    ("GET", "stats"): _stats,
    ("GET", "stamps"): _stamps,
    ("DELETE", "stamps"): _forget,
    ("POST", "cancel"): _cancel,
    ("POST", "receptor"): _receptor,
    ("POST", "taxpayers"): _taxpayers,
    ("POST", "lco"): _restrict,
}

"""The sandbox PAC's door: HTTP on loopback, and faults carried out on the wire.
Not here: protocols (own.py, finkok.py, swsapien.py), what a PAC decides (stamping.py), the control calls
(control.py), the command line (__main__.py)."""

from __future__ import annotations

import secrets
import socket
import socketserver
import struct
import sys
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

from emite.pac.sandbox import consulta, control
from emite.pac.sandbox.faces import AUTH_EXPIRED, NO_CREDITS, UNCLASSIFIED, Call, Face, Operation
from emite.pac.sandbox.faults import Fault, Faults
from emite.pac.sandbox.own import OwnFace
from emite.pac.sandbox.reply import Reply
from emite.pac.sandbox.stamping import Account, Office

BODY_LIMIT: Final = 8 * 1024 * 1024
TOKEN_SECONDS: Final = 7200.0
_PAGE: Final = (
    b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"
)


class Hangup(Exception):
    """The connection ends here, answered or not."""


class Server(ThreadingHTTPServer):
    """One thread for each connection; they die with the program."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(
        self,
        address: tuple[str, int],
        office: Office,
        accounts: list[Account],
        control_token: str,
        verbose: bool = False,
        face: Face | None = None,
    ) -> None:
        self.office = office
        self.accounts = {account.user: account for account in accounts}
        self.control_token = control_token
        self.verbose = verbose
        self.face = face or OwnFace()
        self.faults = Faults()
        self.stopping = threading.Event()
        self.calls: dict[str, int] = {}
        self._sessions: dict[str, tuple[Account, float]] = {}
        self._lock = threading.Lock()
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Like http.server's, without its look-up of the host's name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news; anything else is a defect and is told."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError | Hangup):
            super().handle_error(request, client_address)

    def open_session(self, account: Account) -> str:
        """A new token."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._sessions[token] = (account, time.monotonic() + TOKEN_SECONDS)
        return token

    def session(self, token: str) -> Account | None:
        """Whose token it is, while it lasts."""
        with self._lock:
            account, until = self._sessions.get(token, (None, 0.0))
        return account if time.monotonic() < until else None

    def end_session(self, token: str) -> None:
        """Forget a token."""
        with self._lock:
            self._sessions.pop(token, None)

    @property
    def token_seconds(self) -> int:
        """How long a session lasts."""
        return int(TOKEN_SECONDS)

    @property
    def is_empty(self) -> bool:
        """No stamps left."""
        left = self.office.settings.credits
        return left is not None and left <= 0

    def tally(self, what: str) -> None:
        """Count a call for the statistics."""
        with self._lock:
            self.calls[what] = self.calls.get(what, 0) + 1

    def wait(self, seconds: float) -> None:
        """Sleep; a stopping program hangs up instead, as a killed one would."""
        if self.stopping.wait(seconds):
            raise Hangup


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "SandboxPac"
    sys_version = ""
    timeout = 75
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def log_message(self, format: str, *args: Any) -> None:
        if self.server.verbose:
            super().log_message(format, *args)

    def _answer(self, method: str) -> None:
        body = self._body()
        parts = urlsplit(self.path)
        path = parts.path
        if path.startswith("/_control/"):
            self._write(control.answer(self.server, method, path, self.headers, body, self.client_address[0]))
            return
        if self.server.office.settings.down and path != "/health":
            self._write(Reply.json(503, {"codigo": "CAIDO", "mensaje": "El PAC simulado está fuera de servicio."}))
            return
        call = Call(method, path, self.headers, body, parts.query)
        operation, work = _COMMON.get((method, path), ("", None))
        operation = operation or self.server.face.operation(call) or ""
        if not operation:
            self._write(Reply.json(404, {"codigo": "RUTA", "mensaje": "No existe esta ruta."}))
            return
        self.server.tally(operation)
        fault = self.server.faults.draw(operation)
        if fault is not None and fault.is_before and self._strike_before(fault, operation):
            return
        call = replace(call, fault=fault)
        reply = work(self.server, call) if work else self.server.face.answer(self.server, operation, call)
        if fault is not None and not fault.is_before:
            self._strike_after(fault, operation, reply)
        else:
            self._write(reply)

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if self.headers.get("Transfer-Encoding") or not length.isdigit() or int(length) > BODY_LIMIT:
            self.close_connection = True
            self._write(Reply.json(413, {"codigo": "TAMANO", "mensaje": "Se espera un cuerpo de tamaño conocido."}))
            self._drain()
            raise Hangup
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise Hangup  # the client went away in mid-request
        return body

    def _drain(self) -> None:
        """Read on for a second: closing over unread bytes would reset the connection and lose the answer."""
        self.connection.shutdown(socket.SHUT_WR)
        until = time.monotonic() + 1
        while (left := until - time.monotonic()) > 0:
            self.connection.settimeout(left)
            if not self.connection.recv(65536):
                return

    # Faults: before the work (True: there is nothing left to do) and after it.

    def _strike_before(self, fault: Fault, operation: str) -> bool:
        if fault.kind == "blind":
            return False
        if fault.kind == "delay_before":
            self.server.wait(fault.seconds)
            return False
        if fault.kind == "cut_before":
            self._cut()
        if fault.kind == "auth_expired":
            self.server.end_session(self.headers.get("Authorization", "").partition(" ")[2])
        self._write(_spoiled(self.server.face, operation, fault))
        return True

    def _strike_after(self, fault: Fault, operation: str, reply: Reply) -> None:
        if fault.kind == "delay_after":
            self.server.wait(fault.seconds)
            self._write(reply)
        elif fault.kind == "cut_after":
            self._cut()
        elif fault.kind == "half_after":
            self._write(reply, upto=len(reply.body) // 2)
            self._cut()
        elif fault.kind == "drip_after":
            self._drip(reply, fault.seconds)
        elif fault.kind in ("bare_after", "foreign_after"):
            self._write(reply)  # the face wrote it so
        else:
            self._write(_spoiled(self.server.face, operation, fault))

    def _cut(self) -> NoReturn:
        """Reset the connection, as a killed process or a firewall does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        raise Hangup

    def _drip(self, reply: Reply, seconds: float) -> None:
        self._write(reply, upto=0)
        self.close_connection = True
        for byte in reply.body:
            self.server.wait(seconds)
            self.connection.sendall(bytes([byte]))

    def _write(self, reply: Reply, upto: int | None = None) -> None:
        """Head and body; `upto` bytes of the body only, under a head that promises the whole."""
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body if upto is None else reply.body[:upto])
        self.wfile.flush()


def _health(server: Server, call: Call) -> Reply:
    return Reply.json(200, {"codigo": "200", "timbres": server.office.state.count()})


def _status(server: Server, call: Call) -> Reply:
    return consulta.answer(server.office, call.body)


def _certificates(server: Server, call: Call) -> Reply:
    return Reply.json(200, {"codigo": "200", "certificados": [server.office.signer.base64]})


_COMMON: Final[dict[tuple[str, str], tuple[str, Operation]]] = {
    ("GET", "/health"): ("health", _health),
    ("POST", consulta.PATH): ("status", _status),
    ("GET", "/certificates"): ("certificates", _certificates),
}
"""What every face has: SAT's stand-in and what serves to run the program."""


def _spoiled(face: Face, operation: str, fault: Fault) -> Reply:
    """What is answered instead."""
    kind = fault.kind.removesuffix("_before").removesuffix("_after")
    if kind == "error":
        return Reply(fault.status, b"upstream error", "text/plain")
    if kind == "html":
        return Reply(200, _PAGE, "text/html")
    if kind == "unclassified":
        return face.refusal(operation, UNCLASSIFIED)
    if kind in (NO_CREDITS, AUTH_EXPIRED):
        return face.refusal(operation, kind)
    if kind == "oversize":
        return Reply(200, b" " * (9 * 1024 * 1024))
    return Reply(200, secrets.token_bytes(700))

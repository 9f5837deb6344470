"""One POST to an address that a stranger chose, without letting it reach into our own network.

The name is resolved once, every address it has must be public, and the connection goes to that very address with the
name checked in its certificate: a name that changes its mind afterwards (rebinding) changes nothing. No redirects, five
seconds for everything, no body is read.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from emite.pac import reach

#: Seconds for the whole call, the resolution of the name included.
TOTAL: Final = 5.0
#: Bytes of an answer that are read at most, looking for its status.
LIMIT: Final = 64 * 1024


class AddressRefused(Exception):
    """We do not call this address; the message says why in words for its owner."""


class NoAnswer(Exception):
    """The call broke off; trying later may help."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart. `trusted`: the operator's allow-list names it, so it may be private and without TLS."""

    secure: bool
    host: str
    port: int
    path: str
    trusted: bool

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other system said: only its status matters."""

    status: int
    elapsed_ms: int


def target_of(url: str) -> Target:
    """Raises AddressRefused for what we never call: other than https on 443, unless the operator allows the host."""
    if any(ord(char) <= 32 or ord(char) == 127 for char in url):
        raise AddressRefused("La dirección no puede llevar espacios ni saltos de línea.")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna").decode().lower(), parts.port
    except ValueError as error:
        raise AddressRefused("La dirección no está bien escrita.") from error
    if parts.scheme not in ("http", "https") or not host or parts.username is not None or parts.fragment:
        raise AddressRefused("Escriba una dirección como https://su-sistema.mx/avisos, sin usuario ni #.")
    secure = parts.scheme == "https"
    port = port or (443 if secure else 80)
    trusted = reach.is_named(host, port, settings.WEBHOOK_ALLOWED)
    if not trusted and not secure:
        raise AddressRefused("La dirección debe ser https: los avisos no viajan sin cifrar.")
    if not trusted and port != 443:
        raise AddressRefused("La dirección debe usar el puerto 443.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise AddressRefused("Escriba los caracteres especiales de la dirección como %XX.")
    return Target(secure, host, port, path, trusted)


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, total: float = TOTAL, context: ssl.SSLContext | None = None
) -> Answer:
    """The status that answers. Raises AddressRefused (never will) or NoAnswer (not this time)."""
    target, started = target_of(url), time.monotonic()
    deadline = started + total
    address = _address(target, deadline)
    try:
        with _connect(target, address, deadline, context) as sock:
            _send(sock, _request(target, body, headers), deadline)
            status = _status(sock, deadline)
    except (OSError, ValueError) as error:
        raise NoAnswer(_words(error)) from error
    return Answer(status, round((time.monotonic() - started) * 1000))


def _address(target: Target, deadline: float) -> str:
    try:
        return reach.public_address(target.host, target.port, deadline, trusted=target.trusted)
    except reach.OutOfReach as error:
        raise AddressRefused("El nombre lleva a una red privada o reservada: no se llama.") from error
    except reach.Unresolved as error:
        raise NoAnswer(str(error)) from error


def _connect(target: Target, address: str, deadline: float, context: ssl.SSLContext | None) -> socket.socket:
    plain = socket.create_connection((address, target.port), timeout=_left(deadline))
    if not target.secure:
        return plain
    try:
        plain.settimeout(_left(deadline))
        return (context or ssl.create_default_context()).wrap_socket(plain, server_hostname=target.host)
    except BaseException:
        plain.close()
        raise


def _request(target: Target, body: bytes, headers: Mapping[str, str]) -> bytes:
    lines = [f"POST {target.path} HTTP/1.1", f"Host: {target.authority}", "Connection: close",
             f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in headers.items())]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _send(sock: socket.socket, data: bytes, deadline: float) -> None:
    view = memoryview(data)
    while view:
        sock.settimeout(_left(deadline))
        view = view[sock.send(view) :]


def _status(sock: socket.socket, deadline: float) -> int:
    """The status of the first line; a server that drips bytes does not stretch the deadline."""
    read = b""
    while b"\r\n" not in read:
        sock.settimeout(_left(deadline))
        piece = sock.recv(4096)
        if not piece or len(read) > LIMIT:
            raise ValueError("la respuesta no es HTTP")
        read += piece
    words = read.split(b"\r\n", 1)[0].split(b" ")
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not (len(words[1]) == 3 and words[1].isdigit()):
        raise ValueError("la respuesta no es HTTP")
    return int(words[1])


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("se acabaron los cinco segundos")
    return left


def _words(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}"
    return "".join(char if char.isprintable() else " " for char in text)[:200]

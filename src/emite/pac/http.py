"""One HTTP call to a PAC with a deadline for the whole of it, and the truth on whether any of it was written.
Not here: what an answer means (port.py and the adapters), retries (documents/)."""

from __future__ import annotations

import http.client
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from emite.pac.reach import LOOPBACK, Reach

ANSWER_LIMIT: Final = 8 * 1024 * 1024
"""Bytes of a body that are read at most."""
IDLE_LIMIT: Final = 15.0
"""Seconds after which an idle connection isn't used again: servers close theirs soon after."""
_POOLED: Final = 8


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `total` runs from the start of the call; nothing is sent once it is over."""

    connect: float = 5.0
    read: float = 30.0
    total: float = 40.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_ms: int

    @property
    def date(self) -> datetime | None:
        """The Date header as an aware moment; None when absent or unreadable."""
        try:
            moment = parsedate_to_datetime(self.headers.get("date", ""))
        except (ValueError, TypeError, OverflowError):
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """No whole answer. `written` is False only when it is certain that the server got no byte of the request."""

    reason: str
    written: bool
    elapsed_ms: int
    status: int | None = None
    partial: bytes = b""


class _Deadline:
    """Mixed into sockets: every read and write gets what is left of the call's time, so that a server that drips one
    byte a second can't stretch it; counts what was handed to the kernel."""

    deadline: float = 0.0
    step: float = 30.0
    written: int = 0

    def arm(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("total deadline")
        self.settimeout(min(self.step, left))  # type: ignore[attr-defined]

    def recv_into(self, *args: Any) -> int:
        self.arm()
        return super().recv_into(*args)  # type: ignore[misc, no-any-return]


class _PlainSocket(_Deadline, socket.socket):
    def sendall(self, data: Any, flags: int = 0) -> None:
        view = memoryview(data)
        while view:
            self.arm()
            sent = self.send(view, flags)
            self.written += sent
            view = view[sent:]


class _TlsSocket(_Deadline, ssl.SSLSocket):
    def sendall(self, data: Any, flags: int = 0) -> None:
        self.written += len(data)  # a record may have left in part even if the write fails
        self.arm()
        super().sendall(data, flags)


class _Resolved:
    """Mixed into connections: to the very address that was judged, under the name that was written."""

    address: str = ""
    _dns_host: str

    def _new_conn(self) -> socket.socket:
        name, self._dns_host = self._dns_host, self.address
        try:
            return super()._new_conn()  # type: ignore[misc, no-any-return]
        finally:
            self._dns_host = name


class _TlsConnection(_Resolved, HTTPSConnection):
    """TLS, with the written name checked in the certificate."""


class _PlainConnection(_Resolved, HTTPConnection):
    def _new_conn(self) -> socket.socket:
        plain = super()._new_conn()
        timeout = plain.gettimeout()
        watched = _PlainSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
        watched.settimeout(timeout)
        return watched


@dataclass
class _Idle:
    connection: HTTPConnection
    since: float


@dataclass
class Transport:
    """Keep-alive connections to one base address. Thread-safe; a forked child starts with none of its parent's.

    Proxies and redirects are not followed, answers are not decompressed. Plain HTTP is for loopback alone: `base_url`
    with another host must be https (ValueError). Where `reach` does not let it, nothing is connected.
    """

    base_url: str
    timeouts: Timeouts = field(default_factory=Timeouts)
    reach: Reach = field(default_factory=Reach)
    _idle: list[_Idle] = field(default_factory=list, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _pid: int = field(default_factory=os.getpid, init=False, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise ValueError(f"dirección de PAC no válida: {self.base_url!r}")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValueError("un PAC que no esté en esta máquina se usa sólo por https")
        self._host, self._prefix = parts.hostname, parts.path.rstrip("/")
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls: ssl.SSLContext | None = None
        if parts.scheme == "https":
            self._tls = ssl.create_default_context()
            self._tls.sslsocket_class = _TlsSocket

    @property
    def is_loopback(self) -> bool:
        """On this machine."""
        return self._host in LOOPBACK

    @property
    def is_for_tests(self) -> bool:
        """A test environment, by its host's name, as PACs name theirs: demo-facturacion.…, services.test.…"""
        return self.is_loopback or bool({"demo", "test"} & set(re.split(r"[.-]", self._host)))

    def judged(self, deadline: float) -> str:
        """The address that its name leads to. Raises OutOfReach or Unresolved."""
        return self.reach.address(self._host, self._port, deadline)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> Answer | NoAnswer:
        """One request. `deadline` (time.monotonic) lets several calls share one total.

        An idle connection that turns out dead before the kernel took a byte is replaced once; after the first byte
        there is no second try.
        """
        started = time.monotonic()
        deadline = min(deadline or float("inf"), started + self.timeouts.total)
        connection = self._take()
        if connection is not None:
            answer = self._exchange(connection, method, path, body, headers or {}, started, deadline)
            if isinstance(answer, Answer) or answer.written:
                return answer
        try:
            connection = self._connect(deadline)
        except (HTTPError, OSError, http.client.HTTPException) as error:
            return NoAnswer(_words(error), False, _since(started))
        return self._exchange(connection, method, path, body, headers or {}, started, deadline)

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for entry in idle:
            entry.connection.close()

    def _take(self) -> HTTPConnection | None:
        with self._lock:
            if self._pid != os.getpid():
                # The sockets are the parent's: let go of them without closing its conversation.
                self._pid, self._idle = os.getpid(), []
            while self._idle:
                entry = self._idle.pop()
                fresh = time.monotonic() - entry.since < IDLE_LIMIT
                if fresh and entry.connection.is_connected:
                    return entry.connection
                entry.connection.close()
        return None

    def _give(self, connection: HTTPConnection) -> None:
        with self._lock:
            if self._pid == os.getpid() and len(self._idle) < _POOLED:
                self._idle.append(_Idle(connection, time.monotonic()))
                return
        connection.close()

    def _connect(self, deadline: float) -> HTTPConnection:
        timeout = min(self.timeouts.connect, max(deadline - time.monotonic(), 0.001))
        address = self.judged(min(deadline, time.monotonic() + timeout))
        connection: _TlsConnection | _PlainConnection
        if self._tls is not None:
            connection = _TlsConnection(self._host, self._port, timeout=timeout, ssl_context=self._tls)
        else:
            connection = _PlainConnection(self._host, self._port, timeout=timeout)
        connection.address = address
        connection.connect()
        if not isinstance(connection.sock, _Deadline):
            connection.close()
            raise TypeError("the socket in use doesn't keep the deadline")
        return connection

    def _exchange(
        self,
        connection: HTTPConnection,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        started: float,
        deadline: float,
    ) -> Answer | NoAnswer:
        watched = connection.sock
        assert isinstance(watched, _Deadline)
        watched.deadline, watched.step, watched.written = deadline, self.timeouts.read, 0
        partial, status = b"", None
        try:
            sent = {"Accept-Encoding": "identity", "User-Agent": "emite", **headers}
            if body:
                sent["Content-Length"] = str(len(body))
            connection.request(
                method,
                self._prefix + path,
                body=body or None,
                headers=sent,
                preload_content=False,
                decode_content=False,
            )
            response = connection.getresponse()
            status = response.status
            partial = _read(response)
        except (HTTPError, OSError, http.client.HTTPException) as error:
            connection.close()
            return NoAnswer(_words(error), watched.written > 0, _since(started), status, _part(error))
        if len(partial) > ANSWER_LIMIT:
            connection.close()
            return NoAnswer("la respuesta es demasiado grande", True, _since(started), status, partial[:ANSWER_LIMIT])
        keep = response.headers.get("connection", "").lower() != "close" and connection.sock is watched
        if keep:
            self._give(connection)
        else:
            connection.close()
        return Answer(status, {k.lower(): v for k, v in response.headers.items()}, partial, _since(started))


def _read(response: HTTPResponse) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while size <= ANSWER_LIMIT:
        try:
            piece = response.read(64 * 1024)
        except (HTTPError, OSError, http.client.HTTPException) as error:
            raise _Truncated(b"".join(pieces), error) from error
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


class _Truncated(OSError):
    """The body broke off; keeps what had arrived."""

    def __init__(self, partial: bytes, cause: Exception) -> None:
        super().__init__(_words(cause))
        self.partial = partial


def _part(error: Exception) -> bytes:
    return error.partial if isinstance(error, _Truncated) else b""


def plain(text: str, limit: int) -> str:
    """What a stranger wrote, fit to be stored and shown: no control characters, no lone surrogates."""
    return "".join(each if each.isprintable() else " " for each in text[:limit])


def _words(error: Exception) -> str:
    return plain(f"{type(error).__name__}: {error}", 300)


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)

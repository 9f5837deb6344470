"""Servers that say exactly the bytes a test wants.
Not here: a PAC that behaves (sandbox.py)."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Script = Callable[[socket.socket], None]


@contextmanager
def listening(*scripts: Script, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that gives each connection, in order, to one script."""
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]

    def work() -> None:
        for script in scripts:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            try:
                script(context.wrap_socket(connection, server_side=True) if context else connection)
            except OSError:
                pass  # the client has hung up, as some tests want
            finally:
                connection.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{port}"
    finally:
        server.shutdown(socket.SHUT_RDWR)  # wakes accept(), which close() alone does not
        server.close()
        thread.join(5)


def request_of(connection: socket.socket) -> bytes:
    """Head and body of one request."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-l")), 0
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def says(raw: bytes, times: int = 1) -> Script:
    def script(connection: socket.socket) -> None:
        for _ in range(times):
            request_of(connection)
            connection.sendall(raw)

    return script

"""A TCP proxy that breaks what goes through it: between the worker and a PAC, or anybody and the database.

`with faulty(port) as proxy:` listens on `proxy.port`; `proxy.next(Fault(...))` breaks the following connections, one
fault each, and `proxy.always` those without a fault of their own.
"""

from __future__ import annotations

import queue
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

CHUNK = 65536
#: Closing with this sends RST instead of FIN.
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Fault:
    """What becomes of one connection."""

    up: int | None = None
    """It ends after so many bytes towards the server; with 0, nothing arrives."""
    down: int | None = None
    """It ends after so many bytes towards the client; with 0, the answer is lost."""
    reset: bool = False
    """It ends with RST, not FIN."""
    black_hole: bool = False
    """Instead of ending it says nothing more."""
    delay: float = 0.0
    """Seconds before each piece of the answer."""
    drip: int = 0
    """Bytes in each piece of the answer."""


PASS = Fault()


class FaultProxy(socketserver.ThreadingTCPServer):
    """Every connection to one port of this machine, each with its fault."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, upstream: int) -> None:
        super().__init__(("127.0.0.1", 0), _Passage)
        self.upstream = upstream
        self.always = PASS
        self.met: list[Fault] = []
        """The faults that a connection really met, in order."""
        self.over = threading.Event()
        self._next: queue.SimpleQueue[Fault] = queue.SimpleQueue()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def next(self, *faults: Fault) -> None:
        for fault in faults:
            self._next.put(fault)

    def taken(self) -> Fault:
        """The fault of a new connection."""
        try:
            return self._next.get_nowait()
        except queue.Empty:
            return self.always


class _Passage(socketserver.BaseRequestHandler):
    """Bytes both ways until either side ends or the fault ends both."""

    def handle(self) -> None:
        assert isinstance(self.server, FaultProxy)
        fault = self.server.taken()
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.server.upstream), timeout=5) as upstream:
            upstream.settimeout(None)
            answers = threading.Thread(
                target=self._carry, args=(upstream, self.request, fault.down, fault), daemon=True
            )
            answers.start()
            self._carry(self.request, upstream, fault.up, fault)
            answers.join()

    def _carry(self, source: socket.socket, target: socket.socket, limit: int | None, fault: Fault) -> None:
        """One way, up to `limit` bytes."""
        answer, left = target is self.request, limit
        with suppress(OSError):
            while data := source.recv((answer and fault.drip) or CHUNK):
                if answer and fault.delay:
                    time.sleep(fault.delay)
                target.sendall(data if left is None else data[:left])
                if left is not None:
                    left -= len(data)
                    if left < 0 or not left:
                        self._end(fault)
                        return
            with suppress(OSError):
                target.shutdown(socket.SHUT_WR)

    def _end(self, fault: Fault) -> None:
        assert isinstance(self.server, FaultProxy)
        self.server.met.append(fault)
        if fault.black_hole:
            self.server.over.wait()
        if fault.reset:
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.request.close()
        else:
            self.request.shutdown(socket.SHUT_RDWR)


@contextmanager
def faulty(upstream: int) -> Iterator[FaultProxy]:
    """A proxy to that port, until the end."""
    with FaultProxy(upstream) as proxy:
        threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield proxy
        finally:
            proxy.over.set()
            proxy.shutdown()

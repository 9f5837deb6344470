"""Another system that listens on loopback and behaves as a test asks: answers, hangs, drips, redirects."""

from __future__ import annotations

import contextlib
import http.server
import threading
import time
from collections.abc import Iterator
from typing import Any


class Target:
    """What it got and how it answers."""

    def __init__(self) -> None:
        self.status, self.seconds, self.drip, self.location = 200, 0.0, False, ""
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/avisos"


@contextlib.contextmanager
def listening() -> Iterator[Target]:
    """A target while the block lasts."""
    target = Target()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            target.got.append((dict(self.headers.items()), body))
            stop = time.monotonic() + target.seconds
            with contextlib.suppress(OSError):
                while time.monotonic() < stop:
                    time.sleep(0.1)
                    if target.drip:
                        self.wfile.write(b"x")
                self.send_response(target.status)
                if target.location:
                    self.send_header("Location", target.location)
                self.end_headers()
                self.wfile.write(b"y" * 1000)

        do_GET = do_POST

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    target.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield target
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)

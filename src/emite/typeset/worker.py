"""The program of the typesetting process: reads jobs from a socket, compiles them with typst, answers PDFs.

Run as a file by `process.py`, in a process of its own, so it imports nothing of emite. typst is loaded nowhere else:
a process that forks after a compile leaves its child hanging.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).parent / "templates"
_LENGTHS = struct.Struct(">IQ")


def send(channel: socket.socket, header: dict[str, Any], payload: bytes = b"") -> None:
    """One message: a JSON header and bytes. Raises OSError (TimeoutError included) when the other side is not there."""
    head = json.dumps(header).encode()
    channel.sendall(_LENGTHS.pack(len(head), len(payload)) + head)
    channel.sendall(payload)


def receive(channel: socket.socket, deadline: float | None = None) -> tuple[dict[str, Any], bytes]:
    """The next message. Raises EOFError when the other side closed, TimeoutError past `deadline` (monotonic)."""
    head, payload = _LENGTHS.unpack(_exactly(channel, _LENGTHS.size, deadline))
    header: dict[str, Any] = json.loads(_exactly(channel, head, deadline))
    return header, _exactly(channel, payload, deadline)


def _exactly(channel: socket.socket, length: int, deadline: float | None) -> bytes:
    parts = []
    while length:
        if deadline is not None:
            channel.settimeout(max(0.001, deadline - time.monotonic()))
        part = channel.recv(min(length, 1 << 20))
        if not part:
            raise EOFError("the other side closed the channel")
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def main(descriptor: int, parent: int, font_folder: Path, folder: Path) -> None:
    """Serve jobs from the socket `descriptor` until it closes or the process `parent` is gone.

    `folder` is private to this process, for images while they are drawn; it is removed at the end.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, and its end ends this one
    threading.Thread(target=_leave_with, args=(parent, folder), daemon=True).start()
    channel = socket.socket(fileno=descriptor)
    compiler = Compiler(font_folder, folder)
    while True:
        try:
            header, payload = receive(channel)
        except EOFError:
            break
        send(channel, {"began": True})  # from here on, this process's death is the document's fault
        answer, pdf = compiler.answer(header, payload)
        send(channel, answer | {"rss": resident_bytes()}, pdf)
    shutil.rmtree(folder, ignore_errors=True)


def _leave_with(parent: int, folder: Path) -> None:
    # The socket alone does not tell: a process forked from the parent may hold a copy of its end.
    while os.getppid() == parent:
        time.sleep(1)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


class Compiler:
    """typst with the project's templates and its typeface, nothing of the machine's own fonts."""

    def __init__(self, font_folder: Path, folder: Path) -> None:
        import typst  # here, so that whoever imports this module for its messages does not load it

        self._typst: Any = typst  # its stubs do not know a dict of files as input
        self._fonts = typst.Fonts(include_system_fonts=False, font_paths=[str(font_folder)])
        self._templates: dict[str, bytes] = {path.name: path.read_bytes() for path in TEMPLATES.glob("*.typ")}
        self._folder = folder

    def answer(self, header: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
        """Compile one job; a fault of the document is an answer, not an exception."""
        files = dict(self._templates)
        on_disk: list[Path] = []
        start = 0
        for name, length in header["files"]:
            content = payload[start : start + length]
            start += length
            if _is_text(content):
                files[name] = content
            else:  # typst takes files from memory only if they are UTF-8: what is not, an image mostly, goes to disk
                on_disk.append(self._folder / name)
                on_disk[-1].write_bytes(content)
        files["main.typ"] = self._templates[header["template"]]
        try:
            pdf = self._typst.compile(
                files,
                root=str(self._folder),
                font_paths=self._fonts,
                format="pdf",
                pdf_standards=header["standards"],
                pdf_tags=header["tags"],
                timestamp=header["timestamp"],
            )
        except RuntimeError as fault:  # TypstError is one
            return {"fault": str(fault)}, b""
        finally:
            for path in on_disk:
                path.unlink()
        return {}, pdf


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def resident_bytes(pid: int | None = None) -> int:
    """Memory of a process, this one if none is named; 0 where the system does not tell it."""
    try:
        pages = Path(f"/proc/{pid or 'self'}/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))

"""The rescue spool: a stamp that the PAC gave and the database could not take (disk full, server gone).

An append-only file, pre-allocated so that a full disk still has room, synced before the worker goes on.
Replayed at start and by the sweep; the database stays the truth.
"""

from __future__ import annotations

import hashlib
import os
import struct
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SIZE = 64 * 1024 * 1024
_HEADER = struct.Struct(">4s16s16sHI32s")
_MAGIC = b"EMI1"


@dataclass(frozen=True, slots=True)
class Rescued:
    """A stamped XML on its way into the database."""

    organization_id: uuid.UUID
    document_id: uuid.UUID
    seal_rev: int
    xml: bytes


class Spool:
    """One file per worker process; `path` names it. Shared by its threads, not between processes while they write."""

    def __init__(self, path: Path, *, size: int = SIZE) -> None:
        self.path = path
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(self._fd).st_size < size:
                os.posix_fallocate(self._fd, 0, size)
            self._end = sum(_HEADER.size + len(record.xml) for record in self.read())
        except OSError:
            self.close()  # whoever needs it tries again with each document
            raise

    def write(self, rescued: Rescued) -> None:
        """Append and sync. Raises OSError when even the spool is full."""
        digest = hashlib.sha256(rescued.xml).digest()
        header = _HEADER.pack(
            _MAGIC, rescued.organization_id.bytes, rescued.document_id.bytes, rescued.seal_rev, len(rescued.xml), digest
        )
        data = header + rescued.xml
        with self._lock:
            if self._end + len(data) > os.fstat(self._fd).st_size:
                raise OSError("la reserva de rescate está llena")
            os.pwrite(self._fd, data, self._end)
            os.fsync(self._fd)
            self._end += len(data)

    def read(self) -> Iterator[Rescued]:
        """What was written since the last clear; a torn last record is left out."""
        position = 0
        while True:
            header = os.pread(self._fd, _HEADER.size, position)
            if len(header) < _HEADER.size or header[:4] != _MAGIC:
                return
            _, organization, document, seal_rev, length, digest = _HEADER.unpack(header)
            xml = os.pread(self._fd, length, position + _HEADER.size)
            if hashlib.sha256(xml).digest() != digest:
                return
            yield Rescued(uuid.UUID(bytes=organization), uuid.UUID(bytes=document), seal_rev, xml)
            position += _HEADER.size + length

    def clear(self, records: int) -> bool:
        """Forget everything, if these many records, all in the database now, are still all there are."""
        with self._lock:
            if records != sum(1 for _ in self.read()):
                return False  # another thread rescued one meanwhile: the next replay begins again
            if self._end:
                os.pwrite(self._fd, bytes(min(self._end, _HEADER.size)), 0)
                os.fsync(self._fd)
                self._end = 0
        return True

    @property
    def is_empty(self) -> bool:
        return self._end == 0

    def close(self) -> None:
        os.close(self._fd)

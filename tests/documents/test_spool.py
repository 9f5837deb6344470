"""The rescue spool: what threads write at once, and what must never be forgotten."""

from __future__ import annotations

import os
import subprocess
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from emite.documents.spool import Rescued, Spool


def rescued(xml: bytes = b"<cfdi/>") -> Rescued:
    return Rescued(uuid.uuid4(), uuid.uuid4(), 1, xml)


def test_threads_that_rescue_at_once_lose_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "1.spool", size=1_000_000)
    records = [rescued(bytes([n]) * (n + 1)) for n in range(40)]
    start = threading.Barrier(4)

    def write(part: list[Rescued]) -> None:
        start.wait()
        for record in part:
            spool.write(record)

    threads = [threading.Thread(target=write, args=(records[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {record.document_id for record in spool.read()} == {record.document_id for record in records}


def test_what_was_rescued_during_a_replay_is_not_forgotten(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "1.spool", size=100_000)
    spool.write(rescued())
    seen = len(list(spool.read()))
    late = rescued(b"<late/>")
    spool.write(late)
    assert not spool.clear(seen)
    assert late in list(spool.read())
    assert spool.clear(2)
    assert spool.is_empty
    assert list(Spool(spool.path, size=100_000).read()) == []


def test_a_full_spool_says_so_and_keeps_what_it_has(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "1.spool", size=200)
    kept = rescued()
    spool.write(kept)
    with pytest.raises(OSError, match="llena"):
        spool.write(rescued(b"x" * 200))
    assert list(spool.read()) == [kept]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("montar un disco pequeño pide ser root")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_really_full_disk_has_room_for_what_was_reserved(small_disk: Path) -> None:
    spool = Spool(small_disk / "1.spool", size=512 * 1024)
    with pytest.raises(OSError, match="No space left"), (small_disk / "other").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(65536))
    kept = rescued(b"x" * 300_000)
    spool.write(kept)
    assert list(spool.read()) == [kept]
    opened = len(os.listdir("/proc/self/fd"))
    for _ in range(3):  # a worker that starts on a full disk asks for it with each document
        with pytest.raises(OSError, match="No space left"):
            Spool(small_disk / "2.spool", size=512 * 1024)
    assert len(os.listdir("/proc/self/fd")) == opened
    (small_disk / "other").unlink()
    spool.close()
    again = Spool(small_disk / "1.spool", size=512 * 1024)
    assert list(again.read()) == [kept]
    again.close()

"""The rescue spool: what threads write at once, and what must never be forgotten."""

from __future__ import annotations

import threading
import uuid
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

"""A database knows its keys: a node with others is turned away, and none are made in their place."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emite.database.trouble import Trouble
from emite.ops import ground
from emite.vault import keyfiles, marks, rotating
from emite.vault.models import KeyMark
from tests.concurrency.web import on_a_node

NOW = dt.datetime(2026, 11, 22, 18, tzinfo=dt.UTC)


@pytest.fixture
def database(transactional_db: None) -> Iterator[None]:
    with on_a_node():
        yield


def go_to(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on data and keys are looked for there."""
    monkeypatch.setenv("EMITE_DATA", str(machine))
    monkeypatch.setenv("EMITE_KEYS", str(machine / "keys"))


def test_the_first_start_notes_the_keys_and_a_rotation_the_new_ones(safe: Any) -> None:
    def active() -> dict[str, str]:
        return {name: keyfiles.ring(name).active.kid for name in keyfiles.NAMES}

    with on_a_node():
        marks.confirm(keyfiles.NAMES, NOW)
        marks.confirm(keyfiles.NAMES, NOW)
        assert marks.known() == active()
    first = active()
    rotating.rotate(NOW)
    with on_a_node():
        assert marks.known() == active() != first
        marks.confirm(keyfiles.NAMES, NOW)
    assert KeyMark.objects.count() == len(keyfiles.NAMES) + 4  # the pepper never changes


def test_a_machine_with_keys_of_its_own_is_turned_away(
    keys: Path, database: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks.confirm(keyfiles.NAMES, NOW)
    go_to(tmp_path / "other", monkeypatch)
    keyfiles.ensure_keys(NOW)
    with pytest.raises(keyfiles.KeyTrouble, match="no son las de esta base"):
        marks.confirm(keyfiles.NAMES, NOW)


def test_no_key_is_made_where_the_database_has_its_own(
    keys: Path, database: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks.confirm(keyfiles.NAMES, NOW)
    folder = tmp_path / "other"
    go_to(folder, monkeypatch)
    with pytest.raises(keyfiles.KeyTrouble, match=r"faltan: .*app/pepper.*No se creó ninguna llave"):
        ground.prepare()
    assert marks.missing(keyfiles.NAMES) == list(keyfiles.NAMES)
    # The web's keys alone make a whole web node; the worker's are not made there.
    shutil.copytree(keys / "app", folder / "keys/app")
    ground.prepare(only_web=True)
    marks.confirm(marks.OF_THE_WEB, NOW)
    assert marks.missing(keyfiles.NAMES) == ["worker/kek", "worker/hpke"]
    with pytest.raises(keyfiles.KeyTrouble, match=r"faltan: worker/hpke, worker/kek"):
        ground.prepare()


def test_a_database_that_does_not_answer_makes_no_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_to(tmp_path, monkeypatch)
    monkeypatch.setenv("DATABASE_URL", "host=127.0.0.1 port=1 dbname=emite user=emite")
    with pytest.raises(Trouble, match="no respondió"):
        ground.prepare()
    assert marks.missing(keyfiles.NAMES) == list(keyfiles.NAMES)

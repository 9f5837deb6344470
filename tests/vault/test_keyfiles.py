"""Key files are made once, closed to strangers, and the worker's stay out of the web process."""

import datetime as dt
import json
from pathlib import Path

import pytest

from emite.vault import keyfiles
from emite.vault.keyfiles import KeyTrouble

NOW = dt.datetime(2026, 11, 22, 18, tzinfo=dt.UTC)


def test_keys_are_made_once_and_closed(keys: Path) -> None:
    before = {path: path.read_bytes() for path in keys.rglob("*.json")}
    assert sorted(str(path.relative_to(keys)) for path in before) == [
        "app/codes.json", "app/pepper.json", "app/worker_public.json", "worker/hpke.json", "worker/kek.json",
    ]  # fmt: skip
    assert {path.stat().st_mode & 0o777 for path in before} == {0o400}
    assert keyfiles.ensure_keys(NOW) == []
    assert {path: path.read_bytes() for path in keys.rglob("*.json")} == before


@pytest.mark.parametrize("mode", [0o404, 0o444, 0o602, 0o620])
def test_a_key_open_to_strangers_is_refused(keys: Path, mode: int) -> None:
    (keys / "app/codes.json").chmod(mode)
    with pytest.raises(KeyTrouble, match="chmod 600"):
        keyfiles.ring("app/codes")


def test_the_web_process_does_not_read_the_workers_keys(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMITE_PROCESS", "web")
    assert keyfiles.ring("app/worker_public").active.secret
    for name in ("worker/kek", "worker/hpke"):
        with pytest.raises(KeyTrouble, match="no abre las llaves del trabajador"):
            keyfiles.ring(name)


def test_missing_and_damaged_files_say_so(keys: Path) -> None:
    path = keys / "app/codes.json"
    path.chmod(0o600)
    path.write_text('{"active": "x"')
    with pytest.raises(KeyTrouble, match="está dañado"):
        keyfiles.ring("app/codes")
    path.write_text(json.dumps({"active": "a" * 8, "keys": {"a" * 8: {"secret": "AAAA", "made_at": None}}}))
    with pytest.raises(KeyTrouble, match="está dañado"):
        keyfiles.ring("app/codes")
    path.unlink()
    with pytest.raises(KeyTrouble, match="emite keys init"):
        keyfiles.ring("app/codes")


def test_systemd_credentials_win(keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = tmp_path / "credentials"
    given.mkdir()
    (given / "emite-worker-kek").write_bytes((keys / "worker/hpke.json").read_bytes())
    (given / "emite-worker-kek").chmod(0o400)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(given))
    assert keyfiles.ring("worker/kek").active.kid == keyfiles.ring("worker/hpke").active.kid


def test_a_key_says_nothing_of_its_secret(keys: Path) -> None:
    key = keyfiles.ring("worker/kek").active
    assert repr(key) == f"Key({key.kid})"

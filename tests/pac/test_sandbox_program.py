"""The sandbox PAC as a process: how it starts, what it refuses to start with, what a kill leaves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from emite.cfdi import codes
from emite.pac.port import NotSent, Stamped
from emite.pac.sandbox.__main__ import main
from emite.pac.sandbox.authority import TestAuthority
from tests.pac import make
from tests.pac.sandbox import RunningSandbox, environment, running_sandbox


def test_it_starts_and_stops_cleanly_again_and_again(tmp_path: Path) -> None:
    TestAuthority.open(tmp_path)
    sandbox = RunningSandbox(tmp_path)
    for _ in range(2):
        sandbox.start()
        assert sandbox.stop() == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0"], "sólo atiende en esta máquina"),
        (["--account", "a:b"], "USUARIO:CONTRASEÑA:CLASE"),
        (["--port", "1"], ""),
    ],
)
def test_a_start_that_cannot_be_says_why(tmp_path: Path, options: list[str], said: str) -> None:
    if options[0] == "--port":
        with running_sandbox(tmp_path) as sandbox:
            done = _start("--data", tmp_path / "other", "--port", sandbox.port)
        assert "no se pudo abrir" in done.stderr
    else:
        done = _start("--data", tmp_path, *options)
        assert said in done.stderr
    assert done.returncode == 2


def test_two_cannot_share_a_folder(tmp_path: Path) -> None:
    with running_sandbox(tmp_path):
        done = _start("--data", tmp_path, "--port", 0)
    assert done.returncode == 2
    assert "ya usa la carpeta" in done.stderr


def test_without_sats_data_it_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(catalogue: str, key: str) -> bool:
        raise codes.SatDataMissing

    monkeypatch.setattr(codes, "contains", missing)
    assert main(["--data", str(tmp_path)]) == 2
    assert "emite sat-data" in capsys.readouterr().err


def test_without_a_given_control_token_only_its_owner_can_read_one(tmp_path: Path) -> None:
    sandbox = RunningSandbox(tmp_path)
    sandbox.start(control_token=None)
    try:
        token = tmp_path / "control-token"
        assert token.stat().st_mode & 0o777 == 0o600
        assert len(token.read_text()) > 20
    finally:
        sandbox.stop()


def _start(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "emite.pac.sandbox", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, env=environment())


def test_a_killed_sandbox_forgets_no_stamp(tmp_path: Path) -> None:
    with running_sandbox(tmp_path) as sandbox:
        xml = make.sealed(make.csd(sandbox.authority))
        pac = sandbox.pac()
        first = pac.stamp(xml, "k")
        sandbox.kill()
        assert isinstance(pac.stamp(xml, "k"), NotSent)
        sandbox.start()
        again = pac.stamp(xml, "k")
    assert isinstance(first, Stamped)
    assert isinstance(again, Stamped)
    assert again.repeated
    assert again.xml == first.xml

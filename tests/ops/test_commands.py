"""The command line: quick, Spanish, and honest about what is wrong. Real processes, real folders."""

import datetime as dt
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emite import __main__
from emite.database import embedded, migrating
from emite.ops import doctor
from emite.vault import keyfiles
from tests.ops.conftest import clean_environment


def emite(*words: str, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "emite", *words],
        env=clean_environment(data), capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_help_is_spanish_and_waits_for_nothing_heavy(folder: Path) -> None:
    helped = emite("--help", data=folder)
    assert helped.returncode == 0
    for word in ("uso:", "comandos:", "doctor", "sandbox-pac", "muestra esta ayuda"):
        assert word in helped.stdout
    assert "usage" not in helped.stdout
    program = (
        "import sys; from emite.__main__ import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        "sys.exit(len({'django', 'lxml', 'cryptography', 'psycopg'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [(["nada"], "no existe 'nada'"), (["keys"], "falta: acción"), (["run", "--port", "x"], "valor no válido: 'x'")],
)
def test_mistakes_are_told_in_spanish(folder: Path, words: list[str], said: str) -> None:
    answer = emite(*words, data=folder)
    assert answer.returncode == 2
    assert said in answer.stderr


def test_doctor_tells_of_an_empty_installation(folder: Path) -> None:
    answer = emite("doctor", data=folder / "nothing")
    assert answer.returncode == 1
    assert "no existe. La crea: emite run" in answer.stdout
    assert answer.stderr == ""


def test_an_installation_is_looked_at_broken_and_told(installation: Path) -> None:
    folder = installation
    assert not embedded.answers(folder)
    listed = emite("migrate", "--list", data=folder)
    assert (listed.returncode, listed.stdout, listed.stderr) == (0, "Las tablas están al día.\n", "")
    assert not embedded.answers(folder)  # a short command leaves nothing running

    sound = emite("doctor", data=folder)
    assert sound.returncode == 0, sound.stdout
    assert "Tablas al día." in sound.stdout
    assert sound.stdout.endswith("Nada está mal.\n")
    assert not embedded.answers(folder)

    (folder / "secret_key").chmod(0o644)
    (folder / "keys/worker/kek.json").unlink()
    (folder / "postgres/PG_VERSION").write_text("17\n")
    broken = emite("doctor", "--quiet", data=folder)
    assert broken.returncode == 1
    for said in ("chmod 600", "kek.json", "son de PostgreSQL 17 y este programa trae el 18"):
        assert said in broken.stdout


def test_keys_are_rotated_and_verified_from_the_command_line(installation: Path) -> None:
    folder = installation
    before = emite("keys", "status", data=folder).stdout
    rotated = emite("keys", "rotate", data=folder)
    assert (rotated.returncode, rotated.stderr) == (0, "")
    after = emite("keys", "status", data=folder).stdout
    assert before.count("activa") == after.count("activa") == 4
    assert after.count("anterior") == 4
    assert emite("keys", "verify", data=folder).stdout == "Todo lo cifrado se puede abrir.\n"
    assert emite("verify", data=folder).stdout == "Todo está íntegro.\n"
    assert emite("keys", "retire", data=folder).stdout == "Ninguna llave anterior se puede retirar todavía.\n"


def test_a_wrong_statement_is_not_taken_for_tables_that_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    class UndefinedColumn(Exception):
        pass

    wrong = ValueError("column x does not exist")
    wrong.__cause__ = UndefinedColumn()
    for pending, lacks in ((["charges.0099"], True), ([], False)):
        monkeypatch.setattr(migrating, "pending", lambda pending=pending: pending)
        assert __main__._lacks_tables(wrong) is lacks
    assert not __main__._lacks_tables(ValueError())


def test_a_database_without_tables_says_who_makes_them(folder: Path) -> None:
    answer = emite("keys", "status", data=folder)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.splitlines()[-1].endswith("Las actualiza: emite migrate")
    assert "Traceback" not in answer.stderr


def test_a_database_that_does_not_exist_is_one_sentence(folder: Path) -> None:
    environment = {**clean_environment(folder), "DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}
    answer = subprocess.run([sys.executable, "-m", "emite", "migrate"], env=environment, capture_output=True, text=True)
    assert answer.returncode == 1
    assert answer.stderr.startswith("emite migrate: El servidor de DATABASE_URL no respondió")
    assert "Traceback" not in answer.stderr


def test_doctor_asks_a_machine_of_the_web_alone_for_no_key_of_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMITE_KEYS", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", "postgresql://emite_app@bd/emite")
    keyfiles.ensure_keys(dt.datetime(2026, 11, 23, tzinfo=dt.UTC))
    assert [finding.ok for finding in doctor._keys()] == [True]
    shutil.rmtree(tmp_path / "worker")
    (told,) = doctor._keys()
    assert (told.ok, "puede atender, no timbrar" in told.text) == (None, True)
    (tmp_path / "app" / "codes.json").unlink()
    assert {finding.ok for finding in doctor._keys()} == {False}

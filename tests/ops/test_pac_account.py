"""`emite pac-account`: the operator's way to the accounts of a PAC, with the password never in an argument."""

from __future__ import annotations

import argparse
import io
from contextlib import nullcontext
from pathlib import Path

import pytest

from emite.database.trouble import Trouble
from emite.issuers.keys import open_pac_password
from emite.issuers.models import PacAccount
from emite.ops import ground, pac_account
from tests import make

pytestmark = pytest.mark.django_db


def command(monkeypatch: pytest.MonkeyPatch, *words: str, password: str = "") -> int:
    monkeypatch.setattr(ground, "standing", nullcontext)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    parser = argparse.ArgumentParser()
    pac_account.add_arguments(parser)
    return pac_account.run(parser.parse_args(words))


def test_the_operator_lists_changes_and_tries(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    hospital = make.hospital()
    slug, old = hospital.organization.slug, hospital.pac_account

    with pytest.raises(Trouble, match="ya tiene cuenta"):
        command(monkeypatch, "add", slug, "--provider", "sandbox", "--url", "http://127.0.0.1:9", "--user", "x")
    with pytest.raises(Trouble, match="por https"):
        command(monkeypatch, "change", slug, "--url", "http://pac.example", password="una")
    assert command(monkeypatch, "change", slug, password="otra clave") == 0
    assert open_pac_password(PacAccount.objects.get(pk=old.pk)) == "otra clave"
    assert command(monkeypatch, "change", slug, "--user", "nuevo", "--max-processing", "900", password="tercera") == 0
    new = PacAccount.objects.get(active=True)
    assert (new.user, new.base_url, open_pac_password(new)) == ("nuevo", old.base_url, "tercera")
    assert command(monkeypatch, "test", slug) == 1
    assert command(monkeypatch, "list") == 0
    assert command(monkeypatch, "alarm", slug, "7") == 0
    assert command(monkeypatch, "pace", slug, "3") == 0
    new.refresh_from_db()
    assert (new.stamps_alarm, new.pace) == (7, 3)
    assert command(monkeypatch, "pace", slug, "usual") == 0
    new.refresh_from_db()
    assert new.pace is None
    letter = tmp_path / "carta.pdf"
    letter.write_bytes(b"%PDF-1.7")
    with pytest.raises(Trouble, match="no pide carta"):
        command(monkeypatch, "manifest", slug, "--signed-on", "2026-11-20", "--pdf", str(letter))
    PacAccount.objects.filter(pk=new.pk).update(provider="finkok")
    assert command(monkeypatch, "manifest", slug, "--signed-on", "2026-11-20", "--pdf", str(letter)) == 0

    said = capsys.readouterr().out
    assert "Revise la dirección" in said
    assert "reemplazada" in said
    assert "tercera" not in said

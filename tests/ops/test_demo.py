"""The demo's people have a password that everybody knows: they come into no installation of anybody else."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from emite.accounts.models import User
from emite.database.trouble import Trouble
from emite.ops import demo, seeding
from emite.pac.sandbox.authority import TestAuthority
from tests import make


@pytest.mark.parametrize("once", [True, False])
def test_the_demo_stays_out_of_the_operators_server(monkeypatch: pytest.MonkeyPatch, once: bool) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://emite@db.hospital.test/emite")
    with pytest.raises(Trouble, match="DATABASE_URL"):
        demo.run(argparse.Namespace(once=once, out=None, port=9))


@pytest.mark.django_db(transaction=True)
def test_the_demo_stays_out_of_a_folder_in_use(tmp_path: Path) -> None:
    words = {"pac_url": "http://127.0.0.1:9", "pac_user": "demo", "pac_password": "demo", "now": make.now()}
    authority = TestAuthority.open(tmp_path)
    make.hospital()
    with pytest.raises(Trouble, match="EMITE_DATA"):
        seeding.seed(authority=authority, **words)
    assert not User.objects.filter(email__endswith="@santelmo.demo").exists()


@pytest.mark.django_db(transaction=True)
def test_the_demo_finds_its_own_hospital_again(tmp_path: Path) -> None:
    words = {"pac_url": "http://127.0.0.1:9", "pac_user": "demo", "pac_password": "demo", "now": make.now()}
    authority = TestAuthority.open(tmp_path)
    first = seeding.seed(authority=authority, **words)
    assert seeding.seed(authority=authority, **words).organization == first.organization


def test_the_demo_stamps_with_the_installations_own_authority(tmp_path: Path) -> None:
    installation, folder = tmp_path / "emite", tmp_path / "demo"
    demo.share_authority(installation, folder)
    own = TestAuthority.open(installation / "sandbox")
    assert TestAuthority.open(folder / "sandbox").signer == own.signer
    assert (folder / "sandbox" / "authority" / "signer.key").stat().st_mode & 0o077 == 0
    demo.share_authority(installation, folder)
    assert TestAuthority.open(folder / "sandbox").signer == own.signer

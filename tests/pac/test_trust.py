"""Which stamp signers are trusted, also when the folder changes under a living worker."""

from __future__ import annotations

import shutil
from pathlib import Path

from emite.pac.sandbox.authority import TestAuthority
from tests.pac.sandbox import RunningSandbox


def test_a_signer_that_is_added_later_is_trusted_without_a_restart(tmp_path: Path) -> None:
    TestAuthority.open(tmp_path / "made")
    trusted = tmp_path / "trusted"
    pac = RunningSandbox(tmp_path / "nobody", port=9).pac(trust_dir=trusted)
    assert pac.certificates() == {}
    trusted.mkdir()
    assert pac.certificates() == {}
    (signer,) = (path for path in (tmp_path / "made" / "authority").glob("*.cer") if _signs_stamps(path))
    (trusted / signer.name).write_bytes(b"")
    assert pac.certificates() == {}
    shutil.copyfile(signer, trusted / signer.name)
    assert len(pac.certificates()) == 1
    (trusted / signer.name).unlink()
    assert pac.certificates() == {}


def _signs_stamps(path: Path) -> bool:
    from emite.pac import trust

    return len(trust._signers([path.read_bytes()])) == 1

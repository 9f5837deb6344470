"""The test authority: one per folder, closed to others, with certificates of SAT's shape."""

from __future__ import annotations

import multiprocessing
import os
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from emite.cfdi.authorities import Authority, Realm
from emite.cfdi.csd import Certificate, CsdRefused, open_pair
from emite.pac import trust
from emite.pac.sandbox.authority import PAC_RFC, Kind, TestAuthority
from tests.pac import make

NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)


def issue(
    authority: TestAuthority, kind: Kind = "CSD", rfc: str = "MISC491214B86", days: int = 100
) -> tuple[bytes, bytes]:
    start = NOW - timedelta(days=50)
    end = start + timedelta(days=days)
    nombre = "CECILIA MIRANDA & SANCHEZ Ñ"
    return authority.issue(kind, rfc, nombre, make.PASSWORD, start, end, private_key=make.rsa_key())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TestAuthority:
    return TestAuthority.open(tmp_path_factory.mktemp("authority"))


def test_a_second_opening_finds_the_first_ones_keys(tmp_path: Path) -> None:
    first, second = TestAuthority.open(tmp_path), TestAuthority.open(tmp_path)
    assert first.root == second.root
    assert first.signer_key.private_numbers() == second.signer_key.private_numbers()


def _open(folder: Path, gate: multiprocessing.synchronize.Barrier, answers: multiprocessing.Queue[bytes]) -> None:
    gate.wait(10)
    answers.put(TestAuthority.open(folder).root.signature)


def test_two_first_starts_at_once_make_one(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    gate, answers = context.Barrier(4), context.Queue()
    rivals = [context.Process(target=_open, args=(tmp_path / "data", gate, answers)) for _ in range(4)]
    for rival in rivals:
        rival.start()
    signatures = {answers.get(timeout=30) for _ in rivals}
    for rival in rivals:
        rival.join(10)
    assert len(signatures) == 1
    assert sorted(each.name for each in (tmp_path / "data").iterdir()) == [".authority.lock", "authority"]


def test_a_first_start_that_died_half_way_leaves_nothing_that_counts(tmp_path: Path) -> None:
    (tmp_path / ".authority-half").mkdir()
    (tmp_path / ".authority-half" / "root.key").write_bytes(b"half")
    TestAuthority.open(tmp_path)
    assert not (tmp_path / ".authority-half").exists()


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = TestAuthority.open(tmp_path / "data").folder
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()} == {0o600}


def test_a_csd_passes_the_checks_of_an_upload(authority: TestAuthority) -> None:
    csd = open_pair(*issue(authority), make.PASSWORD, expected_rfc="MISC491214B86", now=NOW)
    assert csd.certificate.is_csd
    assert len(csd.certificate.no_certificado) == 20
    own = Authority.of(authority.root.public_bytes(Encoding.DER), Realm.SANDBOX)
    assert csd.certificate.issued_by([own])


def test_a_fiel_is_told_from_a_csd(authority: TestAuthority) -> None:
    with pytest.raises(CsdRefused):
        open_pair(*issue(authority, "FIEL"), make.PASSWORD, expected_rfc="MISC491214B86", now=NOW)
    assert not Certificate.from_der(issue(authority, "FIEL")[0]).is_csd


@pytest.mark.parametrize(
    ("rfc", "identifier"), [("MISC491214B86", "MISC491214B86"), ("SST980412QZA", "SST980412QZA / ")]
)
def test_openssl_reads_a_certificate_as_it_reads_sats(
    authority: TestAuthority, tmp_path: Path, rfc: str, identifier: str
) -> None:
    cer, key = issue(authority, rfc=rfc)
    (tmp_path / "a.cer").write_bytes(cer)
    (tmp_path / "a.key").write_bytes(key)
    said = _openssl(
        "x509", "-inform", "DER", "-in", tmp_path / "a.cer", "-noout", "-text", "-nameopt", "multiline,utf8"
    )
    for expected in (
        f"x500UniqueIdentifier      = {identifier}",
        "organizationalUnitName",
        "Digital Signature, Non Repud",
    ):
        assert expected in said
    assert "PBES2" in _openssl("asn1parse", "-inform", "DER", "-in", tmp_path / "a.key")
    opened = _openssl("pkcs8", "-inform", "DER", "-in", tmp_path / "a.key", "-passin", f"pass:{make.PASSWORD}")
    assert opened.startswith("-----BEGIN PRIVATE KEY-----")


def _openssl(*arguments: object) -> str:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_certificates_of_other_times_can_be_made(authority: TestAuthority) -> None:
    expired = Certificate.from_der(issue(authority, days=10)[0])
    assert not expired.valid_at(NOW)


def test_the_trusted_signers_of_its_folder_leave_out_the_authority_itself(authority: TestAuthority) -> None:
    signers = trust.read_folder(authority.folder)
    assert [each.rfc for each in signers.values()] == [PAC_RFC]
    assert list(signers) == [each.no_certificado for each in signers.values()]


def test_a_folder_that_is_not_there_trusts_nobody(tmp_path: Path) -> None:
    assert trust.read_folder(tmp_path / "none") == {}
    (tmp_path / "a.cer").write_bytes(b"not a certificate")
    assert trust.read_folder(tmp_path) == {}
    assert trust.from_base64(["%%"]) == {}
    assert trust.from_base64({"a": 1}) == {}

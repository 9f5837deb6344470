"""An extra where real documents and SAT's public test certificates are at hand: EMITE_SHARED names their folder.

They belong to others, so they are not in this project and no other test needs them.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from emite.cfdi.authorities import Realm, known
from emite.cfdi.cadena import cadena_by_xslt, cadena_original
from emite.cfdi.certificates import Certificate, Csd
from emite.cfdi.csd import CsdRefused, open_pair
from emite.cfdi.seal import certificate_of, verify
from emite.cfdi.timbre import read, verifies
from emite.cfdi.xml import TFD, parse

_NAMED = os.environ.get("EMITE_SHARED", "")
SHARED = Path(_NAMED or "/nonexistent")
pytestmark = pytest.mark.skipif(not _NAMED, reason="EMITE_SHARED names no folder")
PASSWORD = "12345678a"  # SAT publishes it with the certificates
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_the_folder_is_what_it_should_be() -> None:
    assert list(SHARED.glob("samples/s*/*.xml"))
    assert list(SHARED.glob("csd/*/CSD_*.cer"))


@pytest.mark.parametrize("path", sorted(SHARED.glob("samples/**/*.xml")), ids=lambda path: path.stem)
def test_cadenas_of_others(path: Path) -> None:
    root = parse(path.read_bytes())
    assert cadena_original(root) == cadena_by_xslt(root)


@pytest.mark.parametrize("path", sorted(SHARED.glob("samples/s*/*.xml")), ids=lambda path: path.stem)
def test_seals_of_others(path: Path) -> None:
    root = parse(path.read_bytes())
    assert verify(root) == []
    certificate = certificate_of(root)
    assert certificate is not None
    issuer = certificate.issuer_among(known())
    assert issuer is not None
    assert issuer.realm is Realm.TEST


@pytest.mark.parametrize("path", sorted(SHARED.glob("samples/stamped/*.xml")), ids=lambda path: path.stem)
def test_stamps_of_others(path: Path) -> None:
    root = parse(path.read_bytes())
    stamp = read(root)
    assert stamp is not None
    assert stamp.sello_cfd == root.get("Sello")
    signer = Certificate.from_der((SHARED / "csd/ca/30001000000500003456.cer").read_bytes())
    if stamp.no_certificado_sat == signer.no_certificado:
        assert verifies(next(root.iter(f"{{{TFD}}}TimbreFiscalDigital")), signer)


@pytest.mark.parametrize("path", sorted(SHARED.glob("csd/*/*_3000100000050000*.cer")), ids=lambda path: path.stem)
def test_sats_own_test_certificates(path: Path) -> None:
    cer, key = path.read_bytes(), path.with_suffix(".key").read_bytes()
    rfc = path.parent.name
    if path.name.startswith("FIEL"):
        with pytest.raises(CsdRefused, match="FIEL"):
            open_pair(cer, key, PASSWORD, expected_rfc=rfc, now=NOW)
        return
    csd = open_pair(cer, key, PASSWORD, expected_rfc=rfc, now=NOW, authorities=known())
    assert csd.certificate.no_certificado == path.stem.removeprefix("CSD_")
    again = Csd.from_clear(csd.certificate.der, csd.pkcs8_clear())
    assert csd.certificate.verifies(again.sign(b"x"), b"x")


@pytest.mark.parametrize("path", sorted(SHARED.glob("csd/*/CSD_3000100000040000*.cer")), ids=lambda path: path.stem)
def test_expired_ones_of_an_older_authority(path: Path) -> None:
    cer, key = path.read_bytes(), path.with_suffix(".key").read_bytes()
    with pytest.raises(CsdRefused) as refused:
        open_pair(cer, key, PASSWORD, expected_rfc=path.parent.name, now=NOW, authorities=known())
    assert refused.value.code == "expired"

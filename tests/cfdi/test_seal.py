"""Seals: ours verify, and each thing that can be wrong with one is named."""

from __future__ import annotations

import base64
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from emite.cfdi.certificates import Certificate, Csd
from emite.cfdi.comprobante import Comprobante
from emite.cfdi.csd import open_pair
from emite.cfdi.seal import certificate_of, seal, verify
from emite.cfdi.xml import CFDI, build, parse
from tests.cfdi import make


def _codes(xml: bytes) -> list[str]:
    return [fault.code for fault in verify(parse(xml))]


@pytest.mark.parametrize("c", [make.comprobante(), make.factura_global(), make.pago()], ids=["I", "global", "P"])
def test_our_seal_verifies(c: Comprobante) -> None:
    assert _codes(make.sealed(c).xml) == []


def test_openssl_agrees(tmp_path: Path) -> None:
    document = make.sealed()
    key, signature = tmp_path / "key.pem", tmp_path / "signature"
    public = make.csd().certificate.public_key
    key.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    signature.write_bytes(base64.b64decode(document.sello))
    command = ["openssl", "dgst", "-sha256", "-verify", str(key), "-signature", str(signature)]
    done = subprocess.run(command, input=document.cadena.encode(), capture_output=True)
    assert done.stdout == b"Verified OK\n"


def test_the_same_document_and_csd_give_the_same_bytes() -> None:
    assert make.sealed().xml == make.sealed().xml


def test_sealed_is_consistent() -> None:
    document = make.sealed()
    root = parse(document.xml)
    assert root.get("Sello") == document.sello == document.root.get("Sello")
    assert root.get("NoCertificado") == make.csd().certificate.no_certificado
    assert certificate_of(root) == make.csd().certificate


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b'Total="1160.00"', b'Total="1160.01"', "302"),
        (b'Descripcion="Consulta', b'Descripcion="consulta', "302"),
        (b'Sello="', b'Sello="AAAA', "302"),
        (b'Sello="', b'Sello="!', "302"),
        (b'Certificado="MII', b'Certificado="MIX', "CFDI40106"),
        (b'Certificado="MII', b'Certificado="', "CFDI40106"),
    ],
)
def test_a_document_changed_after_sealing(old: bytes, new: bytes, code: str) -> None:
    xml = make.sealed().xml
    assert old in xml
    assert _codes(xml.replace(old, new)) == [code]


def test_indentation_and_order_of_attributes_do_not_matter() -> None:
    xml = make.sealed().xml
    assert _codes(xml.replace(b"><", b">\n  <")) == []
    assert _codes(xml.replace(b'Serie="R" Folio="1"', b'Folio="1"  Serie="R"')) == []


def test_a_number_that_is_not_the_certificates() -> None:
    xml = make.sealed().xml
    number = make.csd().certificate.no_certificado.encode()
    changed = xml.replace(b'NoCertificado="' + number, b'NoCertificado="00001000000500000001')
    assert _codes(changed) == ["EMI003", "302"]


def test_a_seal_of_somebody_else() -> None:
    other = make.csd("EKU9003173C9", 1)
    assert _codes(seal(make.comprobante(), other).xml) == ["303"]


def test_a_fiel_is_no_seal() -> None:
    fiel = Csd(Certificate.from_der(make.files(kind="FIEL")[0]), make.rsa_key())
    assert _codes(seal(make.comprobante(), fiel).xml) == ["306"]


@pytest.mark.parametrize(
    ("fecha", "codes"),
    [
        (datetime(2025, 12, 31, 17, 59, 59), ["305"]),
        (datetime(2025, 12, 31, 18, 0, 0), []),  # midnight UTC, when the certificate starts, in Mexico City
        (datetime(2030, 1, 1), ["305"]),
    ],
)
def test_validity_is_judged_at_fecha_in_its_own_zone(fecha: datetime, codes: list[str]) -> None:
    assert _codes(make.sealed(make.comprobante(fecha=fecha)).xml) == codes


def test_a_fecha_or_place_that_others_judge_does_not_stop_the_check() -> None:
    assert _codes(make.sealed(make.comprobante(lugar_expedicion="00001")).xml) == []
    assert _codes(make.sealed().xml.replace(b'Fecha="2026-11-22T12:00:00"', b'Fecha="ayer"')) == ["302"]


def test_an_unsealed_document() -> None:
    assert [fault.code for fault in verify(build(make.comprobante()))] == ["CFDI40106"]


def test_a_document_without_emisor() -> None:
    root = parse(make.sealed().xml)
    emisor = root.find(f"{{{CFDI}}}Emisor")
    assert emisor is not None
    root.remove(emisor)
    assert [fault.code for fault in verify(root)] == ["303", "302"]


def test_a_csd_kept_open_seals_like_one_just_opened() -> None:
    cer, key = make.files()
    opened = open_pair(cer, key, make.PASSWORD, expected_rfc=None, now=make.NOW)
    stored = Csd.from_clear(opened.certificate.der, opened.pkcs8_clear())
    assert seal(make.comprobante(), opened).xml == seal(make.comprobante(), stored).xml

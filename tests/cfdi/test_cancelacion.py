"""The cancellation request under an XMLDSig that we did not write, SAT's acuse, and the days that count."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree
from signxml import (
    CanonicalizationMethod,
    DigestAlgorithm,
    SignatureConfiguration,
    SignatureMethod,
    XMLVerifier,
)

from emite.cfdi import acuse, plazos
from emite.cfdi.acuse import Acuse, AcuseInvalid
from emite.cfdi.cancelacion import CANCELA, Cancelacion, CancelacionInvalid, Folio, sign, verify
from emite.cfdi.csd import Csd
from emite.cfdi.plazos import Why
from emite.pac.sandbox.authority import TestAuthority
from tests.pac import make

ONE, TWO, NEW = (f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}" for digit in "ABC")
RFC = "H&E951128469"
REQUEST = Cancelacion(RFC, dt.datetime(2026, 11, 22, 12, 30, 5), (Folio(ONE, "01", NEW), Folio(TWO, "02")))
AS_SAT_ASKS = SignatureConfiguration(
    signature_methods=frozenset({SignatureMethod.RSA_SHA1}),
    digest_algorithms=frozenset({DigestAlgorithm.SHA1}),
    default_reference_c14n_method=CanonicalizationMethod.CANONICAL_XML_1_0,
)


@pytest.fixture(scope="module")
def csd(tmp_path_factory: pytest.TempPathFactory) -> Csd:
    folder: Path = tmp_path_factory.mktemp("authority")
    return make.csd(TestAuthority.open(folder), RFC)


def test_another_xmldsig_verifies_every_byte(csd: Csd) -> None:
    signed = sign(REQUEST, csd)
    result = another_verifier().verify(signed, x509_cert=pem_of(csd), expect_config=AS_SAT_ASKS)
    assert not isinstance(result, list)
    proved = result.signed_xml
    assert proved is not None
    assert proved.tag == f"{{{CANCELA}}}Cancelacion"
    assert [dict(node.attrib) for node in proved.iter(f"{{{CANCELA}}}Folio")] == [
        {"UUID": ONE, "Motivo": "01", "FolioSustitucion": NEW},
        {"UUID": TWO, "Motivo": "02"},
    ]
    assert (proved.get("RfcEmisor"), proved.get("Fecha")) == (RFC, "2026-11-22T12:30:05")
    root = etree.fromstring(signed)
    serial = root.findtext(".//{http://www.w3.org/2000/09/xmldsig#}X509SerialNumber")
    assert serial is not None
    assert int(serial).to_bytes(20, "big").decode() == csd.certificate.no_certificado


def test_the_same_request_gives_the_same_bytes_and_is_read_back(csd: Csd) -> None:
    signed = sign(REQUEST, csd)
    assert sign(REQUEST, csd) == signed
    assert verify(signed) == (REQUEST, csd.certificate)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'Motivo="02"', b'Motivo="03"'),
        (TWO.encode(), NEW.encode()),
        (b"12:30:05", b"12:30:06"),
        (b"rsa-sha1", b"x"),
        (b"</SignatureValue>", "\ufeff</SignatureValue>".encode()),
    ],
)
def test_a_request_changed_after_signing_is_refused_by_both(csd: Csd, old: bytes, new: bytes) -> None:
    changed = sign(REQUEST, csd).replace(old, new, 1)
    with pytest.raises(CancelacionInvalid):
        verify(changed)
    with pytest.raises(Exception, match=r".+"):
        another_verifier().verify(changed, x509_cert=pem_of(csd), expect_config=AS_SAT_ASKS)


@pytest.mark.parametrize(
    "folios",
    [
        (),
        (Folio(ONE, "01"),),
        (Folio(ONE, "02", NEW),),
        (Folio(ONE, "01", ONE),),
        (Folio(ONE, "05"),),
        (Folio(ONE.lower(), "02"),),
        (Folio(ONE, "02"), Folio(ONE, "03")),
        (Folio('" x="', "02"),),
    ],
)
def test_what_sat_would_refuse_is_not_signed(csd: Csd, folios: tuple[Folio, ...]) -> None:
    with pytest.raises(CancelacionInvalid):
        sign(replace(REQUEST, folios=folios), csd)


def test_nobody_signs_for_another_issuer(csd: Csd) -> None:
    with pytest.raises(CancelacionInvalid):
        sign(replace(REQUEST, rfc_emisor="EKU9003173C9"), csd)


SAID = Acuse(RFC, dt.datetime(2026, 11, 22, 12, 30, 9), {ONE: "201", TWO: "202"})


def _read(data: bytes) -> Acuse:
    return acuse.read(data, rfc_emisor=RFC, uuids=frozenset({ONE, TWO}))


def test_an_acuse_is_read_whole() -> None:
    data = acuse.build(SAID, b"secret")
    assert _read(data) == SAID


@pytest.mark.parametrize(
    "data",
    [
        acuse.build(SAID, b"s").replace(b"<EstatusUUID>202", b"<EstatusUUID>201"),
        acuse.build(SAID, b"s").replace(ONE.encode(), NEW.encode()),
        acuse.build(replace(SAID, codes={ONE: "201"}), b"s"),
        acuse.build(replace(SAID, codes={ONE: "201", TWO: "201", NEW: "201"}), b"s"),
        acuse.build(replace(SAID, rfc_emisor="EKU9003173C9"), b"s"),
        acuse.build(SAID, b"s").replace(b'Id="SelloSAT"', b'Id="x"'),
        acuse.build(SAID, b"s").partition(b"<Signature")[0] + b"</Acuse>",
        b"<Acuse/>",
        b"no",
    ],
)
def test_an_acuse_that_does_not_hold_is_refused(data: bytes) -> None:
    with pytest.raises(AcuseInvalid):
        _read(data)


@pytest.mark.parametrize(
    ("day", "counts"),
    [
        (dt.date(2026, 11, 20), True),
        (dt.date(2026, 11, 21), False),
        (dt.date(2026, 11, 16), False),
        (dt.date(2026, 11, 23), True),
        (dt.date(2026, 2, 2), False),
        (dt.date(2026, 2, 9), True),
        (dt.date(2026, 3, 16), False),
        (dt.date(2026, 5, 5), False),
        (dt.date(2026, 12, 25), False),
        (dt.date(2030, 10, 1), False),
        (dt.date(2029, 10, 1), True),
    ],
)
def test_business_days_by_the_fiscal_code(day: dt.date, counts: bool) -> None:
    assert plazos.is_business_day(day) is counts


def test_the_receptor_has_three_business_days_also_over_the_year_end() -> None:
    assert plazos.accept_by(dt.date(2026, 11, 12)) == dt.date(2026, 11, 18)
    assert plazos.accept_by(dt.date(2026, 12, 30)) == dt.date(2027, 1, 5)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, Why.MUST),
        ({"total": Decimal("1000.00")}, Why.SMALL),
        ({"tipo": "P", "total": Decimal(0)}, Why.MUST),
        ({"tipo": "E"}, Why.EGRESO),
        ({"receptor_rfc": "XAXX010101000"}, Why.GENERIC),
        ({"receptor_rfc": "XEXX010101000"}, Why.FOREIGN),
        ({"today": dt.date(2026, 11, 17)}, Why.NEXT_DAY),
        ({"today": dt.date(2026, 11, 18)}, Why.MUST),
        ({"refused_before": True}, Why.AGAIN),
    ],
)
def test_who_must_accept(changes: dict[str, object], why: Why) -> None:
    # Issued on Friday 13 November; Monday 16 is a holiday.
    given: dict[str, object] = {
        "tipo": "I", "total": Decimal("1000.01"), "receptor_rfc": "MAOL880314Q75", "issued_on": dt.date(2026, 11, 13),
        "today": dt.date(2026, 12, 1), "refused_before": False,
    }  # fmt: skip
    found = plazos.acceptance(**{**given, **changes})  # type: ignore[arg-type]
    assert found.why is why
    assert found.needed is (why in (Why.MUST, Why.AGAIN))
    assert found.silence_accepts is (why is Why.MUST)


def test_the_last_day_is_the_end_of_the_month_of_the_annual_return() -> None:
    assert plazos.last_day(dt.date(2026, 12, 31), "HST150101AA6") == dt.date(2027, 3, 31)
    assert plazos.last_day(dt.date(2026, 1, 1), "MAOL880314Q75") == dt.date(2027, 4, 30)


def another_verifier() -> XMLVerifier:
    verifier = XMLVerifier()
    verifier.excise_empty_xmlns_declarations = True  # libxml2 invents them in what is inside of another element
    return verifier


def pem_of(csd: Csd) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    return x509.load_der_x509_certificate(csd.certificate.der).public_bytes(Encoding.PEM).decode()

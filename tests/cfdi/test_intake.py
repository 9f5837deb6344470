"""What is taken in from elsewhere: a true invoice passes, and every way of cheating or of breaking it is named."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from emite.cfdi import intake
from emite.cfdi.authorities import Authority, Realm
from emite.cfdi.comprobante import Comprobante, Emisor, Receptor
from emite.cfdi.faults import Fault, Severity
from emite.cfdi.intake import Expected, Foreign
from emite.cfdi.taxes import ISR_HONORARIOS, Treatment
from emite.cfdi.timbre import attach
from tests.cfdi import make

OWN = (Authority.of(make.authority().root.public_bytes(Encoding.DER), Realm.SANDBOX),)
SIGNERS = {make.stamp_signer().no_certificado: make.stamp_signer()}
EXPECTED = Expected("CACX7605101P8", "EKU9003173C9", Decimal("1000.00"), Decimal("0.01"), "HM-101")


def invoice(**over: Any) -> Comprobante:
    line = make.concepto(treatment=Treatment.EXENTO, retenciones=(ISR_HONORARIOS,))
    fields: dict[str, Any] = {
        "emisor": Emisor("CACX7605101P8", "XOCHILT CASAS CHAVEZ", "612"),
        "receptor": Receptor("EKU9003173C9", "ESCUELA KEMPER URGATE", "42501", "601", "G03"),
        "conceptos": (line,),
        "metodo_pago": "PPD",
        "forma_pago": "99",
        "serie": "HM",
        "folio": "101",
    }
    return make.comprobante(**(fields | over))


def xml(**over: Any) -> bytes:
    return make.stamped(make.sealed(invoice(**over)))


def read(data: bytes) -> tuple[Foreign | None, list[Fault]]:
    return intake.read(data, authorities=OWN, signers=SIGNERS)


def wrong(faults: list[Fault]) -> set[str]:
    return {fault.code for fault in faults if fault.severity is Severity.ERROR}


def whole(data: bytes) -> Foreign:
    foreign, faults = read(data)
    assert foreign is not None
    assert wrong(faults) == set()
    return foreign


def test_a_true_invoice_says_what_it_is() -> None:
    foreign = whole(xml())
    assert (foreign.uuid, foreign.sub_total, foreign.total, foreign.metodo_pago) == (
        make.UUID,
        Decimal("1000.00"),
        Decimal("900.00"),
        "PPD",
    )
    assert intake.against(foreign, EXPECTED) == []


def _second_stamp(data: bytes) -> bytes:
    start = data.index(b"<tfd:")
    end = data.index(b"/>", start) + 2
    return data[:end] + data[start:end] + data[end:]


_DEEP = b"<a>" * 200_000 + b"</a>" * 200_000
_BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
    b"<a>&c;&c;&c;</a>"
)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda data: b"<!DOCTYPE cfdi>" + data[data.index(b"<cfdi") :], "301"),
        (lambda data: _BOMB, "301"),
        (lambda data: _DEEP, "301"),
        (lambda data: b"%PDF-1.7", "301"),
        (lambda data: b"", "301"),
        (lambda data: data.replace(b'encoding="UTF-8"', b'encoding="ISO-8859-1"'), "301"),
        (lambda data: data.decode().encode("utf-16"), "301"),
        (lambda data: data + b" " * 50_000_000, "EMI210"),
        (_second_stamp, "EMI201"),
        (lambda data: make.sealed(invoice()).xml, "EMI211"),
        (lambda data: data.replace(b'Total="900.00"', b'Total="990.00"'), "302"),
        (lambda data: data.replace(b'UUID="5FB2822E', b'UUID="6FB2822E'), "EMI203"),
        (lambda data: attach(make.sealed(invoice(folio="102")).xml, make.stamp(make.sealed(invoice()))), "EMI202"),
    ],
    ids=[
        "DOCTYPE", "entity bomb", "200,000 levels", "PDF", "empty", "encoding lie", "UTF-16", "50 MB", "two stamps",
        "no stamp", "another total", "another folio fiscal", "the stamp of another",
    ],
)  # fmt: skip
def test_what_is_no_true_cfdi_is_refused_with_its_code(spoil: Callable[[bytes], bytes], code: str) -> None:
    _, faults = read(spoil(xml()))
    assert code in wrong(faults)


def test_a_seal_of_an_authority_that_nobody_knows_is_an_error_here() -> None:
    _, faults = intake.read(xml(), signers=SIGNERS)
    assert wrong(faults) == {"308"}


def test_a_stamp_that_cannot_be_verified_here_is_said_and_leaves_the_word_to_the_sat() -> None:
    foreign, faults = intake.read(xml(), authorities=OWN)
    assert foreign is not None
    assert wrong(faults) == set()
    assert "EMI212" in {fault.code for fault in faults}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"rfc_receptor": "HST150101AA6"}, "EMI215"),
        ({"rfc_emisor": "HST150101AA6"}, "EMI214"),
        ({"sub_total": Decimal("1000.02")}, "EMI218"),
        ({"metodo_pago": "PUE", "forma_pago": "03"}, "EMI217"),
        ({"tipo": "E"}, "EMI213"),
        ({"moneda": "USD"}, "EMI216"),
        ({"folio": "102"}, "EMI219"),
    ],
)
def test_what_it_says_otherwise_than_expected_is_named(change: dict[str, Any], code: str) -> None:
    assert wrong(intake.against(dataclasses.replace(whole(xml()), **change), EXPECTED)) == {code}


def test_the_tolerance_of_the_payer_and_a_folio_linked_knowingly() -> None:
    foreign = dataclasses.replace(whole(xml()), sub_total=Decimal("1000.01"), folio="9")
    found = intake.against(foreign, dataclasses.replace(EXPECTED, linked=True))
    assert [(fault.code, fault.severity) for fault in found] == [("EMI219", Severity.AVISO)]


def test_moving_the_series_to_the_folio_keeps_the_seal_and_gains_nothing() -> None:
    """The cadena does not tell one from the other: what is compared with the control number does not either."""
    plain = xml(serie="HM101", folio=None)
    moved = plain.replace(b'Serie="HM101"', b'Folio="HM101"')
    for data in (plain, moved):
        foreign = whole(data)
        assert intake.names(foreign, "HM101")
        assert not intake.names(foreign, "HM")

"""Folios as they come out of a payer's statement."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from emite.evidence import pasted
from emite.evidence.proof import MAX_BYTES, Refused, proof

UUID = "3F2504E0-4F89-11D3-9A0C-0305E82C3301"
KNOWN = pasted.index([("A-100", "1"), ("C7", "1"), (UUID, "1"), ("A 200", "2"), ("77", "3"), ("77", "4"), ("", "9")])


@pytest.mark.parametrize(
    ("line", "key", "amount"),
    [
        ("A-100", "1", None),
        ("  a100\t$1,234.50 ", "1", D("1234.50")),
        (f"{UUID.lower()};1000", "1", D("1000")),
        ("C7, 1,234", "1", D("1234")),
        ("A 200", "2", None),
        ("A 200 | 0.01", "2", D("0.01")),
    ],
)
def test_a_line_names_an_invoice_and_perhaps_an_amount(line: str, key: str, amount: D | None) -> None:
    assert pasted.read(line, KNOWN) == pasted.Pasted({key: amount}, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("A-100\n\nZ-9 10.00", "Renglón 3: «Z-9» no es una factura por cobrar"),
        ("77", "hay varias facturas «77»"),
        ("A-100\nC7", "«C7» ya está en otro renglón"),
        ("A-100 1,23.00", "Renglón 1"),
        ("A-100 -5", "Renglón 1"),
        ("=A-100", "Renglón 1"),
        ("x" * 100_000, "Renglón 1"),
        ("A-100\n" * 501, "pegue a lo más 500"),
    ],
)
def test_a_line_that_cannot_be_relied_on_is_named(text: str, problem: str) -> None:
    assert problem in pasted.read(text, KNOWN).problems[0]


def test_forty_lines_are_forty_invoices() -> None:
    known = pasted.index((f"F-{n}", str(n)) for n in range(40))
    found = pasted.read("\r\n".join(f"F-{n}\t{n + 1}.00" for n in range(40)), known)
    assert found == pasted.Pasted({str(n): D(n + 1) for n in range(40)}, [])


@pytest.mark.parametrize(
    ("note", "data", "said"),
    [(" ", None, "Escriba una nota"), ("", b"MZ\x90", "PDF o una imagen"), ("", b"%PDF-" + b"x" * MAX_BYTES, "2 MB")],
)
def test_what_proves_nothing_is_refused(note: str, data: bytes | None, said: str) -> None:
    with pytest.raises(Refused, match=said):
        proof(note, data)


def test_the_kind_is_read_from_the_bytes() -> None:
    assert proof("", b"%PDF-1.7 ...").file_type == "application/pdf"
    assert proof("Por  teléfono", None).note == "Por teléfono"

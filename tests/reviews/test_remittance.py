"""A file of payments in any shape that spreadsheets leave, and many who register at once: to the cent, and once."""

from __future__ import annotations

import io
import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection

from emite.reviews import remittance
from emite.reviews.allowing import Refused
from emite.reviews.models import PayerPayment, ReceivedInvoice, ReviewEvent
from emite.reviews.remittance import Reading, _amount
from tests import make
from tests.payer import Insurer, insurer, row

APPROVED = ReceivedInvoice.State.APPROVED


@pytest.mark.parametrize(
    ("typed", "worth"),
    [
        ("1234.50", "1234.50"), ("$1,234.5", "1234.5"), (" $ 1,234,567.89 ", "1234567.89"), ("7", "7"), ("7.", "7"),
        ("1\u00a0234.50", None), ("1 234", None), ("12$34", None), ("1,23", None), ("12,34,567", None),
        ("1.234,50", None), ("0", None), ("-5", None), ("(5)", None), ("1e3", None), ("=1+1", None), ("", None),
        ("$", None), (".5", None), ("1.005", None), ("٣٤", None), ("1" * 14, None), ("NaN", None), ("\x00", None),
    ],
)  # fmt: skip
def test_an_amount_is_read_exactly_or_not_at_all(typed: str, worth: str | None) -> None:
    value, problem = _amount(typed)
    assert (value, problem == "") == (None if worth is None else Decimal(worth), worth is not None)


def approved(payer: Insurer, **over: object) -> ReceivedInvoice:
    made = row(payer.organization, **over)
    ReceivedInvoice.objects.filter(pk=made.pk).update(state=APPROVED)
    return made


def read(payer: Insurer, *lines: str, head: str = "folio_fiscal,monto") -> Reading:
    return remittance.understand(io.BytesIO("\n".join((head, *lines)).encode()), payer.organization.pk)


def register(payer: Insurer, reading: Reading, key: str) -> list[PayerPayment]:
    return remittance.register(
        payer.organization.pk, reading, paid_at=make.now(), forma_pago="03", operation="Lote 7", user=payer.treasurer,
        now=make.now(), key=key,
    )  # fmt: skip


@pytest.mark.django_db
def test_a_comma_of_thousands_without_quotes_is_no_smaller_payment() -> None:
    payer = insurer()
    made = approved(payer)
    for head, line in (
        ("folio_fiscal,monto", f"{made.uuid},5,"),
        ("folio_fiscal,monto", f"{made.uuid},1,234.50"),
        ("folio_fiscal,monto,proveedor,no_de_control", f"{made.uuid},1,234.50,,"),
        ("folio_fiscal;monto;", f"{made.uuid};5;nota"),
    ):
        assert "celdas de más" in read(payer, line, head=head).rows[0].problem
    blank = "folio_fiscal,monto,,"  # as spreadsheets leave them
    assert not read(payer, f"{made.uuid},5,,", head=blank).wrong
    assert "monto" in read(payer, f"{made.uuid}").rows[0].problem


@pytest.mark.django_db
def test_two_suppliers_of_one_rfc_are_both_paid_and_the_cents_stay() -> None:
    payer = insurer()
    first, second = (approved(payer, total=Decimal("0.03")) for _ in range(2))
    assert (first.supplier != second.supplier, first.rfc_emisor) == (True, second.rfc_emisor)
    reading = read(payer, f"{first.uuid},0.01", f"{second.uuid},0.03")
    key = str(uuid.uuid4())
    made = register(payer, reading, key)
    assert {each.supplier for each in made} == {first.supplier, second.supplier}
    assert register(payer, reading, key) == made
    first.refresh_from_db()
    assert (first.owed, reading.total) == (Decimal("0.02"), Decimal("0.04"))
    assert [each.what for each in ReviewEvent.objects.filter(invoice=first)] == ["Se pagaron $0.01 (Lote 7)"]


@pytest.mark.django_db(transaction=True)
def test_many_press_at_once_in_any_order_and_each_invoice_is_paid_once() -> None:
    payer = insurer()
    rows = [approved(payer, rfc_emisor=f"AAA0101010A{n % 3}", supplier=uuid.UUID(int=n % 3 + 1)) for n in range(12)]
    lines = [f"{each.uuid},720.00" for each in rows]
    readings = [read(payer, *order) for order in (lines, lines[::-1], lines, lines[::-1])]

    def press(at: int) -> int:
        try:
            return len(register(payer, readings[at], f"{'mismo' if at % 2 else 'otro'}-{uuid.UUID(int=at % 2)}"))
        except Refused:
            return 0
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as crowd:
        done = sorted(crowd.map(press, range(4)))
    assert done == [0, 0, 3, 3], "one file won, and its second press was answered with what the first one made"
    assert set(ReceivedInvoice.objects.values_list("paid", flat=True)) == {Decimal("720.00")}
    assert PayerPayment.objects.count() == 3

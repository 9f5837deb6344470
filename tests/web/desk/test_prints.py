"""Printing: each print counted once, marked from the second on, on both papers, with a QR that is read back."""

from __future__ import annotations

import pypdfium2
import pytest
import zxingcpp

from emite.charges.charging import revoke_code, void
from emite.charges.code import grouped
from emite.charges.models import Charge, PaymentSlip
from tests import make
from tests.make import Hospital
from tests.web.desk.staff import Person, audited, said

pytestmark = pytest.mark.django_db


@pytest.fixture
def charge(hospital: Hospital) -> Charge:
    return make.paid_charge(hospital)


def read_qr(pdf: bytes) -> tuple[list[str], str]:
    """The codes drawn on a PDF and its text."""
    document = pypdfium2.PdfDocument(pdf)
    codes, text = [], ""
    for page in document:
        codes += [found.text for found in zxingcpp.read_barcodes(page.render(scale=3).to_pil())]
        text += page.get_textpage().get_text_bounded()
    return codes, text


def address_of(hospital: Hospital, charge: Charge) -> str:
    return f"http://127.0.0.1:8000/q/{hospital.organization.slug}/{make.code(charge)}"


@pytest.mark.parametrize("paper", ["80mm", "carta"])
def test_ticket_pdf_carries_link_code_and_qr(cashier: Person, hospital: Hospital, charge: Charge, paper: str) -> None:
    cashier.post("print_ticket", charge.pk)

    answer = cashier.get("ticket_pdf", charge.pk, 1, papel=paper)

    assert answer["Content-Type"] == "application/pdf"
    codes, text = read_qr(answer.content)
    assert codes == [address_of(hospital, charge)]
    assert f"127.0.0.1:8000/f/{hospital.organization.slug}" in text
    assert grouped(make.code(charge)).replace("-", " ") in text
    assert "puede solicitar su factura en caja" in text
    assert "Reimpresión" not in text
    assert "Ana" not in text


@pytest.mark.parametrize("paper", ["80mm", "carta"])
def test_a_revoked_code_is_not_printed_again(cashier: Person, hospital: Hospital, charge: Charge, paper: str) -> None:
    revoke_code(charge, user=hospital.admin, now=make.now())
    cashier.post("print_ticket", charge.pk)

    codes, text = read_qr(cashier.get("ticket_pdf", charge.pk, 1, papel=paper).content)
    page = said(cashier.get("ticket", charge.pk, 1, papel=paper))

    code = make.code(charge)
    assert codes == []
    for words in (text, page):
        assert grouped(code).replace("-", " ") not in words
        assert "Código" not in words
        assert "caja" in words


@pytest.mark.parametrize("paper", ["80mm", "carta"])
def test_slip_pdf_carries_the_same_way(cashier: Person, hospital: Hospital, charge: Charge, paper: str) -> None:
    slip = charge.slips.get()
    cashier.post("print_slip", slip.pk)

    codes, text = read_qr(cashier.get("slip_pdf", slip.pk, 1, papel=paper).content)

    assert codes == [address_of(hospital, charge)]
    assert slip.folio in text
    assert charge.folio in text


def test_browser_page_says_what_the_pdf_says(cashier: Person, hospital: Hospital, charge: Charge) -> None:
    page = cashier.follow(cashier.post("print_ticket", charge.pk))

    text = said(page)
    for words in (
        charge.folio,
        "$1,160.00",
        "Tarjeta de crédito",
        f"127.0.0.1:8000/f/{hospital.organization.slug}",
        grouped(make.code(charge)).replace("-", " "),
        "También puede solicitar su factura en caja",
        "Factura en línea hasta el",
    ):
        assert words in text
    assert "Ana" not in text
    assert "strip" in page.content.decode()
    letter = cashier.client.get(page.request["PATH_INFO"], {"papel": "carta"})
    assert "letter" in letter.content.decode()
    assert charge.folio in said(letter)


def test_second_print_is_marked_and_audited(cashier: Person, hospital: Hospital, charge: Charge) -> None:
    first = cashier.post("print_ticket", charge.pk)["Location"]
    assert "Reimpresión" not in said(cashier.client.get(first))
    assert "Reimpresión" not in said(cashier.client.get(first))

    second = cashier.post("print_ticket", charge.pk)["Location"]

    assert "Reimpresión" in said(cashier.client.get(second))
    assert "Reimpresión" in read_qr(cashier.get("ticket_pdf", charge.pk, 2).content)[1]
    assert cashier.client.get(first).status_code == 404
    assert cashier.get("ticket", charge.pk, 3).status_code == 404
    assert [event.after["print"] for event in audited(hospital.organization, "charge.print")] == [1, 2]


def test_looking_counts_no_print(cashier: Person, charge: Charge) -> None:
    assert cashier.get("ticket", charge.pk, 1).status_code == 404
    assert cashier.get("print_ticket", charge.pk).status_code == 405
    assert Charge.objects.get().prints == 0


def test_slip_tells_what_was_owed_then(cashier: Person, hospital: Hospital) -> None:
    charge = make.charge(hospital)
    cashier.pay(charge, hospital.register, amount="160", cash_received="200")
    charge.refresh_from_db()
    cashier.pay(charge, hospital.register, amount="1000", forma_pago="04")
    first = PaymentSlip.objects.order_by("number")[0]

    text = said(cashier.follow(cashier.post("print_slip", first.pk)))

    assert "Recibido $200.00" in text
    assert "Cambio $40.00" in text
    assert "Por pagar $1,000.00" in text


def test_unpaid_ticket_says_when_it_can_be_invoiced(cashier: Person, hospital: Hospital) -> None:
    text = said(cashier.follow(cashier.post("print_ticket", make.charge(hospital).pk)))

    assert "al liquidar el saldo" in text
    assert "Por pagar $1,160.00" in text


def test_portal_off_prints_code_without_link(cashier: Person, hospital: Hospital, charge: Charge) -> None:
    hospital.organization.portal_days = None
    hospital.organization.save()

    page = cashier.follow(cashier.post("print_ticket", charge.pk))

    assert "Solicite su factura en caja" in said(page)
    assert "/f/" not in said(page)
    assert "<svg" not in page.content.decode()


def test_void_charge_is_not_printed(cashier: Person, hospital: Hospital) -> None:
    charge = make.charge(hospital)
    void(charge, user=hospital.cashier, reason="x", now=make.now())

    assert cashier.post("print_ticket", charge.pk).status_code == 409
    assert Charge.objects.get().prints == 0


def test_hostile_text_stays_text_on_paper(cashier: Person, hospital: Hospital) -> None:
    hostile = '<b>#set</b> $x$ & "comillas"'
    charge = make.charge(hospital, [make.line(description=hostile)])

    page = cashier.follow(cashier.post("print_ticket", charge.pk))

    assert "<b>#set" not in page.content.decode()
    assert hostile in said(page).replace("\u200b", "")
    assert "#set" in read_qr(cashier.get("ticket_pdf", charge.pk, 1).content)[1]

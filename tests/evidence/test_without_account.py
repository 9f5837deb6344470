"""An insurer without an account, from its answer to its transfer, written down by the practice through its pages."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal as D
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from emite.care.models import InsurerInvoice
from emite.evidence.models import PayerWord, ShortPayment, TransferEvidence
from emite.organizations.models import Organization
from emite.settlements import following, staging
from emite.settlements.models import PaymentComplement, Receivable, ReceivedPayment
from emite.web.access import PROVED
from tests import make
from tests import practice as stand
from tests.pac.sandbox import RunningSandbox
from tests.practice import Practice

pytestmark = pytest.mark.django_db(transaction=True)
PDF = b"%PDF-1.7 acuse"


@pytest.fixture
def practice(sandbox: RunningSandbox, settings: object) -> Iterator[Practice]:
    with stand.behind(sandbox, settings) as made:
        yield made


def client(of: Practice, *, reader: bool = False) -> Client:
    browser = Client()
    browser.force_login(of.reader if reader else of.admin)
    session = browser.session
    session[PROVED] = True
    session.save()
    return browser


def stamped(of: Practice, number: str, amount: str) -> InsurerInvoice:
    invoice = stand.registered(of, stand.service(of, amount), number=number)
    following.after(stand.stamped(invoice, of).pk, now=make.now())
    return invoice


def answered(of: Practice, invoice: InsurerInvoice, said: str, **over: Any) -> Any:
    fields: dict[str, Any] = {
        "said": said,
        "said_on": stand.today(of).isoformat(),
        "reason": "",
        "note": "Por teléfono",
    }
    return client(of).post(reverse("practice:word", args=[invoice.pk]), fields | over)


def paid(of: Practice, folios: str, amount: str, **over: Any) -> Any:
    fields: dict[str, Any] = {
        "aseguradora": str(of.payer.pk), "llave": "6f1c1c1e-0000-4000-8000-000000000000", "accion": "registrar",
        "paid_on": stand.today(of).isoformat(), "forma_pago": "03", "amount": amount, "operation": "SPEI 881",
        "folios": folios, "note": "Estado de cuenta",
    }  # fmt: skip
    return client(of).post(reverse("practice:register_transfer"), fields | over)


def test_the_word_moves_the_invoice_and_its_evidence_is_kept(practice: Practice) -> None:
    invoice = stamped(practice, "A-1", "800.00")
    assert answered(practice, invoice, "received", note="").status_code == 422
    assert answered(practice, invoice, "rejected").status_code == 422
    assert answered(practice, invoice, "received", said_on="2020-01-01").status_code == 422
    upload = SimpleUploadedFile("x.exe", PDF)
    assert answered(practice, invoice, "received", note="", file=upload).status_code == 302
    invoice.refresh_from_db()
    assert staging.label_of(invoice) == "Aceptada|Aseguradora|Administradora"
    assert invoice.review_actor == InsurerInvoice.Actor.PHYSICIAN
    word = PayerWord.objects.get()
    shown = client(practice, reader=True).get(reverse("practice:word_file", args=[word.pk]))
    assert (shown.content, shown["Content-Type"]) == (PDF, "application/pdf")
    assert "attachment" in shown["Content-Disposition"]
    assert answered(practice, invoice, "received").status_code == 422  # heard already
    assert answered(practice, invoice, "rejected", reason="Falta el siniestro").status_code == 302
    invoice.refresh_from_db()
    assert (invoice.review, invoice.review_reason) == ("rejected", "Falta el siniestro")
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        PayerWord.objects.filter(pk=word.pk).update(file=None)


def test_a_payer_with_an_account_says_it_itself_and_a_reader_writes_nothing(practice: Practice) -> None:
    invoice = stamped(practice, "A-1", "800.00")
    address = reverse("practice:word", args=[invoice.pk])
    fields = {"said": "received", "said_on": stand.today(practice).isoformat(), "note": "x"}
    assert client(practice, reader=True).post(address, fields).status_code == 403
    practice.payer.account = Organization.objects.create(
        slug="ceiba", name="La Ceiba", kind=Organization.Kind.INSURER, postal_code="64000"
    )
    practice.payer.save()
    assert answered(practice, invoice, "received").status_code == 422
    assert "contesta ella misma" in client(practice).get(address).content.decode()
    assert not PayerWord.objects.exists()
    assert paid(practice, "A-1", "720.00").status_code == 422  # there is no payer to choose
    assert not ReceivedPayment.objects.exists()


def test_one_transfer_over_pasted_folios_with_its_differences(practice: Practice) -> None:
    """612: ISR of 10 % is withheld, so 800.00 of services are 720.00 of total."""
    for number, amount in (("A-1", "800.00"), ("A-2", "1000.00"), ("A-3", "500.00")):
        stamped(practice, number, amount)
    second = Receivable.objects.get(folio="A-2")
    assert answered(practice, InsurerInvoice.objects.get(control_number="A-1"), "approved").status_code == 302
    folios = "A-1\na2  $850.00"
    wrong = paid(practice, folios, "1,600.00")
    assert wrong.status_code == 422
    assert "Lo aplicado suma $1,570.00" in wrong.content.decode()
    assert "A-9" in paid(practice, "A-9", "1.00").content.decode()
    assert "se debe" in paid(practice, "A-2 900.01", "900.01").content.decode()
    assert paid(practice, folios, "1570.00", note="").status_code == 422
    assert paid(practice, folios, "1570.00", paid_on="2099-01-01").status_code == 422
    assert not ReceivedPayment.objects.exists()
    seen = paid(practice, folios, "1570.00", accion="revisar").content.decode()
    assert "Cuadra con la transferencia" in seen
    assert not ReceivedPayment.objects.exists()

    glosa = {f"por-{second.pk}": "glosa"}
    for _ in range(2):  # sent twice it is one
        assert paid(practice, folios, "1570.00", file=SimpleUploadedFile("spei.pdf", PDF), **glosa).status_code == 302
    payment = ReceivedPayment.objects.get()
    short = ShortPayment.objects.get()
    assert (payment.amount, short.why, short.amount, short.receivable_id) == (
        D("1570.00"),
        "glosa",
        D("50.00"),
        second.pk,
    )
    assert TransferEvidence.objects.get().payment_id == payment.pk
    assert PaymentComplement.objects.get().state == "due"
    labels = {each.control_number: staging.label_of(each) for each in InsurerInvoice.objects.all()}
    assert labels == {"A-1": "PAGADO", "A-2": "Pagado parcial", "A-3": "Timbrada"}
    page = client(practice).get(reverse("practice:transfer", args=[payment.pk])).content.decode()
    assert "Glosa" in page
    assert "SPEI 881" in page
    assert (
        answered(practice, InsurerInvoice.objects.get(control_number="A-1"), "rejected", reason="x").status_code == 422
    )


def test_a_transfer_in_dollars_pays_invoices_in_pesos(practice: Practice) -> None:
    """1,620.00 pesos at 17.3512 are between 93.35 and 93.37 dollars."""
    stamped(practice, "A-1", "800.00")
    stamped(practice, "A-2", "1000.00")
    page = client(practice).get(reverse("practice:register_transfer")).content.decode()
    assert "Llegó en otra moneda" in page
    dollars = {"currency": "USD", "exchange_rate": "17.3512"}
    for amount, over, said in (
        ("93.36", {"currency": "USD"}, "cuántos pesos vale un USD"),
        ("93.36", {"currency": "USD", "exchange_rate": "0"}, "cuántos pesos vale un USD"),
        ("1620.00", {"exchange_rate": "17.35"}, "El pago está en pesos"),
        ("93.36", {"currency": "ZZZ", "exchange_rate": "17.35"}, "Moneda"),
        ("93.45", dollars, "Lo aplicado suma $93.37 USD y la transferencia es de $93.45 USD"),
        ("93.20", dollars, "Lo aplicado suma $93.35 USD y la transferencia es de $93.20 USD"),
    ):
        answer = paid(practice, "A-1\nA-2", amount, **over)
        assert (answer.status_code, said in answer.content.decode()) == (422, True), (amount, over)
    assert not ReceivedPayment.objects.exists()
    reviewed = paid(practice, "A-1\nA-2", "100.00", accion="revisar", **dollars).content.decode()
    assert "Falta aplicar $6.63 USD" in reviewed
    assert paid(practice, "A-1\nA-2", "93.36", **dollars).status_code == 302
    payment = ReceivedPayment.objects.get()
    assert (payment.currency, payment.exchange_rate, payment.amount) == ("USD", D("17.3512"), D("93.36"))
    assert {each.balance for each in Receivable.objects.all()} == {0}
    for name in ("transfer", "complement"):
        page = client(practice).get(reverse(f"practice:{name}", args=[payment.pk])).content.decode()
        assert "$93.36 USD" in page
        assert "tipo de cambio 17.3512" in page

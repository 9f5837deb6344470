"""Glosa: from what a payer does not accept to a stamped credit note, and what is owed afterwards."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from decimal import Decimal as D

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from emite.care.models import InsurerInvoice
from emite.cfdi import check
from emite.cfdi.xml import parse
from emite.cfdi.xml_pagos_read import read_pagos
from emite.credits.crediting import CreditRefused
from emite.credits.models import CreditBalance, CreditNote
from emite.credits.originals import NotCreditable
from emite.documents.models import FiscalDocument, State
from emite.documents.rendering import stamped_xml
from emite.invoices.issuing import NotAllowed
from emite.settlements import checking, complementing, disallowing, following, paying
from emite.settlements.disallowing import Glosa
from emite.settlements.models import PaymentShare, Receivable, ReceivedPayment
from emite.settlements.paying import PaymentRefused
from emite.web.practice import glosas
from tests import make
from tests import practice as stand
from tests.credits.stands import drive
from tests.pac.sandbox import RunningSandbox
from tests.practice import Practice
from tests.web.test_practice_invoices import client

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def practice(sandbox: RunningSandbox, settings: object) -> Iterator[Practice]:
    with stand.behind(sandbox, settings) as made:
        yield made


def invoiced(practice: Practice, *amounts: str) -> InsurerInvoice:
    """A stamped invoice of these services: exempt, with 10 % of ISR withheld."""
    services = [stand.service(practice, amount) for amount in amounts]
    invoice = stand.registered(practice, *services, number=f"G-{uuid.uuid4().hex[:6]}")
    stand.stamped(invoice, practice)
    return InsurerInvoice.objects.select_related("document", "issuer", "payer").get(pk=invoice.pk)


def glosa(practice: Practice, invoice: InsurerInvoice, key: str = "", **over: object) -> CreditNote:
    wanted = Glosa(**({"explanation": "No autorizan el servicio"} | over))  # type: ignore[arg-type]
    return disallowing.ask(
        invoice, wanted, user=practice.admin, now=make.now(), idempotency_key=key or uuid.uuid4().hex
    )


def owed(invoice: InsurerInvoice) -> Receivable:
    return disallowing.receivable_of(invoice, now=make.now())


def paid(practice: Practice, receivable: Receivable, amount: str) -> ReceivedPayment:
    return paying.register(
        practice.organization.pk, paid_at=make.now(), forma_pago="03", shares=[(receivable, D(amount))],
        amount=D(amount), user=practice.admin, now=make.now(), key=uuid.uuid4().hex,
    )  # fmt: skip


def test_a_glosa_is_credited_and_the_complements_that_follow_use_what_is_left(
    practice: Practice, sandbox: RunningSandbox
) -> None:
    invoice = invoiced(practice, "8000.00", "2000.00")
    assert invoice.document is not None
    payment = paid(practice, owed(invoice), "4000.00")

    note = glosa(practice, invoice, "una", amount=D("900.00"))
    again = glosa(practice, invoice, "una", amount=D("900.00"))

    assert (again.pk, owed(invoice).balance) == (note.pk, D("4100.00"))
    with pytest.raises(PaymentRefused, match="nota de crédito timbrándose"):
        paid(practice, owed(invoice), "1.00")
    document = drive(note.document_id)
    assert document.state == State.STAMPED
    xml = stamped_xml(document)
    authorities, signers = check.own_trust(sandbox.trust_dir)
    assert check.check_file(xml, authorities=authorities, signers=signers) == []
    root = parse(xml)
    said = ("TipoDeComprobante", "FormaPago", "MetodoPago", "SubTotal", "Total")
    assert [root.get(name) for name in said] == ["E", "15", "PUE", "1000.00", "900.00"]
    assert root.find("{*}CfdiRelacionados").get("TipoRelacion") == "01"  # type: ignore[union-attr]
    assert root.find("{*}Impuestos").get("TotalImpuestosRetenidos") == "100.00"  # type: ignore[union-attr]
    assert root.find("{*}Receptor").get("UsoCFDI") == "G02"  # type: ignore[union-attr]

    asked = complementing.issue(payment, user=practice.admin, now=make.now(), key="rep-1")
    assert asked.document_id is not None
    assert drive(asked.document_id).state == State.STAMPED
    following.after(asked.document_id, now=make.now())
    last = paid(practice, owed(invoice), "4100.00")
    asked = complementing.issue(last, user=practice.admin, now=make.now(), key="rep-2")
    assert asked.document_id is not None
    stamped = drive(asked.document_id)
    assert stamped.state == State.STAMPED
    pagos = read_pagos(parse(stamped_xml(FiscalDocument.objects.get(pk=stamped.pk))))
    assert pagos is not None
    told = pagos.pagos[0].documentos[0]
    assert (told.parcialidad, told.saldo_anterior, told.saldo_insoluto) == (2, D("4100.00"), 0)
    bases = [
        D(row["base"]) for share in PaymentShare.objects.all() for row in share.taxes if row["kind"] == "retencion"
    ]
    assert sum(bases) == D("9000.00")  # what was credited and what was paid close the base exactly
    assert list(checking.faults(practice.organization.pk)) == []
    with pytest.raises(NotCreditable, match="ya no se debe nada"):
        glosa(practice, invoice, amount=D("0.01"))


def test_the_services_chosen_and_no_more_than_is_owed(practice: Practice) -> None:
    invoice = invoiced(practice, "800.00", "200.00")
    paid(practice, owed(invoice), "700.00")
    with pytest.raises(CreditRefused, match=r"se deben \$200\.00"):
        glosa(practice, invoice, positions=frozenset({0, 1}))
    for wrong in ({}, {"amount": D(0)}, {"amount": D("200.01")}, {"amount": D(5), "explanation": " "}):
        with pytest.raises(CreditRefused):
            glosa(practice, invoice, **wrong)
    with pytest.raises(NotAllowed):
        disallowing.ask(
            invoice, Glosa("x", D(1)), user=practice.reader, now=make.now(), idempotency_key="x"
        )  # fmt: skip
    smallest = min(disallowing.left_of(invoice), key=lambda part: part.base)
    note = glosa(practice, invoice, positions=frozenset({smallest.position}))
    assert note.total == D("180.00")
    assert {line.position for line in note.lines.all()} == {smallest.position}
    with pytest.raises(CreditRefused, match="ya se acreditó todo"):
        glosa(practice, invoice, positions=frozenset({smallest.position}))


def test_services_of_any_page_are_chosen_in_one_form(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glosas, "PAGE", 2)
    invoice = invoiced(practice, "100.00", "100.00", "100.00", "100.00", "100.00")
    browser, address = client(practice), reverse("practice:glosa", args=[invoice.pk])
    plain = {"llave": uuid.uuid4().hex, "antes": "algunos", "explanation": "No autorizados", "amount": ""}
    second = browser.post(address, plain | {"visto": ["0", "1"], "servicio": "1", "pagina": "2"}).content.decode()
    assert all(
        said in second for said in ('name="lleva" value="1"', 'id="s-3"', "3 a 4 de 5", 'value="No autorizados"')
    )
    assert 'id="s-0"' not in second
    third = plain | {"lleva": "1,2", "visto": "4", "servicio": "4", "en": "3"}
    seen = browser.post(address, third | {"accion": "revisar"}).content.decode()
    assert "Generar nota de crédito por $270.00" in seen
    assert '<span id="cuantos">3</span>' in seen
    but_one = plain | {"antes": "todos", "todos": "1", "lleva": "0", "visto": "4", "servicio": "4", "en": "3"}
    seen = browser.post(address, but_one | {"accion": "revisar"}).content.decode()
    assert "por $360.00" in seen
    assert 'name="shown" value="360.00"' in seen
    none = browser.post(address, but_one | {"lleva": "0,1,2,3,4", "servicio": [], "accion": "emitir"})
    assert (none.status_code, "elija al menos uno" in none.content.decode()) == (422, True)
    # A box that changed after "Lo que verá el SAT" was shown.
    other = browser.post(address, but_one | {"lleva": "", "shown": "360.00", "accion": "emitir"})
    assert (other.status_code, "ya no suma $360.00, sino $450.00" in other.content.decode()) == (422, True)
    for _ in range(2):  # pressed twice
        assert browser.post(address, but_one | {"shown": "360.00", "accion": "emitir"}).status_code == 302
    note = CreditNote.objects.get(organization=practice.organization)
    assert (note.total, {line.position for line in note.lines.all()}) == (D("360.00"), {1, 2, 3, 4})


def test_a_refused_note_gives_everything_back_and_the_database_counts(
    practice: Practice, sandbox: RunningSandbox
) -> None:
    invoice = invoiced(practice, "1000.00")
    note = glosa(practice, invoice, amount=D("90.00"))
    with pytest.raises(DatabaseError, match="insurer"), transaction.atomic():
        CreditNote.objects.create(
            organization=practice.organization, document=note.document, original=note.document, reason="glosa",
            forma_pago="15", total=D("90.00"), asked_by=practice.admin, created_at=make.now(),
        )  # fmt: skip
    FiscalDocument.objects.filter(pk=note.document_id).update(state=State.VOID)
    assert drive(note.document_id).state == State.VOID
    note.refresh_from_db()
    assert (note.active, owed(invoice).balance) == (False, D("900.00"))
    assert not CreditBalance.objects.filter(document=invoice.document, credited__gt=0).exists()

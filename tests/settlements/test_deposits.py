"""An account that a deposit pays some of and that is invoiced on credit: what is owed is the rest, down to 0.00."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from decimal import Decimal as D

import pytest

from emite.cancellations.requesting import request_cancellation
from emite.cfdi import check
from emite.cfdi.taxes import Treatment
from emite.cfdi.xml import parse
from emite.cfdi.xml_pagos_read import read_pagos
from emite.charges import anticipos as taking
from emite.charges.allocating import live_document
from emite.charges.collecting import Part, pay
from emite.charges.models import AnticipoApplication, Charge
from emite.credits import anticipos
from emite.credits.models import CreditNote
from emite.documents.models import FiscalDocument, State
from emite.documents.rendering import stamped_xml
from emite.invoices import issuing
from emite.invoices.issuing import NotInvoiceable
from emite.organizations.models import Organization
from emite.settlements import checking, complementing, following, paying
from emite.settlements.models import Receivable, ReceivedPayment
from emite.settlements.paying import PaymentRefused
from tests import make
from tests.cancellations.sweeping import sweep
from tests.credits.stands import drive, invoiced, sound, stamped_total
from tests.pac.sandbox import RunningSandbox

pytestmark = pytest.mark.django_db(transaction=True)
CFDI = "{http://www.sat.gob.mx/cfd/4}"


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object) -> Iterator[make.Hospital]:
    with make.behind(sandbox, settings) as made:
        yield made
    sound(made)
    assert list(checking.faults(made.organization.pk)) == []


def collect(hospital: make.Hospital, charge: Charge, amount: str) -> None:
    pay(charge, [Part("04", D(amount))], register=hospital.register, user=hospital.cashier, now=make.now())


def with_deposit(hospital: make.Hospital, amount: str) -> tuple[Charge, Charge, AnticipoApplication]:
    """An invoiced deposit, and an account of 17,400.00 with IVA and 5,000.00 exempt that it pays some of."""
    deposit = taking.take(
        hospital.organization, hospital.issuer, D(amount), Treatment.IVA16, user=hospital.cashier, now=make.now()
    )
    collect(hospital, deposit, amount)
    lines = [make.line(unit_price=D(15000)), make.line(unit_price=D(5000), treatment=Treatment.EXENTO)]
    account = make.charge(hospital, lines)
    applied = anticipos.apply(
        invoiced(hospital, deposit), account, D(amount), user=hospital.cashier, now=make.now(), idempotency_key="a"
    )
    account.refresh_from_db()
    return deposit, account, applied


def on_credit(hospital: make.Hospital, account: Charge) -> Receivable:
    asked = issuing.Request(make.receptor(), on_credit=True)
    document = issuing.issue(
        account, asked, channel="desk", user=hospital.biller, now=make.now(), idempotency_key=uuid.uuid4().hex
    )
    assert drive(document.pk).state == State.STAMPED
    following.after(document.pk, now=make.now())
    return Receivable.objects.get(document=document)


def note_of(application: AnticipoApplication, receivable: Receivable) -> CreditNote:
    """What the sweep and the workers do until the egreso is stamped and the registers' money is taken in."""
    for pk in anticipos.due(limit=9):
        anticipos.advance(pk, now=make.now())
    note = CreditNote.objects.get(application=application, active=True)
    assert drive(note.document_id).state == State.STAMPED
    following.catch_up(now=make.now(), limit=9)
    receivable.refresh_from_db()
    note.refresh_from_db()
    return note


def transfer(hospital: make.Hospital, receivable: Receivable, amount: str) -> ReceivedPayment:
    return paying.register(
        hospital.organization.pk, paid_at=make.now(), forma_pago="03", shares=[(receivable, D(amount))],
        amount=D(amount), user=hospital.cashier, now=make.now(), key=uuid.uuid4().hex,
    )  # fmt: skip


def clean(document: FiscalDocument, sandbox: RunningSandbox) -> bytes:
    content = stamped_xml(document)
    authorities, signers = check.own_trust(sandbox.trust_dir)
    assert check.check_file(content, authorities=authorities, signers=signers) == []
    return content


@pytest.mark.parametrize("road", ["egreso", "remnant"])
def test_the_deposit_lowers_what_is_owed_and_complements_of_the_rest_end_at_zero(
    hospital: make.Hospital, sandbox: RunningSandbox, road: str
) -> None:
    Organization.objects.filter(pk=hospital.organization.pk).update(anticipo_road=road)
    hospital.organization.refresh_from_db()
    deposit, account, applied = with_deposit(hospital, "10000.00")
    collect(hospital, account, "400.00")
    receivable = on_credit(hospital, account)
    # The guide has complements of the rest in path A, and B for a remnant that was received: whatever was chosen, A
    whole = live_document(account)
    assert whole is not None
    root = parse(clean(whole, sandbox))
    assert (root.get("MetodoPago"), root.get("FormaPago"), root.get("Total")) == ("PPD", "99", "22400.00")
    (related,) = root.iter(f"{CFDI}CfdiRelacionados")
    received = live_document(deposit)
    assert received is not None
    assert (related.get("TipoRelacion"), related[0].get("UUID")) == ("07", str(received.uuid).upper())
    # Until its note is stamped nobody knows what is owed: neither a transfer nor a register's money is told to the SAT
    assert receivable.paid == 0
    with pytest.raises(PaymentRefused, match="la nota que aplica su anticipo"):
        transfer(hospital, receivable, "12000.00")

    note = note_of(applied, receivable)
    clean(note.document, sandbox)
    assert (receivable.credited, receivable.paid, receivable.balance) == (D("10000.00"), D("400.00"), D("12000.00"))
    assert stamped_total(deposit) + stamped_total(account) == D("22400.00")
    with pytest.raises(PaymentRefused, match=r"se deben \$12,000.00"):
        transfer(hospital, receivable, "12000.01")
    transfer(hospital, receivable, "12000.00")
    receivable.refresh_from_db()
    assert (receivable.balance, receivable.is_open) == (0, False)

    told, bases = [], {"iva16": D(0), "iva": D(0), "exento": D(0)}
    for due in complementing.due(hospital.organization.pk).order_by("created_at"):
        made = complementing.issue(due.payment, user=hospital.biller, now=make.now(), key=uuid.uuid4().hex)
        assert made.document_id is not None
        assert drive(made.document_id).state == State.STAMPED
        following.after(made.document_id, now=make.now())
        pagos = read_pagos(parse(clean(FiscalDocument.objects.get(pk=made.document_id), sandbox)))
        assert pagos is not None
        (each,) = pagos.pagos[0].documentos
        told.append((each.parcialidad, each.saldo_anterior, each.pagado, each.saldo_insoluto))
        bases["iva16"] += pagos.totales.base_iva16 or 0
        bases["iva"] += pagos.totales.impuesto_iva16 or 0
        bases["exento"] += pagos.totales.base_iva_exento or 0
    assert told == [(1, D("12400.00"), D("400.00"), D("12000.00")), (2, D("12000.00"), D("12000.00"), D("0.00"))]
    # What the complements tell by rate is the account's less its deposit's: 15,000.00 less 8,620.69, and what is exempt
    assert bases == {"iva16": D("6379.31"), "iva": D("1020.69"), "exento": D("5000.00")}


def test_while_its_note_is_cancelled_nothing_is_paid_and_the_next_one_goes_on(hospital: make.Hospital) -> None:
    deposit, account, applied = with_deposit(hospital, "500.00")
    receivable = on_credit(hospital, account)
    note = note_of(applied, receivable)
    assert receivable.balance == D("21900.00")
    request_cancellation(note.document, "02", user=hospital.biller, now=make.now())
    sweep()
    receivable.refresh_from_db()
    assert receivable.balance == D("22400.00")
    with pytest.raises(PaymentRefused, match="la nota que aplica su anticipo"):
        transfer(hospital, receivable, "22400.00")
    anticipos.again(applied, user=hospital.biller, now=make.now())
    note_of(applied, receivable)
    transfer(hospital, receivable, "21900.00")
    receivable.refresh_from_db()
    assert receivable.balance == 0
    assert stamped_total(deposit) + stamped_total(account) == D("22400.00")


def test_a_deposit_itself_is_never_invoiced_on_credit(hospital: make.Hospital) -> None:
    unpaid = make.charge(hospital, kind=Charge.Kind.ANTICIPO)
    with pytest.raises(NotInvoiceable, match="anticipo_on_credit"):
        issuing.invoiceable([unpaid], on_credit=True)

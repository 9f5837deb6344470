"""From an invoice to be paid later to its complements, through the real stamping road: balances, rights, refusals."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from decimal import Decimal as D
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, connection, transaction

from emite.cancellations import following as cancelling
from emite.cancellations import requesting, substituting
from emite.cancellations.models import CancellationRequest
from emite.care.models import ExternalCfdi, ExternalDelivery
from emite.cfdi import check
from emite.cfdi.faults import CfdiInvalid
from emite.cfdi.xml import parse
from emite.cfdi.xml_pagos_read import read_pagos
from emite.charges.allowing import NotAllowed
from emite.charges.collecting import Part, pay
from emite.charges.models import Charge
from emite.documents.models import FiscalDocument, State
from emite.documents.rendering import stamped_xml
from emite.invoices import issuing
from emite.organizations import branches
from emite.settlements import checking, complementing, following, paying
from emite.settlements.complementing import ComplementRefused
from emite.settlements.models import PaymentComplement, PaymentShare, Receivable, ReceivedPayment
from emite.settlements.paying import PaymentRefused
from tests import make
from tests.credits.stands import credit, drive
from tests.pac.sandbox import RunningSandbox

pytestmark = pytest.mark.django_db(transaction=True)
Live = PaymentComplement.State


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object) -> Iterator[make.Hospital]:
    with make.behind(sandbox, settings) as made:
        yield made


def owed(hospital: make.Hospital, price: str = "1000.00", charge: Charge | None = None) -> Receivable:
    """The receivable of a charge of this price and IVA that was invoiced to be paid later."""
    charge = charge or make.charge(hospital, [make.line(unit_price=D(price))])
    asked = issuing.Request(make.receptor(regimen_fiscal="612", uso_cfdi="G03"), on_credit=True)
    document = issuing.issue(
        charge, asked, channel="desk", user=hospital.biller, now=make.now(), idempotency_key=uuid.uuid4().hex
    )
    assert drive(document.pk).state == State.STAMPED
    following.after(document.pk, now=make.now())
    following.after(document.pk, now=make.now())
    return Receivable.objects.get(document=document)


def received(hospital: make.Hospital, *shares: tuple[Receivable, str], **over: object) -> ReceivedPayment:
    fields: dict[str, object] = {
        "paid_at": make.now(),
        "forma_pago": "03",
        "amount": sum(D(part) for _, part in shares),
        "user": hospital.cashier,
        "now": make.now(),
        "key": uuid.uuid4().hex,
    }
    exact = [(receivable, D(part)) for receivable, part in shares]
    return paying.register(hospital.organization.pk, shares=exact, **(fields | over))  # type: ignore[arg-type]


def complemented(hospital: make.Hospital, payment: ReceivedPayment) -> PaymentComplement:
    """Its complement, stamped."""
    asked = complementing.issue(payment, user=hospital.biller, now=make.now(), key=uuid.uuid4().hex)
    assert asked.document_id is not None
    assert drive(asked.document_id).state == State.STAMPED
    following.after(asked.document_id, now=make.now())
    asked.refresh_from_db()
    return asked


def test_one_transfer_over_two_invoices_and_then_the_rest(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    first, second = owed(hospital), owed(hospital, "10000.00")
    invoice = parse(stamped_xml(first.document))  # type: ignore[arg-type]
    assert (invoice.get("MetodoPago"), invoice.get("FormaPago")) == ("PPD", "99")
    payment = received(hospital, (first, "1160.00"), (second, "5000.00"), key="uno", amount=D("6200.00"))
    assert received(hospital, (first, "1.00"), key="uno") == payment
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.balance, second.balance, second.parcialidades) == (0, D("6600.00"), 1)

    made = complemented(hospital, payment)
    again = complementing.issue(payment, user=hospital.biller, now=make.now(), key="otra")

    assert (made.state, again.pk) == (Live.STAMPED, made.pk)
    document = FiscalDocument.objects.get(pk=made.document_id)
    xml = stamped_xml(document)
    authorities, signers = check.own_trust(sandbox.trust_dir)
    assert check.check_file(xml, authorities=authorities, signers=signers) == []
    assert (document.kind, document.channel, document.total) == ("P", "payment", 0)
    pagos = read_pagos(parse(xml))
    assert pagos is not None
    assert (pagos.totales.monto_total_pagos, pagos.totales.base_iva16) == (D("6200.00"), D("5310.34"))
    told = {
        each.uuid: (each.parcialidad, each.saldo_anterior, each.saldo_insoluto) for each in pagos.pagos[0].documentos
    }
    assert told[str(second.cfdi_uuid).upper()] == (1, D("11600.00"), D("6600.00"))
    rest = complemented(hospital, received(hospital, (second, "6600.00")))
    last = read_pagos(parse(stamped_xml(FiscalDocument.objects.get(pk=rest.document_id))))
    assert last is not None
    assert (last.pagos[0].documentos[0].parcialidad, last.totales.base_iva16) == (2, D("5689.66"))
    with pytest.raises(PaymentRefused, match="se deben"):
        received(hospital, (second, "0.01"))


@pytest.mark.parametrize(
    ("currency", "rate", "amount"),
    [("USD", "17.3512", "735.46"), ("EUR", "20.004417", "637.92"), ("JPY", "0.1142", "111743")],
)
def test_invoices_in_pesos_are_paid_in_another_currency(
    hospital: make.Hospital, sandbox: RunningSandbox, currency: str, rate: str, amount: str
) -> None:
    """12,761.16 pesos; Monto, TipoCambioP and EquivalenciaDR as CRP20214-20217 and CRP20276-20277 want them."""
    first, second = owed(hospital), owed(hospital, "10001.00")
    parts = (first, "1160.00"), (second, "11601.16")
    abroad = {"currency": currency, "exchange_rate": D(rate)}
    with pytest.raises(PaymentRefused, match="baje alguna factura") as refused:
        received(hospital, *parts, amount=D(amount) - 3, **abroad)
    assert (refused.value.field, currency in refused.value.message) == ("amount", True)

    payment = received(hospital, *parts, amount=D(amount), **abroad)
    made = complemented(hospital, payment)

    document = FiscalDocument.objects.get(pk=made.document_id)
    xml = stamped_xml(document)
    authorities, signers = check.own_trust(sandbox.trust_dir)
    assert check.check_file(xml, authorities=authorities, signers=signers) == []
    pagos = read_pagos(parse(xml))
    assert pagos is not None
    [pago] = pagos.pagos
    assert (pago.moneda, pago.tipo_cambio, pago.monto) == (currency, D(rate), D(amount))
    assert pagos.totales.monto_total_pagos == (D(amount) * D(rate)).quantize(D("0.01"), "ROUND_HALF_UP")
    assert {(each.moneda, each.equivalencia, each.saldo_insoluto) for each in pago.documentos} == {("MXN", D(rate), 0)}
    for each in (first, second):
        each.refresh_from_db()
        assert each.balance == 0


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"currency": "XXX", "exchange_rate": D(17)}, "currency"),
        ({"currency": "BTC", "exchange_rate": D(17)}, "currency"),
        ({"currency": "USD", "exchange_rate": D(0)}, "exchange_rate"),
        ({"currency": "USD", "exchange_rate": D("17.1234567")}, "exchange_rate"),
        ({"currency": "USD", "exchange_rate": D(10_000)}, "exchange_rate"),
        ({"exchange_rate": D(17)}, "exchange_rate"),
        ({"currency": "JPY", "exchange_rate": D("0.11"), "amount": D("10545.50")}, "amount"),
        ({"currency": "USD", "exchange_rate": D(17), "amount": D("68.235")}, "amount"),
    ],
    ids=["none", "unknown", "zero", "seven-decimals", "too-much", "pesos-with-rate", "yen-with-cents", "half-a-cent"],
)
def test_what_a_payment_in_another_currency_may_not_be(
    hospital: make.Hospital, over: dict[str, object], field: str
) -> None:
    first = owed(hospital)
    with pytest.raises(PaymentRefused) as refused:
        received(hospital, (first, "1160.00"), **over)
    assert refused.value.field == field
    assert not ReceivedPayment.objects.exists()


def test_a_credit_note_lowers_what_is_owed(hospital: make.Hospital) -> None:
    charge = make.charge(hospital, [make.line(unit_price=D("1000.00"))])
    receivable = owed(hospital, charge=charge)
    received(hospital, (receivable, "160.00"))
    note = credit(hospital, charge, amount=D("400.00"), forma_pago="15")
    receivable.refresh_from_db()
    assert receivable.balance == D("600.00")
    with pytest.raises(PaymentRefused, match="nota de crédito"):
        received(hospital, (receivable, "600.00"))
    drive(note.document_id)
    with pytest.raises(DatabaseError, match="receivable_never_negative"):
        credit(hospital, charge, amount=D("600.01"))
    last = received(hospital, (receivable, "600.00")).shares.get()
    bases = [D(row["base"]) for share in PaymentShare.objects.all() for row in share.taxes]
    assert (last.balance_before, last.balance_after, sum(bases)) == (D("600.00"), 0, D("1000.00") - D("344.83"))


def test_wrong_payments_are_undone_newest_first_and_not_under_a_complement(hospital: make.Hospital) -> None:
    receivable = owed(hospital)
    first, second = received(hospital, (receivable, "100.00")), received(hospital, (receivable, "200.00"))
    with pytest.raises(PaymentRefused, match="más reciente"):
        paying.undo(first, reason="otro", user=hospital.biller, now=make.now())
    made = complemented(hospital, second)
    with pytest.raises(PaymentRefused, match="cancélelo"):
        paying.undo(second, reason="otro", user=hospital.biller, now=make.now())
    with pytest.raises(DatabaseError, match="complement is alive"), transaction.atomic():
        ReceivedPayment.objects.filter(pk=second.pk).update(undone_at=make.now(), undone_reason="x")
    # Once the SAT says that it is cancelled the payment needs another, or is undone.
    document = FiscalDocument.objects.get(pk=made.document_id)
    asked = requesting.request_cancellation(document, "02", user=hospital.biller, now=make.now())
    for minutes in range(0, 60, 10):
        moment = make.now() + dt.timedelta(minutes=minutes)
        cancelling.drive(asked.pk, owner="test:1", clock=lambda moment=moment: moment)  # type: ignore[misc]
    assert following.due(limit=5) == []  # in the transaction that learnt it
    live = complementing.live_of(second)
    assert live is not None
    assert (live.state, live.due_on) == (Live.DUE, made.due_on)
    paying.undo(second, reason="Era de otra factura", user=hospital.biller, now=make.now())
    receivable.refresh_from_db()
    assert (receivable.balance, receivable.parcialidades, complementing.live_of(second)) == (D("1060.00"), 1, None)
    with pytest.raises(ComplementRefused, match="deshizo"):
        complementing.issue(second, user=hospital.biller, now=make.now(), key="x")


def test_what_one_branch_is_paid_is_told_by_its_clock(hospital: make.Hospital) -> None:
    north = branches.add(hospital.organization, "Norte", "22000", user=hospital.admin, now=make.now())
    mine = owed(hospital, charge=make.charge(hospital, [make.line(unit_price=D("1000.00"))], branch=north))
    other = owed(hospital)
    # Still 2026 in Tijuana, already 2027 at the issuer's; a payer knows when it paid.
    night = dt.datetime(2026, 12, 31, 23, 30, tzinfo=ZoneInfo("America/Tijuana"))
    told = []
    for shares in ([(mine, "100.00")], [(mine, "100.00"), (other, "100.00")]):
        payment = received(hospital, *shares, paid_at=night, user=None)
        said = complementing.preview(payment, now=night)
        live = complementing.live_of(payment)
        assert live is not None
        assert said.pagos is not None
        told.append((said.lugar_expedicion, f"{said.fecha}", f"{said.pagos.pagos[0].fecha}", f"{live.due_on}"))
    assert told == [
        ("22000", "2026-12-31 23:30:00", "2026-12-31 23:30:00", "2027-01-05"),
        ("06700", "2027-01-01 01:30:00", "2027-01-01 01:30:00", "2027-02-05"),
    ]


def test_registers_pay_what_was_invoiced_on_credit(hospital: make.Hospital) -> None:
    charge = make.charge(hospital, [make.line(unit_price=D("1000.00"))])
    pay(charge, [Part("01", D("60.00"))], register=hospital.register, user=hospital.cashier, now=make.now())
    with pytest.raises(NotAllowed, match="administrador"):
        hospital.cashier.memberships.update(can_issue=True)
        issuing.issue(
            charge, issuing.Request(make.receptor(), on_credit=True), channel="desk", user=hospital.cashier,
            now=make.now(), idempotency_key="c",
        )  # fmt: skip
    receivable = owed(hospital, charge=charge)
    pay(charge, [Part("04", D("1100.00"))], register=hospital.register, user=hospital.cashier, now=make.now())
    following.catch_up(now=make.now(), limit=10)
    following.catch_up(now=make.now(), limit=10)
    receivable.refresh_from_db()
    assert receivable.balance == 0
    assert [(c.payment.forma_pago, c.payment.amount) for c in complementing.due(hospital.organization.pk)] == [
        ("01", D("60.00")), ("04", D("1100.00")),
    ]  # fmt: skip
    with pytest.raises(issuing.NotInvoiceable, match="paid"):
        issuing.invoiceable([charge], on_credit=True)


def test_what_registers_took_passes_to_the_invoice_that_takes_its_place(hospital: make.Hospital) -> None:
    charge = make.charge(hospital, [make.line(unit_price=D("1000.00"))])
    for form in ("01", "04"):
        pay(charge, [Part(form, D("60.00"))], register=hospital.register, user=hospital.cashier, now=make.now())
        charge.refresh_from_db()
    old = owed(hospital, charge=charge)
    assert (old.balance, old.document is not None) == (D("1040.00"), True)
    with pytest.raises(PaymentRefused, match="caja"):
        paying.undo(old.shares.get(number=2).payment, reason="x", user=hospital.biller, now=make.now())
    taking = substituting.substitute(
        old.document, issuing.Request(make.receptor(regimen_fiscal="612", uso_cfdi="G01"), on_credit=True),
        user=hospital.biller, now=make.now(), idempotency_key=uuid.uuid4().hex,
    )  # fmt: skip
    assert drive(taking.substitute_id).state == State.STAMPED
    following.after(taking.substitute_id, now=make.now())
    substituting.go_on(taking.pk, now=make.now())
    cancelling.drive(CancellationRequest.objects.get().pk, owner="test:1", clock=make.now)
    for _ in range(2):
        following.catch_up(now=make.now(), limit=10)

    old.refresh_from_db()
    fresh = Receivable.objects.get(document=taking.substitute_id)
    assert (old.paid, old.closed_at is not None) == (0, True)
    assert (fresh.balance, fresh.parcialidades) == (D("1040.00"), 2)
    standing = ReceivedPayment.objects.filter(undone_at=None)
    assert standing.values_list("forma_pago").distinct().count() == standing.count() == 2
    assert complementing.due(hospital.organization.pk).count() == 2
    assert list(checking.faults(hospital.organization.pk)) == []


def test_a_complement_that_ends_before_anybody_is_told_of_its_stamp_is_due_again(hospital: make.Hospital) -> None:
    payment = received(hospital, (owed(hospital), "100.00"))
    asked = complementing.issue(payment, user=hospital.biller, now=make.now(), key=uuid.uuid4().hex)
    assert asked.document_id is not None
    document = drive(asked.document_id)
    request = requesting.request_cancellation(document, "02", user=hospital.biller, now=make.now())
    with pytest.raises(DatabaseError, match="its document is stamped"), transaction.atomic():
        PaymentComplement.objects.filter(pk=asked.pk).update(state=Live.CANCELLED)
    cancelling.drive(request.pk, owner="test:1", clock=make.now)
    following.after(document.pk, now=make.now())
    live = complementing.live_of(payment)
    assert live is not None
    assert (live.state, live.due_on, following.due(limit=5)) == (Live.DUE, asked.due_on, [])


def test_what_a_payment_may_not_be(hospital: make.Hospital) -> None:
    receivable = owed(hospital)
    yesterday = make.now() - dt.timedelta(days=1)
    for field, over in (
        ("paid_at", {"paid_at": make.now() + dt.timedelta(hours=1)}),
        ("paid_at", {"paid_at": yesterday}),
        ("forma_pago", {"forma_pago": "99"}),
        ("amount", {"amount": D("99.99")}),
        ("own_account", {"accounts": paying.Accounts(cuenta_beneficiaria="123")}),
    ):
        with pytest.raises(PaymentRefused) as refused:
            received(hospital, (receivable, "100.00"), **over)  # type: ignore[arg-type]
        assert refused.value.field == field
    for amount in ("0.00", "1160.01", "10.001"):
        with pytest.raises(PaymentRefused, match=receivable.folio):
            received(hospital, (receivable, amount))
    assert not ReceivedPayment.objects.exists()
    payment = received(hospital, (receivable, "100.00"))
    assert payment.complements.get().due_on.day == 5
    with pytest.raises(NotAllowed):
        complementing.issue(payment, user=hospital.cashier, now=make.now(), key="k")
    with pytest.raises(CfdiInvalid):
        complementing.load_external(payment, b"<x/>", user=hospital.biller, now=make.now())


def test_a_complement_of_elsewhere_is_mailed_and_is_then_at_the_payer(hospital: make.Hospital) -> None:
    payment = received(hospital, (owed(hospital), "100.00"))
    due = payment.complements.get()
    with pytest.raises(ComplementRefused, match="timbrado o cargado"):
        complementing.mail(due, "pagos@ceiba.example", now=make.now(), user=hospital.biller)
    kept = ExternalCfdi.objects.create(
        organization=hospital.organization, uuid=uuid.uuid4(), kind="P", rfc_emisor=hospital.issuer.rfc,
        rfc_receptor=payment.payer_rfc, total=D(0), fecha=make.now(), xml=b"<x/>", sha256=b"", stored_at=make.now(),
    )  # fmt: skip
    due.state, due.external = Live.EXTERNAL, kept
    due.save(update_fields=["state", "external"])
    for _ in range(2):
        complementing.mail(due, "pagos@ceiba.example", now=make.now(), user=hospital.biller)
    assert ExternalDelivery.objects.get(external=kept).address == "pagos@ceiba.example"
    due.refresh_from_db()
    assert due.delivered_how == PaymentComplement.How.MAIL


def test_the_database_refuses(hospital: make.Hospital) -> None:
    received(hospital, (owed(hospital), "100.00"))
    for statement in (
        "UPDATE settlements_receivable SET paid = 0",
        "UPDATE settlements_receivable SET total = 9999",
        "DELETE FROM settlements_receivable",
        "UPDATE settlements_paymentshare SET amount = 1, balance_after = balance_before - 1",
        "UPDATE settlements_receivedpayment SET amount = 1",
        "DELETE FROM settlements_receivedpayment",
        "UPDATE settlements_paymentcomplement SET state = 'stamped'",
        "DELETE FROM settlements_paymentcomplement",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)

"""Credit notes through the real stamping road: amounts, rights, races, refusals, and what the database refuses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from emite.cfdi import check
from emite.cfdi.notas import Reason
from emite.cfdi.taxes import Treatment
from emite.cfdi.xml import parse
from emite.charges.allocating import release
from emite.charges.models import FollowUp
from emite.credits import crediting, settling
from emite.credits.crediting import CreditRefused, preview
from emite.credits.models import CreditBalance, CreditLine, CreditNote
from emite.credits.originals import NotCreditable, credited_of, left_of, original_of
from emite.documents.models import State
from emite.documents.rendering import stamped_xml
from emite.invoices import issuing
from emite.invoices.issuing import NotAllowed
from tests import make
from tests.credits.stands import credit, drive, in_global, invoiced, sound, stamped_total, wanted
from tests.pac.sandbox import RunningSandbox

pytestmark = pytest.mark.django_db(transaction=True)

D = Decimal
CFDI = "{http://www.sat.gob.mx/cfd/4}"


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object) -> Iterator[make.Hospital]:
    with make.behind(sandbox, settings) as made:
        yield made
    sound(made)


def test_part_of_an_invoice_and_then_the_rest(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    lines = [make.line(unit_price=D("431.034483")), make.line(treatment=Treatment.EXENTO, unit_price=D("300.00"))]
    charge = invoiced(hospital, make.paid_charge(hospital, lines))
    assert charge.total == D("800.00")
    first = credit(hospital, charge, amount=D("250.00"), key="uno")
    assert credit(hospital, charge, amount=D("999.00"), key="uno") == first
    document = drive(first.document_id)
    assert (document.state, document.kind, document.total) == (State.STAMPED, "E", D("250.00"))
    root = parse(stamped_xml(document))
    assert (root.get("FormaPago"), root.get("MetodoPago"), root.get("TipoDeComprobante")) == ("04", "PUE", "E")
    receptor = root.find(f"{CFDI}Receptor")
    assert receptor is not None
    assert (receptor.get("Rfc"), receptor.get("UsoCFDI")) == ("XOJI740919U48", "S01")
    related = root.find(f"{CFDI}CfdiRelacionados")
    assert related is not None
    original = original_of(charge).document
    assert (related.get("TipoRelacion"), related[0].get("UUID")) == ("01", str(original.uuid).upper())
    authorities, signers = check.own_trust(sandbox.trust_dir)
    assert check.check_file(stamped_xml(document), authorities=authorities, signers=signers, now=make.now()) == []
    assert credited_of(original) == D("250.00")
    with pytest.raises(CreditRefused, match="hasta"):
        credit(hospital, charge, amount=D("550.01"))
    drive(credit(hospital, charge).document_id)
    assert stamped_total(charge) == 0
    with pytest.raises(NotCreditable, match="todo"):
        credit(hospital, charge, amount=D("0.01"))


def test_units_of_a_line_come_back_as_a_return(hospital: make.Hospital) -> None:
    lines = [make.line(quantity=D(3), unit_price=D("100.00")), make.line(unit_price=D("500.00"))]
    charge = invoiced(hospital, make.paid_charge(hospital, lines), regimen_fiscal="612", uso_cfdi="D01")
    shown = preview(charge, wanted(reason=Reason.DEVOLUCION, lines={0: D(2)}), now=make.now())
    note = credit(hospital, charge, reason=Reason.DEVOLUCION, lines={0: D(2)})
    assert shown.totals.total == note.total == D("232.00")
    root = parse(stamped_xml(drive(note.document_id)))
    (line,) = root.iter(f"{CFDI}Concepto")
    assert (line.get("Cantidad"), line.get("ValorUnitario"), line.get("ClaveProdServ")) == ("2", "100.00", "85121600")
    assert [node.get("TipoRelacion") for node in root.iter(f"{CFDI}CfdiRelacionados")] == ["03"]
    assert [node.get("UsoCFDI") for node in root.iter(f"{CFDI}Receptor")] == ["G02"]
    with pytest.raises(CreditRefused, match="quedan"):
        credit(hospital, charge, lines={0: D(2)})
    with pytest.raises(CreditRefused):
        credit(hospital, charge, lines={7: D(1)})


def test_of_an_invoice_of_several_each_remision_is_credited_alone(hospital: make.Hospital) -> None:
    one, two = make.paid_charge(hospital), make.paid_charge(hospital, [make.line(unit_price=D("300.00"))])
    together = issuing.issue_together(
        [one, two], issuing.Request(make.receptor()), channel="desk", user=hospital.biller, now=make.now(),
        idempotency_key="both",
    )  # fmt: skip
    drive(together.pk)
    assert drive(credit(hospital, two).document_id).total == two.total == D("348.00")
    assert left_of(original_of(one)) == original_of(one).parts
    with pytest.raises(NotCreditable):
        credit(hospital, two)


def test_a_refund_of_what_a_global_carries(hospital: make.Hospital) -> None:
    charge, other = in_global(hospital, make.paid_charge(hospital), make.paid_charge(hospital))
    FollowUp.objects.create(
        organization=hospital.organization, charge=charge, kind=FollowUp.Kind.CREDIT_NOTE, reason="No se hizo",
        amount=D("100.00"), by=hospital.cashier, at=make.now(),
    )  # fmt: skip
    note = credit(hospital, charge, reason=Reason.DEVOLUCION, amount=D("116.00"))
    root = parse(stamped_xml(drive(note.document_id)))
    (line,) = root.iter(f"{CFDI}Concepto")
    assert (line.get("NoIdentificacion"), line.get("ClaveProdServ"), line.get("Importe")) == (
        charge.folio, "84111506", "100.00",
    )  # fmt: skip
    assert root.find(f"{CFDI}InformacionGlobal") is None
    assert stamped_total(charge) == charge.total - D("116.00")
    assert left_of(original_of(other)) == original_of(other).parts
    follow_up = FollowUp.objects.get(charge=charge)
    assert follow_up.done_at is not None
    assert "116.00" in follow_up.outcome


def test_a_refused_credit_note_gives_its_cents_back(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    charge = invoiced(hospital)
    note = credit(hospital, charge)
    sandbox.control("lco", without_obligations=[hospital.issuer.rfc])
    try:
        assert drive(note.document_id).state == State.REJECTED
    finally:
        sandbox.control("lco", without_obligations=[])
    note.refresh_from_db()
    assert not note.active
    assert set(CreditBalance.objects.values_list("credited", flat=True)) == {D("0.00")}
    assert stamped_total(charge) == charge.total
    assert drive(credit(hospital, charge).document_id).state == State.STAMPED


def test_the_sweep_settles_a_note_whose_worker_died(hospital: make.Hospital) -> None:
    from emite.invoices import stamping

    charge = invoiced(hospital)
    note = credit(hospital, charge)
    stamping.drive(note.document_id, owner="t", clock=make.now)
    assert settling.due(limit=5) == [note.document_id]
    settling.settle_of(note.document_id, now=make.now())
    assert settling.due(limit=5) == []


def test_who_may_and_what_may_be_credited(hospital: make.Hospital) -> None:
    charge = invoiced(hospital)
    with pytest.raises(NotAllowed):
        crediting.ask(charge, wanted(), user=hospital.cashier, now=make.now(), idempotency_key="x")
    with pytest.raises(NotCreditable, match="no tiene factura"):
        credit(hospital, make.paid_charge(hospital))
    for spoiled in ({"explanation": " "}, {"forma_pago": "99"}, {"reason": Reason.LATE}):
        with pytest.raises(CreditRefused):
            credit(hospital, charge, **spoiled)
    assert CreditNote.objects.count() == 0


def test_two_people_at_once_stay_within_the_invoice(hospital: make.Hospital) -> None:
    charge, together, ended = invoiced(hospital), threading.Barrier(4), []

    def one(number: int) -> None:
        together.wait()
        try:
            credit(hospital, charge, amount=D("500.00"), key=str(number))
            ended.append("made")
        except CreditRefused:
            ended.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["made", "made", "refused", "refused"]
    assert sum(note.total for note in CreditNote.objects.all()) == D("1000.00")


def test_the_database_refuses_what_code_must_not_do(hospital: make.Hospital) -> None:
    charge = invoiced(hospital)
    note = credit(hospital, charge, amount=D("1000.00"))
    balance = CreditBalance.objects.get(tax="")
    more = D(balance.ceiling) - D(balance.credited) + D("0.01")
    CreditBalance.objects.bulk_create([
        CreditBalance(
            organization=hospital.organization, document=balance.document, charge=charge, position=9, ceiling=1
        )
    ])  # fmt: skip
    second = credit(hospital, charge, amount=D("100.00"))
    taken_again = CreditLine(organization=hospital.organization, note=second, position=0, tax="nada", amount=more)
    for spoil in (
        lambda: CreditLine(organization=hospital.organization, note=second, position=9, amount=D("1.01")).save(
            force_insert=True
        ),
        lambda: taken_again.save(force_insert=True),
        lambda: CreditLine.objects.update(amount=1),
        lambda: CreditBalance.objects.update(credited=0),
        lambda: CreditBalance.objects.update(ceiling=10**6),
        lambda: CreditNote.objects.filter(pk=note.pk).update(active=False),
        lambda: CreditNote.objects.filter(pk=note.pk).update(total=1),
        lambda: CreditNote.objects.filter(pk=note.pk).delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            spoil()


def test_no_charge_leaves_a_live_document_while_something_of_it_is_not_credited(hospital: make.Hospital) -> None:
    charge = invoiced(hospital)
    document = original_of(charge).document
    drive(credit(hospital, charge, amount=D("1000.00")).document_id)
    rest = credit(hospital, charge)
    with pytest.raises(IntegrityError, match="not freed"), transaction.atomic():
        release(document, now=make.now())
    drive(rest.document_id)
    assert release(document, now=make.now()) == 1

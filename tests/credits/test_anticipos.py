"""Deposits: applied to an account, invoiced by path A of SAT's guide, with the egreso after it, whatever dies."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from emite.cancellations import substituting
from emite.cancellations.requesting import Held, NotCancellable, request_cancellation
from emite.cfdi import check
from emite.cfdi.egresos import take_as_one
from emite.cfdi.faults import CfdiInvalid
from emite.cfdi.notas import of_anticipo
from emite.cfdi.taxes import Treatment
from emite.cfdi.xml import parse
from emite.charges import anticipos as taking
from emite.charges.allocating import live_document
from emite.charges.collecting import Part, PaymentRefused, enter, paid_in, pay
from emite.charges.correcting import CorrectionRefused, refund, void_slip
from emite.charges.models import AnticipoApplication, Charge, PaymentSlip
from emite.credits import anticipos, checking, deposits
from emite.credits.anticipos import AnticipoRefused
from emite.credits.crediting import CreditRefused
from emite.credits.models import CreditNote
from emite.credits.originals import NotCreditable, original_of
from emite.documents import steps
from emite.documents.models import FiscalDocument, State
from emite.documents.rendering import stamped_xml
from emite.documents.sealing import draft
from emite.invoices import issuing
from emite.invoices.issuing import NotInvoiceable
from emite.invoices.periods import DIARIA, containing
from emite.invoices.proposing import Scope, propose
from emite.organizations.models import Organization
from emite.web.desk import attention
from tests import make
from tests.cancellations.sweeping import sweep
from tests.credits.stands import ask_late, credit, drive, finish, in_global, invoiced, sound, stamped_total
from tests.pac.sandbox import RunningSandbox

pytestmark = pytest.mark.django_db(transaction=True)

D = Decimal
CFDI = "{http://www.sat.gob.mx/cfd/4}"


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object) -> Iterator[make.Hospital]:
    with make.behind(sandbox, settings) as made:
        yield made
    sound(made)


def deposit(hospital: make.Hospital, amount: str = "10000.00", treatment: Treatment = Treatment.IVA16) -> Charge:
    made = taking.take(
        hospital.organization, hospital.issuer, D(amount), treatment, user=hospital.cashier, now=make.now(),
        patient_name="Ana López",
    )  # fmt: skip
    collect(hospital, made, made.total)
    return made


def collect(hospital: make.Hospital, charge: Charge, amount: Decimal, form: str = "01") -> None:
    pay(charge, [Part(form, amount)], register=hospital.register, user=hospital.cashier, now=make.now())


def account(hospital: make.Hospital, *prices: str, treatment: Treatment = Treatment.IVA16) -> Charge:
    lines = [make.line(unit_price=D(price), treatment=treatment) for price in prices or ("15000", "5000")]
    return make.charge(hospital, lines)


def apply(hospital: make.Hospital, source: Charge, target: Charge, amount: str, key: str = "") -> AnticipoApplication:
    return anticipos.apply(
        source, target, D(amount), user=hospital.cashier, now=make.now(), idempotency_key=key or uuid.uuid4().hex
    )


def settle(application: AnticipoApplication) -> CreditNote:
    """What the sweep and the workers do."""
    for pk in anticipos.due(limit=99):
        anticipos.advance(pk, now=make.now())
    note = CreditNote.objects.get(application=application, active=True)
    drive(note.document_id)
    note.refresh_from_db()
    return note


def xml_of(document: FiscalDocument, sandbox: RunningSandbox) -> object:
    content = stamped_xml(document)
    authorities, signers = check.own_trust(sandbox.trust_dir)
    assert check.check_file(content, authorities=authorities, signers=signers, now=make.now()) == []
    return parse(content)


def relations(root: object) -> list[tuple[str | None, str | None]]:
    return [(node.get("TipoRelacion"), node[0].get("UUID")) for node in root.iter(f"{CFDI}CfdiRelacionados")]  # type: ignore[attr-defined]


def test_path_a_from_the_deposit_to_the_egreso(hospital: make.Hospital, sandbox: RunningSandbox) -> None:
    first, stay = deposit(hospital), account(hospital)
    assert (first.folio, first.total) == ("ANT-000001", D("10000.00"))
    with pytest.raises(AnticipoRefused, match="no tiene factura"):
        apply(hospital, first, stay, "10000.00")
    invoiced(hospital, first)
    received = live_document(first)
    root = xml_of(received, sandbox)
    (line,) = root.iter(f"{CFDI}Concepto")  # type: ignore[attr-defined]
    assert (line.get("ClaveProdServ"), line.get("ClaveUnidad"), line.get("Cantidad")) == ("84111506", "ACT", "1")
    assert line.get("Descripcion") == "Anticipo del bien o servicio"
    assert (root.get("FormaPago"), root.get("MetodoPago"), relations(root)) == ("01", "PUE", [])  # type: ignore[attr-defined]

    applied = apply(hospital, first, stay, "10000.00", key="uno")
    assert apply(hospital, first, stay, "9.00", key="uno") == applied
    stay.refresh_from_db()
    assert (stay.paid, stay.owed) == (D("10000.00"), D("13200.00"))
    collect(hospital, stay, D("3200.00"), "04")
    collect(hospital, stay, D("10000.00"), "03")
    invoiced(hospital, stay)
    whole = live_document(stay)
    root = xml_of(whole, sandbox)
    assert (root.get("FormaPago"), root.get("Total")) == ("03", "23200.00")  # type: ignore[attr-defined]
    assert relations(root) == [("07", str(received.uuid).upper())]
    with pytest.raises(NotCreditable, match="va primero"):
        credit(hospital, stay, amount=D("1.00"))

    note = settle(applied)
    root = xml_of(note.document, sandbox)
    (line,) = root.iter(f"{CFDI}Concepto")  # type: ignore[attr-defined]
    assert (line.get("Descripcion"), line.get("NoIdentificacion")) == ("Aplicación de anticipo", "ANT-000001")
    assert (root.get("TipoDeComprobante"), root.get("FormaPago"), root.get("Total")) == ("E", "30", "10000.00")  # type: ignore[attr-defined]
    assert relations(root) == [("07", str(whole.uuid).upper())]
    # What came in: the deposit and the rest
    assert stamped_total(first) + stamped_total(stay) == D("23200.00")
    assert anticipos.due(limit=9) == []
    assert settle(applied) == note
    # And everything else of the account can still be credited, to the cent
    drive(credit(hospital, stay).document_id)
    assert stamped_total(stay) == 0


def test_path_b_the_account_is_invoiced_less_its_deposit_and_no_note_follows(
    hospital: make.Hospital, sandbox: RunningSandbox
) -> None:
    by_remnant(hospital)
    first, stay = invoiced(hospital, deposit(hospital)), account(hospital)
    applied = apply(hospital, first, stay, "10000.00")
    collect(hospital, stay, D("13200.00"), "04")
    invoiced(hospital, stay)
    received, rest = live_document(first), live_document(stay)
    root = xml_of(rest, sandbox)
    assert (root.get("FormaPago"), root.get("Total")) == ("04", "13200.00")  # type: ignore[attr-defined]
    assert relations(root) == [("07", str(received.uuid).upper())]
    lines = list(root.iter(f"{CFDI}Concepto"))  # type: ignore[attr-defined]
    assert [line.get("ValorUnitario") for line in lines] == ["15000.00", "5000.00"]
    assert all(line.get("Descripcion").endswith("CFDI por remanente de un anticipo") for line in lines)
    assert stamped_total(first) + stamped_total(stay) == D("23200.00")
    # Nothing is still to come, for the sweep or for a person
    assert anticipos.due(limit=9) == []
    assert anticipos.advance(applied.pk, now=make.now()) is None
    with pytest.raises(AnticipoRefused):
        anticipos.again(applied, user=hospital.biller, now=make.now())
    assert not CreditNote.objects.exists()
    assert list(attention._undiscounted(hospital.organization, make.now() + dt.timedelta(days=1))) == []
    sound(hospital)
    # What it says is all that can be credited of it; the deposit cannot be cancelled under it
    with pytest.raises(Held):
        cancel(hospital, received)
    with pytest.raises(CreditRefused):
        credit(hospital, stay, amount=D("13200.01"))
    drive(credit(hospital, stay).document_id)
    assert stamped_total(stay) == 0


def test_an_account_of_path_b_is_cancelled_and_invoiced_again_by_whatever_path_holds_then(
    hospital: make.Hospital,
) -> None:
    by_remnant(hospital)
    first, stay = invoiced(hospital, deposit(hospital, "500.00")), account(hospital, "800")
    applied = apply(hospital, first, stay, "500.00")
    collect(hospital, stay, D("428.00"))
    invoiced(hospital, stay)
    assert live_document(stay).total == D("428.00")
    taking_its_place = substituting.substitute(
        live_document(stay),
        issuing.Request(make.receptor(uso_cfdi="S01")),
        user=hospital.biller,
        now=make.now(),
        idempotency_key="s",
    )
    drive(taking_its_place.substitute_id)
    substituting.go_on(taking_its_place.pk, now=make.now())
    sweep()
    assert (live_document(stay).pk, live_document(stay).total) == (taking_its_place.substitute_id, D("428.00"))
    assert stamped_total(first) + stamped_total(stay) == D("928.00")
    assert anticipos.due(limit=9) == []
    sound(hospital)
    cancel(hospital, live_document(stay))
    sweep()
    assert live_document(stay) is None
    by_remnant(hospital, Organization.AnticipoRoad.EGRESO)
    stay = Charge.objects.get(pk=stay.pk)
    issuing.issue(
        stay, issuing.Request(make.receptor()), channel="desk", user=hospital.biller, now=make.now(),
        idempotency_key="otra vez",
    )  # fmt: skip
    drive(live_document(stay).pk)
    assert live_document(stay).total == D("928.00")
    assert settle(applied).total == D("500.00")
    assert stamped_total(first) + stamped_total(stay) == D("928.00")


def test_path_b_is_for_a_remnant_an_account_that_deposits_paid_whole_goes_by_path_a(hospital: make.Hospital) -> None:
    by_remnant(hospital)
    first, stay = invoiced(hospital, deposit(hospital, "1160.00")), account(hospital, "1000")
    applied = apply(hospital, first, stay, "1160.00")
    invoiced(hospital, stay)
    assert live_document(stay).total == D("1160.00")
    assert settle(applied).total == D("1160.00")
    assert stamped_total(first) + stamped_total(stay) == D("1160.00")


class Killed(BaseException):
    """The process died here."""


def test_whoever_dies_between_the_account_and_its_egreso_is_followed_by_the_sweep(
    hospital: make.Hospital, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, stay = invoiced(hospital, deposit(hospital, "1160.00")), account(hospital, "1000")
    applied = apply(hospital, first, stay, "1160.00")
    invoiced(hospital, stay)
    whole = live_document(stay)
    assert parse(stamped_xml(whole)).get("FormaPago") == "30"  # nothing else was paid
    for step in ("anticipo_uncommitted", "anticipo_drafted"):

        def die(name: str, step: str = step) -> None:
            if name == step:
                raise Killed

        monkeypatch.setattr(steps, "hook", die)
        with pytest.raises(Killed):
            anticipos.advance(applied.pk, now=make.now())
        monkeypatch.setattr(steps, "hook", None)
        sound(hospital)
    note = CreditNote.objects.get(application=applied)
    assert anticipos.advance(applied.pk, now=make.now()) == note
    # Refused by SAT it waits for a person, and says so
    sandbox.control("lco", without_obligations=[hospital.issuer.rfc])
    try:
        assert drive(note.document_id).state == State.REJECTED
    finally:
        sandbox.control("lco", without_obligations=[])
    assert anticipos.due(limit=9) == []
    assert any("anticipo aplicado" in each for each in checking.faults(hospital.organization.pk))
    with pytest.raises(issuing.NotAllowed):
        anticipos.again(applied, user=hospital.cashier, now=make.now())
    anticipos.again(applied, user=hospital.biller, now=make.now())
    assert settle(applied).document.state == State.STAMPED
    assert stamped_total(first) + stamped_total(stay) == D("1160.00")


def test_the_account_is_cancelled_egreso_first_and_invoiced_again(hospital: make.Hospital) -> None:
    first, stay = invoiced(hospital, deposit(hospital, "500.00")), account(hospital, "800")
    applied = apply(hospital, first, stay, "500.00")
    with pytest.raises(NotCancellable, match="paga parte de REM"):
        cancel(hospital, live_document(first))
    collect(hospital, stay, D("428.00"))
    invoiced(hospital, stay)
    note, whole = settle(applied), live_document(stay)
    for held in (live_document(first), whole):
        with pytest.raises(Held):
            cancel(hospital, held)
    cancel(hospital, note.document)
    sweep()
    note.refresh_from_db()
    assert (note.active, anticipos.due(limit=9)) == (False, [])
    cancel(hospital, whole)
    sweep()
    stay.refresh_from_db()
    assert (live_document(stay), stay.paid) == (None, D("928.00"))
    issuing.issue(
        stay, issuing.Request(make.receptor()), channel="desk", user=hospital.biller, now=make.now(),
        idempotency_key="otra vez",
    )  # fmt: skip
    drive(live_document(stay).pk)
    assert settle(applied).original == live_document(stay)
    assert stamped_total(first) + stamped_total(stay) == D("928.00")


def test_it_is_undone_before_the_invoice_and_given_back(hospital: make.Hospital) -> None:
    first, stay = invoiced(hospital, deposit(hospital, "1000.00")), account(hospital, "800")
    applied = apply(hospital, first, stay, "600.00")
    with pytest.raises(CreditRefused, match=r"quedan \$400.00"):
        credit(hospital, first)
    with pytest.raises(AnticipoRefused, match="ya paga"):
        apply(hospital, first, stay, "100.00")
    collect(hospital, stay, D("328.00"))
    with pytest.raises(CorrectionRefused, match="los pagó un anticipo"):
        give_back(hospital, stay)
    void_slip(applied.slip, reason="Se aplicó a otra cuenta", user=hospital.biller, now=make.now())
    applied.refresh_from_db()
    stay.refresh_from_db()
    assert (applied.active, stay.paid, deposits.left_of(first)) == (False, D("328.00"), D("1000.00"))
    give_back(hospital, stay)
    drive(credit(hospital, first).document_id)
    assert stamped_total(first) == 0
    with pytest.raises(AnticipoRefused, match=r"hasta \$0.00"):
        apply(hospital, first, account(hospital), "1.00")


def test_what_a_deposit_does_not_pay_is_said_in_words(hospital: make.Hospital) -> None:
    first, stay = invoiced(hospital, deposit(hospital, "2000.00")), account(hospital, "1000")
    clinic = account(hospital, "5000", treatment=Treatment.EXENTO)
    for target, amount, field, words in (
        (clinic, "10.00", "amount", "con su propio IVA"),
        (stay, "1160.01", "amount", r"se deben \$1,160.00"),
        (stay, "0.00", "amount", "mayor que cero"),
        (stay, "2000.01", "amount", r"hasta \$2,000.00"),
        (first, "1.00", "deposit", "cuenta"),
        (invoiced(hospital), "1.00", "deposit", "ya tiene factura"),
    ):
        with pytest.raises(AnticipoRefused, match=words) as refused:
            apply(hospital, first, target, amount)
        assert refused.value.field == field
    with pytest.raises(taking.DepositRefused):
        deposit(hospital, "0.99")
    applied = apply(hospital, first, stay, "1160.00")
    stay.refresh_from_db()
    request = issuing.Request(make.receptor(rfc="EKU9003173C9", regimen_fiscal="601", uso_cfdi="G03"))
    ask = {"channel": "desk", "user": hospital.biller, "now": make.now(), "idempotency_key": "x"}
    with pytest.raises(CfdiInvalid) as invalid:
        issuing.issue(stay, request, **ask)
    assert [(each.code, each.xpath.endswith("@Rfc")) for each in invalid.value.faults] == [("EMI004", True)]
    with pytest.raises(NotInvoiceable, match="anticipo_alone"):
        issuing.issue_together([stay, make.paid_charge(hospital)], request, **ask)
    clinic.refresh_from_db()
    unpaid = make.charge(hospital, kind=Charge.Kind.ANTICIPO)
    with pytest.raises(NotInvoiceable, match="anticipo_on_credit"):
        issuing.issue(unpaid, issuing.Request(make.receptor(), on_credit=True), **ask)
    with pytest.raises(PaymentRefused):
        collect(hospital, clinic, D("1.00"), "30")
    for spoil in (
        lambda: AnticipoApplication.objects.filter(pk=applied.pk).update(amount=1),
        lambda: AnticipoApplication.objects.filter(pk=applied.pk).update(active=False),
        lambda: AnticipoApplication.objects.filter(pk=applied.pk).delete(),
        lambda: Charge.objects.filter(pk=first.pk).update(paid=1, paid_at=None),
        lambda: paid_with_30(hospital, clinic, first, applies=False),
        lambda: paid_with_30(hospital, clinic, first, amount="840.01"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            spoil()
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with transaction.atomic():
        paid_with_30(hospital, clinic, first, amount="840.00")


def test_the_global_takes_a_deposit_and_never_an_account_that_one_paid(hospital: make.Hospital) -> None:
    first, other, stay = invoiced(hospital, deposit(hospital)), deposit(hospital, "900.00"), account(hospital, "1000")
    apply(hospital, first, stay, "1160.00")
    in_global(hospital, other)
    assert live_document(stay) is None
    scope = Scope.of(hospital.issuer, containing(DIARIA, hospital.organization.local_date(make.now())))
    assert propose(scope).out["anticipo"].total == D("1160.00")
    with pytest.raises(AnticipoRefused, match="factura global"):
        apply(hospital, other, account(hospital), "900.00")
    finish(ask_late(hospital, other))
    target = account(hospital)
    apply(hospital, other, target, "900.00")
    assert deposits.offered(target)[0].charge == first


def by_remnant(hospital: make.Hospital, road: str = "remnant") -> None:
    Organization.objects.filter(pk=hospital.organization.pk).update(anticipo_road=road)
    hospital.organization.refresh_from_db()


def give_back(hospital: make.Hospital, charge: Charge) -> None:
    charge.refresh_from_db()
    paid = [Part(form, amount) for form, amount in paid_in(charge).items() if form != "30"]
    refund(
        charge, {each.pk: each.quantity for each in charge.lines.all()}, paid, reason="No vino", now=make.now(),
        register=hospital.register, user=hospital.biller, key=uuid.uuid4(),
    )  # fmt: skip


def cancel(hospital: make.Hospital, document: FiscalDocument) -> None:
    request_cancellation(document, "02", user=hospital.biller, now=make.now())


def paid_with_30(
    hospital: make.Hospital, account: Charge, first: Charge, *, amount: str = "10.00", applies: bool = True
) -> None:
    account = Charge.objects.get(pk=account.pk)
    slip = PaymentSlip(register=hospital.register, paid_at=make.now(), amount=D(amount))
    enter(account, slip, [Part("30", D(amount))])
    if applies:
        AnticipoApplication.objects.create(
            organization=hospital.organization, deposit=first, account=account, slip=slip, amount=D(amount),
            by=hospital.biller, at=make.now(),
        )  # fmt: skip


def test_an_egreso_that_a_restored_backup_did_not_know_is_not_stamped_again(hospital: make.Hospital) -> None:
    first, stay = invoiced(hospital, deposit(hospital, "1160.00")), account(hospital, "1000")
    applied = apply(hospital, first, stay, "1160.00")
    invoiced(hospital, stay)
    original = original_of(stay)
    assert original.comprobante is not None
    one, _ = take_as_one(original.parts, applied.amount)
    content = of_anticipo(
        original.comprobante, str(original.document.uuid), one, folio=first.folio, fecha=original.comprobante.fecha,
        emisor=original.comprobante.emisor, lugar_expedicion="06700",
    )  # fmt: skip
    brought = draft(
        content, issuer=hospital.issuer, series=hospital.series, channel="desk", idempotency_key="recovered",
        now=make.now(),
    )  # fmt: skip
    drive(brought.pk)
    assert settle(applied).document == brought
    assert FiscalDocument.objects.filter(kind="E").count() == 1
    assert stamped_total(first) + stamped_total(stay) == D("1160.00")


def test_of_several_who_apply_one_deposit_at_once_it_gives_what_it_has(hospital: make.Hospital) -> None:
    first = invoiced(hospital, deposit(hospital, "1000.00"))
    stays = [account(hospital, "1000") for _ in range(4)]
    ended: list[str] = []

    def one(stay: Charge) -> None:
        try:
            apply(hospital, first, stay, "400.00")
            ended.append("applied")
        except AnticipoRefused:
            ended.append("refused")
        finally:
            connection.close()

    rivals = [threading.Thread(target=one, args=[stay]) for stay in stays]
    for each in rivals:
        each.start()
    for each in rivals:
        each.join()
    assert sorted(ended) == ["applied", "applied", "refused", "refused"]
    assert deposits.left_of(first) == D("200.00")

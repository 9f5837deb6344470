"""The month's end: what enters the factura global, to the cent, once, whoever else asks and whatever dies."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pytest
import structlog
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from emite.cfdi import rules, schema
from emite.cfdi.stored import from_json, to_json
from emite.cfdi.taxes import Treatment
from emite.cfdi.xml import build, parse
from emite.cfdi.zones import zone_of
from emite.charges.allocating import live_document
from emite.charges.charging import void
from emite.charges.collecting import Part, pay
from emite.charges.models import Allocation, Charge, ChargeLine, Payment, PaymentSlip
from emite.documents import steps
from emite.documents.models import FiscalDocument, StampedXml, State
from emite.documents.rendering import pdf_of
from emite.documents.waking import DRIVE
from emite.invoices import closing, issuing, periods, proposing, stamping, watching
from emite.invoices.models import Closing, GlobalDocument, GlobalPolicy
from emite.invoices.proposing import Scope
from emite.issuers.models import Issuer
from emite.organizations.models import Membership, Organization
from tests import make
from tests.pac.sandbox import RunningSandbox

pytestmark = pytest.mark.django_db(transaction=True)

CFDI = "{http://www.sat.gob.mx/cfd/4}"


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object) -> Iterator[make.Hospital]:
    with make.behind(sandbox, settings) as made:
        yield made


@pytest.fixture(autouse=True)
def _no_hook() -> Iterator[None]:
    yield
    steps.hook = None


def today(hospital: make.Hospital, kind: str = periods.DIARIA) -> periods.Period:
    return periods.containing(kind, hospital.organization.local_date(make.now()))


def start(hospital: make.Hospital, period: periods.Period | None = None, **over: Any) -> Closing:
    fields = {"user": hospital.biller, "now": make.now()} | over
    return closing.start(hospital.issuer, period or today(hospital), **fields)


def close(hospital: make.Hospital, period: periods.Period | None = None, **over: Any) -> Closing:
    done = closing.run(start(hospital, period, **over).pk, owner="test", clock=make.now)
    assert done is not None
    return done


def documents(of: Closing) -> list[FiscalDocument]:
    return [row.document for row in GlobalDocument.objects.filter(closing=of).select_related("document")]


def stamped(document: FiscalDocument, *, big: bool = False) -> etree._Element:
    stamping.drive(document.pk, owner="test", clock=make.now)
    xml = bytes(StampedXml.objects.get(document_id=document.pk).xml)
    return parse(xml, max_bytes=len(xml), max_nodes=len(xml)) if big else parse(xml)


def root_of(document: FiscalDocument) -> etree._Element:
    return build(from_json(FiscalDocument.objects.get(pk=document.pk).content))


def mixed() -> list[Any]:
    return [
        make.line(code="A", unit_price=Decimal("333.333333"), discount=Decimal("11.11")),
        make.line(code="B", unit_price=Decimal("89.90"), quantity=Decimal("1.5"), treatment=Treatment.IVA0),
        make.line(code="C", unit_price=Decimal("700"), treatment=Treatment.EXENTO),
        make.line(code="D", unit_price=Decimal("12.34"), treatment=Treatment.NO_OBJETO),
    ]


def test_the_envelope_is_the_one_of_the_guide_and_is_stamped(hospital: make.Hospital) -> None:
    cheap = make.paid_charge(hospital, forma_pago="01")
    dear = make.paid_charge(hospital, [make.line(unit_price=Decimal("9000"))], forma_pago="28")
    done = close(hospital)
    assert (done.state, done.expected, done.allocated) == (Closing.State.DONE, 2, 2)
    (document,) = documents(done)
    root = stamped(document)
    document.refresh_from_db()
    assert document.state == State.STAMPED
    assert (document.channel, document.kind) == ("global", "I")
    assert {name: root.get(name) for name in ("TipoDeComprobante", "MetodoPago", "FormaPago", "Exportacion")} == {
        "TipoDeComprobante": "I", "MetodoPago": "PUE", "FormaPago": "28", "Exportacion": "01",
    }  # fmt: skip
    assert root.get("CondicionesDePago") is None
    receptor = root.find(f"{CFDI}Receptor")
    assert receptor is not None
    assert list(receptor.attrib.values()) == ["XAXX010101000", "PUBLICO EN GENERAL", "06700", "616", "S01"]
    information = root.find(f"{CFDI}InformacionGlobal")
    assert information is not None
    day = hospital.organization.local_date(make.now())
    assert list(information.attrib.values()) == ["01", f"{day.month:02d}", str(day.year)]
    items = root.findall(f"{CFDI}Conceptos/{CFDI}Concepto")
    assert [item.get("NoIdentificacion") for item in items] == [cheap.folio, dear.folio]
    for item in items:
        wanted = {"ClaveProdServ": "01010101", "Cantidad": "1", "ClaveUnidad": "ACT", "Descripcion": "Venta"}
        assert {name: item.get(name) for name in wanted} == wanted
        assert item.get("Unidad") is None
    assert Decimal(root.get("Total", "")) == cheap.total + dear.total
    assert pdf_of(document).startswith(b"%PDF")


def test_mixed_taxes_have_their_own_bases_and_no_fault(hospital: make.Hospital) -> None:
    charge = make.paid_charge(hospital, mixed())
    (document,) = documents(close(hospital))
    root = root_of(document)
    assert [*schema.validate(root), *rules.check(root)] == []
    (item,) = root.iter(f"{CFDI}Concepto")
    assert Decimal(item.get("Importe", "")) == charge.sub_total
    assert Decimal(item.get("Descuento", "")) == charge.discount
    taxes = [
        (tax.get("TipoFactor"), tax.get("TasaOCuota"), tax.get("Base"), tax.get("Importe"))
        for tax in item.iter(f"{CFDI}Traslado")
    ]
    assert taxes == [
        ("Tasa", "0.160000", "322.22", "51.56"),
        ("Tasa", "0.000000", "134.85", "0.00"),
        ("Exento", None, "700.00", None),
    ]
    assert Decimal(root.get("Total", "")) == charge.total


def test_two_rates_in_one_ticket_are_told_apart(hospital: make.Hospital) -> None:
    lines = [make.line(unit_price=Decimal("100.05")), make.line(unit_price=Decimal("77.77"), treatment=Treatment.IVA8)]
    charge = make.paid_charge(hospital, lines)
    (document,) = documents(close(hospital))
    root = root_of(document)
    assert [f for f in rules.check(root) if f.severity == "ERROR"] == []
    assert [(t.get("TasaOCuota"), t.get("Importe")) for t in root.findall(f".//{CFDI}Concepto//{CFDI}Traslado")] == [
        ("0.160000", "16.01"),
        ("0.080000", "6.22"),
    ]
    assert Decimal(root.get("Total", "")) == charge.total


_line = st.builds(
    lambda price, cut, quantity, kind: make.line(
        unit_price=price, quantity=quantity, treatment=kind,
        discount=(price * quantity * cut).quantize(Decimal("0.01"), ROUND_HALF_UP),
    ),
    st.decimals("0.05", "9999", places=6),
    st.sampled_from([Decimal(0), Decimal("0.1"), Decimal("0.333")]),
    st.sampled_from([Decimal(1), Decimal(3), Decimal("0.25")]),
    st.sampled_from([Treatment.IVA16, Treatment.IVA0, Treatment.EXENTO, Treatment.NO_OBJETO]),
)  # fmt: skip


def _rounded(value: Fraction, parts: int) -> Fraction:
    return Fraction(int(value * parts + Fraction(1, 2)), parts)


def _cents(value: Fraction) -> Fraction:
    return _rounded(value, 100)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(tickets=st.lists(st.lists(_line, min_size=1, max_size=4), min_size=1, max_size=4))
def test_any_tickets_give_a_global_that_obeys_and_adds_up(tickets: list[list[Any]]) -> None:
    with transaction.atomic():
        _adds_up(tickets)
        transaction.set_rollback(True)


def _adds_up(tickets: list[list[Any]]) -> None:
    hospital = make.hospital()
    charges = [make.paid_charge(hospital, lines) for lines in tickets]
    scope = Scope.of(hospital.issuer, today(hospital))
    made = closing.comprobante(scope, proposing.take(scope, limit=100), now=make.now())
    root = build(made)
    assert [f for f in [*schema.validate(root), *rules.check(root)] if f.severity == "ERROR"] == []
    assert from_json(json.loads(json.dumps(to_json(made)))) == made
    assert Decimal(root.get("Total", "")) == sum(charge.total for charge in charges)
    # A second arithmetic, in fractions: what each ticket is worth, rounded as a CFDI rounds.
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for lines in tickets:
        sums["sub"] += _cents(sum((_rounded(Fraction(x.quantity * x.unit_price), 10**6) for x in lines), Fraction(0)))
        sums["off"] += _cents(sum((Fraction(x.discount) for x in lines), Fraction(0)))
    assert Fraction(Decimal(root.get("SubTotal", ""))) == sums["sub"]
    assert Fraction(Decimal(root.get("Descuento", "0"))) == sums["off"]


def test_only_paid_uninvoiced_open_charges_of_the_period_enter(hospital: make.Hospital) -> None:
    entering = make.paid_charge(hospital)
    owed = make.charge(hospital)
    partly = make.charge(hospital)
    pay(partly, [Part("01", Decimal(5))], register=hospital.register, user=hospital.cashier, now=make.now())
    gone = make.charge(hospital)
    void(gone, user=hospital.admin, reason="se capturó dos veces", now=make.now())
    asked = make.paid_charge(hospital)
    issuing.issue(
        asked, issuing.Request(make.receptor()), channel="portal", user=hospital.biller, now=make.now(),
        idempotency_key="uno",
    )  # fmt: skip
    proposal = proposing.propose(Scope.of(hospital.issuer, today(hospital)))
    assert (proposal.enters.charges, proposal.enters.total) == (1, entering.total)
    assert {why: found.charges for why, found in proposal.out.items()} == {"owed": 2, "void": 1, "asked": 1}
    assert {each.folio for each in proposal.examples} == {owed.folio, partly.folio, asked.folio}
    (document,) = documents(close(hospital))
    assert [a.charge_id for a in Allocation.objects.filter(document=document)] == [entering.pk]
    after = proposing.propose(Scope.of(hospital.issuer, today(hospital)))
    assert (after.enters.charges, after.out["in_global"].charges) == (0, 1)


def test_a_charge_in_a_global_cannot_be_invoiced_nor_voided_again(hospital: make.Hospital) -> None:
    charge = make.paid_charge(hospital)
    close(hospital)
    with pytest.raises(issuing.AlreadyInvoiced):
        issuing.issue(
            charge, issuing.Request(make.receptor()), channel="desk", user=hospital.biller, now=make.now(),
            idempotency_key="dos",
        )  # fmt: skip


def test_charges_paid_later_enter_the_period_in_which_they_are_paid(hospital: make.Hospital) -> None:
    now = make.now()
    yesterday = periods.containing(periods.DIARIA, hospital.organization.local_date(now) - dt.timedelta(days=1))
    then = yesterday.bounds(hospital.organization.zone)[0] + dt.timedelta(hours=12)
    first = make.paid_charge(hospital, now=then)
    late = make.charge(hospital, now=then)
    assert close(hospital, yesterday).allocated == 1
    pay(late, [Part("01", late.total)], register=hospital.register, user=hospital.cashier, now=now)
    assert close(hospital).allocated == 1
    assert {live_document(charge).pk for charge in (first, late)} == set(  # type: ignore[union-attr]
        FiscalDocument.objects.values_list("pk", flat=True)
    )


def test_what_is_paid_after_an_early_close_enters_the_next_one(hospital: make.Hospital) -> None:
    yesterday = periods.containing(periods.DIARIA, hospital.organization.local_date(make.now()) - dt.timedelta(days=1))
    noon = yesterday.bounds(hospital.organization.zone)[0] + dt.timedelta(hours=12)
    make.paid_charge(hospital, now=noon)
    close(hospital, yesterday, now=noon)
    make.paid_charge(hospital, now=noon + dt.timedelta(hours=3))
    proposal = proposing.propose(Scope.of(hospital.issuer, today(hospital)))
    assert (proposal.enters.charges, proposal.late.charges) == (1, 1)
    assert close(hospital).allocated == 1


def test_a_period_nobody_closed_is_not_swept_into_the_next(hospital: make.Hospital) -> None:
    make.paid_charge(hospital, now=make.now() - dt.timedelta(days=2))
    with pytest.raises(closing.NothingToClose):
        start(hospital)
    assert not Closing.objects.exists()


def test_it_is_split_above_the_ceiling(hospital: make.Hospital) -> None:
    GlobalPolicy.objects.create(organization=hospital.organization, ceiling=3)
    charges = [make.paid_charge(hospital) for _ in range(8)]
    done = close(hospital)
    assert [row.charges for row in GlobalDocument.objects.filter(closing=done)] == [3, 3, 2]
    assert sum(document.total for document in documents(done)) == sum(charge.total for charge in charges)
    assert Allocation.objects.filter(active=True).count() == 8


def copied(first: Charge, count: int) -> None:
    """So many charges like this paid one, itself included."""
    with connection.cursor() as cursor:
        for table, changes in _COPIES:
            columns = [field.column for field in table._meta.concrete_fields]
            values = ", ".join(changes.get(column, column) for column in columns)
            cursor.execute(
                f"INSERT INTO {table._meta.db_table} ({', '.join(columns)}) SELECT {values} "
                f"FROM {table._meta.db_table}, generate_series(2, %s) n WHERE {_OF[table]} = %s",
                [count, first.pk],
            )


@pytest.mark.slow
def test_a_document_of_five_thousand_is_stamped_and_printed(hospital: make.Hospital) -> None:
    first = make.paid_charge(hospital, mixed())
    copied(first, 5000)
    (document,) = documents(close(hospital))
    root = stamped(document, big=True)
    assert len(root.findall(f".//{CFDI}Concepto")) == 5000
    assert Decimal(root.get("Total", "")) == 5000 * first.total
    document.refresh_from_db()
    assert document.state == State.STAMPED
    assert len(json.dumps(document.content)) < 800_000
    assert pdf_of(document).startswith(b"%PDF")


_ID = "md5(n::text || '{}')::uuid"
_OF: dict[Any, str] = {Charge: "id", ChargeLine: "charge_id", PaymentSlip: "charge_id", Payment: "charge_id"}
_COPIES: list[tuple[Any, dict[str, str]]] = [
    (
        Charge,
        {
            "id": _ID.format("c"),
            "number": "number + n",
            "code_hash": "decode(md5(n::text), 'hex')",
            "paid_at": "paid_at + n * interval '1 microsecond'",
        },
    ),
    (ChargeLine, {"id": "md5(n::text || id::text)::uuid", "charge_id": _ID.format("c")}),
    (PaymentSlip, {"id": _ID.format("s"), "charge_id": _ID.format("c"), "number": "number + n"}),
    (Payment, {"id": _ID.format("p"), "charge_id": _ID.format("c"), "slip_id": _ID.format("s")}),
]


def test_of_two_people_who_close_at_once_one_wins(hospital: make.Hospital) -> None:
    for _ in range(3):
        make.paid_charge(hospital)
    outcomes: list[str] = []
    gate = threading.Barrier(4)

    def ask(user: Any) -> None:
        gate.wait()
        try:
            outcomes.append(f"won {start(hospital, user=user).asked_by.email}")
        except closing.AlreadyClosing as taken:
            outcomes.append(f"lost to {taken.closing.asked_by.email}")
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(user,)) for user in (hospital.biller, hospital.admin) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    winners = [outcome.removeprefix("won ") for outcome in outcomes if outcome.startswith("won")]
    assert len(outcomes) == 4
    assert len(winners) == 1
    assert outcomes.count(f"lost to {winners[0]}") == 3
    assert Closing.objects.count() == 1


def test_two_workers_and_a_patient_never_take_the_same_charge(hospital: make.Hospital) -> None:
    GlobalPolicy.objects.create(organization=hospital.organization, ceiling=4)
    charges = [make.paid_charge(hospital) for _ in range(12)]
    started = start(hospital)
    gate = threading.Barrier(3)
    wrong: list[Exception] = []

    def alone(work: Any) -> None:
        gate.wait()
        try:
            work()
        except Exception as error:  # noqa: BLE001 - told by the test's own thread
            wrong.append(error)
        finally:
            connection.close()

    def patient() -> None:
        for number, charge in enumerate(reversed(charges)):
            try:
                issuing.issue(
                    charge, issuing.Request(make.receptor()), channel="portal", user=hospital.biller, now=make.now(),
                    idempotency_key=f"p{number}",
                )  # fmt: skip
            except issuing.AlreadyInvoiced:
                continue

    works = [patient, *(lambda n=n: closing.run(started.pk, owner=f"w{n}", clock=make.now) for n in range(2))]
    threads = [threading.Thread(target=alone, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert Closing.objects.get().state == Closing.State.DONE
    live = Allocation.objects.filter(active=True)
    assert live.count() == len(charges) == live.values("charge").distinct().count()
    for row in GlobalDocument.objects.all():
        content = from_json(FiscalDocument.objects.get(pk=row.document_id).content)
        named = {item.no_identificacion for item in content.conceptos}
        assert named == {a.charge.folio for a in live.filter(document_id=row.document_id).select_related("charge")}


class _Killed(BaseException):
    pass


@pytest.mark.parametrize("step", ["closing_claimed", "closing_part_uncommitted", "closing_part"])
def test_a_closing_whose_worker_dies_goes_on_where_it_was(hospital: make.Hospital, step: str) -> None:
    GlobalPolicy.objects.create(organization=hospital.organization, ceiling=2)
    for _ in range(5):
        make.paid_charge(hospital)
    started = start(hospital)
    seen: list[str] = []

    def die(reached: str) -> None:
        seen.append(reached)
        if seen.count(step) == (1 if step == "closing_claimed" else 2):
            raise _Killed

    steps.hook = die
    with pytest.raises(_Killed):
        closing.run(started.pk, owner="w1", clock=make.now)
    steps.hook = None
    assert closing.run(started.pk, owner="w2", clock=make.now) is None, "the lease still holds"
    later = make.now() + closing.LEASE * 2
    assert closing.due(now=later, limit=10) == [started.pk]
    done = closing.run(started.pk, owner="w2", clock=lambda: later)
    assert done is not None
    assert (done.state, done.allocated) == (Closing.State.DONE, 5)
    assert [row.charges for row in GlobalDocument.objects.order_by("number")] == [2, 2, 1]
    assert Allocation.objects.filter(active=True).count() == 5


def test_a_refused_document_frees_its_charges_and_the_closing_can_go_on(
    hospital: make.Hospital, sandbox: RunningSandbox
) -> None:
    charge = make.paid_charge(hospital)
    done = close(hospital)
    (document,) = documents(done)
    sandbox.control("lco", without_obligations=[hospital.issuer.rfc])
    try:
        stamping.drive(document.pk, owner="test", clock=make.now)
    finally:
        sandbox.control("lco", without_obligations=[])
    document.refresh_from_db()
    assert (document.state, document.last_code) == (State.REJECTED, "402")
    assert live_document(charge) is None
    again = close(hospital)
    assert again.pk == done.pk
    assert [row.number for row in GlobalDocument.objects.filter(closing=again)] == [1, 2]
    assert live_document(charge) == documents(again)[1]


def test_a_closed_period_without_anything_new_is_not_closed_again(hospital: make.Hospital) -> None:
    make.paid_charge(hospital)
    close(hospital)
    with pytest.raises(closing.AlreadyClosing):
        start(hospital, user=hospital.admin)


def test_without_the_permission_nobody_closes(hospital: make.Hospital) -> None:
    make.paid_charge(hospital)
    with pytest.raises(closing.NotAllowed):
        start(hospital, user=hospital.cashier)
    started = start(hospital)
    Membership.objects.filter(user=hospital.biller).update(can_issue=False)
    stopped = closing.run(started.pk, owner="test", clock=make.now)
    assert stopped is not None
    assert stopped.state == Closing.State.STOPPED
    assert "permiso" in stopped.last_text
    assert not FiscalDocument.objects.exists()


def test_a_period_in_course_waits_for_its_last_day(hospital: make.Hospital) -> None:
    month = periods.containing(periods.MENSUAL, dt.date(2026, 2, 10))
    zone = hospital.organization.zone
    with pytest.raises(closing.NotYet):
        start(hospital, month, now=dt.datetime(2026, 2, 27, 23, 59, tzinfo=zone))
    with pytest.raises(closing.NothingToClose):
        start(hospital, month, now=make.now())


# --- the clock ---


def _move(hospital: make.Hospital, *, organization: str = "06700", place: str) -> None:
    Organization.objects.filter(pk=hospital.organization.pk).update(
        postal_code=organization, created_at=dt.datetime(2026, 8, 1, tzinfo=dt.UTC)
    )
    Issuer.objects.filter(pk=hospital.issuer.pk).update(lugar_expedicion=place)
    for row in (hospital.organization, hospital.issuer):
        row.refresh_from_db()


@pytest.mark.parametrize(
    ("organization", "place", "paid", "month"),
    [
        ("06700", "77500", dt.datetime(2026, 11, 1, 0, 30), 11),
        ("22000", "06700", dt.datetime(2026, 11, 1, 0, 30), 11),
        ("06700", "22000", dt.datetime(2026, 10, 31, 23, 30), 10),
    ],
)
def test_a_sale_is_of_the_month_that_it_is_where_the_global_is_issued(
    hospital: make.Hospital, organization: str, place: str, paid: dt.datetime, month: int
) -> None:
    _move(hospital, organization=organization, place=place)
    zone = zone_of(place)
    make.paid_charge(hospital, now=paid.replace(tzinfo=zone))
    months = [periods.containing(periods.MENSUAL, dt.date(2026, each, 1)) for each in (10, 11)]
    found = [proposing.propose(Scope.of(hospital.issuer, each)).enters.charges for each in months]
    assert found == [month == 10, month == 11]
    period = months[month - 10]
    midnight = dt.datetime.combine(period.last + dt.timedelta(days=1), dt.time(), tzinfo=zone)
    assert closing.last_ended(hospital.issuer, periods.MENSUAL, midnight - dt.timedelta(seconds=1)) == period.before()
    assert closing.last_ended(hospital.issuer, periods.MENSUAL, midnight) == period
    with pytest.raises(closing.NotYet):
        start(hospital, period, now=dt.datetime.combine(period.last, dt.time(), tzinfo=zone) - dt.timedelta(seconds=1))
    assert watching.watch(midnight + dt.timedelta(minutes=59)) == 0
    assert watching.watch(midnight + dt.timedelta(minutes=61)) == 1
    at = midnight + dt.timedelta(minutes=61)
    done = closing.run(Closing.objects.get().pk, owner="test", clock=lambda: at)
    assert done is not None
    assert (done.period, done.lugar_expedicion, done.starts_at, done.ends_at) == (period, place, *period.bounds(zone))
    content = from_json(documents(done)[0].content)
    assert content.informacion_global is not None
    assert (content.lugar_expedicion, content.informacion_global.meses) == (place, f"{month:02d}")
    assert content.fecha == dt.datetime(2026, month + 1, 1, 1, 1)


def test_a_closing_keeps_its_place_when_its_issuer_moves_meanwhile(hospital: make.Hospital) -> None:
    make.paid_charge(hospital)
    started = start(hospital)
    _move(hospital, place="77500")
    done = closing.run(started.pk, owner="test", clock=make.now)
    assert done is not None
    content = from_json(documents(done)[0].content)
    assert (content.lugar_expedicion, content.receptor.domicilio_fiscal) == ("06700", "06700")


def test_a_place_that_the_catalogue_lost_keeps_no_other_issuer_waiting(hospital: make.Hospital) -> None:
    lost = make.hospital()
    _move(lost, place="00001")
    _, noon, end = _last_month(hospital)
    for each in (lost, hospital):
        make.paid_charge(each, now=noon)
    with structlog.testing.capture_logs() as said:
        assert watching.watch(end + dt.timedelta(hours=2)) == 1
    assert [row["issuer"] for row in said if row["event"] == "closing_place_unknown"] == [str(lost.issuer.pk)]
    with pytest.raises(closing.NotReady, match="00001"):
        start(lost)


def _last_month(hospital: make.Hospital) -> tuple[periods.Period, dt.datetime, dt.datetime]:
    """The last ended month, its noon of the last day, and its end."""
    month = closing.last_ended(hospital.issuer, periods.MENSUAL, make.now())
    end = month.bounds(hospital.organization.zone)[1]
    Organization.objects.filter(pk=hospital.organization.pk).update(created_at=end - dt.timedelta(days=60))
    return month, end - dt.timedelta(hours=12), end


def test_by_itself_within_hours_of_the_end(hospital: make.Hospital) -> None:
    month, noon, end = _last_month(hospital)
    make.paid_charge(hospital, now=noon)
    assert watching.watch(end + dt.timedelta(minutes=59)) == 0
    assert watching.watch(end + dt.timedelta(hours=2)) == 1
    row = Closing.objects.get()
    assert (row.state, row.automatic, row.period) == (Closing.State.RUNNING, True, month)
    assert watching.watch(end + dt.timedelta(hours=2)) == 0


def test_nothing_to_close_leaves_no_row(hospital: make.Hospital) -> None:
    assert watching.watch(make.now()) == 0
    assert not Closing.objects.exists()


def test_who_wants_to_confirm_is_warned_three_times(hospital: make.Hospital) -> None:
    GlobalPolicy.objects.create(organization=hospital.organization, mode="confirm")
    _, noon, end = _last_month(hospital)
    make.paid_charge(hospital, now=noon)
    said = []
    for hours in (2, 6.5, 7, 12.1, 19, 20, 30):
        assert watching.watch(end + dt.timedelta(hours=hours)) == 0
        said.append(Closing.objects.get().warned)
    assert said == [None, 6, 6, 12, 12, 20, 20]
    assert [row.state for row in watching.waiting(hospital.organization.pk)] == [Closing.State.WAITING]
    closing.start(hospital.issuer, Closing.objects.get().period, user=hospital.admin, now=make.now())
    assert Closing.objects.get().state == Closing.State.RUNNING


def test_a_period_whose_charges_were_invoiced_meanwhile_waits_for_nobody(hospital: make.Hospital) -> None:
    GlobalPolicy.objects.create(organization=hospital.organization, mode="confirm")
    _, noon, end = _last_month(hospital)
    charge = make.paid_charge(hospital, now=noon)
    watching.watch(end + dt.timedelta(hours=2))
    assert len(watching.waiting(hospital.organization.pk)) == 1
    issuing.issue(
        charge, issuing.Request(make.receptor()), channel="portal", user=hospital.biller, now=make.now(),
        idempotency_key="tres",
    )  # fmt: skip
    watching.watch(end + dt.timedelta(hours=3))
    assert watching.waiting(hospital.organization.pk) == []


def test_what_keeps_it_from_closing_by_itself_is_said(hospital: make.Hospital) -> None:
    _, noon, end = _last_month(hospital)
    make.paid_charge(hospital, now=noon)
    Membership.objects.filter(user=hospital.biller).update(can_issue=False)
    assert watching.watch(end + dt.timedelta(hours=7)) == 0
    row = Closing.objects.get()
    assert (row.state, row.warned, row.last_text) == (Closing.State.WAITING, 6, watching.NOBODY)


def test_the_sweep_wakes_a_closing_nobody_builds(hospital: make.Hospital) -> None:
    from emite.ops import driving

    make.paid_charge(hospital)
    started = start(hospital)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    assert driving.sweep() == 1
    driving.close(str(started.pk))
    assert Closing.objects.get().state == Closing.State.DONE
    assert Charge.objects.count() == 1


def _queued() -> list[tuple[str, str]]:
    """What waits for a worker, by queue; taken away."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs WHERE status = 'todo' RETURNING queue_name, task_name")
        return sorted(cursor.fetchall())


@pytest.mark.parametrize(("charges", "queue"), [(2, "default"), (250, "aside")])
def test_what_is_long_waits_in_the_queue_of_the_process_beside_the_worker(
    hospital: make.Hospital, charges: int, queue: str
) -> None:
    from emite.ops import driving

    copied(make.paid_charge(hospital), charges)
    started = start(hospital)
    assert _queued() == [(queue, closing.CLOSE)]
    assert (driving.sweep(), _queued()) == (1, [(queue, closing.CLOSE)])
    closing.run(started.pk, owner="test", clock=make.now)
    assert _queued() == [(queue, DRIVE)]
    assert (driving.sweep(), _queued()) == (1, [(queue, DRIVE)])

"""One CFDI takes another's place: the new one first, and the charge is never free nor invoiced by two unseen."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator

import pytest

from emite.cancellations import following, requesting, substituting
from emite.cancellations.models import CancellationRequest, Substitution
from emite.cancellations.models import State as RequestState
from emite.cancellations.requesting import Held, NotAllowed, NotCancellable
from emite.cancellations.substituting import NothingChanges
from emite.cfdi.cancelacion import verify
from emite.cfdi.comprobante import Receptor
from emite.cfdi.xml import parse
from emite.charges.allocating import live_document
from emite.charges.models import Allocation, Charge
from emite.documents import steps
from emite.documents.models import FiscalDocument, StampedXml, State
from emite.invoices import issuing, stamping
from tests import make
from tests.pac.sandbox import RunningSandbox

pytestmark = pytest.mark.django_db(transaction=True)

OWNER = "test:1"
DAY = 86400
WRONG_USO = make.receptor()
RIGHT = make.receptor(uso_cfdi="S01")


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object) -> Iterator[make.Hospital]:
    with make.behind(sandbox, settings) as made:
        yield made
    steps.hook = None


@pytest.fixture
def old(hospital: make.Hospital) -> FiscalDocument:
    charge = make.paid_charge(hospital)
    made = issuing.issue(
        charge, issuing.Request(WRONG_USO), channel="desk", user=hospital.biller, now=make.now(), idempotency_key="one"
    )
    return work(made)


def work(document: FiscalDocument) -> FiscalDocument:
    stamping.drive(document.pk, owner=OWNER, clock=make.now)
    document.refresh_from_db()
    return document


def correct(
    old: FiscalDocument, hospital: make.Hospital, receptor: Receptor = RIGHT, key: str = "new", **over: object
) -> Substitution:
    given: dict[str, object] = {"user": hospital.biller, "now": make.now(), "idempotency_key": key, **over}
    return substituting.substitute(old, issuing.Request(receptor), **given)  # type: ignore[arg-type]


def sweep(*, days: float = 0) -> None:
    """What workers and the sweep do until nothing is due within the hour."""
    for turn in range(20):
        moment = make.now() + dt.timedelta(days=days, minutes=3 * turn)

        def clock(fixed: dt.datetime = moment) -> dt.datetime:
            return fixed

        for pk in stamping.due(now=moment, limit=20):
            stamping.drive(pk, owner=OWNER, clock=clock if days else make.now)
        for pk in substituting.due(limit=20):
            substituting.go_on(pk, now=moment)
        for pk in following.due(now=moment, limit=20):
            following.drive(pk, owner=OWNER, clock=clock)


def states(made: Substitution) -> tuple[str, str, str]:
    made.refresh_from_db()
    made.original.refresh_from_db()
    made.substitute.refresh_from_db()
    return made.state, made.original.state, made.substitute.state


def charge_of(old: FiscalDocument) -> Charge:
    return Charge.objects.filter(allocations__document=old).distinct().get()


def test_the_new_one_first_then_the_old_one_goes(old: FiscalDocument, hospital: make.Hospital) -> None:
    made = correct(old, hospital)
    assert correct(old, hospital) == made, "the same form sent twice is one substitution"
    charge = charge_of(old)
    assert states(made) == ("stamping", State.STAMPED, State.DRAFT)
    assert substituting.go_on(made.pk, now=make.now()) == "stamping", "nothing is asked of SAT before the new one lives"
    assert not CancellationRequest.objects.exists()
    work(made.substitute)
    assert substituting.due(limit=5) == [made.pk]
    substituting.go_on(made.pk, now=make.now())
    assert states(made) == ("cancelling", State.STAMPED, State.STAMPED)
    assert live_document(charge) == old, "the charge stays bound to the old one while two are live"
    request = CancellationRequest.objects.get()
    following.drive(request.pk, owner=OWNER, clock=make.now)
    assert states(made) == ("done", State.CANCELLED, State.STAMPED)
    assert live_document(charge) == made.substitute
    assert Allocation.objects.filter(charge=charge, active=True).count() == 1
    folio = verify(bytes(request.signed.xml))[0].folios[0]
    assert (folio.motivo, folio.sustitucion) == ("01", str(made.substitute.uuid).upper())
    root = parse(bytes(StampedXml.objects.get(document_id=made.substitute_id).xml))
    related = root.find("{*}CfdiRelacionados")
    assert related is not None
    assert related.get("TipoRelacion") == "04"
    assert related[0].get("UUID") == str(old.uuid).upper()
    receptor = root.find("{*}Receptor")
    assert receptor is not None
    assert receptor.get("UsoCFDI") == "S01"


def test_the_new_one_is_refused_and_nothing_has_changed(old: FiscalDocument, hospital: make.Hospital) -> None:
    made = correct(old, hospital, Receptor("MAOL880314Q75", "OTRO NOMBRE", "06700", "605", "D01"))
    sweep()
    assert states(made) == ("failed", State.STAMPED, State.REJECTED)
    assert live_document(charge_of(old)) == old
    assert not CancellationRequest.objects.exists()
    assert correct(old, hospital, key="better").state == "stamping"


def test_who_may_and_what_stands_in_the_way(old: FiscalDocument, hospital: make.Hospital) -> None:
    with pytest.raises(NotAllowed):
        correct(old, hospital, user=hospital.cashier)
    with pytest.raises(NothingChanges):
        correct(old, hospital, WRONG_USO)
    made = correct(old, hospital)
    with pytest.raises(NotCancellable):
        correct(old, hospital, key="other")
    with pytest.raises(NotCancellable):
        requesting.request_cancellation(old, "02", user=hospital.biller, now=make.now())
    work(made.substitute)
    with pytest.raises(NotCancellable):
        requesting.request_cancellation(made.substitute, "02", user=hospital.biller, now=make.now())
    with pytest.raises(NotCancellable):
        correct(made.substitute, hospital, WRONG_USO, key="of the new one")


def refused(old: FiscalDocument, hospital: make.Hospital, sandbox: RunningSandbox) -> Substitution:
    """A substitution whose receptor said no: two are live."""
    made = correct(old, hospital)
    work(made.substitute)
    sandbox.control("settings", clock_offset_seconds=10 * DAY)
    sweep(days=10)
    assert states(made)[0] == "cancelling"
    sandbox.control("receptor", uuid=str(old.uuid), accepts=False)
    sweep(days=10.2)
    assert states(made) == ("refused", State.STAMPED, State.STAMPED)
    assert live_document(charge_of(old)) == old
    return made


def test_after_a_refusal_the_old_one_may_be_kept(
    old: FiscalDocument, hospital: make.Hospital, sandbox: RunningSandbox
) -> None:
    made = refused(old, hospital, sandbox)
    with pytest.raises(NotAllowed):
        substituting.keep_first(made, user=hospital.cashier, now=make.now())
    now = make.now() + dt.timedelta(days=10.5)
    substituting.keep_first(made, user=hospital.biller, now=now)
    sweep(days=10.6)
    sandbox.control("receptor", uuid=str(made.substitute.uuid), accepts=True)
    sweep(days=10.8)
    assert states(made) == ("undone", State.STAMPED, State.CANCELLED)
    assert live_document(charge_of(old)) == old


def test_who_takes_back_the_end_of_the_new_one_decides_again(
    old: FiscalDocument, hospital: make.Hospital, sandbox: RunningSandbox
) -> None:
    made = refused(old, hospital, sandbox)
    now = make.now() + dt.timedelta(days=10.5)
    substituting.keep_first(made, user=hospital.biller, now=now)
    asked = CancellationRequest.objects.get(document=made.substitute)
    requesting.take_back(asked, user=hospital.biller, now=now)
    assert states(made) == ("refused", State.STAMPED, State.STAMPED)
    substituting.keep_first(made, user=hospital.biller, now=now)


def test_after_a_refusal_it_may_be_asked_again(
    old: FiscalDocument, hospital: make.Hospital, sandbox: RunningSandbox
) -> None:
    made = refused(old, hospital, sandbox)
    substituting.ask_again(made, user=hospital.biller, now=make.now() + dt.timedelta(days=10.5))
    sweep(days=10.6)
    sandbox.control("receptor", uuid=str(old.uuid), accepts=True)
    sweep(days=10.8)
    assert states(made) == ("done", State.CANCELLED, State.STAMPED)
    assert live_document(charge_of(old)) == made.substitute


def test_the_old_one_cancelled_elsewhere_hands_its_charge_on(
    old: FiscalDocument, hospital: make.Hospital, sandbox: RunningSandbox
) -> None:
    made = correct(old, hospital)
    work(made.substitute)
    sandbox.control("cancel", uuid=str(old.uuid))
    sweep()
    assert states(made) == ("done", State.CANCELLED, State.STAMPED)
    assert live_document(charge_of(old)) == made.substitute


def test_a_related_document_of_its_own_comes_first(old: FiscalDocument, hospital: make.Hospital) -> None:
    content = {**old.content, "relacionados": [{"tipo_relacion": "01", "uuids": [str(old.uuid).upper()]}]}
    FiscalDocument.objects.create(
        organization=hospital.organization, issuer=hospital.issuer, series=hospital.series,
        pac_account=hospital.pac_account, kind="E", channel="desk", content=content, receptor_rfc=old.receptor_rfc,
        total=old.total, idempotency_key=uuid.uuid4().hex, created_at=make.now(),
    )  # fmt: skip
    for ask in (
        lambda: correct(old, hospital),
        lambda: requesting.request_cancellation(old, "02", user=hospital.biller, now=make.now()),
    ):
        with pytest.raises(Held) as met:
            ask()
        assert [each.kind for each in met.value.documents] == ["E"]


class Died(BaseException):
    """A process ends here."""


@pytest.mark.parametrize(
    "step",
    [
        "substitution_uncommitted",
        "substitution_went_on",
        "cancel_promised",
        "cancel_answered",
        "cancel_settled_uncommitted",
    ],
)
def test_the_sweep_finishes_what_a_death_left(
    old: FiscalDocument, hospital: make.Hospital, sandbox: RunningSandbox, step: str
) -> None:
    made = correct(old, hospital)

    def die(reached: str) -> None:
        if reached == step:
            steps.hook = None
            raise Died(step)

    steps.hook = die
    with pytest.raises(Died):
        sweep()
    assert live_document(charge_of(old)) == old
    sweep()
    assert states(made) == ("done", State.CANCELLED, State.STAMPED)
    assert live_document(charge_of(old)) == made.substitute
    assert CancellationRequest.objects.filter(state=RequestState.CANCELLED).count() == 1
    live = [row for row in sandbox.stamps() if row["estado"] == "Vigente" and row["serie"] == hospital.series.name]
    assert [row["uuid"] for row in live] == [str(made.substitute.uuid).upper()]

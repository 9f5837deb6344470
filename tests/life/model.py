"""A model of the whole life of what is invoiced, run against the real code, database and PAC of pretence.

It keeps only what a person would: how much each remisión is worth and what was credited of it. Whatever is asked for,
refused, accepted, delayed or killed in between, when nothing moves any more the live ingresos less the live egresos of
each remisión must be what it is worth, here and in the PAC's own book.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from emite.cancellations import following, rebuilding, requesting, substituting
from emite.cancellations.models import CancellationRequest, GlobalRebuild, Substitution
from emite.cancellations.requesting import NotCancellable
from emite.cfdi.taxes import Treatment
from emite.charges import anticipos as taking
from emite.charges.allocating import live_allocation, live_document
from emite.charges.collecting import Part, pay
from emite.charges.models import AnticipoApplication, Charge
from emite.credits import anticipos, checking, crediting, deposits, lateness, settling
from emite.credits.crediting import CreditRefused
from emite.credits.lateness import NotLate
from emite.credits.models import LATE_MOVING, CreditNote, LateRequest
from emite.credits.originals import NotCreditable
from emite.documents import steps
from emite.documents.consulting import ask_sat
from emite.documents.models import UNSETTLED, FiscalDocument, State
from emite.invoices import closing, issuing, periods, stamping
from emite.organizations.models import Organization
from emite.reconciling.models import Difference
from emite.reconciling.noting import take_word
from tests import make
from tests.credits.stands import stamped_total, wanted
from tests.pac.sandbox import RunningSandbox

#: Where a process may die, on every road of the life.
DEATHS = (
    "issued_uncommitted", "sealed", "promised", "answered", "settled_uncommitted", "settled", "credit_uncommitted",
    "late_uncommitted", "late_step_uncommitted", "late_step", "substitution_asked_uncommitted",
    "substitution_uncommitted", "cancel_claimed", "cancel_status", "cancel_signed_uncommitted", "cancel_signed",
    "cancel_promised", "cancel_answered", "cancel_settled_uncommitted", "cancel_settled", "closing_part_uncommitted",
    "rebuild_uncommitted", "rebuild_step_uncommitted", "rebuild_step", "anticipo_uncommitted", "anticipo_drafted",
)  # fmt: skip
FAULTS = ("cut_before", "cut_after", "error_before", "error_after", "garbage_before")
PRICES = ("10.00", "431.034483", "861.21", "5000.00", "0.55")
WHO = (
    {}, {"uso_cfdi": "S01"}, {"regimen_fiscal": "612", "uso_cfdi": "G03"}, {"nombre": "OTRA PERSONA"},
)  # fmt: skip
#: What may be said no to, in words.
REFUSALS = (
    NotCancellable, NotCreditable, CreditRefused, NotLate, issuing.AlreadyInvoiced, issuing.NotInvoiceable,
    anticipos.AnticipoRefused, closing.AlreadyClosing, closing.NothingToClose, closing.NotYet, rebuilding.NothingFree,
)  # fmt: skip

some = st.integers(min_value=0, max_value=10**6)


class Died(BaseException):
    """The process ends here."""


class Life(RuleBasedStateMachine):
    """One hospital's life. `sandbox` is set by whoever runs it; `steps_taken` counts over all runs."""

    sandbox: RunningSandbox
    steps_taken = 0
    settled_checks = 0

    def __init__(self) -> None:
        super().__init__()
        steps.hook = None
        self.offset = dt.timedelta()
        self.sandbox.behave()
        self.sandbox.control("stamps", "DELETE")
        self.sandbox.control("settings", clock_offset_seconds=0, blind_seconds=0, cancel_lag_seconds=0)
        self.hospital = make.hospital(authority=self.sandbox.authority, pac_url=self.sandbox.url)
        self.charges: list[Charge] = []

    # What people do

    @initialize(price=st.sampled_from(PRICES))
    def begin(self, price: str) -> None:
        self.charge(price)

    @rule(price=st.sampled_from(PRICES))
    def charge(self, price: str) -> None:
        Life.steps_taken += 1
        lines = [make.line(unit_price=Decimal(price)), make.line(unit_price=Decimal("35.00"))]
        self.charges.append(make.paid_charge(self.hospital, lines, now=self.now()))

    @rule(amount=st.sampled_from(("100.00", "511.60", "3000.00")), invoiced=st.integers(min_value=0, max_value=4))
    def deposit(self, amount: str, invoiced: int) -> None:
        """Most are invoiced at once, as the desk tells people to."""
        Life.steps_taken += 1
        made = taking.take(
            self.hospital.organization, self.hospital.issuer, Decimal(amount), Treatment.IVA16,
            user=self.hospital.cashier, now=self.now(),
        )  # fmt: skip
        self.collect(made)
        self.charges.append(made)
        if invoiced:
            self.invoice(len(self.charges) - 1, {})
            self.turn()

    @rule(
        price=st.sampled_from(PRICES), percent=st.integers(min_value=1, max_value=100), which=some,
        road=st.sampled_from(Organization.AnticipoRoad.values),
    )  # fmt: skip
    def stay(self, price: str, percent: int, which: int, road: str) -> None:
        """An account that a deposit pays some of, where there is one; the rest is paid as ever."""
        Organization.objects.filter(pk=self.hospital.organization.pk).update(anticipo_road=road)
        account = make.charge(self.hospital, [make.line(unit_price=Decimal(price))], now=self.now())
        known = [each for each in self.charges if each.kind == Charge.Kind.ANTICIPO]
        if known:
            source = known[which % len(known)]
            amount = (min(deposits.left_of(source), account.owed) * percent / 100).quantize(Decimal("0.01"))
            self.attempt(
                lambda: anticipos.apply(
                    source, account, amount, user=self.hospital.cashier, now=self.now(),
                    idempotency_key=uuid.uuid4().hex,
                )
            )  # fmt: skip
        self.collect(account)
        self.charges.append(account)
        if percent % 2:
            self.invoice(len(self.charges) - 1, {})

    def collect(self, charge: Charge) -> None:
        charge.refresh_from_db()
        if charge.owed:
            pay(
                charge, [Part("04", charge.owed)], register=self.hospital.register, user=self.hospital.cashier,
                now=self.now(),
            )  # fmt: skip

    @rule(which=some, who=st.sampled_from(WHO))
    def invoice(self, which: int, who: dict[str, str]) -> None:
        self.attempt(
            lambda: issuing.issue(
                self.one(which), issuing.Request(make.receptor(**who)), channel="desk", user=self.hospital.biller,
                now=self.now(), idempotency_key=uuid.uuid4().hex,
            )
        )  # fmt: skip

    @rule(which=some)
    def close_its_day(self, which: int) -> None:
        paid = self.one(which).issued_at
        period = periods.containing(periods.DIARIA, self.hospital.organization.local_date(paid))
        self.attempt(lambda: closing.start(self.hospital.issuer, period, user=self.hospital.biller, now=self.now()))

    @rule(which=some, percent=st.integers(min_value=1, max_value=100))
    def credit(self, which: int, percent: int) -> None:
        charge = self.one(which)
        amount = None if percent == 100 else (charge.total * percent / 100).quantize(Decimal("0.01"))
        self.attempt(
            lambda: crediting.ask(
                charge, wanted(amount=amount), user=self.hospital.biller, now=self.now(),
                idempotency_key=uuid.uuid4().hex,
            )
        )  # fmt: skip

    @rule(which=some, motivo=st.sampled_from(("02", "03")))
    def cancel(self, which: int, motivo: str) -> None:
        document = live_document(self.one(which))
        if document is not None and document.state == State.STAMPED:
            word = "04" if document.channel == FiscalDocument.Channel.GLOBAL else motivo
            self.attempt(
                lambda: requesting.request_cancellation(document, word, user=self.hospital.biller, now=self.now())
            )

    @rule(which=some)
    def cancel_a_note(self, which: int) -> None:
        note = CreditNote.objects.filter(charge=self.one(which), document__state=State.STAMPED).first()
        if note is not None:
            self.attempt(
                lambda: requesting.request_cancellation(note.document, "02", user=self.hospital.biller, now=self.now())
            )

    @rule(which=some, who=st.sampled_from(WHO))
    def substitute(self, which: int, who: dict[str, str]) -> None:
        document = live_document(self.one(which))
        if document is not None and document.state == State.STAMPED:
            self.attempt(
                lambda: substituting.substitute(
                    document, issuing.Request(make.receptor(**who)), user=self.hospital.biller, now=self.now(),
                    idempotency_key=uuid.uuid4().hex,
                )
            )  # fmt: skip

    @rule(keeps=st.booleans())
    def decide(self, keeps: bool) -> None:
        made = self.mine(Substitution).filter(state=Substitution.State.REFUSED).first()
        if made is not None:
            act = substituting.keep_first if keeps else substituting.ask_again
            self.attempt(lambda: act(made, user=self.hospital.biller, now=self.now()))

    @rule(which=some, who=st.sampled_from(WHO), road=st.sampled_from(Organization.LateRoad.values))
    def ask_late(self, which: int, who: dict[str, str], road: str) -> None:
        Organization.objects.filter(pk=self.hospital.organization.pk).update(late_road=road)
        self.attempt(
            lambda: rebuilding.ask(
                self.one(which), issuing.Request(make.receptor(**who)), channel="desk", user=self.hospital.biller,
                now=self.now(), idempotency_key=uuid.uuid4().hex,
            )
        )  # fmt: skip

    @rule()
    def issue_the_global_again(self) -> None:
        made = self.mine(GlobalRebuild).filter(state=GlobalRebuild.State.STOPPED).first()
        if made is not None:
            self.attempt(lambda: rebuilding.again(made, user=self.hospital.biller, now=self.now()))

    # What the world does

    @rule(accepts=st.booleans())
    def receptor_answers(self, accepts: bool) -> None:
        waiting = self.mine(CancellationRequest).filter(state="in_process").first()
        if waiting is not None:
            with contextlib.suppress(Exception):  # SAT may have let it expire already
                self.sandbox.control("receptor", uuid=str(waiting.document.uuid), accepts=accepts)

    @rule(hours=st.sampled_from((1, 20, 80, 200)))
    def time_passes(self, hours: int) -> None:
        Life.steps_taken += 1
        self.later(dt.timedelta(hours=hours))

    @rule(fault=st.sampled_from(FAULTS), op=st.sampled_from(("stamp", "lookup", "cancel", "status")))
    def the_pac_fails(self, fault: str, op: str) -> None:
        Life.steps_taken += 1
        self.sandbox.next(fault, op=op)

    @rule(lag=st.sampled_from((0, 3600)))
    def sat_lags(self, lag: int) -> None:
        Life.steps_taken += 1
        self.sandbox.control("settings", cancel_lag_seconds=lag)

    @rule(forgets=st.booleans())
    def the_sat_refuses_the_issuer(self, forgets: bool) -> None:
        Life.steps_taken += 1
        self.refuse(forgets)

    @precondition(lambda self: self.charges)
    @rule(which=some)
    def cancelled_elsewhere(self, which: int) -> None:
        """Somebody cancels it in SAT's page: a comparison tells, and a person writes it down."""
        document = live_document(self.one(which))
        if document is None or document.state != State.STAMPED or self.moves(document):
            return
        self.sandbox.behave()  # a night's comparison that SAT does not answer is made again the next
        self.sandbox.control("cancel", uuid=str(document.uuid))
        full = FiscalDocument.objects.select_related("issuer", "pac_account").get(pk=document.pk)
        take_word(full, ask_sat(full), self.now())
        row = Difference.objects.filter(document=document, kind="cancelled", closed_at=None).first()
        if row is not None:
            from emite.reconciling import mending

            owner = self.hospital.organization.pk
            self.attempt(
                lambda: mending.register_cancellation(owner, row.pk, user=self.hospital.biller, now=self.now())
            )

    # What workers do

    @rule()
    def work(self) -> None:
        Life.steps_taken += 1
        self.turn()

    @rule(death=st.sampled_from(DEATHS), after=st.integers(min_value=0, max_value=3))
    def a_worker_dies(self, death: str, after: int) -> None:
        Life.steps_taken += 1
        left = after

        def die(reached: str) -> None:
            nonlocal left
            if reached == death:
                left -= 1
                if left < 0:
                    raise Died(death)

        steps.hook = die
        with contextlib.suppress(Died):
            self.turn()
        steps.hook = None
        self.later(dt.timedelta(minutes=2))  # its leases run out

    @rule()
    def settles(self) -> None:
        Life.steps_taken += 1
        self.settle()

    def teardown(self) -> None:
        steps.hook = None
        self.settle()
        self.sandbox.behave()
        book = sum((_signed(row) for row in self.sandbox.stamps() if row["estado"] == "Vigente"), Decimal(0))
        named = sum((stamped_total(each) for each in self.fresh()), Decimal(0)) + self.twice()
        assert book == named, f"the PAC's book says {book}, ours {named}"

    # The means

    def settle(self) -> None:
        """Workers and time until nothing moves; then each remisión is worth what stands for it."""
        self.sandbox.behave()
        self.refuse(False)
        for _ in range(60):
            if not self.turn() and not self.discounts():
                break
            self.later(dt.timedelta(hours=5))
        else:
            raise AssertionError(f"never settles: {self.moving()}")
        Life.settled_checks += 1
        wrong = list(checking.faults(self.hospital.organization.pk))
        assert not wrong, wrong
        for charge in self.fresh():
            live = live_document(charge)
            credited = sum(
                (note.total for note in CreditNote.objects.filter(
                    charge=charge, original=live, document__state=State.STAMPED)), Decimal(0)
            )  # fmt: skip
            bound = live_allocation(charge)
            if bound is not None and bound.remnant:
                credited += sum((each.amount for each in charge.anticipos.filter(active=True)), Decimal(0))
            worth = charge.total - credited if live is not None and live.state == State.STAMPED else Decimal(0)
            assert stamped_total(charge) == worth, (charge.folio, stamped_total(charge), worth)
        self.relations_are_legal()

    def relations_are_legal(self) -> None:
        """Everything that a live document refers to was stamped, by the same issuer, and as its relation asks."""
        rows = FiscalDocument.objects.filter(organization=self.hospital.organization, state=State.STAMPED)
        known = {
            str(each.uuid).upper(): each
            for each in FiscalDocument.objects.filter(organization=self.hospital.organization, uuid__isnull=False)
        }
        for document in rows:
            for related in document.content.get("relacionados", []):
                kinds = {known[folio].kind for folio in related["uuids"]}
                assert kinds == {"I"}
                assert related["tipo_relacion"] in (("01", "03", "07") if document.kind == "E" else ("04", "07"))

    def turn(self) -> bool:
        """One pass of the sweep with all its workers; whether anything was due or is under way."""
        now, owner = self.now(), "life:1"
        for pk in stamping.due(now=now, limit=99):
            stamping.drive(pk, owner=owner, clock=self.now)
        for pk in closing.due(now=now, limit=9):
            closing.run(pk, owner=owner, clock=self.now)
        for pk in settling.due(limit=99):
            settling.settle_of(pk, now=self.now())
        for pk in anticipos.due(limit=99):
            anticipos.advance(pk, now=self.now())
        for pk in lateness.due(now=now, limit=99):
            lateness.advance(pk, now=self.now())
        for pk in substituting.due(limit=99):
            substituting.go_on(pk, now=self.now())
        for pk in following.due(now=now, limit=99):
            following.drive(pk, owner=owner, clock=self.now)
        for pk in rebuilding.due(now=now, limit=99):
            rebuilding.advance(pk, now=self.now())
        return bool(self.moving())

    def discounts(self) -> bool:
        """What a person does of a deposit's note that came to nothing; whether one was asked for."""
        asked = False
        for each in self.mine(AnticipoApplication).filter(active=True).exclude(notes__active=True):
            bound = live_allocation(each.account)
            if bound is not None and not bound.remnant and bound.document.state == State.STAMPED:
                with contextlib.suppress(anticipos.AnticipoRefused):
                    anticipos.again(each, user=self.hospital.biller, now=self.now())
                    asked = True
        return asked

    def moving(self) -> list[str]:
        """What waits for a machine and not for a person."""
        found = [f"{row.kind} {row.state}" for row in self.mine(FiscalDocument).filter(state__in=UNSETTLED)]
        late = self.mine(LateRequest).filter(state__in=LATE_MOVING)
        found += [f"late {row.state}" for row in late]
        again = self.mine(GlobalRebuild).filter(state__in=("cancelling", "stamping"))
        found += [f"rebuild {row.state}" for row in again]
        found += [f"substitution {row.state}" for row in self.mine(Substitution).filter(state="stamping")]
        found += [
            f"cancellation {row.state} {row.motivo} {row.estado}"
            for row in self.mine(CancellationRequest)
            .filter(finished_at=None)
            # Asked a second time, the receptor's silence is no yes: it waits for ever.
            .exclude(state="in_process", acceptance="again")
        ]
        running = self.mine(closing.Closing).filter(state=closing.Closing.State.RUNNING)
        return found + [f"closing {row.pk}" for row in running]

    def refuse(self, forgets: bool) -> None:
        """Whether the SAT has the issuer in its list of those who may issue; a PAC refuses it otherwise (402)."""
        self.sandbox.control("lco", without_obligations=[self.hospital.issuer.rfc] if forgets else [])

    def twice(self) -> Decimal:
        """What is live beside the invoice of its charge, in a substitution that waits for a person or the receptor."""
        rows = self.mine(Substitution).filter(state__in=Substitution.OPEN_STATES, substitute__state=State.STAMPED)
        return sum((row.substitute.total for row in rows), Decimal(0))

    def moves(self, document: FiscalDocument) -> bool:
        notes = CreditNote.objects.filter(original=document, active=True)
        asked = CancellationRequest.objects.filter(document=document, finished_at=None)
        taking = Substitution.objects.filter(original=document, finished_at=None)
        held = deposits.holding(document) is not None
        return notes.exists() or asked.exists() or taking.exists() or held

    def attempt(self, act: Callable[[], Any]) -> None:
        Life.steps_taken += 1
        with contextlib.suppress(*REFUSALS):
            act()

    def one(self, which: int) -> Charge:
        return Charge.objects.get(pk=self.charges[which % len(self.charges)].pk)

    def fresh(self) -> list[Charge]:
        return list(self.mine(Charge))

    def mine(self, model: Any) -> Any:
        return model.objects.filter(organization=self.hospital.organization)

    def now(self) -> dt.datetime:
        return make.now() + self.offset

    def later(self, span: dt.timedelta) -> None:
        self.offset += span
        self.sandbox.control("settings", clock_offset_seconds=self.offset.total_seconds())


def _signed(row: dict[str, str]) -> Decimal:
    return Decimal(row["total"]) * (-1 if row["tipo"] == "E" else 1)

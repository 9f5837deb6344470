"""Two branches in two time zones: their invoices, their days, their month's end."""

import datetime as dt
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from emite.audit.models import AuditEvent
from emite.cfdi.comprobante import Comprobante
from emite.cfdi.stored import from_json
from emite.charges.charging import charge as create_charge
from emite.charges.collecting import Part, pay
from emite.charges.models import CashRegister, Charge
from emite.documents.models import FiscalDocument
from emite.invoices import closing, periods, proposing, watching
from emite.invoices.issuing import NotInvoiceable, Request, issue, issue_together
from emite.invoices.models import Closing, GlobalDocument, GlobalPolicy
from emite.invoices.proposing import Scope
from emite.issuers import fiscal
from emite.issuers.fiscal import FiscalRefused
from emite.organizations import branches
from emite.organizations.models import Branch, Organization
from emite.organizations.refusals import NotAllowed, SetupRefused
from tests import make
from tests.pac.sandbox import RunningSandbox
from tests.web.desk.staff import LINE

pytestmark = pytest.mark.django_db(transaction=True)

TIJUANA, CANCUN = ZoneInfo("America/Tijuana"), ZoneInfo("America/Cancun")
#: Already November in Cancún (UTC-5), still October in Tijuana (UTC-7).
BETWEEN = dt.datetime(2026, 10, 31, 23, 30, tzinfo=TIJUANA)


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object) -> Iterator[make.Hospital]:
    with make.behind(sandbox, settings) as made:
        yield made


def add(hospital: make.Hospital, name: str, postal_code: str) -> Branch:
    return branches.add(hospital.organization, name, postal_code, user=hospital.admin, now=make.now())


def charged(hospital: make.Hospital, branch: Branch | None, now: dt.datetime) -> Charge:
    made = create_charge(
        hospital.organization, hospital.issuer, [make.line()], user=hospital.cashier, now=now, branch=branch
    )
    pay(made, [Part("01", made.total)], user=hospital.cashier, register=hospital.register, now=now)
    made.refresh_from_db()
    return made


def content(document: FiscalDocument) -> Comprobante:
    return from_json(FiscalDocument.objects.get(pk=document.pk).content)


def test_two_branches_in_two_time_zones_from_the_invoice_to_the_month_end(hospital: make.Hospital) -> None:
    north, south = add(hospital, "Norte", "22000"), add(hospital, "Caribe", "77500")
    twin = add(hospital, "Caribe 2", "77500")
    Organization.objects.filter(pk=hospital.organization.pk).update(created_at=BETWEEN - dt.timedelta(days=60))
    sold = {each: charged(hospital, each, BETWEEN) for each in (north, south, twin, None)}
    assert [row.issued_on.isoformat() for row in sold.values()] == [
        "2026-10-31", "2026-11-01", "2026-11-01", "2026-11-01",
    ]  # fmt: skip
    # Three days to invoice: the last one ends by the clock of each place.
    end = dt.datetime(2026, 11, 4, tzinfo=TIJUANA)
    assert sold[north].portal_is_open(end - dt.timedelta(minutes=1))
    assert not sold[north].portal_is_open(end)

    ask = Request(make.receptor())
    with pytest.raises(NotInvoiceable, match="places"):
        issue_together([sold[north], sold[south]], ask, channel="desk", user=hospital.biller, now=BETWEEN,
                       idempotency_key="mixed")  # fmt: skip
    extra = charged(hospital, north, BETWEEN)
    own = content(issue(extra, ask, channel="desk", user=hospital.biller, now=BETWEEN, idempotency_key="own"))
    assert (own.lugar_expedicion, own.fecha) == ("22000", BETWEEN.replace(tzinfo=None))

    october, november = (periods.containing(periods.MENSUAL, dt.date(2026, each, 5)) for each in (10, 11))
    enters = {
        (place, period): proposing.propose(Scope.of(hospital.issuer, period, place)).enters.charges
        for place in ("22000", "77500", "06700")
        for period in (october, november)
    }
    assert list(enters.values()) == [1, 0, 0, 2, 0, 1]

    dawn = dt.datetime(2026, 12, 1, 1, 1)
    assert watching.watch(dawn.replace(tzinfo=CANCUN)) == 2  # October of Tijuana and November of Cancún
    assert watching.watch(dawn.replace(tzinfo=TIJUANA)) == 1  # and of the issuer's own place
    for row in Closing.objects.all():
        closing.run(row.pk, owner="test", clock=lambda: dawn.replace(tzinfo=TIJUANA))
    made = {}
    for part in GlobalDocument.objects.select_related("document", "closing"):
        said = content(part.document)
        assert said.informacion_global is not None
        assert said.fecha is not None
        assert said.receptor.domicilio_fiscal == said.lugar_expedicion
        made[said.lugar_expedicion] = (said.informacion_global.meses, part.charges, said.fecha.hour)
    assert made == {"22000": ("10", 1, 1), "77500": ("11", 2, 4), "06700": ("11", 1, 3)}


def relocate(hospital: make.Hospital, place: str, now: dt.datetime, *, moved: bool) -> None:
    fiscal.change(hospital.issuer, {"lugar_expedicion": place}, None, user=hospital.admin, now=now, moved=moved)
    hospital.issuer.refresh_from_db()


def entering(hospital: make.Hospital, month: int) -> dict[str, int]:
    period = periods.containing(periods.MENSUAL, dt.date(2026, month, 5))
    return {
        place: proposing.propose(Scope.of(hospital.issuer, period, place)).enters.charges
        for place in proposing.places(hospital.issuer)
    }


def test_an_issuer_that_moves_leaves_its_charges_where_they_were_made(hospital: make.Hospital) -> None:
    Organization.objects.filter(pk=hospital.organization.pk).update(created_at=BETWEEN - dt.timedelta(days=60))
    before = BETWEEN - dt.timedelta(days=20)
    old, late = charged(hospital, None, before), charged(hospital, None, before)
    relocate(hospital, "77500", before + dt.timedelta(days=1), moved=True)
    new = charged(hospital, None, before + dt.timedelta(days=2))
    assert [Charge.objects.get(pk=each.pk).place for each in (old, new)] == ["06700", "77500"]
    with pytest.raises(NotInvoiceable, match="places"):
        issue_together([old, new], Request(make.receptor()), channel="desk", user=hospital.biller, now=BETWEEN,
                       idempotency_key="both")  # fmt: skip
    ask = Request(make.receptor())
    own = content(issue(late, ask, channel="desk", user=hospital.biller, now=BETWEEN, idempotency_key="late"))
    assert own.lugar_expedicion == "06700"
    assert entering(hospital, 10) == {"77500": 1, "06700": 1}

    relocate(hospital, "06700", before + dt.timedelta(days=3), moved=True)  # and back: each stay takes its own
    charged(hospital, None, before + dt.timedelta(days=4))
    assert entering(hospital, 10) == {"06700": 2, "77500": 1}
    dawn = dt.datetime(2026, 11, 1, 2, 1, tzinfo=ZoneInfo("America/Mexico_City"))
    assert watching.watch(dawn) == 2
    for row in Closing.objects.all():
        closing.run(row.pk, owner="test", clock=lambda: dawn)
    made = {content(each.document).lugar_expedicion: each.charges for each in GlobalDocument.objects.all()}
    assert made == {"06700": 2, "77500": 1}


def test_a_mistyped_place_is_corrected_for_all_that_is_not_invoiced_yet(hospital: make.Hospital) -> None:
    """What waits goes to the right place; a closing that runs ends as it began."""
    Organization.objects.filter(pk=hospital.organization.pk).update(created_at=BETWEEN - dt.timedelta(days=60))
    charged(hospital, None, BETWEEN - dt.timedelta(days=20))
    GlobalPolicy.objects.create(organization=hospital.organization, mode="confirm")
    dawn = dt.datetime(2026, 11, 1, 2, 1, tzinfo=ZoneInfo("America/Mexico_City"))
    watching.watch(dawn)
    running = Closing.objects.get()
    Closing.objects.filter(pk=running.pk).update(state="running", asked_at=dawn)
    with pytest.raises(FiscalRefused, match="diga si"):
        fiscal.change(hospital.issuer, {"lugar_expedicion": "77500"}, None, user=hospital.admin, now=dawn)
    relocate(hospital, "77500", dawn, moved=False)
    assert entering(hospital, 10) == {"77500": 1}
    running.refresh_from_db()
    assert proposing.eligible(Scope.of_closing(running)).charges == 1
    Closing.objects.filter(pk=running.pk).update(state="waiting")
    watching.watch(dawn)
    assert [row.lugar_expedicion for row in Closing.objects.all()] == ["77500"]


def test_a_branch_and_its_charges_stay_where_they_are(hospital: make.Hospital) -> None:
    branch, other = add(hospital, "Norte", "22000"), add(hospital, "Otay", "22000")
    made = charged(hospital, branch, make.now())
    for change in (
        lambda: Branch.objects.filter(pk=branch.pk).update(postal_code="06700"),
        lambda: Branch.objects.filter(pk=branch.pk).delete(),
        lambda: Charge.objects.filter(pk=made.pk).update(lugar_expedicion="06700"),
        lambda: Charge.objects.filter(pk=made.pk).update(branch=other),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
    with pytest.raises(SetupRefused, match="Ya hay una sucursal"):
        add(hospital, " norte ", "06700")
    with pytest.raises(NotAllowed):
        branches.change(branch, "Sur", active=True, user=hospital.cashier, now=make.now())


def test_branches_are_set_up_and_chosen_at_the_desk(hospital: make.Hospital, client: Client) -> None:
    client.force_login(hospital.admin)
    page = reverse("desk:branches")
    bad = client.post(page, {"name": "Norte", "postal_code": "00001"})
    assert (bad.status_code, "no está en el catálogo" in bad.content.decode()) == (422, True)
    assert client.post(page, {"name": "Norte", "postal_code": "22000"}).status_code == 302
    branch = Branch.objects.get()
    client.post(reverse("desk:registers"), {"name": "Caja N", "branch": str(branch.pk)})
    assert CashRegister.objects.get(name="Caja N").branch == branch
    client.post(
        reverse("desk:branch", args=[branch.pk]), {"name": "Tijuana", "active": "on", "address": "Revolución 1\nCentro"}
    )
    offered = client.get(reverse("desk:new_charge")).content.decode()
    assert f'<option value="{branch.pk}">Tijuana (C.P. 22000)' in offered
    sheet = {f"l0-{name}": value for name, value in LINE.items()}
    sheet |= {"filas": "1", "accion": "guardar", "branch": str(branch.pk)}
    assert client.post(reverse("desk:new_charge"), sheet).status_code == 302
    made = Charge.objects.get()
    assert (made.lugar_expedicion, made.branch) == ("22000", branch)
    page = client.get(reverse("desk:charge", args=[made.pk])).content.decode()
    assert " · Tijuana</p>" in page
    paper = client.post(reverse("desk:print_ticket", args=[made.pk]), follow=True).content.decode()
    assert [line in paper for line in ("Sucursal Tijuana", "Revolución 1", "Centro")] == [True] * 3
    client.post(reverse("desk:branch", args=[branch.pk]), {"name": "Tijuana"})
    assert "Tijuana (C.P." not in client.get(reverse("desk:new_charge")).content.decode()
    assert [row.action for row in AuditEvent.objects.filter(action__startswith="branch.").order_by("pk")] == [
        "branch.create", "branch.change", "branch.change",
    ]  # fmt: skip


def test_what_was_closed_under_a_mistyped_place_and_was_freed_since_is_late_at_the_right_one(
    hospital: make.Hospital,
) -> None:
    charged(hospital, None, BETWEEN - dt.timedelta(days=20))
    october = Scope.of(hospital.issuer, periods.containing(periods.MENSUAL, dt.date(2026, 10, 5)))
    Closing.objects.create(
        organization=hospital.organization, issuer=hospital.issuer, lugar_expedicion=october.place,
        periodicidad=october.period.periodicidad, first_day=october.period.first, last_day=october.period.last,
        starts_at=october.starts_at, ends_at=october.ends_at, state="done", asked_at=BETWEEN, finished_at=BETWEEN,
    )  # fmt: skip
    assert entering(hospital, 11) == {"06700": 1}
    relocate(hospital, "77500", BETWEEN + dt.timedelta(days=40), moved=False)
    assert entering(hospital, 11) == {"77500": 1}
    # A branch's closing says nothing of the issuer's own place.
    add(hospital, "Roma", "06700")
    assert entering(hospital, 11) == {"77500": 0, "06700": 0}


def test_two_moves_whose_clocks_disagree_leave_every_charge_in_one_place(hospital: make.Hospital) -> None:
    moment = BETWEEN - dt.timedelta(days=20)
    relocate(hospital, "77500", moment, moved=True)
    relocate(hospital, "22000", moment - dt.timedelta(milliseconds=3), moved=True)
    for each in (-1, 0, 1):
        charged(hospital, None, moment + dt.timedelta(milliseconds=each))
    assert entering(hospital, 10) == {"22000": 2, "77500": 0, "06700": 1}
    assert [row.place for row in Charge.objects.order_by("issued_at")] == ["06700", "22000", "22000"]

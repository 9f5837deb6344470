"""From registration to stamped and back: what is reserved, what is bound, what frees it, and what the CFDI says."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from emite.audit.models import AuditEvent
from emite.cancellations import following
from emite.cancellations.requesting import request_cancellation
from emite.care import forwarding
from emite.care.models import CareService, ExternalCfdi, ExternalDelivery, InsurerInvoice, ServiceAllocation
from emite.cfdi import check
from emite.cfdi.faults import CfdiInvalid
from emite.cfdi.xml import parse
from emite.documents import delivering
from emite.documents.models import StampedXml
from emite.documents.models import State as DocumentState
from emite.documents.rendering import delivered_xml, stamped_xml
from emite.invoices import external, insured, insuring, lint, stamping
from emite.invoices.insuring import NotLinked, Refused
from emite.invoices.issuing import NotAllowed
from emite.mailing.sending import MailUnavailable
from emite.reports.month import Month, zipped
from tests import make
from tests import practice as stand
from tests.pac.sandbox import RunningSandbox
from tests.practice import Practice

State = InsurerInvoice.State


@pytest.fixture
def practice(db: None) -> Practice:
    return stand.practice()


@pytest.fixture
def working(sandbox: RunningSandbox, settings: Any, transactional_db: None) -> Iterator[Practice]:
    with stand.behind(sandbox, settings) as made:
        yield made


def free(of: Practice) -> int:
    return insured.free(CareService.objects.filter(organization=of.organization)).count()


def test_the_control_number_is_reserved_once_per_issuer(practice: Practice) -> None:
    first = stand.registered(practice, stand.service(practice), number="  A  7 ")
    assert first.control_number == "A 7"
    with pytest.raises(Refused, match="ya está en otra factura") as caught:
        insuring.register(stand.registration(practice, "A 7"), user=practice.admin, now=make.now())
    assert caught.value.field == "control"
    insuring.discard(first, user=practice.admin, now=make.now())
    again = insuring.register(stand.registration(practice, "A 7"), user=practice.admin, now=make.now())
    assert again.state == State.REGISTERED
    assert AuditEvent.objects.filter(action="insurer_invoice.discard").count() == 1


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"number": "A|7"}, "control"),
        ({"number": " "}, "control"),
        ({"number": "x" * 41}, "control"),
        ({"days": 1}, "date"),
        ({"days": -4}, "date"),
        ({"backwards": True}, "period_from"),
    ],
)
def test_what_cannot_be_registered_names_its_field(practice: Practice, over: dict[str, Any], field: str) -> None:
    today = stand.today(practice)
    changed: dict[str, Any] = {"invoice_date": today + dt.timedelta(days=over.get("days", 0))}
    if over.get("backwards"):
        changed |= {"period_from": today, "period_to": today - dt.timedelta(days=1)}
    with pytest.raises(Refused) as caught:
        insuring.register(
            stand.registration(practice, over.get("number", "A-1"), **changed), user=practice.admin, now=make.now()
        )
    assert caught.value.field == field
    assert not InsurerInvoice.objects.exists()


def test_the_oldest_date_is_the_end_of_a_day_that_the_sat_still_takes(practice: Practice) -> None:
    at_noon = dt.datetime(2026, 11, 20, 18, tzinfo=dt.UTC)  # 12:00 where the practice is
    for date, taken in ((dt.date(2026, 11, 18), True), (dt.date(2026, 11, 17), True), (dt.date(2026, 11, 16), False)):
        if taken:
            insuring.require_date(date, practice.issuer, at_noon)
        else:
            with pytest.raises(Refused):
                insuring.require_date(date, practice.issuer, at_noon)


def test_all_but_some_are_chosen_on_the_server_and_chosen_again(practice: Practice) -> None:
    services = [stand.service(practice, amount) for amount in ("100.00", "200.00", "300.00")]
    stand.service(practice, rendered_on=stand.today(practice) - dt.timedelta(days=90))
    invoice = insuring.register(stand.registration(practice), user=practice.admin, now=make.now())
    of_all = insuring.choose(invoice, [services[0].pk], everything=True, user=practice.admin, now=make.now())
    assert of_all == (2, Decimal("500.00"))
    again = insuring.choose(invoice, [services[0].pk, services[2].pk], user=practice.admin, now=make.now())
    assert again == (2, Decimal("400.00"))
    assert set(insured.services_in(invoice)) == {services[0], services[2]}
    assert free(practice) == 2
    with pytest.raises(Refused, match="al menos un servicio"):
        insuring.choose(invoice, [], user=practice.admin, now=make.now())


def test_a_service_is_never_in_two_live_invoices_nor_changed_in_one(practice: Practice) -> None:
    service = stand.service(practice)
    stand.registered(practice, service, number="A-1")
    other = insuring.register(stand.registration(practice, "A-2"), user=practice.admin, now=make.now())
    with pytest.raises(Refused, match="al menos un servicio"):
        insuring.choose(other, [service.pk], user=practice.admin, now=make.now())
    fields = {"organization": practice.organization, "service": service, "created_at": make.now()}
    for change in (
        lambda: ServiceAllocation.objects.create(invoice=other, amount=service.payer_part, **fields),
        lambda: CareService.objects.filter(pk=service.pk).update(payer_part=1, fee=201),
        lambda: CareService.objects.filter(pk=service.pk).update(state="void"),
        lambda: InsurerInvoice.objects.filter(pk=other.pk).update(state="stamped", cfdi_uuid=other.pk),
        lambda: InsurerInvoice.objects.filter(pk=other.pk).update(control_number="A-3"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
    free_one = stand.service(practice)
    with pytest.raises(IntegrityError, match="cannot be in that invoice"), transaction.atomic():
        ServiceAllocation.objects.create(invoice=other, amount=1, **(fields | {"service": free_one}))


def test_who_may_not_issue_may_do_nothing(practice: Practice) -> None:
    invoice = stand.registered(practice, stand.service(practice))
    for act in (
        lambda user: insuring.register(stand.registration(practice, "B"), user=user, now=make.now()),
        lambda user: insuring.choose(invoice, [], everything=True, user=user, now=make.now()),
        lambda user: insuring.issue(invoice, user=user, now=make.now()),
        lambda user: insuring.discard(invoice, user=user, now=make.now()),
        lambda user: insuring.change_date(invoice, stand.today(practice), user=user, now=make.now()),
        lambda user: external.take(invoice, b"", linked=False, user=user, now=make.now()),
    ):
        with pytest.raises(NotAllowed):
            act(practice.reader)


def test_an_unlinked_code_and_a_missing_reference_stop_it_before_the_stamp(practice: Practice) -> None:
    stand.service(practice, code="90834")
    invoice = stand.registered(practice)
    with pytest.raises(NotLinked, match="90834") as caught:
        insuring.issue(invoice, user=practice.admin, now=make.now())
    assert caught.value.codes == [("cpt4", "90834")]
    stand.link(practice, "90834")
    practice.payer.reference_label, practice.payer.reference_required = "Siniestro", True
    practice.payer.folio_rule = lint.EXAMPLE
    practice.payer.save()
    stand.service(practice, reference="")
    insuring.choose(invoice, [], everything=True, user=practice.admin, now=make.now())
    with pytest.raises(CfdiInvalid, match="pide Siniestro en cada servicio y 1 servicio no la tiene"):
        insuring.issue(invoice, user=practice.admin, now=make.now())
    with pytest.raises(Refused, match="pide folios de la forma"):
        insuring.register(stand.registration(practice, "7-A"), user=practice.admin, now=make.now())


@pytest.mark.parametrize("rule", ["(a+)+$", "a*b*c*", "["])
def test_a_rule_of_folios_that_costs_time_or_makes_no_sense_is_told(rule: str) -> None:
    assert lint.rule_problem(rule)


def test_an_old_link_stays_with_what_was_dated_before(practice: Practice) -> None:
    stand.service(practice)
    invoice = stand.registered(practice)
    yesterday = stand.today(practice) - dt.timedelta(days=1)
    stand.link(practice, "99213", since=stand.today(practice), clave_unidad="ACT")
    assert insuring.build(invoice, now=make.now()).conceptos[0].clave_unidad == "ACT"
    insuring.change_date(invoice, yesterday, user=practice.admin, now=make.now())
    made = insuring.build(invoice, now=make.now())
    assert made.conceptos[0].clave_unidad == "E48"
    assert made.fecha == dt.datetime.combine(yesterday, dt.time(23, 59, 59))


def test_refused_then_stamped_with_its_folio_and_date_then_cancelled(working: Practice) -> None:
    yesterday = stand.today(working) - dt.timedelta(days=1)
    stand.service(working, "400.00")
    stand.service(working, "500.50", code="99203")
    invoice = stand.registered(working, number="LC-2026-11", invoice_date=yesterday)
    type(working.payer).objects.update(nombre="SEGUROS CEIBA")
    refused = stand.stamped(invoice, working)
    assert (refused.state, invoice.state, invoice.cfdi_uuid) == (DocumentState.REJECTED, State.REGISTERED, None)
    assert invoice.failure.startswith("CFDI40145")
    assert free(working) == 0  # its services stay chosen

    type(working.payer).objects.update(nombre="SEGUROS LA CEIBA", addenda='<Proveedor folio="{folio}" uuid="{uuid}"/>')
    invoice.payer.refresh_from_db()
    document = stand.stamped(invoice, working)
    assert (document.state, invoice.state, invoice.failure) == (DocumentState.STAMPED, State.STAMPED, "")
    assert insuring.issue(invoice, user=working.admin, now=make.now()) == document
    assert stamping.large([document.pk]) == set()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stamping, "LARGE", 2)  # woken again, it goes where it does not keep patients waiting
        assert stamping.large([document.pk]) == {document.pk}
    root = parse(bytes(StampedXml.objects.get(document_id=document.pk).xml))
    assert (root.get("Serie"), root.get("Folio")) == (None, "LC-2026-11")
    assert root.get("Fecha") == f"{yesterday:%Y-%m-%d}T23:59:59"
    assert (root.get("SubTotal"), root.get("Total")) == ("900.50", "810.45")
    assert b"Ana" not in bytes(StampedXml.objects.get(document_id=document.pk).xml)
    type(working.payer).objects.update(addenda="<Otra/>")  # what was issued keeps what it was issued with
    delivered = delivered_xml(document)
    asked_for = f'<cfdi:Addenda><Proveedor folio="LC-2026-11" uuid="{str(document.uuid).upper()}"/></cfdi:Addenda>'
    assert delivered.replace(asked_for.encode(), b"") == stamped_xml(document)
    assert len(delivered) > len(stamped_xml(document))
    assert check.check_file(delivered) == check.check_file(stamped_xml(document))
    with pytest.raises(Refused, match="ya no está registrada"):
        insuring.discard(invoice, user=working.admin, now=make.now())
    with pytest.raises(IntegrityError, match="stay in it"), transaction.atomic():
        ServiceAllocation.objects.filter(invoice=invoice).update(active=False, released_at=make.now())

    asked = request_cancellation(document, "02", user=working.admin, now=make.now())
    for minutes in (0, 1, 2):
        following.drive(asked.pk, owner="test:1", clock=lambda at=minutes: make.now() + dt.timedelta(minutes=at))  # type: ignore[misc]
    invoice.refresh_from_db()
    assert (invoice.state, free(working)) == (State.CANCELLED, 2)
    again = insuring.register(
        stand.registration(working, "LC-2026-11-B"), user=working.admin, now=make.now(), replaces=invoice
    )
    assert insuring.choose(again, [], everything=True, user=working.admin, now=make.now())[0] == 2


def in_the_month(of: Practice, taken: ExternalCfdi) -> list[str]:
    """Its total, state and road in the index of the accountant's month, which holds its files too."""
    day = of.organization.local_date(taken.fecha)
    with zipfile.ZipFile(io.BytesIO(b"".join(zipped(Month(of.issuer, day, taken.rfc_receptor))))) as archive:
        name = str(taken.uuid).upper()
        assert archive.read(f"xml/{name}.xml") == bytes(taken.xml)
        assert archive.read(f"pdf/{name}.pdf").startswith(b"%PDF")
        rows = list(csv.DictReader(io.StringIO(archive.read("indice.csv").decode("utf-8-sig"))))
    assert [row["Folio fiscal"] for row in rows] == [name]
    return [rows[0][name] for name in ("Total", "Estado", "Vía")]


def unreachable(message: object) -> None:
    raise MailUnavailable("el servidor no contesta")


def mailed(of: Practice, taken: ExternalCfdi, outbox: list[EmailMultiAlternatives], monkeypatch: Any) -> None:
    """Asked for twice on its page it is one mail, tried again until it leaves; with both files."""
    browser = Client(HTTP_HOST="127.0.0.1")
    browser.force_login(of.admin)
    address = reverse("practice:mail", args=[InsurerInvoice.objects.get(external=taken).pk])
    for _ in range(2):
        assert browser.post(address, {"email": "siniestros@ceiba.example"}).status_code == 302
    assert browser.post(address, {"email": "nadie"}).status_code == 422
    delivery, now = ExternalDelivery.objects.get(), make.now()
    with monkeypatch.context() as broken:
        broken.setattr(forwarding, "send", unreachable)
        assert not forwarding.deliver(delivery.pk, now=now)
    later = now + delivering.PAUSES[0]
    assert delivery.pk in forwarding.due(now=later, limit=500)
    assert [forwarding.deliver(delivery.pk, now=later) for _ in range(2)] == [True, False]
    sent = outbox[-1]
    name = str(taken.uuid).upper()
    assert (sent.to, sent.subject) == (["siniestros@ceiba.example"], f"Factura de {of.organization.name}")
    assert "EXT-1" in sent.body
    assert [each[0] for each in sent.attachments] == [f"{name}.xml", f"{name}.pdf"]


def test_an_invoice_of_elsewhere_is_asked_to_the_sat_and_used_once(
    working: Practice, sandbox: RunningSandbox, mailoutbox: list[EmailMultiAlternatives], monkeypatch: Any
) -> None:
    service = stand.service(working)
    ours = stand.registered(working, service, number="EXT-1")
    document = stand.stamped(ours, working)
    data = bytes(StampedXml.objects.get(document_id=document.pk).xml)
    # The same bytes in another practice that knows nothing of them: to it they are a stranger's.
    elsewhere = stand.practice(pac_url=sandbox.url)
    stand.service(elsewhere)
    invoice = stand.registered(elsewhere, number="EXT-1")
    taken = external.take(invoice, data, linked=False, user=elsewhere.admin, now=make.now())
    invoice.refresh_from_db()
    assert (invoice.state, invoice.cfdi_uuid, taken.folio) == (State.EXTERNAL, document.uuid, "EXT-1")
    assert in_the_month(elsewhere, taken) == ["720.00", "Timbrada", "Otra plataforma"]
    mailed(elsewhere, taken, mailoutbox, monkeypatch)
    stand.service(elsewhere)
    second = stand.registered(elsewhere, number="EXT-2")
    with pytest.raises(CfdiInvalid) as caught:
        external.take(second, data, linked=True, user=elsewhere.admin, now=make.now())
    assert "EMI222" in {fault.code for fault in caught.value.faults}

    sandbox.control("cancel", uuid=str(document.uuid).upper())
    third = stand.practice(pac_url=sandbox.url)
    stand.service(third)
    late = stand.registered(third, number="EXT-1")
    with pytest.raises(CfdiInvalid) as caught:
        external.take(late, data, linked=False, user=third.admin, now=make.now())
    assert [fault.code for fault in caught.value.faults if fault.code.startswith("EMI22")] == ["EMI220"]
    late.refresh_from_db()
    assert late.state == State.REGISTERED

    assert not external.still_alive(invoice, now=make.now())
    invoice.refresh_from_db()
    assert invoice.state == State.CANCELLED
    assert not ServiceAllocation.objects.filter(invoice=invoice, active=True).exists()
    assert in_the_month(elsewhere, taken) == ["720.00", "Cancelada", "Otra plataforma"]

"""Cancelling and correcting at the counter: what is explained, what is asked, what is shown afterwards."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest

from emite.cancellations import following, substituting
from emite.cancellations.models import CancellationRequest, State, Substitution
from emite.cancellations.showing import public_status
from emite.cfdi import plazos
from emite.documents.models import FiscalDocument
from emite.documents.models import State as DocumentState
from tests import make
from tests.make import Hospital
from tests.web.desk.staff import Person, said
from tests.web.portal.patient import DATA, Patient, drive

pytestmark = pytest.mark.django_db


@pytest.fixture
def biller(issuing: Hospital) -> Person:
    return Person(issuing.biller)


@pytest.fixture
def document(issuing: Hospital, biller: Person) -> FiscalDocument:
    charge = make.paid_charge(issuing)
    biller.post("invoice", charge.pk, **DATA, clave_envio=str(uuid.uuid4()))
    return drive(charge)


def charge_pk(document: FiscalDocument) -> uuid.UUID:
    return document.allocations.order_by("created_at").values_list("charge_id", flat=True)[0]


def work(document: FiscalDocument) -> None:
    """What the workers do next."""
    from emite.invoices import stamping

    stamping.drive(document.pk, owner="test:1", clock=make.now)
    for pk in substituting.due(limit=5):
        substituting.go_on(pk, now=make.now())
    for pk in following.due(now=make.now(), limit=5):
        following.drive(pk, owner="test:1", clock=make.now)


def test_an_invoice_is_cancelled_from_its_charge(document: FiscalDocument, biller: Person) -> None:
    page = biller.get("charge", charge_pk(document))
    for words in ("Corregir datos (sustituir)", "Cancelar factura"):
        assert words in said(page)
    page = biller.get("cancel", document.pk)
    for words in ("Qué va a pasar", "día hábil siguiente", "La operación no se llevó a cabo", "declaración anual"):
        assert words in said(page)
    assert "motivo 04" not in said(page)
    wrong = biller.post("cancel", document.pk)
    assert wrong.status_code == 422
    assert "Elija el motivo." in said(wrong)
    page = biller.follow(biller.post("cancel", document.pk, motivo="03"))
    assert "Cancelación pedida" in said(page)
    assert "every 3s" in page.content.decode()
    again = biller.post("cancel", document.pk, motivo="03")
    assert again.status_code == 422
    assert "Ya hay una solicitud" in said(again)
    work(document)
    page = biller.get("cancellation", document.pk)
    for words in ("Cancelada", "Acuse del SAT", "El SAT acusó recibo", "Cancelado sin aceptación"):
        assert words in said(page)
    acuse = biller.get("cancellation_acuse", document.pk)
    assert b"<EstatusUUID>201</EstatusUUID>" in acuse.content
    page = biller.get("charge", charge_pk(document))
    assert "Facturar en caja" in said(page)


def test_data_are_corrected_by_another_invoice(document: FiscalDocument, biller: Person) -> None:
    page = biller.get("correct", document.pk)
    assert DATA["rfc"] in page.content.decode()
    assert "Mientras tanto las dos están vivas" in said(page)
    key = str(uuid.uuid4())
    same = biller.post("correct", document.pk, **DATA, clave_envio=key)
    assert same.status_code == 422
    assert "Los datos son los mismos" in said(same)
    page = biller.follow(biller.post("correct", document.pk, **{**DATA, "uso_cfdi": "S01"}, clave_envio=key))
    assert "Se está timbrando la factura que la sustituye" in said(page)
    made = Substitution.objects.get()
    from emite.invoices import stamping

    stamping.drive(made.substitute_id, owner="test:1", clock=make.now)
    assert "Hay dos facturas vivas" in said(biller.get("charge", charge_pk(document)))
    assert biller.get("substitution_file", made.substitute_id, "xml").content.startswith(b"<?xml")
    assert biller.get("substitution_file", made.substitute_id, "pdf").content.startswith(b"%PDF")
    work(made.substitute)
    page = biller.get("cancellation", document.pk)
    assert "Sustituida" in said(page)
    page = biller.get("charge", charge_pk(document))
    made.refresh_from_db()
    assert str(made.substitute.uuid).upper() in said(page)
    assert "Facturada" in said(page)


def test_a_refused_substitution_asks_a_person(document: FiscalDocument, biller: Person) -> None:
    biller.post("correct", document.pk, **{**DATA, "uso_cfdi": "S01"}, clave_envio=str(uuid.uuid4()))
    made = Substitution.objects.get()
    from emite.invoices import stamping

    stamping.drive(made.substitute_id, owner="test:1", clock=make.now)
    substituting.go_on(made.pk, now=make.now())
    request = CancellationRequest.objects.get()
    later = make.now() + dt.timedelta(seconds=1)
    following._claim(request.pk, owner="test:1", now=later)
    request.refresh_from_db()
    from emite.cancellations import machine

    following._settle(request, machine.Move(State.REFUSED, "refused", None, {"last_code": "204"}), None, later)
    page = biller.get("cancellation", document.pk)
    for words in (
        "hay que decidir",
        "Conservar la anterior",
        ["Cancelación no admitida", "Sustitución detenida"][1],
    ):
        assert words in said(page)
    page = biller.follow(biller.post("substitution_decide", document.pk, decision="conservar"))
    assert "se cancela la nueva" in said(page)
    work(made.substitute)
    made.substitute.refresh_from_db()
    assert made.substitute.state == DocumentState.CANCELLED
    assert "Se conservó la factura anterior" in said(biller.get("cancellation", document.pk))


def test_only_who_may_and_only_their_own(document: FiscalDocument, issuing: Hospital, biller: Person) -> None:
    cashier, stranger = Person(issuing.cashier), Person(make.hospital().biller)
    for name in ("cancel", "correct"):
        assert cashier.get(name, document.pk).status_code == 403
        assert stranger.get(name, document.pk).status_code == 404
    assert cashier.get("cancellation", document.pk).status_code == 200
    assert stranger.get("cancellation", document.pk).status_code == 404
    assert stranger.get("substitution_file", document.pk, "xml").status_code == 404
    assert "Cancelar factura" not in said(cashier.get("charge", charge_pk(document)))
    assert not CancellationRequest.objects.exists()


def test_the_portal_says_what_is_under_way(document: FiscalDocument, issuing: Hospital, biller: Person) -> None:
    assert public_status(document) == ""
    biller.post("cancel", document.pk, motivo="02")
    assert public_status(document) == "En proceso de cancelación"
    patient = Patient(issuing.organization.slug)
    patient.enter(document.allocations.get().charge)
    assert "En proceso de cancelación" in said(patient.get("factura/"))


@pytest.mark.django_db(transaction=True)
def test_a_factura_global_is_cancelled_with_its_own_motivo(
    issuing: Hospital, biller: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge = make.paid_charge(issuing)
    today = issuing.organization.local_date(make.now())
    biller.post("closing_start", emisor=str(issuing.issuer.pk), tipo="01", dia=today.isoformat())
    from emite.invoices import closing

    for pk in closing.due(now=make.now(), limit=5):
        closing.run(pk, owner="test:1", clock=make.now)
    document = drive(charge)
    assert (document.channel, document.state) == ("global", DocumentState.STAMPED)
    page = said(biller.get("cancel", document.pk))
    assert "motivo 04" in page
    assert "RESICO" not in page
    with monkeypatch.context() as of_a_resico:
        of_a_resico.setattr(plazos, "resico_global_day", lambda **said: today.replace(day=1) - dt.timedelta(days=1))
        page = said(biller.get("cancel", document.pk))
    for words in ("su mes ya pasó", "113-G, fracción V", "regla 3.13.29", "Pedir la cancelación"):
        assert words in page
    assert biller.get("correct", document.pk).status_code == 302, "a global is not corrected by another receptor"
    biller.post("cancel", document.pk, motivo="04")
    work(document)
    document.refresh_from_db()
    assert document.state == DocumentState.CANCELLED
    assert not charge.allocations.get().active

"""C21 and the queue: what the portal could not finish waits with its reason, and one press goes on with it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from emite.charges.allocating import live_document
from emite.charges.models import Charge
from emite.documents.models import FiscalDocument, SealedXml, State
from emite.invoices import requests, stamping
from emite.invoices.issuing import Request, issue
from emite.invoices.models import PortalRequest
from emite.pac.port import Found
from tests import make
from tests.credits.stands import credit, invoiced
from tests.make import Hospital
from tests.pac.sandbox import RunningSandbox
from tests.web.desk.staff import Person, audited, member, said

pytestmark = pytest.mark.django_db


def ask_portal(of: Hospital, charge: Charge, **receptor: str) -> FiscalDocument:
    return issue(
        charge, Request(make.receptor(**receptor)), channel="portal", user=of.biller, now=make.now(),
        idempotency_key=f"portal-{charge.pk}",
    )  # fmt: skip


def drive(document: FiscalDocument, **later: float) -> FiscalDocument:
    moment = make.now() + dt.timedelta(**later)
    stamping.drive(document.pk, owner="test:1", clock=lambda: moment)
    document.refresh_from_db()
    return document


def help_wanted(charge: Charge, **over: object) -> PortalRequest:
    fields = {
        "why": "expired", "phone": "55 1234 5678", "email": "", "note": "Por la tarde", "now": make.now(),
        "receptor": {"rfc": "XOJI740919U48", "nombre": "INGRID XODAR JIMENEZ", "domicilio_fiscal": "76028",
                     "regimen_fiscal": "605", "uso_cfdi": "D01"},
    }  # fmt: skip
    return requests.ask(charge, **(fields | over))  # type: ignore[arg-type]


def test_the_queue_says_why_since_when_and_how_to_go_on(issuing: Hospital, sandbox: RunningSandbox) -> None:
    of = issuing
    helped, refused, doubt, waiting, well = (make.paid_charge(of) for _ in range(5))
    help_wanted(helped, now=make.now() - dt.timedelta(days=3))
    drive(ask_portal(of, refused, nombre="INGRID XODAR GIMENEZ"))
    drive(ask_portal(of, well))
    sandbox.next("cut_before")
    stuck = drive(ask_portal(of, doubt))
    late = ask_portal(of, waiting)
    hour_ago = make.now() - dt.timedelta(hours=1)
    FiscalDocument.objects.filter(pk__in=(stuck.pk, late.pk)).update(created_at=hour_ago)
    FiscalDocument.objects.filter(pk=stuck.pk).update(first_sent_at=hour_ago)

    page = Person(of.biller).get("requests")

    text = said(page)
    for words in (
        "Pidió ayuda: pasó el plazo para facturar en línea", "«Por la tarde»", "55 1234 5678", "3 días",
        "El nombre no es el que el SAT tiene para ese RFC", "CFDI40145", "INGRID XODAR GIMENEZ",
        "En duda: el PAC no dijo si la timbró", "El PAC no responde: la solicitud espera en la cola",
    ):  # fmt: skip
        assert words in text, words
    assert [text.find(row.folio) for row in (helped, refused)] == sorted(text.find(r.folio) for r in (helped, refused))
    assert well.folio not in text
    assert requests.count(of.organization.pk, make.now()) == 4
    body = page.content.decode()
    assert f"/caja/remisiones/{helped.pk}/factura/?datos=solicitud" in body
    assert f"/caja/facturas/{stuck.pk}/" in body
    seen = Person(of.cashier).get("requests").content.decode()
    assert helped.folio in seen
    assert "datos=solicitud" not in seen
    assert member(of.organization, "consulta").get("requests").status_code == 403
    assert said(Person(make.hospital().biller).get("requests")).count("REM-") == 0
    assert PortalRequest.objects.count() == 1


def test_one_press_continues_with_what_was_typed_and_the_row_goes(issuing: Hospital) -> None:
    of = issuing
    charge = make.paid_charge(of)
    drive(ask_portal(of, charge, nombre="INGRID XODAR GIMENEZ"))
    biller = Person(of.biller)

    form = biller.client.get(f"/caja/remisiones/{charge.pk}/factura/?datos=solicitud").content.decode()

    assert 'value="INGRID XODAR GIMENEZ"' in form
    assert 'value="76028"' in form
    assert "Son los datos que escribió quien pidió la factura" in form
    assert "GIMENEZ" not in biller.get("invoice", charge.pk).content.decode()
    biller.post(
        "invoice", charge.pk, clave_envio="", **requests.typed_before(charge) | {"nombre": "INGRID XODAR JIMENEZ"}
    )
    document = live_document(charge)
    assert document is not None
    assert drive(document).state == State.STAMPED
    assert requests.attending(of.organization.pk, make.now()) == []


def test_a_request_is_closed_by_a_person_with_a_reason(issuing: Hospital) -> None:
    of = issuing
    asked, refused = help_wanted(make.paid_charge(of)), drive(
        ask_portal(of, make.paid_charge(of), nombre="INGRID XODAR GIMENEZ")
    )  # fmt: skip
    biller, owner = Person(of.biller), of.organization.pk
    assert biller.post("request_close", asked.pk, reason="").status_code == 422
    can_issue = member(of.organization, "cajero", can_issue=True)
    assert "Solo un administrador o un facturador" in said(
        can_issue.follow(can_issue.post("request_close", asked.pk, reason="No"))
    )
    assert requests.count(owner, make.now()) == 2

    biller.post("request_close", asked.pk, reason="Ya no la quiere")
    biller.post("refusal_close", refused.pk, reason="Se le hizo otra")

    assert requests.count(owner, make.now()) == 0
    asked.refresh_from_db()
    assert (asked.receptor, asked.phone, asked.email, asked.note) == ({}, "", "", ""), "it served to answer them"
    assert [event.reason for event in audited(of.organization, "request.close")] == [
        "Ya no la quiere",
        "Se le hizo otra",
    ]
    assert "alguien la atendió antes" in said(biller.follow(biller.post("request_close", asked.pk, reason="Otra vez")))


def test_a_held_invoice_is_finished_from_its_page(issuing: Hospital, sandbox: RunningSandbox) -> None:
    of = issuing
    charge = make.paid_charge(of)
    sandbox.next("cut_after")
    document = drive(ask_portal(of, charge))
    sandbox.control("faults", faults={"error_before": 1.0}, op="lookup", seed=1)
    drive(document, hours=80)
    sandbox.behave()
    biller = Person(of.biller)

    page = said(biller.get("resolve", document.pk))
    for words in ("Detenida: 72 horas", "no supo decir", "El PAC la muestra timbrada", "Se consultó al PAC"):
        assert words in page, words
    assert "La resuelve un administrador" in said(Person(of.cashier).get("resolve", document.pk))
    sealed = bytes(SealedXml.objects.get(document=document).xml)
    wrong = biller.post("resolve_import", document.pk, xml=SimpleUploadedFile("a.xml", sealed))
    assert (wrong.status_code, "no trae timbre" in said(wrong)) == (422, True)
    assert biller.client.post(
        f"/caja/facturas/{document.pk}/xml/", CONTENT_LENGTH=str(10**9)
    ).status_code == 413  # fmt: skip
    found = sandbox.pac().lookup(sealed, document.pac_key)
    assert isinstance(found, Found)
    done = biller.post("resolve_import", document.pk, xml=SimpleUploadedFile("a.xml", found.xml))
    assert "Factura timbrada" in said(biller.follow(done))
    document.refresh_from_db()
    assert document.state == State.STAMPED
    assert "Se trajo el XML de la página del PAC" in said(biller.get("charge", charge.pk))


def test_a_held_credit_note_reaches_the_queue_though_it_binds_no_remision(
    issuing: Hospital, sandbox: RunningSandbox
) -> None:
    of = issuing
    charge = invoiced(of)
    note = credit(of, charge)
    sandbox.next("cut_after")
    drive(note.document)
    sandbox.control("faults", faults={"error_before": 1.0}, op="lookup", seed=1)
    assert drive(note.document, hours=80).state == State.HELD
    sandbox.behave()
    now = make.now() + dt.timedelta(hours=80)
    (pending,) = requests.attending(of.organization.pk, now)
    assert (pending.kind, pending.document, pending.charge) == (requests.Kind.DOUBT, note.document, None)
    assert requests.count(of.organization.pk, now) == 1
    biller = Person(of.biller)
    for page in (biller.get("requests"), biller.get("resolve", note.document_id)):
        assert "Nota de crédito" in said(page)


def test_a_discard_waits_for_proof_and_says_what_is_missing(issuing: Hospital, sandbox: RunningSandbox) -> None:
    of = issuing
    charge = make.paid_charge(of)
    sandbox.next("cut_before")
    document = drive(ask_portal(of, charge))
    biller = Person(of.biller)
    assert biller.post("resolve_give_up", document.pk, reason="").status_code == 422
    page = said(biller.follow(biller.post("resolve_give_up", document.pk, reason="La pidió en otra caja")))
    assert "Se descarta sola en cuanto una consulta compruebe" in page
    assert "el PAC todavía puede terminar de timbrar" in page
    assert live_document(charge) == document
    assert "Sigue en curso" in said(biller.follow(biller.post("resolve_keep", document.pk)))
    biller.post("resolve_give_up", document.pk, reason="Sí, la pidió")
    assert "Se le pregunta al PAC" in said(biller.follow(biller.post("resolve_look_up", document.pk)))
    assert drive(document, minutes=30).state == State.VOID
    assert live_document(charge) is None
    assert "Se descartó y su remisión quedó libre" in said(biller.get("resolve", document.pk))

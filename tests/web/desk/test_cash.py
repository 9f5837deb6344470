"""A cashier's day on the screen: open, charge, undo, give back, count; what waits; another code; the printer."""

from __future__ import annotations

import socket
import threading
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from emite.charges.finding import by_code
from emite.charges.models import Charge, FollowUp, Refund, RegisterSession
from emite.invoices.issuing import Request, issue
from tests import make
from tests.make import Hospital
from tests.typeset.thermal import read
from tests.web.desk.staff import Person, audited, said

pytestmark = pytest.mark.django_db


def session_of(hospital: Hospital) -> RegisterSession:
    return RegisterSession.objects.get(register=hospital.register, closed_at=None)


def test_a_day_from_the_fund_to_the_corte(hospital: Hospital, cashier: Person) -> None:
    first = session_of(hospital)
    charge = make.charge(hospital)
    cashier.pay(charge, hospital.register, exacto=str(charge.total))
    moved = cashier.post(
        "movement", first.pk, kind="withdrawal", amount="600", reason="A la caja fuerte",
        key="01a2058c-5671-7ed3-9491-6574fbd397f0",
    )  # fmt: skip
    assert moved.status_code == 302
    too_much = cashier.post(
        "movement", first.pk, kind="withdrawal", amount="5000", reason="x", key="01a2058c-5671-7ed3-9491-6574fbd397f1"
    )
    assert too_much.status_code == 422
    assert "no hay tanto efectivo" in said(too_much)

    blind = said(cashier.get("counting", first.pk))
    assert "1,060" not in blind
    wrong = cashier.post("counting", first.pk, p_1000="1")
    assert wrong.status_code == 422
    assert "faltan $60.00" in said(wrong)
    closed = cashier.follow(cashier.post("counting", first.pk, p_1000="1", reason="Vale de caja chica"))
    assert "Vale de caja chica" in said(closed)
    assert audited(hospital.organization, "register.close")[0].reason == "Vale de caja chica"
    for paper in ("80mm", "carta"):
        page = said(cashier.client.get(reverse("desk:corte", args=[first.pk]), {"papel": paper}))
        assert "Corte de caja" in page
        assert "esperado $1,060.00 · diferencia −$60.00" in page
        pdf = cashier.client.get(reverse("desk:corte_pdf", args=[first.pk]), {"papel": paper})
        assert pdf.content.startswith(b"%PDF")
    assert "Corte de caja" in read(cashier.get("corte_bin", first.pk).content).text

    other = make.charge(hospital)
    refused = cashier.pay(other, hospital.register)
    assert refused.status_code == 422
    assert "está cerrada" in said(refused)
    assert "Abra Caja 1" in said(cashier.get("charge", other.pk))
    back = cashier.post("opening", hospital.register.pk, fund="0", remision=str(other.pk))
    assert back["Location"] == reverse("desk:charge", args=[other.pk])
    assert cashier.pay(other, hospital.register).status_code == 302


def test_a_payment_is_undone_and_its_slip_says_so(hospital: Hospital, cashier: Person) -> None:
    charge = make.paid_charge(hospital)
    slip = charge.slips.get()
    assert cashier.post("void_payment", slip.pk, reason="").status_code == 422
    page = said(cashier.follow(cashier.post("void_payment", slip.pk, reason="Era de otra remisión")))
    assert "Cancelado" in page
    assert "Era de otra remisión" in page
    charge.refresh_from_db()
    assert charge.paid == 0
    paper = said(cashier.follow(cashier.post("print_slip", slip.pk)))
    assert "CANCELADO" in paper
    assert make.code(charge)[:4] not in paper


def test_services_go_back_by_line_and_all_of_them_void_the_charge(hospital: Hospital, cashier: Person) -> None:
    lines = [make.line(quantity=Decimal(2), unit_price=Decimal(100)), make.line(unit_price=Decimal(500))]
    charge = make.paid_charge(hospital, lines)
    first = charge.lines.all()[0]
    form = {f"line-{first.pk}": "1", "key": "01a2058c-5671-7ed3-9491-6574fbd397f2"}
    seen = cashier.post("refund", charge.pk, accion="revisar", **form)
    assert seen.status_code == 200
    assert "pasa de $812.00 a $696.00" in said(seen)
    done = {**form, "reason": "No se hizo", "register": str(hospital.register.pk), "part-04": "116.00"}
    assert cashier.post("refund", charge.pk, accion="devolver", **{**done, "part-04": "100"}).status_code == 422
    page = said(cashier.follow(cashier.post("refund", charge.pk, accion="devolver", **done)))
    assert "No se hizo" in page
    cashier.post("refund", charge.pk, accion="devolver", **done)  # sent twice
    assert Refund.objects.count() == 1
    slip = Refund.objects.get()
    assert "Comprobante de devolución" in said(cashier.get("refund_slip", slip.pk))
    assert "$116.00" in read(cashier.get("refund_slip_bin", slip.pk).content).text

    rest = {f"line-{line.pk}": str(line.quantity) for line in charge.lines.all()}
    rest |= {"key": "01a2058c-5671-7ed3-9491-6574fbd397f3", "reason": "Se fue", "part-04": "696.00"}
    cashier.post("refund", charge.pk, accion="devolver", register=str(hospital.register.pk), **rest)
    charge.refresh_from_db()
    assert (charge.state, charge.paid) == (Charge.State.VOID, 0)


def test_after_an_invoice_what_is_asked_for_waits(hospital: Hospital, cashier: Person) -> None:
    charge = make.paid_charge(hospital)
    issue(charge, Request(make.receptor()), channel="desk", user=hospital.biller, now=make.now(), idempotency_key="k")
    assert "requiere nota de crédito" in said(cashier.get("refund", charge.pk))
    page = said(cashier.follow(cashier.post("refund", charge.pk, amount="100", reason="Un estudio no se hizo")))
    assert "Pendiente: Devolución que requiere nota de crédito, $100.00" in page
    assert not Refund.objects.exists()

    told = {"proof": ["ticket"], "told": "Perdió el ticket en la sala", "contact": "55 1234 5678"}
    assert cashier.post("somebody_else", charge.pk, told="x").status_code == 422
    page = said(cashier.follow(cashier.post("somebody_else", charge.pk, **told)))
    assert "Otra persona facturó el ticket" in page
    waiting = FollowUp.objects.get(kind=FollowUp.Kind.WRONG_PERSON)
    assert charge.allocations.get().active  # nothing was cancelled
    assert "Otra persona facturó" in said(cashier.get("home"))
    page = said(cashier.follow(cashier.post("follow_up", waiting.pk, outcome="Se canceló y se dio código nuevo")))
    assert "Resuelto" in page


def test_a_new_code_for_a_lost_ticket(hospital: Hospital, cashier: Person) -> None:
    charge = make.paid_charge(hospital)
    old = make.code(charge)
    first = cashier.post("print_ticket", charge.pk)
    assert old[:4] in said(cashier.follow(first))
    cashier.post("renew", charge.pk)
    charge.refresh_from_db()
    new = make.code(charge)
    assert by_code(hospital.organization, old) is None
    assert by_code(hospital.organization, new) == charge
    again = said(cashier.follow(cashier.post("print_ticket", charge.pk)))
    assert "Reimpresión" in again
    assert new[:4] in again
    assert old[:4] not in again
    assert new not in str(audited(hospital.organization, "charge.renew_code")[0].after)


def test_the_link_travels_without_a_person(hospital: Hospital, cashier: Person) -> None:
    charge = make.paid_charge(hospital, patient_name="Ana Torres Luna")
    for page in (cashier.get("share", charge.pk), cashier.get("code", charge.pk)):
        assert make.code(charge) in page.content.decode().replace("-", "")
        assert "Torres" not in page.content.decode()
    assert cashier.post("share", charge.pk, email="no es un correo").status_code == 422
    assert cashier.post("share", charge.pk, email="ana@ejemplo.mx").status_code == 302
    sent = mail.outbox[-1]
    assert make.code(charge) in sent.body
    assert "Torres" not in sent.body + str(sent.subject)


def test_the_printer_of_a_register(hospital: Hospital, cashier: Person, admin: Person, settings: Any) -> None:
    charge = make.paid_charge(hospital)
    refused = admin.post("register_printer", hospital.register.pk, printer_host="10.0.0.9", printer_port="9100",
                         paper_width="80")  # fmt: skip
    assert refused.status_code == 422
    assert "EMITE_PRINTER_NETWORKS" in said(refused)

    settings.EMITE_PRINTER_NETWORKS = ["127.0.0.0/8"]
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def printer() -> None:
            taken, _ = server.accept()
            with taken:
                while piece := taken.recv(65536):
                    received.append(piece)

        listening = threading.Thread(target=printer, daemon=True)
        listening.start()
        admin.post("register_printer", hospital.register.pk, printer_host="127.0.0.1", printer_port=str(port),
                   paper_width="58")  # fmt: skip
        cashier.post("print_ticket", charge.pk)
        page = cashier.follow(cashier.post("ticket_send", charge.pk, 1))
        listening.join(10)
    assert "Enviado a la impresora de Caja 1" in said(page)
    out = read(b"".join(received))
    assert out.codes == [f"http://127.0.0.1:8000/q/{hospital.organization.slug}/{make.code(charge)}"]
    assert out.codes == read(cashier.client.get(reverse("desk:ticket_bin", args=[charge.pk, 1])).content).codes
    gone = cashier.follow(cashier.post("ticket_send", charge.pk, 1))
    assert "La impresora no respondió" in said(gone)


def test_a_visit_opened_with_the_old_code_ends(hospital: Hospital, cashier: Person) -> None:
    charge, visitor = make.paid_charge(hospital), Client(HTTP_HOST="127.0.0.1")
    slug = hospital.organization.slug
    visitor.get(f"/q/{slug}/{make.code(charge)}")
    assert visitor.get(f"/f/{slug}/cargo/").status_code == 200
    cashier.post("renew", charge.pk)
    assert visitor.get(f"/f/{slug}/cargo/").status_code == 303

"""The payer's pages: an inbox that reads like mail, verdicts many at once, transfers over many, files of payments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from emite.accounts.models import Letter
from emite.organizations.models import Invitation, Organization
from emite.reviews import deciding
from emite.reviews.models import Notice, PayerPayment, ReceivedInvoice, ReviewEvent
from emite.sheets.comma import MARK
from emite.web.access import PROVED
from tests import make
from tests import practice as stand
from tests.pac.sandbox import RunningSandbox
from tests.payer import Insurer, accounted, go_on, insurer, row
from tests.web.desk.staff import Person, said

pytestmark = pytest.mark.django_db
State = ReceivedInvoice.State


@pytest.fixture
def payer(db: None) -> Insurer:
    return insurer()


def page(person: Any, name: str, *args: Any, **query: Any) -> Any:
    return Person(person).client.get(reverse(f"insurer:{name}", args=args), query)


def post(person: Any, name: str, *args: Any, query: str = "", **data: Any) -> Any:
    client: Client = Person(person).client
    return client.post(reverse(f"insurer:{name}", args=args) + query, data)


def test_the_inbox_puts_what_is_wrong_and_unread_first(payer: Insurer) -> None:
    sound = row(payer.organization, control_number="A-1", seen_at=make.now())
    unread = row(payer.organization, control_number="A-2", sat_estado="Cancelado", sat_asked_at=make.now())
    faulty = row(payer.organization, control_number="A-3", has_faults=True, seen_at=make.now())
    text = said(page(payer.reader, "inbox"))
    assert text.index(faulty.control_number) < text.index(unread.control_number) < text.index(sound.control_number)
    assert "Con observaciones" in text
    assert text.count("Cancelada ante el SAT") == 1
    assert text.count("SAT: sin respuesta aún") == 2
    assert "$2,160.00" in text, "the money at the bottom"
    assert "Aprobar" not in text, "whoever only looks decides nothing"
    assert said(page(payer.reader, "inbox", q=str(unread.uuid).upper())).count("A-") == 1


def test_many_are_decided_at_once_or_none(payer: Insurer) -> None:
    rows = [row(payer.organization) for _ in range(3)]
    keys = [str(each.pk) for each in rows]
    refused = post(payer.reviewer, "decide", factura=keys, accion="rechazar", reason=" ")
    assert refused.status_code == 422
    assert "Escriba el motivo del rechazo" in said(refused)
    assert said(refused).count("checked") == 0
    assert refused.content.decode().count(" checked") == 3, "what was ticked stays ticked"
    assert (
        post(payer.reviewer, "decide", factura=keys, accion="rechazar", reason="Falta el siniestro").status_code == 302
    )
    assert set(ReceivedInvoice.objects.values_list("state", "reason")) == {("rejected", "Falta el siniestro")}
    assert post(payer.treasurer, "decide", factura=keys, accion="aprobar").status_code == 403
    again = post(payer.reviewer, "decide", factura=keys, accion="aprobar")
    assert again.status_code == 422, "a rejected one is looked at again first"


def test_the_whole_list_is_decided_on_the_server_but_for_what_came_since(payer: Insurer, monkeypatch: Any) -> None:
    monkeypatch.setattr(deciding, "MOST_TOGETHER", 20)
    rows = [row(payer.organization) for _ in range(52)]
    dead = row(payer.organization, sat_estado="Cancelado", sat_asked_at=make.now())
    shown = page(payer.reviewer, "inbox").content.decode()
    assert "Todas las de esta lista: 53" in shown
    until = shown.split('name="hasta" value="')[1].split('"')[0]
    late = row(payer.organization)
    refused = post(payer.reviewer, "decide", accion="aprobar", todas="1", hasta="ayer")
    assert refused.status_code == 422
    browser = Person(payer.reviewer).client
    answer = browser.post(
        reverse("insurer:decide"), {"factura": [str(rows[0].pk)], "accion": "aprobar", "todas": "1", "hasta": until}
    )
    assert answer.status_code == 302
    approved = set(ReceivedInvoice.objects.filter(state=State.APPROVED).values_list("pk", flat=True))
    assert approved == {each.pk for each in rows}, "neither the cancelled one nor the one that nobody saw"
    text = said(browser.get(answer["Location"]))
    assert "Se aprobaron 52 facturas" in text
    assert "y 47 más. Se le pregunta otra vez" in text, "the SAT has said nothing of them"
    assert set(ReceivedInvoice.objects.filter(pk__in=[dead.pk, late.pk]).values_list("state", flat=True)) == {
        "received"
    }
    assert "se puedan aprobar" in said(post(payer.reviewer, "decide", accion="aprobar", todas="1", hasta=until))


def test_a_list_that_stops_half_way_says_so_and_goes_on_with_one_press(payer: Insurer, monkeypatch: Any) -> None:
    monkeypatch.setattr(deciding, "MOST_TOGETHER", 20)
    rows = [row(payer.organization) for _ in range(52)]
    until = page(payer.reviewer, "inbox").content.decode().split('name="hasta" value="')[1].split('"')[0]
    asked = {"accion": "aprobar", "reason": "", "todas": "1", "hasta": until}
    approve, calls = deciding.approve, []

    def meanwhile(*args: Any, **more: Any) -> Any:
        """One of the second part turns out cancelled, or the database goes away in it, after the first is decided."""
        calls.append(args[1])
        if len(calls) == 2:
            ReceivedInvoice.objects.filter(pk=args[1][0]).update(sat_estado="Cancelado", sat_asked_at=make.now())
        if len(calls) == 4:
            raise OperationalError("gone")
        return approve(*args, **more)

    monkeypatch.setattr(deciding, "approve", meanwhile)
    stopped = post(payer.reviewer, "decide", **asked)
    text = said(stopped)
    assert stopped.status_code == 422
    assert "Se aprobaron 20 de 52 facturas; faltan 32" in text
    assert "está cancelada: no se aprueba" in text
    assert "No se cambió nada" not in text
    assert ReceivedInvoice.objects.filter(state=State.APPROVED).count() == 20

    again = stopped.content.decode().split('data-once="Continuando')[0].rsplit("<form", 1)[1]
    told = dict(re.findall(r'name="(\w+)" value="([^"]*)"', again))
    assert {name: told[name] for name in asked} == asked, "one press sends all that it needs"
    stopped = post(payer.reviewer, "decide", **asked)
    assert "Se aprobaron 20 de 31 facturas; faltan 11" in said(stopped)
    assert "La base de datos no contestó" in said(stopped)
    assert post(payer.reviewer, "decide", **asked).status_code == 302
    left = ReceivedInvoice.objects.exclude(state=State.APPROVED).values_list("sat_estado", flat=True)
    assert (list(left), len(rows)) == (["Cancelado"], 52)


def test_its_administrator_finds_its_people(payer: Insurer) -> None:
    assert "Personas" not in said(page(payer.reviewer, "inbox"))
    client = Person(payer.admin).client
    session = client.session
    session[PROVED] = True
    session.save()
    assert reverse("setup:people") in client.get(reverse("insurer:inbox")).content.decode()
    opened = client.get(reverse("setup:people"))
    assert reverse("insurer:payments") in opened.content.decode(), "among its own sections"
    text = said(opened)
    assert "Cajero: registra pagos" in text
    assert "emitir" not in text, "it issues nothing"
    invited = client.post(reverse("setup:people"), {"email": "nora@ceiba.example", "role": "facturador"})
    assert invited.status_code == 302
    assert Invitation.objects.get(organization=payer.organization).can_issue is False


def test_five_hundred_are_decided_in_few_queries_and_a_long_reason_is_kept_whole(payer: Insurer) -> None:
    rows = [row(payer.organization) for _ in range(60)]
    reason = "Falta el siniestro. " * 20
    with CaptureQueriesContext(connection) as asked:
        deciding.reject(
            payer.organization.pk, [each.pk for each in rows], reason=reason, user=payer.reviewer, now=make.now()
        )  # fmt: skip
    assert len(asked) < 6 * len(rows), "an audit record each, and nothing else of each"
    assert Notice.objects.count() == ReviewEvent.objects.count() == len(rows)
    assert set(ReceivedInvoice.objects.values_list("reason", flat=True)) == {reason.strip()}


def test_one_transfer_pays_many_invoices_in_part_or_whole(payer: Insurer) -> None:
    supplier = row(payer.organization).supplier
    first, second = (
        row(payer.organization, supplier=supplier, control_number=name) for name in ("A-1", "A-2")
    )  # fmt: skip
    ReceivedInvoice.objects.filter(pk__in=[first.pk, second.pk]).update(state=State.APPROVED)
    opened = page(payer.treasurer, "pay")
    assert opened.status_code == 200
    assert "A-1" in said(opened), "the only supplier is chosen"
    assert "De 2 facturas el SAT no ha dicho hace poco que estén vigentes" in said(opened)
    today = payer.organization.local_date(make.now()).isoformat()
    data = {
        "factura": [str(first.pk), str(second.pk)], f"monto-{first.pk}": "$720.00", f"monto-{second.pk}": "1,20",
        "day": today, "forma_pago": "03", "operation": "SPEI 9", "key": "8d2f1a52-6c1e-4f0a-9a39-0c1e0e2d9b11",
    }  # fmt: skip
    refused = post(payer.treasurer, "pay", query=f"?proveedor={first.rfc_emisor}", **data)
    assert refused.status_code == 422
    assert "Factura A-2: Use punto para los decimales" in said(refused)
    assert 'value="1,20"' in refused.content.decode(), "what was typed stays"
    data[f"monto-{second.pk}"] = "20"
    for _ in range(2):  # a double press
        assert post(payer.treasurer, "pay", query=f"?proveedor={first.rfc_emisor}", **data).status_code == 302
    assert PayerPayment.objects.get().amount == Decimal("740.00")
    assert dict(ReceivedInvoice.objects.exclude(paid=0).values_list("control_number", "paid")) == {
        "A-1": Decimal("720.00"), "A-2": Decimal("20.00"),
    }  # fmt: skip
    text = said(page(payer.reader, "payments"))
    assert "Pagado sin complemento: 1 pago por $740.00" in text
    assert "$1,420.00" in said(page(payer.reader, "ageing"))
    assert post(payer.reviewer, "pay", **data).status_code == 403

    made = PayerPayment.objects.get()
    assert post(payer.reviewer, "undo", made.pk, reason="x").status_code == 403
    assert "vuelve a estar por pagar" in said(page(payer.treasurer, "undo", made.pk)).lower()
    refused = post(payer.treasurer, "undo", made.pk, reason=" ")
    assert refused.status_code == 422
    assert "Escriba por qué se deshace" in said(refused)
    for _ in range(2):
        assert post(payer.treasurer, "undo", made.pk, reason="Otro proveedor").status_code == 302
    text = said(page(payer.reader, "payments"))
    assert "Deshecho" in text
    assert "Otro proveedor" in text
    assert "Pagado sin complemento" not in text
    assert set(ReceivedInvoice.objects.values_list("paid", flat=True)) == {Decimal(0)}


def test_what_nobody_can_type_is_refused_in_words(payer: Insurer) -> None:
    made = row(payer.organization)
    for answer in (
        page(payer.reader, "inbox", q="a\x00b"),
        page(payer.treasurer, "pay", proveedor="\x00"),
        post(payer.reviewer, "decide_one", made.pk, accion="rechazar", reason="Falta\x00"),
        post(payer.reviewer, "decide", factura=[str(made.pk)], accion="rechazar", reason="\x00"),
    ):
        assert (answer.status_code, "invisible" in said(answer)) == (422, True)
    assert set(ReceivedInvoice.objects.values_list("reason", flat=True)) == {""}


def upload(payer: Insurer, content: bytes, action: str = "revisar") -> Any:
    file = BytesIO(content)
    file.name = "pagos.csv"
    day = payer.organization.local_date(make.now()).isoformat()
    return post(
        payer.treasurer, "remittance", archivo=file, day=day, forma_pago="03", operation="Lote 7", accion=action,
        key="8d2f1a52-6c1e-4f0a-9a39-0c1e0e2d9b12",
    )  # fmt: skip


def test_a_remittance_is_looked_at_first_and_names_line_and_cure(payer: Insurer) -> None:
    good, unseen = row(payer.organization, control_number="A-1"), row(payer.organization, control_number="A-2")
    ReceivedInvoice.objects.filter(pk=good.pk).update(state=State.APPROVED)
    lines = (
        "folio_fiscal;monto",
        f'{str(good.uuid).upper()};"$720.01"',
        f"{unseen.uuid};10",
        "no-es;10",
        f"{good.uuid};1",
        "00000000-0000-0000-0000-000000000000;=1+1",
    )
    text = said(upload(payer, "\r\n".join(lines).encode("latin-1"), "registrar"))
    for words in (
        "5 de 5 renglones", "se deben $720.00, no $720.01", "apruébela antes", "no es un folio fiscal",
        "ya está en otro renglón", "no está en su bandeja",
    ):  # fmt: skip
        assert words in text
    assert not PayerPayment.objects.exists()
    assert "Faltan columnas" in said(upload(payer, b"uuid,importe\n1,2\n"))
    assert "libro de Excel" in said(upload(payer, b"PK\x03\x04hola"))
    assert upload(payer, b"x" * 6_000_000).status_code == 413

    sound = f'{MARK}folio_fiscal,monto\n{good.uuid},"$1,2"\n'.encode()
    assert "1234.50 o 1,234.50" in said(upload(payer, sound))
    sound = f"{MARK}folio_fiscal,monto\n{good.uuid},700.50\n".encode()
    looked = said(upload(payer, sound))
    assert "todavía no se registra nada" in looked
    assert "El SAT no ha dicho hace poco que estén vigentes: " in looked
    assert "quedan 19.50" in looked
    assert not PayerPayment.objects.exists()
    assert upload(payer, sound, "registrar").status_code == 302
    assert upload(payer, sound, "registrar").status_code == 302, "pressed twice"
    assert [one.amount for one in PayerPayment.objects.all()] == [Decimal("700.50")]


@pytest.fixture
def practice(sandbox: RunningSandbox, settings: Any) -> Iterator[stand.Practice]:
    with stand.behind(sandbox, settings) as made:
        yield made


def test_an_invoice_shows_what_it_says_and_nothing_of_the_patient(
    practice: stand.Practice, sandbox: RunningSandbox
) -> None:
    payer = accounted(practice)
    service = stand.service(practice, patient_name="Ana Torres Luna")
    stand.stamped(stand.registered(practice, service), practice)
    go_on()
    arrived = ReceivedInvoice.objects.get()
    text = said(page(payer.reader, "invoice", arrived.pk))
    assert "están en orden" in text
    assert "El SAT dijo «Vigente»" in text
    assert "Ana Torres" not in text
    assert arrived.nombre_emisor in text
    arrived.refresh_from_db()
    assert arrived.seen_at is not None
    assert page(payer.reader, "xml", arrived.pk).content == bytes(arrived.xml)
    assert page(payer.reader, "pdf", arrived.pk).content.startswith(b"%PDF")
    assert post(payer.reviewer, "decide_one", arrived.pk, accion="aprobar").status_code == 302
    day = post(payer.reviewer, "schedule", arrived.pk, day="2020-01-01")
    assert (day.status_code, "no puede ser pasada" in said(day)) == (422, True)
    sandbox.control("cancel", uuid=str(arrived.uuid).upper())
    assert post(payer.reader, "ask_sat", arrived.pk).status_code == 302
    text = said(page(payer.reader, "invoice", arrived.pk))
    assert "Cancelada ante el SAT. No se paga" in text
    told = set(Letter.objects.values_list("address", flat=True))
    assert {payer.reviewer.email, payer.treasurer.email, practice.admin.email} <= told
    other = insurer("Otra", Organization.Kind.ADMINISTRATOR)
    for name in ("invoice", "xml", "pdf"):
        assert page(other.reader, name, arrived.pk).status_code == 404
    assert post(other.reviewer, "decide_one", arrived.pk, accion="rechazar", reason="No").status_code == 404
    assert page(practice.reader, "inbox").status_code == 404, "the practice has another door"

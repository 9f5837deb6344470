"""Credit notes at the desk, and the invoice of what a factura global carries: shown before, asked once, told after."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from emite.charges.models import Charge
from emite.credits.models import CreditNote, LateRequest
from tests import make
from tests.credits.stands import drive, finish, in_global, invoiced, sound
from tests.make import Hospital
from tests.web.desk.staff import Person, said
from tests.web.portal.patient import DATA

pytestmark = pytest.mark.django_db


def post(person: Person, charge: Charge, **over: str) -> Any:
    typed = {
        "reason": "devolucion", "how": "importe", "amount": "$116.00", "forma_pago": "04", "register": "",
        "explanation": "No se hizo el estudio", "llave": uuid.uuid4().hex, "accion": "emitir",
    }  # fmt: skip
    return person.post("credit", charge.pk, **(typed | over))


def test_a_credit_note_is_shown_asked_once_and_downloaded(issuing: Hospital) -> None:
    charge, biller = invoiced(issuing), Person(issuing.biller)
    assert "Nota de crédito" in said(biller.get("charge", charge.pk))
    assert "$1,160.00" in said(biller.get("credit", charge.pk))
    shown = post(biller, charge, accion="revisar")
    assert (shown.status_code, CreditNote.objects.count()) == (200, 0)
    for words in ("uso S01", "$16.00", "$100.00", "Generar nota de crédito por $116.00"):
        assert words in said(shown)
    assert "No se hizo el estudio" in shown.content.decode()
    key = uuid.uuid4().hex
    for _ in range(2):
        assert post(biller, charge, llave=key)["Location"].endswith("#notas-de-credito")
    note = CreditNote.objects.get()
    drive(note.document_id)
    page = said(biller.get("charge", charge.pk))
    for words in ("−$116.00", "Devolución", "No se hizo el estudio", issuing.biller.name):
        assert words in page
    assert biller.get("credit_xml", note.pk).content.startswith(b"<?xml")
    assert biller.get("credit_pdf", note.pk).content.startswith(b"%PDF")
    sound(issuing)


def test_what_changed_since_it_was_shown_is_shown_again(issuing: Hospital) -> None:
    charge, biller = invoiced(issuing), Person(issuing.biller)
    assert 'name="shown" value="116.00"' in post(biller, charge, accion="revisar").content.decode()
    changed = post(biller, charge, amount="232", shown="116.00")
    assert (changed.status_code, CreditNote.objects.count()) == (422, 0)
    assert "ya no suma $116.00, sino $232.00" in said(changed)
    assert post(biller, charge, amount="232", shown="232.00").status_code == 302


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"amount": "2000"}, "hasta $1,160.00"),
        ({"amount": ""}, "Escriba cuánto se acredita"),
        ({"reason": ""}, "Elija el motivo"),
        ({"explanation": ""}, "Escriba qué pasó"),
        ({"how": "piezas"}, "Escriba cuántas piezas"),
        ({"how": "piezas", "line-0": "4"}, "quedan"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(issuing: Hospital, over: dict[str, str], words: str) -> None:
    charge = invoiced(issuing)
    page = post(Person(issuing.biller), charge, **over)
    assert page.status_code == 422
    assert words in said(page)
    assert ("No se hizo el estudio" in page.content.decode()) == ("explanation" not in over)
    assert not CreditNote.objects.exists()


def test_strangers_and_cashiers_credit_nothing(issuing: Hospital) -> None:
    charge, other = invoiced(issuing), make.hospital()
    assert post(Person(issuing.cashier), charge).status_code == 403
    assert post(Person(other.biller), charge).status_code == 404
    assert not CreditNote.objects.exists()


def test_the_client_of_a_global_is_invoiced_with_one_form(issuing: Hospital) -> None:
    (charge,), biller = in_global(issuing), Person(issuing.biller)
    assert "Facturar al cliente (ya está en la global)" in said(biller.get("charge", charge.pk))
    assert biller.get("nominative", charge.pk).status_code == 200
    typed = {**DATA, "clave_envio": str(uuid.uuid4())}
    assert biller.post("nominative", charge.pk, **{**typed, "uso_cfdi": "G03"}).status_code == 422
    for _ in range(2):
        biller.post("nominative", charge.pk, **typed)
    request = LateRequest.objects.get()
    assert "Saliendo de la global" in said(biller.get("charge", charge.pk))
    assert finish(request).state == LateRequest.State.DONE
    assert "Salió de la factura global y tiene la suya" in said(biller.get("charge", charge.pk))
    sound(issuing)

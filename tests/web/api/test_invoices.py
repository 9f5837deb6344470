"""Invoices through the API: asked, stamped by the worker, followed, downloaded; refused with SAT's own code."""

from __future__ import annotations

import pytest

from emite.cfdi.timbre import read
from emite.cfdi.xml import parse
from emite.documents.models import FiscalDocument
from emite.invoices import stamping
from tests import make
from tests.web.api.system import RECEPTOR, System, fields, problem

pytestmark = pytest.mark.django_db


def asked(system: System, **over: object) -> str:
    """The id of the invoice asked for a paid charge."""
    response = system.post(f"charges/{system.paid()}/invoice", {"receptor": RECEPTOR, **over})
    assert response.status_code == 202, response.content
    return str(response.json()["id"])


@pytest.mark.django_db(transaction=True)
def test_asked_stamped_and_downloaded(issuing: make.Hospital) -> None:
    his = System.of(issuing)
    pk = asked(his, email="ana@ejemplo.test")
    problem(his.get(f"invoices/{pk}/xml"), 409, "not_stamped")
    waiting = his.get(f"invoices/{pk}").json()
    assert (waiting["state"], waiting["settled"], waiting["xml"], waiting["channel"]) == ("draft", False, None, "desk")

    stamping.drive(FiscalDocument.objects.get().pk, owner="test:1", clock=make.now)

    done = his.get(f"invoices/{pk}").json()
    assert (done["state"], done["settled"], done["total"]) == ("stamped", True, "1160.00")
    xml, pdf = his.get(f"invoices/{pk}/xml"), his.get(f"invoices/{pk}/pdf")
    stamp = read(parse(xml.content))
    assert stamp is not None
    assert stamp.uuid == done["uuid"]
    assert done["xml"].endswith(f"/api/v1/invoices/{pk}/xml")
    assert pdf.content.startswith(b"%PDF-")
    charge = his.get(f"charges/{done['charges'][0]}").json()
    assert charge["invoice"] == done
    assert his.get("invoices", state="stamped").json()["items"] == [done]
    assert his.get("invoices", state="rejected").json()["items"] == []
    assert his.get("charges", invoiced="true").json()["items"][0]["invoice"] == pk
    problem(his.post(f"charges/{charge['id']}/invoice", {"receptor": RECEPTOR}), 409, "already_invoiced")


def test_sat_rules_answer_with_their_code(issuing: make.Hospital) -> None:
    his = System.of(issuing)
    charge = his.paid()

    # D01 is a uso of persons; this régimen has none of them.
    body = problem(
        his.post(f"charges/{charge}/invoice", {"receptor": RECEPTOR | {"rfc": "XAXX010101000"}}), 422, "sat_rules"
    )

    assert body["errors"]
    assert all(error["code"].startswith("CFDI4") for error in body["errors"]), body
    assert not FiscalDocument.objects.exists()


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"rfc": "NADA"}, "receptor.rfc"),
        ({"domicilio_fiscal": "00001"}, "receptor.domicilio_fiscal"),
        ({"nombre": "ANA 😀"}, "receptor.nombre"),
        ({"regimen_fiscal": "601"}, "receptor.regimen_fiscal"),
        ({"uso_cfdi": "XXX"}, "receptor.uso_cfdi"),
    ],
)
def test_fiscal_data_are_refused_by_name(
    hospital: make.Hospital, his: System, over: dict[str, str], field: str
) -> None:
    charge = make.paid_charge(hospital)

    body = problem(his.post(f"charges/{charge.pk}/invoice", {"receptor": RECEPTOR | over}), 422, "invalid")

    assert field in fields(body)
    assert not FiscalDocument.objects.exists()


def test_unpaid_and_void_charges_wait(his: System) -> None:
    unpaid, void = his.charge().json()["id"], his.charge().json()["id"]
    his.post(f"charges/{void}/void", {"reason": "Error"})

    for pk in (unpaid, void):
        problem(his.post(f"charges/{pk}/invoice", {"receptor": RECEPTOR}), 409, "not_invoiceable")


def test_a_refusal_of_the_pac_is_told_and_frees_the_charge(issuing: make.Hospital) -> None:
    from emite.charges.allocating import release
    from emite.documents.models import State

    his = System.of(issuing)
    pk = asked(his)
    document = FiscalDocument.objects.get()
    FiscalDocument.objects.filter(pk=document.pk).update(
        state=State.REJECTED, last_code="CFDI40145", last_text="El nombre no corresponde al RFC"
    )
    release(document, now=make.now())

    told = his.get(f"invoices/{pk}").json()
    rejection = told["rejection"]
    assert (rejection["code"], rejection["message"]) == ("CFDI40145", "El nombre no corresponde al RFC")
    assert (rejection["field"], rejection["who"]) == ("Receptor Nombre", "quien recibe la factura")
    assert "Constancia" in rejection["cure"]
    again = his.post(f"charges/{told['charges'][0]}/invoice", {"receptor": RECEPTOR})
    assert again.status_code == 202
    assert again.json()["id"] != pk

"""C21: the invoices of the portal listed from its register, sent again, their failures counted in words."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest

from emite.documents.models import Delivery, FiscalDocument
from emite.invoices import requests, stamping
from emite.invoices.issuing import Request, issue
from tests import make
from tests.make import Hospital
from tests.web.desk.staff import Person, said

pytestmark = pytest.mark.django_db


def ask_portal(of: Hospital, *, email: str = "", **receptor: str) -> FiscalDocument:
    charge = make.paid_charge(of)
    document = issue(
        charge, Request(make.receptor(**receptor), email=email), channel="portal", user=of.biller, now=make.now(),
        idempotency_key=str(charge.pk),
    )  # fmt: skip
    stamping.drive(document.pk, owner="test:1", clock=make.now)
    document.refresh_from_db()
    return document


def test_they_are_listed_filtered_counted_and_taken_away(issuing: Hospital) -> None:
    stamped = [ask_portal(issuing, email="ana@correo.test"), ask_portal(issuing)]
    for _ in range(2):
        ask_portal(issuing, nombre="INGRID XODAR GIMENEZ")
    FiscalDocument.objects.filter(pk=stamped[0].pk).update(created_at=stamped[0].stamped_at - dt.timedelta(seconds=4))
    FiscalDocument.objects.filter(pk=stamped[1].pk).update(created_at=stamped[1].stamped_at - dt.timedelta(seconds=6))
    late = make.paid_charge(issuing, now=make.now() - dt.timedelta(days=20))
    requests.ask(late, why="expired", receptor={}, phone="5512345678", email="", note="", now=make.now())
    issue(
        make.paid_charge(issuing), Request(make.receptor()), channel="desk", user=issuing.biller, now=make.now(),
        idempotency_key="desk",
    )  # fmt: skip
    biller = Person(issuing.biller)

    page = said(biller.get("portal_invoices"))

    for words in (
        "Timbradas 2 $2,320.00", "5.0 s mediana", "Horas ahorradas 0.2 a 5 minutos de caja por factura",
        "El nombre no es el que el SAT tiene para ese RFC 2", "Pidieron ayuda fuera de plazo 1 1 por atender",
    ):  # fmt: skip
        assert words in page, words
    assert page.count("REM-") >= 4
    assert "Portal" in page  # the register with "Facturación web"
    only = said(biller.get("portal_invoices", estado="rechazadas", caja=str(issuing.web_register.pk)))
    assert (str(stamped[0].uuid).upper() in only, only.count("Rechazada ")) == (False, 2)
    assert "No hay facturas así" in said(biller.get("portal_invoices", desde="2020-01-01", hasta="2020-01-31"))
    taken = biller.get("portal_csv", estado="timbradas")
    rows = list(csv.DictReader(io.StringIO(taken.content.decode("utf-8-sig"))))
    assert {row["Folio fiscal"] for row in rows} == {str(document.uuid).upper() for document in stamped}
    assert {(row["Caja"], row["Total"]) for row in rows} == {("Portal", "1160.00")}
    assert said(Person(make.hospital().biller).get("portal_invoices")).count("REM-") == 0
    assert FiscalDocument.objects.filter(channel="portal").count() == 4


def test_one_is_sent_again_to_where_it_went(issuing: Hospital) -> None:
    sent, unsent = ask_portal(issuing, email="ana@correo.test"), ask_portal(issuing)
    Delivery.objects.update(state=Delivery.State.SENT, sent_at=make.now(), next_at=None)
    cashier = Person(issuing.cashier)

    assert "va en camino a ana@correo.test" in said(cashier.follow(cashier.post("portal_mail", sent.pk)))
    assert "Ya se está enviando" in said(cashier.follow(cashier.post("portal_mail", sent.pk)))
    assert "Nadie ha pedido esta factura por correo" in said(cashier.follow(cashier.post("portal_mail", unsent.pk)))

    assert list(Delivery.objects.filter(state="pending").values_list("address", flat=True)) == ["ana@correo.test"]


def test_what_waits_is_counted_beside_its_section(issuing: Hospital) -> None:
    assert "por atender" not in said(Person(issuing.biller).get("home"))
    ask_portal(issuing, nombre="INGRID XODAR GIMENEZ")
    assert "Solicitudes 1 por atender" in said(Person(issuing.biller).get("home"))

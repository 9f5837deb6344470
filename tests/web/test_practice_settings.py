"""Payers, plans and services by HTTP: kept when right, 422 with what was typed when wrong."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.urls import reverse

from emite.audit.models import AuditEvent
from emite.care import staffing
from emite.care.models import CareService, Contract, Payer, Physician, Tariff
from emite.care.staffing import PhysicianRefused
from emite.issuers import fiscal, manifest
from tests import make
from tests import practice as stand
from tests.typeset.reading import Pdf
from tests.web.test_practice_invoices import client

pytestmark = pytest.mark.django_db


def test_a_payer_its_plan_and_a_service_split_by_it() -> None:
    practice = stand.practice()
    browser = client(practice)
    fields = {
        "name": "Red de Terceros", "rfc": "RTE151005Q83", "nombre": "Red de Terceros Expertos", "regimen_fiscal": "601",
        "postal_code": "11000", "uso_cfdi": "G03", "tolerance": "0.01", "active": "on",
        "addenda": "<Proveedor factura='{folio}'/>",
    }  # fmt: skip
    for over, said in (
        ({"postal_code": "00010"}, "no tiene el código postal"), ({"uso_cfdi": "D01"}, "no lo admite"),
        ({"addenda": "<Proveedor factura='{factura}'/>"}, "No hay un dato {factura}"),
    ):  # fmt: skip
        wrong = browser.post(reverse("practice:payer_add"), fields | over)
        assert (wrong.status_code, said in wrong.content.decode()) == (422, True)
        assert "Red de Terceros Expertos".upper() in wrong.content.decode().upper()
    assert browser.post(reverse("practice:payer_add"), fields).status_code == 302
    payer = Payer.objects.get(rfc="RTE151005Q83")
    plan = {
        "name": "Plan Oro", "issuer": str(practice.issuer.pk), "deductible": "0", "copay": "150", "coinsurance": "10",
        "tariffs": "99213 uno", "active": "on",
    }  # fmt: skip
    wrong = browser.post(reverse("practice:contract_add", args=[payer.pk]), plan)
    assert (wrong.status_code, "Renglón 1" in wrong.content.decode()) == (422, True)
    done = browser.post(reverse("practice:contract_add", args=[payer.pk]), plan | {"tariffs": "99213 $1,150.00"})
    assert done.status_code == 302
    assert Tariff.objects.get().fee == Decimal("1150.00")
    service = {
        "patient_name": "Ana Torres Luna", "rendered_on": stand.today(practice).isoformat(), "system": "cpt4",
        "issuer": str(practice.issuer.pk), "physician": str(practice.physician.pk), "payer": str(payer.pk),
        "contract": str(Contract.objects.get().pk), "code": "99213",
    }  # fmt: skip
    other = browser.post(reverse("practice:service_add"), service | {"payer": str(practice.payer.pk)})
    assert (other.status_code, "Ese plan no es de" in other.content.decode()) == (422, True)
    assert browser.post(reverse("practice:service_add"), service).status_code == 302
    made = CareService.objects.get()
    assert (made.patient_part, made.payer_part) == (Decimal("250.00"), Decimal("900.00"))
    assert browser.get(reverse("practice:service", args=[made.pk])).status_code == 200
    browser.post(reverse("practice:service_void", args=[made.pk]), {"motivo": "No llegó"})
    made.refresh_from_db()
    assert made.state == CareService.State.VOID


def test_physicians_are_kept_and_their_kind_chooses_the_first_codes() -> None:
    practice = stand.practice()
    browser, reader = client(practice), client(practice, reader=True)
    Physician.objects.all().delete()
    empty = browser.get(reverse("practice:service_add")).content.decode()
    assert reverse("practice:physician_add") in empty
    fields = {"name": " Rosa  Peña Gil ", "kind": "primer_contacto", "cedula": "1234567", "active": "on"}
    assert reader.post(reverse("practice:physician_add"), fields).status_code == 403
    stranger = make.user("Saul")
    for over, said in (
        ({"cedula": "12-34"}, "solo números"), ({"kind": ""}, "Elija si es"), ({"user": str(stranger.pk)}, "user"),
    ):  # fmt: skip
        wrong = browser.post(reverse("practice:physician_add"), fields | over)
        assert (wrong.status_code, said in wrong.content.decode()) == (422, True), over
    assert not Physician.objects.exists()
    linked = reverse("practice:linking", args=[practice.issuer.pk])
    for name, kind, cedula, pair, key in (
        ("Rosa Peña Gil", "primer_contacto", "1234567", ["99202", "99212"], "85121502"),
        ("Luz Ávila Rey", "especialista", "", ["99203", "99213"], "85121600"),
    ):
        Physician.objects.update(active=False)
        made = {"name": name, "kind": kind, "cedula": cedula, "active": "on", "user": str(practice.admin.pk)}
        assert browser.post(reverse("practice:physician_add"), made).status_code == 302
        found = browser.get(linked).context["found"]
        assert [offer.code for offer, _ in found[:2]] == pair
        for code in pair:
            form = browser.get(reverse("practice:link_code", args=[practice.issuer.pk, "cpt4", code])).context["form"]
            assert form["clave_prod_serv"].value() == key
    for again in ({"name": "LUZ AVILA REY", "cedula": ""}, {"name": "Otra", "cedula": "1234567"}):
        assert "ya está en la lista" in browser.post(
            reverse("practice:physician_add"), fields | again
        ).content.decode()  # fmt: skip
    luz = Physician.objects.get(name="Luz Ávila Rey")
    service = stand.service(practice, physician=luz)
    retired = {"name": luz.name, "kind": luz.kind}
    assert browser.post(reverse("practice:physician", args=[luz.pk]), retired).status_code == 302
    events = AuditEvent.objects.filter(subject=f"physician:{luz.pk}")
    assert [event.action for event in events.order_by("position")] == ["physician.create", "physician.change"]
    assert f">{luz.name}<" not in browser.get(reverse("practice:service_add")).content.decode()
    assert f">{luz.name}<" in browser.get(reverse("practice:service", args=[service.pk])).content.decode()
    with pytest.raises(PhysicianRefused):
        staffing.keep(
            practice.organization, {"name": "Otra", "kind": "especialista", "cedula": "", "user": None, "active": True},
            physician=None, user=practice.reader, now=make.now(),
        )  # fmt: skip


def test_the_proof_of_the_manifest_and_the_mark_that_the_sat_decides() -> None:
    practice = stand.practice()
    browser, issuer = client(practice), practice.issuer
    page, mark = reverse("practice:issuer", args=[issuer.pk]), "resico_isr"
    assert mark not in browser.get(page).content.decode()  # honorarios: 10 %, nothing to choose
    made = fiscal.create(
        practice.organization,
        {"rfc": "XOJI740919U48", "nombre": "INGRID XODAR JIMENEZ", "regimen_fiscal": "626", "postal_code": "76028",
         "lugar_expedicion": "76028", "serie": "X"},
        user=practice.admin, now=make.now(),
    )  # fmt: skip
    other = reverse("practice:issuer", args=[made.pk])
    shown = browser.get(other).content.decode()
    assert ("140224" in shown, "140225" in shown, "checked" in shown) == (True, True, False)
    assert browser.post(reverse("practice:withholding", args=[made.pk]), {mark: "1"})["Location"] == other
    made.refresh_from_db()
    assert made.resico_isr
    assert AuditEvent.objects.filter(action="issuer.change").latest("position").after == {mark: True}

    proof = browser.get(reverse("practice:manifest_proof", args=[issuer.pk]))
    assert proof["Content-Disposition"] == 'attachment; filename="manifiesto-CACX7605101P8.pdf"'
    said = Pdf(proof.content).text().replace("\u200b", "")
    accepted = manifest.accepted(issuer)
    assert accepted is not None
    for words in ("Manifiesto", issuer.rfc, practice.admin.email, "retirar el certificado en cualquier momento"):
        assert words in said
    assert accepted.sha256 in said.replace("\n", "").replace(" ", "")
    assert browser.get(reverse("practice:manifest_proof", args=[made.pk])).status_code == 404

"""An account that is not paid: invoiced PPD by who may, paid at a register, complemented from the desk's pages."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest

from emite.charges.collecting import Part, pay
from emite.documents.models import FiscalDocument
from emite.settlements.models import PaymentComplement, Receivable
from tests import make
from tests.make import Hospital
from tests.web.desk.staff import Person, said
from tests.web.portal.patient import DATA

pytestmark = pytest.mark.django_db


def test_an_account_that_is_not_paid_is_invoiced_and_complemented(hospital: Hospital) -> None:
    charge = make.charge(hospital)
    biller, cashier = Person(hospital.biller), Person(hospital.cashier)
    assert "pagar después" not in said(cashier.get("charge", charge.pk))
    assert "pagar después" in said(biller.get("charge", charge.pk))
    assert "parcialidades" in said(biller.get("invoice", charge.pk))
    biller.post("invoice", charge.pk, **DATA, clave_envio=str(uuid.uuid4()), metodo="PPD")
    document = FiscalDocument.objects.get()
    assert (document.content["metodo_pago"], document.content["forma_pago"]) == ("PPD", "99")

    # As when it is stamped, which needs a PAC.
    receivable = Receivable.objects.create(
        organization=hospital.organization, issuer=hospital.issuer, document=document, cfdi_uuid=uuid.uuid4(),
        payer_rfc=document.receptor_rfc, total=document.total, issued_at=make.now(), opened_at=make.now(),
        receptor={"nombre": "INGRID XODAR JIMENEZ", "domicilio_fiscal": "76028", "regimen_fiscal": "605"},
    )  # fmt: skip
    pay(charge, [Part("03", Decimal("500.00"))], register=hospital.register, user=hospital.cashier, now=make.now())
    listed = said(biller.get("complements"))
    assert "Complemento pendiente" in listed
    assert "$500.00" in listed
    payment = PaymentComplement.objects.get().payment
    PaymentComplement.objects.update(due_on=hospital.organization.local_date(make.now()))
    assert "Complemento de pago de $500.00" in said(biller.get("home"))
    assert "Vence hoy" in said(biller.get("complements"))
    assert "$660.00" in said(biller.get("receivable", receivable.cfdi_uuid))
    assert "Vista previa" in said(biller.get("complement", payment.pk))
    assert "permiso de facturar" in said(cashier.get("complement", payment.pk))
    for _ in range(2):
        assert biller.post("complement_issue", payment.pk).status_code == 302
    assert "Timbrándose" in said(biller.get("complement", payment.pk))
    assert FiscalDocument.objects.filter(kind="P").count() == 1

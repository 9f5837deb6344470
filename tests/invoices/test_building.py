"""From charges to a Comprobante: what crosses, and how."""

from __future__ import annotations

from decimal import Decimal

import pytest

from emite.documents.sealing import check, errors
from emite.invoices import building
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_strange_name_of_a_patient_stops_no_invoice() -> None:
    hospital = make.hospital()
    charge = make.paid_charge(hospital, patient_name="Ana |\x01 Torres")
    made = building.comprobante([charge], make.receptor(), issuer=hospital.issuer, now=make.now(), with_patient=True)
    assert all(each.descripcion.endswith(". Paciente: Ana Torres") for each in made.conceptos)
    assert errors(check(made)) == []


def test_the_form_of_payment_is_the_largest_over_all_charges() -> None:
    hospital = make.hospital()
    small = make.paid_charge(hospital, [make.line(unit_price=Decimal(100))], forma_pago="04")
    cash = [make.paid_charge(hospital, [make.line(unit_price=Decimal(60))], forma_pago="01") for _ in range(2)]

    made = building.comprobante([small, *cash], make.receptor(), issuer=hospital.issuer, now=make.now())

    # 116 by card, 139.20 in cash: whichever charge comes first.
    assert made.forma_pago == "01"
    assert made.totals.total == small.total + sum(each.total for each in cash)
    assert [each.descripcion[-12:] for each in made.conceptos] == [f"({each.folio})" for each in (small, *cash)]
    assert errors(check(made)) == []

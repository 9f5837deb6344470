"""From charges to a Comprobante: what crosses, and how."""

from __future__ import annotations

import pytest

from emite.documents.sealing import check, errors
from emite.invoices import building
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_strange_name_of_a_patient_stops_no_invoice() -> None:
    hospital = make.hospital()
    charge = make.paid_charge(hospital, patient_name="Ana |\x01 Torres")
    made = building.comprobante(
        [charge], make.receptor(), issuer=hospital.issuer, now=make.now(), patient=charge.patient_name
    )
    assert all(each.descripcion.endswith(". Paciente: Ana Torres") for each in made.conceptos)
    assert errors(check(made)) == []

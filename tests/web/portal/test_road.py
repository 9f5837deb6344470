"""The road of a patient without JavaScript: code, charge, data, invoice, files."""

from __future__ import annotations

import pytest

from emite.cfdi.timbre import read
from emite.cfdi.xml import parse
from emite.documents.models import FiscalDocument, State
from tests import make
from tests.web.portal.patient import Patient, drive, said

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_typed_code_becomes_xml_and_pdf(hospital: make.Hospital, patient: Patient) -> None:
    charge = make.paid_charge(hospital)

    opened = patient.enter(charge)
    assert (opened.status_code, opened["Location"]) == (303, patient.at("cargo/"))
    page = said(patient.get("cargo/"))
    assert "$1,160.00" in page
    assert "Consulta de especialidad" in page
    assert "Tarjeta de crédito" in page
    assert patient.get("datos/").status_code == 200
    sent = patient.send()
    assert (sent.status_code, sent["Location"]) == (303, patient.at("factura/"))
    waiting = patient.get("factura/")
    assert "Estamos haciendo tu factura" in said(waiting)
    assert b'<noscript><meta http-equiv="refresh"' in waiting.content

    document = drive(charge)
    assert document.state == State.STAMPED
    done = patient.get("factura/")
    assert "Tu factura está lista" in said(done)
    assert str(document.uuid).upper() in said(done)
    assert "verificacfdi.facturaelectronica.sat.gob.mx" in done.content.decode()
    xml, pdf = patient.get("factura/xml"), patient.get("factura/pdf")
    stamp = read(parse(xml.content))
    assert stamp is not None
    assert stamp.uuid == str(document.uuid).upper()
    assert xml["Content-Disposition"] == f'attachment; filename="{stamp.uuid}.xml"'
    assert pdf.content.startswith(b"%PDF-")
    assert FiscalDocument.objects.count() == 1

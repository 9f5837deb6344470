"""Services of a file: what is wrong names row, column and cure; all or nothing; the same file twice writes once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.urls import reverse

from emite.audit.models import AuditEvent
from emite.care.importing import import_all
from emite.care.models import CareService, Contract, Physician, Tariff
from emite.care.rendering import ServiceRefused
from tests import make
from tests import practice as stand
from tests.practice import Practice
from tests.web.test_practice_invoices import client

pytestmark = pytest.mark.django_db

HEAD = "folio_externo,paciente,fecha,aseguradora,codigo,plan,medico,honorario,parte_paciente,correo\n"


def send(practice: Practice, rows: str, action: str = "importar") -> HttpResponse:
    file = SimpleUploadedFile("servicios.csv", (HEAD + rows).encode(), content_type="text/csv")
    address = reverse("practice:service_import")
    response: HttpResponse = client(practice).post(address, {"archivo": file, "accion": action})
    return response


def test_a_file_is_looked_at_then_written_once_with_its_plan() -> None:
    practice = stand.practice()
    contract = Contract.objects.create(
        organization=practice.organization, payer=practice.payer, issuer=practice.issuer, name="Plan Plata",
        copay=Decimal(150),
    )  # fmt: skip
    Tariff.objects.create(
        organization=practice.organization, contract=contract, system="cpt4", code="99213", fee=Decimal(900)
    )
    day = stand.today(practice)
    file = (
        f"A-1,Ana Torres Luna,{day:%Y-%m-%d},seguros la ceiba,99213,plan plata,,,,ana@correo.test\n"
        f"A-2,Luis Peña,{day:%d/%m/%Y},SCE050620LQ5,99203,,xochilt casas chavez,1000.00,200,\n"
    )
    looked = send(practice, file, "revisar")
    assert (looked.status_code, CareService.objects.count()) == (200, 0)
    assert all(said in looked.content.decode() for said in ("$1,900.00", "$350.00", "$1,550.00"))
    assert send(practice, file).status_code == 302
    found = CareService.objects.order_by("external_id").values_list("fee", "patient_part", "payer_part", "rendered_on")
    assert list(found) == [(900, 150, 750, day), (1000, 200, 800, day)]
    assert send(practice, file + f"A-3,Eva Ríos,{day},SCE050620LQ5,99213,,,500,,\n").status_code == 302
    assert CareService.objects.count() == 3
    told = list(AuditEvent.objects.filter(action="care.import").order_by("position").values_list("after", flat=True))
    assert [(each["services"], each["fee"]) for each in told] == [(2, "1900.00"), (1, "500.00")]
    assert "Ana" not in str(told)
    other = send(practice, f"A-1,Ana Torres Luna,{day},SCE050620LQ5,99213,,,901,,\n")
    assert (other.status_code, "honorario: ese folio ya está, con $900.00" in other.content.decode()) == (422, True)
    with pytest.raises(ServiceRefused, match="administrador o un facturador"):
        import_all(practice.organization, [], user=practice.reader, now=make.now())


def test_one_wrong_row_stops_all_and_each_says_column_and_cure() -> None:
    practice = stand.practice()
    Physician.objects.create(organization=practice.organization, name="Rosa Peña Gil", kind="primer_contacto")
    day, doctor = stand.today(practice), "Rosa Peña Gil"
    rows = {
        f"B-1,Ana Torres,{day},SCE050620LQ5,99213,,{doctor},800,,": "",
        f"B-1,Eva Torres,{day},SCE050620LQ5,99213,,{doctor},800,,": "folio_externo: B-1 ya está en el renglón 2",
        f"B-3,Ana Torres,31/02/2026,SCE050620LQ5,99213,,{doctor},800,,": "fecha: 31/02/2026 no existe",
        f"B-4,Ana Torres,{day},Otra,99213,,{doctor},800,,": "aseguradora: escriba el nombre o el RFC",
        f"B-5,Ana Torres,{day},SCE050620LQ5,99213,Oro,{doctor},800,,": "plan: Seguros La Ceiba no lo tiene",
        f"B-6,Ana Torres,{day},SCE050620LQ5,99213,,,800,,": "medico: escriba el nombre o la cédula",
        f"B-7,Ana Torres,{day},SCE050620LQ5,99213,,{doctor},,,": "honorario: Escriba el honorario",
        f"B-8,Ana Torres,{day},SCE050620LQ5,99213,,{doctor},800,801,": "parte_paciente: El paciente no paga más",
        f"B-9,=1+1,{day},SCE050620LQ5,99213,,{doctor},800,,": "paciente: empieza como una fórmula",
        f"B-10,Ana Torres,{day},SCE050620LQ5,99213,,{doctor},800,,ana": "correo: escriba una dirección",
        f"B-11,Ana Torres,{day},SCE050620LQ5,99 213,,{doctor},800,,": "codigo: Escriba el código",
        f'B-12,Ana Torres,{day},SCE050620LQ5,99213,,{doctor},"1,5",,': "honorario: «1,5» lleva coma",
    }  # fmt: skip
    told = send(practice, "\n".join(rows))
    text = told.content.decode()
    assert told.status_code == 422
    assert [said for said in rows.values() if said not in text] == []
    assert not CareService.objects.exists()
    mended = send(practice, "\n".join(rows), "errores").content.decode()
    assert "honorario: Escriba el honorario" in mended

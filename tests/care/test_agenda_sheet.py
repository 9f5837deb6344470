"""An agenda of a file: what is wrong names row, column and cure; all or nothing; the same file twice books once."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.urls import reverse

from emite.audit.models import AuditEvent
from emite.care import agenda, agenda_sheet
from emite.care.agenda_importing import Hour, import_all
from emite.care.models import Appointment, CareService, Contract, Physician, Tariff
from emite.care.rendering import Rendered, ServiceRefused
from emite.organizations.models import Organization
from tests import make
from tests import practice as stand
from tests.practice import Practice
from tests.web.test_practice_invoices import client

pytestmark = pytest.mark.django_db

HEAD = "folio_externo,paciente,fecha,hora,aseguradora,codigo,plan,medico,honorario,parte_paciente\n"


def send(practice: Practice, rows: str, action: str = "importar") -> HttpResponse:
    file = SimpleUploadedFile("citas.csv", (HEAD + rows).encode(), content_type="text/csv")
    address = reverse("practice:agenda_import")
    response: HttpResponse = client(practice).post(address, {"archivo": file, "accion": action})
    return response


def test_a_file_is_looked_at_then_booked_once() -> None:
    practice = stand.practice()
    plan = Contract.objects.create(
        organization=practice.organization, payer=practice.payer, issuer=practice.issuer, name="Plan Plata",
        copay=Decimal(150),
    )  # fmt: skip
    tariff = Tariff.objects.create(
        organization=practice.organization, contract=plan, system="cpt4", code="99213", fee=Decimal(900)
    )
    day = stand.today(practice)
    later = day + dt.timedelta(days=40)
    file = (
        f"C-1,Ana Torres Luna,{day:%Y-%m-%d},9:05,seguros la ceiba,99213,plan plata,,,\n"
        f"C-2,Luis Peña,{later:%d/%m/%Y},16:30,SCE050620LQ5,99203,,,1000.00,200\n"
    )
    looked = send(practice, file, "revisar")
    assert (looked.status_code, Appointment.objects.count()) == (200, 0)
    assert "<dt>Citas nuevas</dt><dd>2</dd>" in looked.content.decode()
    assert send(practice, file)["Location"] == reverse("practice:agenda")
    first, second = Appointment.objects.order_by("external_id")
    assert (first.at.astimezone(practice.organization.zone), first.fee) == (
        dt.datetime.combine(day, dt.time(9, 5), practice.organization.zone), None,
    )  # fmt: skip
    assert (second.fee, second.patient_part, second.state) == (1000, 200, "booked")

    assert send(practice, file)["Location"] == reverse("practice:agenda_import")
    assert send(practice, file + f"C-3,Eva Ríos,{later},08:00,SCE050620LQ5,99213,,,500,\n").status_code == 302
    told = AuditEvent.objects.filter(organization_id=practice.organization.pk, action="agenda.import")
    after = list(told.order_by("position").values_list("after", flat=True))
    assert [(one["appointments"], one["known"]) for one in after] == [(2, 0), (1, 0)]
    assert "Ana" not in str(after)

    # Nothing was typed: what the plan pays on the day that it is rendered.
    Tariff.objects.filter(pk=tariff.pk).update(fee=Decimal(1000))
    agenda.attended(first, user=practice.admin, now=make.now())
    assert CareService.objects.get().payer_part == 850
    moved = send(practice, f"C-2,Luis Peña,{later},17:30,SCE050620LQ5,99203,,,900,\n").content.decode()
    assert f"fecha: ese folio ya está, para el {later:%d/%m/%Y} a las 16:30" in moved
    assert "honorario: ese folio ya está, con $1,000.00" in moved
    with pytest.raises(ServiceRefused, match="administrador o un facturador"):
        import_all(practice.organization, [], user=practice.reader, now=make.now())
    assert Appointment.objects.count() == 3


def test_the_hours_that_a_clock_repeats_or_skips() -> None:
    practice = stand.practice()
    Organization.objects.filter(pk=practice.organization.pk).update(postal_code="22000")
    year = stand.today(practice).year + 1
    sundays = [dt.date(year, month, day) for month in (3, 11) for day in range(1, 15)]
    (_, forward), (back, _) = ([day for day in sundays if (day.month, day.weekday()) == (m, 6)][:2] for m in (3, 11))
    twice = f"D-1,Ana Torres Luna,{back},01:30,SCE050620LQ5,99213,,,900,\n"
    assert send(practice, twice)["Location"] == reverse("practice:agenda")
    assert send(practice, twice)["Location"] == reverse("practice:agenda_import")
    made = Appointment.objects.get()
    hour = Hour(Rendered(
        issuer=practice.issuer, physician=Physician.objects.get(), payer=practice.payer, contract=None,
        patient_name="Ana Torres Luna", rendered_on=back, system="cpt4", code="99213", fee=Decimal(900),
        external_id="D-1",
    ), dt.datetime.combine(back, dt.time(1, 30), ZoneInfo("America/Tijuana")))  # fmt: skip
    organization = Organization.objects.get(pk=practice.organization.pk)
    assert import_all(organization, [hour], user=practice.admin, now=make.now()) == 0
    assert made.at == dt.datetime.combine(back, dt.time(8, 30), dt.UTC)
    never = send(practice, f"D-2,Ana Torres Luna,{forward},02:30,SCE050620LQ5,99213,,,900,\n")
    assert (never.status_code, "hora: ese día el reloj se adelanta" in never.content.decode()) == (422, True)


def test_one_wrong_row_stops_all_and_each_says_column_and_cure() -> None:
    practice = stand.practice()
    Physician.objects.create(organization=practice.organization, name="Rosa Peña Gil", kind="primer_contacto")
    day, doctor = stand.today(practice), "Rosa Peña Gil"
    far = day.replace(year=day.year + 3, day=1)
    rows = {
        f"B-1,Ana Torres,{day},10:00,SCE050620LQ5,99213,,{doctor},800,": "",
        f"B-1,Eva Torres,{day},10:00,SCE050620LQ5,99213,,{doctor},800,": "folio_externo: B-1 ya está en el renglón 2",
        f"B-3,Ana Torres,31/02/2026,10:00,SCE050620LQ5,99213,,{doctor},800,": "fecha: 31/02/2026 no existe",
        f"B-4,Ana Torres,{day},25:00,SCE050620LQ5,99213,,{doctor},800,": "hora: escríbala de 00:00 a 23:59",
        f"B-5,Ana Torres,{day},,Otra,99213,,{doctor},800,": "aseguradora: escriba el nombre o el RFC",
        f"B-6,Ana Torres,{far},10:00,SCE050620LQ5,99213,,{doctor},800,": "fecha: La cita es de aquí a más de dos años",
        f"B-7,Ana Torres,{day},10:00,SCE050620LQ5,99213,,{doctor},,": "honorario: Escriba el honorario",
        f"B-8,Ana Torres,{day},10:00,SCE050620LQ5,99213,,,800,": "medico: escriba el nombre o la cédula",
        f"=B,Ana Torres,{day},10:00,SCE050620LQ5,99213,,{doctor},800,": "folio_externo: empieza como una fórmula",
    }  # fmt: skip
    told = send(practice, "\n".join(rows))
    text = told.content.decode()
    assert told.status_code == 422
    assert [said for said in rows.values() if said not in text] == []
    assert not Appointment.objects.exists()
    mended = send(practice, "\n".join(rows), "errores").content.decode()
    assert mended.lstrip("\ufeff").startswith(",".join((*agenda_sheet.TEMPLATE, "error")))
    assert "hora: escríbala" in mended

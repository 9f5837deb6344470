"""Remisiones of a file: looked at first, all or nothing, twice the same, and the tickets of what came in."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from emite.chargemaster.tables import MOST_BYTES
from emite.charges.allowing import NotAllowed
from emite.charges.charging import void
from emite.charges.code import grouped
from emite.charges.collecting import Part
from emite.charges.correcting import refund
from emite.charges.importing import import_all
from emite.charges.models import Charge, Payment, PaymentSlip
from emite.charges.sheet import TEMPLATE, understand
from emite.organizations import branches
from tests import make
from tests.make import Hospital
from tests.web.desk.staff import Person, audited, item, said

pytestmark = pytest.mark.django_db
HEAD = "folio_externo,paciente,codigo,descripcion,clave_sat,unidad,iva,cantidad,precio,descuento,forma_pago,pagado\n"
GOOD = HEAD + (
    "HIS-1,Ana Torres,URG-01,,,,,1,,,04,1000\n"
    "HIS-1,,,Gasas,42311500,H87,16,2,10.50,1,,\n"
    "HIS-1,,,,,,,,,,1,1169.20\n"
    "HIS-2,José Peña,,Consulta médica,85121502,E48,exento,1,$950.00,,01,0.00\n"
)


def send(person: Person, content: str | bytes, action: str = "importar") -> Any:
    data = content.encode() if isinstance(content, str) else content
    return person.post("charge_import", archivo=SimpleUploadedFile("remisiones.csv", data), accion=action)


def test_a_file_is_looked_at_imported_whole_and_twice_charges_nothing_more(admin: Person, hospital: Hospital) -> None:
    item(hospital.organization)

    looked = said(send(admin, GOOD, "revisar"))
    assert "Remisiones nuevas 2" in looked
    assert "Total con impuestos $3,119.20" in looked
    assert "Pagado: efectivo $1,169.20 Pagado: tarjeta de crédito $1,000.00" in looked
    assert not Charge.objects.exists()

    page = said(admin.follow(send(admin, GOOD)))
    assert "Remisiones importadas: 2." in page
    assert "Imprimir 2 tickets" in page
    one, two = Charge.objects.order_by("number")
    assert (one.total, one.is_paid, one.patient_name, one.external_id) == (
        Decimal("2169.20"), True, "Ana Torres", "HIS-1",
    )  # fmt: skip
    assert (two.total, two.paid, two.lines.get().treatment) == (Decimal(950), 0, "exento")
    slip = PaymentSlip.objects.get()
    assert (slip.session, slip.register, slip.amount) == (None, hospital.register, one.total)
    assert sorted(Payment.objects.values_list("forma_pago", "amount")) == [
        ("01", Decimal("1169.20")), ("04", Decimal(1000)),
    ]  # fmt: skip
    assert audited(hospital.organization, "charge.import")[0].after == {
        "first": one.folio, "last": two.folio, "charges": 2, "known": 0, "total": "3119.20", "paid": "2169.20",
    }  # fmt: skip

    assert "ya estaban: no cambió nada" in said(admin.follow(send(admin, GOOD)))
    assert "Ya estaban y quedan igual 2" in said(send(admin, GOOD, "revisar"))
    more = GOOD + "HIS-3,,URG-01,,,,,1,,,,\n"
    assert "Remisiones importadas: 1. Otras 2 ya estaban" in said(admin.follow(send(admin, more)))
    assert (Charge.objects.count(), PaymentSlip.objects.count()) == (3, 1)


def test_what_gave_services_back_is_still_the_same(admin: Person, hospital: Hospital) -> None:
    item(hospital.organization)
    admin.follow(send(admin, GOOD))
    one, two = Charge.objects.order_by("number")
    terms: Any = {"reason": "no se usó", "register": hospital.register, "user": hospital.admin, "now": make.now()}
    gauze = one.lines.get(description="Gasas")
    for _ in range(2):
        refund(one, {gauze.pk: Decimal(1)}, [Part("01", Decimal("11.60"))], key=uuid.uuid4(), **terms)
        gauze.refresh_from_db()
        one.refresh_from_db()
    void(two, user=hospital.admin, reason="se capturó dos veces", now=make.now())
    assert one.total == Decimal("2146.00")

    assert "Ya estaban y quedan igual 2" in said(send(admin, GOOD, "revisar"))
    assert "ya estaban: no cambió nada" in said(admin.follow(send(admin, GOOD)))
    left = GOOD.replace("HIS-1,,,Gasas,42311500,H87,16,2,10.50,1,,\n", "").replace("1169.20", "1146.00")
    assert "Ya estaban y quedan igual 2" in said(send(admin, left, "revisar"))
    other = GOOD.replace("10.50", "10.00").replace("1169.20", "1168.04")
    assert "HIS-1 ya está en el sistema con un total de $2,169.20 y aquí suma $2,168.04" in said(send(admin, other))
    assert Charge.objects.count() == 2


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ('A,,,Algo,85121502,E48,16,1,"1,50",,,', "precio: «1,50» lleva coma. Escriba punto"),
        ("A,,,Algo,85121502,E48,,1,10,,,", "iva: Falta el tratamiento de IVA"),
        ("A,,,Algo,85121502,E48,19,1,10,,,", "iva: escriba 16, 8, 0, exento"),
        ("A,,,Algo,85121500,E48,16,1,10,,,", "clave_sat: La clave no está en el catálogo del SAT"),
        ("A,,,Algo,85121502,E48,16,,10,,,", "cantidad: escriba cuántos"),
        ("A,=1+1,,Algo,85121502,E48,16,1,10,,,", "paciente: empieza como una fórmula (=)"),
        ("con espacio,,,Algo,85121502,E48,16,1,10,,,", "folio_externo: escriba el folio de su sistema"),
        ("A,,,Algo,85121502,E48,16,1,10,,99,10", "forma_pago: escriba una de estas: 01 efectivo"),
        ("A,,,Algo,85121502,E48,16,1,10,,01,", "pagado: escriba cuánto se pagó"),
        ("A,,,Algo,85121502,E48,16,1,10,,01,11.61", "pagado: Se pagaron $11.61 de una remisión de $11.60"),
        ("A,,,,,,,,,,01,10", "cantidad: A no tiene ningún servicio"),
        ("A,Ana,,Algo,85121502,E48,16,1,10,,,\nA,Eva,,Algo,85121502,E48,16,1,10,,,", "paciente: los renglones de A"),
        ("A,,NADA,,,,,1,,,,", "descripcion: Escriba la descripción, o un código"),
        ("YA,,,Algo,85121502,E48,16,1,10,,,", "YA ya está en el sistema con un total de $1,160.00 y aquí suma $11.60"),
        ("A,,,con coma,sin comillas,85121502,E48,16,1,10,,,", "sobran columnas"),
    ],
)
def test_what_is_wrong_is_told_by_row_and_nothing_comes_in(
    admin: Person, hospital: Hospital, rows: str, words: str
) -> None:
    make.charge(hospital, external_id="YA")

    answer = send(admin, HEAD + "BIEN,,,Algo,85121502,E48,16,1,10,,,\n" + rows + "\n")

    assert answer.status_code == 422
    assert words in said(answer)
    assert Charge.objects.count() == 1
    assert words.split(":")[0] in send(admin, HEAD + rows + "\n", "errores").content.decode()


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (GOOD.replace(",", ";").encode("cp1252"), 200, "Windows-1252"),
        (GOOD.encode("utf-8-sig"), 200, "Remisiones nuevas 2"),
        (GOOD.replace(",", "\t").encode("latin-1"), 200, "tabuladores"),
        (GOOD.encode("utf-16"), 422, "UTF-16: guárdelo como «CSV UTF-8»"),
        (b"PK\x03\x04 libro", 422, "Es un libro de Excel"),
        ("paciente,codigo\nAna,URG-01\n", 422, "Faltan columnas: folio_externo, cantidad"),
        (HEAD, 422, "no tiene renglones"),
        (HEAD + "A,,URG-01,,,,,1,,,,\n" * 2001, 422, "más de 2,000 renglones"),
        (HEAD.encode() + b"A,\x00,URG-01,,,,,1,,,,\n", 422, "carácter invisible"),
    ],
)
def test_files_as_hospitals_have_them(
    admin: Person, hospital: Hospital, content: str | bytes, status: int, words: str
) -> None:
    item(hospital.organization)

    answer = send(admin, content, "revisar")

    assert (answer.status_code, words in said(answer)) == (status, True), said(answer)


def test_what_is_too_heavy_is_refused_unread(admin: Person) -> None:
    answer = admin.client.generic(
        "POST", reverse("desk:charge_import"), b"x", content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(200 * 2**20),
    )  # fmt: skip

    assert answer.status_code == 413
    assert f"{MOST_BYTES // 2**20} MB" in said(answer)


def test_only_who_may_imports_even_past_the_page(hospital: Hospital) -> None:
    from io import BytesIO

    item(hospital.organization)
    reading = understand(BytesIO(GOOD.encode()), hospital.organization)
    with pytest.raises(NotAllowed):
        import_all(hospital.organization, reading.charges, user=hospital.cashier, now=make.now())
    assert not Charge.objects.exists()
    template = Person(hospital.biller).get("charge_template").content.decode("utf-8-sig")
    assert template.strip() == ",".join(TEMPLATE)


def test_the_tickets_of_what_came_in_are_printed_together_and_counted(admin: Person, hospital: Hospital) -> None:
    item(hospital.organization)
    send(admin, GOOD)
    first, last = Charge.objects.order_by("number").values_list("number", flat=True)
    query = f"?desde={first}&hasta={last}"
    assert admin.client.get(reverse("desk:tickets") + query).status_code == 404

    sheets = admin.client.get(admin.client.post(reverse("desk:print_many") + query)["Location"])

    for charge in Charge.objects.all():
        assert grouped(make.code(charge)).replace("-", " ") in said(sheets)
        assert charge.prints == 1
    assert sheets.content.decode().count("<svg") == 2
    assert "REIMPRESIÓN" not in said(sheets).upper()
    assert "Impreso" in said(admin.client.get(reverse("desk:imported") + query))
    again = admin.client.get(admin.client.post(reverse("desk:print_many") + query)["Location"])
    assert "REIMPRESIÓN" in said(again).upper()
    other = Person(make.hospital().admin)
    assert other.client.get(reverse("desk:tickets") + query).status_code == 404


def test_a_row_names_its_branch_or_its_register_does(admin: Person, hospital: Hospital) -> None:
    where = branches.add(hospital.organization, "Cancún", "77500", user=hospital.admin, now=make.now())
    admin.post("register_place", hospital.register.pk, branch=str(where.pk))
    head = "folio_externo,descripcion,clave_sat,unidad,iva,cantidad,precio,caja,sucursal\n"
    row = "{0},Consulta médica,85121502,E48,exento,1,950,{1},{2}\n"
    wrong = send(admin, head + row.format("A-1", "", "Mérida"))
    assert (wrong.status_code, "Escriba una de estas: Cancún." in said(wrong)) == (422, True)
    named = row.format("A-1", "", "CANCUN") + row.format("A-2", hospital.register.name, "") + row.format("A-3", "", "")
    admin.follow(send(admin, head + named))
    places = dict(Charge.objects.values_list("external_id", "lugar_expedicion"))
    assert places == {"A-1": "77500", "A-2": "77500", "A-3": None}
    assert [event.after for event in audited(hospital.organization, "register.branch")] == [{"branch": "Cancún"}]
    hospital.register.refresh_from_db()
    admin.post("register_place", hospital.register.pk, branch="")
    hospital.register.refresh_from_db()
    assert hospital.register.branch is None

"""The price list: kept by who may, nothing supposed, and a file of it that says row by row what to mend."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from emite.chargemaster.keeping import ItemInput, NotAllowed, keep, keep_all
from emite.chargemaster.models import ChargeItem
from emite.chargemaster.tables import MOST_BYTES
from emite.charges.models import Charge
from tests import make
from tests.make import Hospital
from tests.web.desk.staff import LINE, Person, audited, item, said

pytestmark = pytest.mark.django_db
HEAD = "codigo,descripcion,clave_sat,unidad,iva,precio\n"
GOOD = HEAD + "CON-01,Consulta médica,85121502,E48,16,950.00\nFAR-01,Amoxicilina,51101511,H87,0,87.5\n"
TYPED = {
    "code": "CON-01", "description": "Consulta médica", "clave_prod_serv": "85121502", "clave_unidad": "e48",
    "unit_price": "$950.00", "treatment": "exento", "active": "on",
}  # fmt: skip


def send(person: Person, content: str | bytes, action: str = "aplicar") -> Any:
    data = content.encode() if isinstance(content, str) else content
    return person.post("price_import", archivo=SimpleUploadedFile("lista.csv", data), accion=action)


def items() -> list[tuple[str, str, Decimal]]:
    return list(ChargeItem.objects.order_by("code").values_list("code", "treatment", "unit_price"))


def test_a_service_is_added_changed_and_what_was_charged_keeps_its_price(hospital: Hospital, admin: Person) -> None:
    assert "guardado" in said(admin.follow(admin.post("price_add", **TYPED)))
    row = ChargeItem.objects.get()
    assert (row.clave_unidad, row.treatment, row.unit_price) == ("E48", "exento", Decimal(950))
    cashier = Person(hospital.cashier)
    cashier.write(dict.fromkeys(LINE, "") | {"code": "CON-01", "price_mode": "sin"})

    admin.follow(admin.post("price", row.pk, **{**TYPED, "unit_price": "1000"}))

    assert Charge.objects.get().total == Decimal("950.00")
    change = audited(hospital.organization, "item.change")[0]
    assert (change.before["unit_price"], change.after["unit_price"]) == ("950", "1000")
    send(admin, HEAD + "con-01,Consulta médica,85121502,E48,exento,1100\n")
    page = said(admin.get("price", row.pk))
    assert page.index("$1,000.00 $1,100.00") < page.index("$950.00 $1,000.00")
    admin.follow(admin.post("price", row.pk, **{**TYPED, "active": ""}))
    assert "CON-01" not in said(admin.get("prices"))
    assert "CON-01" in said(admin.get("prices", ver="fuera"))
    assert "Ningún servicio" in said(cashier.write(dict.fromkeys(LINE, "") | {"code": "CON-01", "price_mode": "sin"}))


@pytest.mark.parametrize(
    ("spoiled", "words"),
    [
        ({"treatment": ""}, "no se supone ninguno"),
        ({"clave_prod_serv": "85121500"}, "no está en el catálogo del SAT"),
        ({"clave_unidad": "ZZZ"}, "no está en el catálogo del SAT"),
        ({"unit_price": "12,50"}, "Use punto para los decimales"),
        ({"unit_price": "0"}, "mayor que cero"),
        ({"description": "a|b"}, "signo |"),
        ({"code": "con-02"}, "Otro servicio ya tiene ese código"),
    ],
)
def test_what_is_wrong_is_said_and_kept(admin: Person, hospital: Hospital, spoiled: dict[str, str], words: str) -> None:
    item(hospital.organization, code="CON-02")

    response = admin.post("price_add", **{**TYPED, **spoiled})

    assert response.status_code == 422
    assert words in said(response)
    kept = {**TYPED, **spoiled}["unit_price"]
    assert f'value="{kept}"' in response.content.decode()
    assert ChargeItem.objects.count() == 1


def test_words_offer_keys_with_and_without_scripts(admin: Person) -> None:
    piece = admin.get("price_keys", clave_prod_serv="consulta medca").content.decode()
    assert 'value="clave_prod_serv=85121502"' in piece

    page = admin.post("price_add", **{**TYPED, "clave_prod_serv": "consulta medca"})
    assert 'value="clave_prod_serv=85121502"' in page.content.decode()
    picked = admin.post("price_add", **{**TYPED, "clave_prod_serv": "medca", "accion": "clave_prod_serv=85121502"})
    assert 'name="clave_prod_serv" value="85121502"' in picked.content.decode()
    assert not ChargeItem.objects.exists()


def test_search_forgives_typos_and_sees_only_its_own(admin: Person, hospital: Hospital) -> None:
    item(hospital.organization, code="RX-03", description="Radiografía de tórax")
    item(make.hospital().organization, code="RX-99", description="Radiografía ajena")

    for text in ("radiogrfia", "rx", "torax radiografia"):
        assert "RX-03" in said(admin.get("prices", q=text))
    assert "RX-99" not in said(admin.get("prices"))
    assert "se parece" in said(admin.get("prices", q="hemodiálisis"))


def test_services_check_the_permission_themselves(hospital: Hospital) -> None:
    asked = ItemInput("A", "A", "85121502", "E48", "iva16", Decimal(1))
    with pytest.raises(NotAllowed):
        keep(hospital.organization, asked, pk=None, user=hospital.cashier, now=make.now())
    with pytest.raises(NotAllowed):
        keep_all(make.hospital().organization, [asked], user=hospital.admin, now=make.now())
    assert not ChargeItem.objects.exists()


def test_a_file_is_looked_at_then_applied_and_twice_changes_nothing(admin: Person, hospital: Hospital) -> None:
    item(hospital.organization, code="con-01", unit_price="900")

    assert "1 servicios nuevos y 1 que ya existen" in said(send(admin, GOOD, "revisar"))
    assert len(items()) == 1
    assert "1 agregados, 1 cambiados y 0 iguales" in said(admin.follow(send(admin, GOOD)))
    assert items() == [("CON-01", "iva16", Decimal(950)), ("FAR-01", "iva0", Decimal("87.5"))]
    assert audited(hospital.organization, "item.import")[0].after["prices"] == {"CON-01": ["900", "950"]}
    exported = admin.get("price_export").content
    assert "0 agregados, 0 cambiados y 2 iguales" in said(admin.follow(send(admin, exported)))
    assert len(audited(hospital.organization, "item.import")) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (GOOD.encode("utf-8-sig"), ""),
        (GOOD.replace(",", ";").encode("cp1252"), "Windows-1252"),
        (GOOD.replace(",", "\t"), "tabuladores"),
        (GOOD.replace(",", ";"), "punto y coma"),
        (GOOD.replace("codigo", "Código").replace("\n", "\r\n"), ""),
    ],
)
def test_encodings_and_separators_are_detected_and_said(admin: Person, content: str | bytes, words: str) -> None:
    assert words in said(send(admin, content, "revisar"))
    send(admin, content)
    assert ChargeItem.objects.get(code="CON-01").description == "Consulta médica"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HEAD + 'A,Algo,85121502,E48,16,"1,50"\n', "lleva coma. Escriba punto"),
        (HEAD + "A,Algo,85121502,E48,,10\n", "iva: escriba 16, 8, 0, exento"),
        (HEAD + "A,Algo,85121500,E48,16,10\n", "«85121500» no está en el catálogo"),
        (HEAD + "A,=1+1,85121502,E48,16,10\n", "empieza como una fórmula (=)"),
        (HEAD + "A,Uno,85121502,E48,16,10\na,Dos,85121502,E48,16,10\n", "ya está en el renglón 2"),
        (HEAD + "A,Algo,con coma,85121502,E48,16,10\n", "sobran columnas"),
        ("codigo,precio\nA,1\n", "Faltan columnas: descripcion, clave_sat, unidad, iva"),
        ("PK\x03\x04 libro", "Es un libro de Excel"),
        (HEAD, "no tiene renglones"),
        ("", "El archivo está vacío"),
    ],
)
def test_bad_files_name_the_row_and_the_cure_and_change_nothing(admin: Person, content: str, words: str) -> None:
    good = GOOD.split("\n")[2] if content.startswith(HEAD) and content != HEAD else ""

    response = send(admin, content + good)

    assert response.status_code == 422
    assert words in said(response)
    assert not ChargeItem.objects.exists()


def test_errors_come_back_as_a_file_and_a_spreadsheet_runs_nothing(admin: Person, hospital: Hospital) -> None:
    answer = send(admin, HEAD + "A,=HYPERLINK(1),85121502,E48,16,10\n", "errores").content.decode("utf-8-sig")
    assert "error" in answer.split("\n")[0]
    assert "'=HYPERLINK(1)" in answer
    item(hospital.organization, code="B", description="@SUM(A1)")
    assert "'@SUM(A1)" in admin.get("price_export").content.decode()


def test_200_megabytes_are_refused_before_they_are_read(admin: Person) -> None:
    response = admin.client.generic(
        "POST", "/caja/precios/importar/", b"x", content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(200 * 2**20),
    )  # fmt: skip
    assert response.status_code == 413
    assert f"a lo más {MOST_BYTES // 2**20} MB" in said(response)


def test_letters_that_no_windows_writes_are_refused(admin: Person) -> None:
    response = send(admin, GOOD.encode() + "X,EXÁMEN MÉDICO,85121502,E48,16,10\n".encode("cp850"))

    assert response.status_code == 422
    assert "guárdelo como «CSV UTF-8»" in said(response)
    assert not ChargeItem.objects.exists()

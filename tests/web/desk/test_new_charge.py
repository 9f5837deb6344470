"""Writing a remisión: rows from the list or free, nothing lost after an error, nothing stored twice."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest

from emite.charges.models import Charge
from tests import make
from tests.make import Hospital
from tests.web.desk.staff import LINE, Person, item, said

pytestmark = pytest.mark.django_db


def only() -> Charge:
    return Charge.objects.get()


def test_free_line_becomes_a_charge(cashier: Person, hospital: Hospital) -> None:
    response = cashier.write({}, patient_name="Ana Torres Luna")

    page = said(cashier.follow(response))
    charge = only()
    assert (charge.total, charge.patient_name) == (Decimal("1160.00"), "Ana Torres Luna")
    assert charge.created_by == hospital.cashier
    assert charge.folio in page
    assert "$1,160.00" in page


def test_code_alone_is_filled_from_the_list(cashier: Person, hospital: Hospital) -> None:
    item(hospital.organization)
    blank = dict.fromkeys(LINE, "") | {"code": "urg-01", "price_mode": "sin"}

    cashier.write(blank)

    line = only().lines.get()
    assert (line.code, line.description, line.unit_price) == ("URG-01", "Atención en urgencias", Decimal(1850))
    assert (line.clave_prod_serv, line.clave_unidad, line.treatment) == ("85101501", "E48", "iva16")


def test_name_of_a_service_stands_for_it(cashier: Person, hospital: Hospital) -> None:
    item(hospital.organization)
    item(hospital.organization, code="HAB-01", description="Habitación")

    cashier.write(dict.fromkeys(LINE, "") | {"code": "urgencias", "price_mode": "sin"})

    assert only().lines.get().code == "URG-01"


def test_what_was_typed_wins_over_the_list(cashier: Person, hospital: Hospital) -> None:
    item(hospital.organization)

    cashier.write(
        dict.fromkeys(LINE, "") | {"code": "URG-01", "quantity": "2", "unit_price": "$1,500.50", "price_mode": "sin"}
    )

    line = only().lines.get()
    assert (line.quantity, line.unit_price, line.description) == (2, Decimal("1500.5"), "Atención en urgencias")


def test_list_of_another_organization_is_not_seen(cashier: Person) -> None:
    item(make.hospital().organization)

    response = cashier.write(dict.fromkeys(LINE, "") | {"code": "URG-01", "price_mode": "sin"})

    assert response.status_code == 422
    assert "Ningún servicio de su lista tiene ese código" in said(response)
    assert not Charge.objects.exists()


@pytest.mark.parametrize(
    ("treatment", "total"), [("iva16", "1160.00"), ("iva8", "1160.00"), ("iva0", "1160.00"), ("exento", "1160.00")]
)
def test_price_with_iva_comes_back_to_the_price(cashier: Person, treatment: str, total: str) -> None:
    cashier.write({"unit_price": "1160", "price_mode": "con", "treatment": treatment})

    assert only().total == Decimal(total)


def test_mixed_treatments_and_discount_add_up(cashier: Person) -> None:
    cashier.write(
        {}, {"treatment": "iva0", "unit_price": "100", "discount": "10"}, {"treatment": "exento", "unit_price": "50"}
    )

    charge = only()
    assert (charge.sub_total, charge.discount, charge.tax, charge.total) == (
        Decimal(1150),
        Decimal(10),
        Decimal(160),
        Decimal(1300),
    )


@pytest.mark.parametrize(
    ("spoiled", "words"),
    [
        ({"unit_price": "0"}, "El precio debe ser mayor que cero"),
        ({"unit_price": "-5"}, "El precio debe ser mayor que cero"),
        ({"unit_price": "1.1234567"}, "seis decimales"),
        ({"unit_price": "1e5"}, "Escriba solo números"),
        ({"unit_price": "NaN"}, "Escriba solo números"),
        ({"unit_price": "12,50"}, "Use punto para los decimales"),
        ({"unit_price": "9" * 40}, "demasiadas cifras"),
        ({"unit_price": "1000000000"}, "demasiado grande"),
        ({"unit_price": ""}, "Escriba el precio"),
        ({"quantity": "0"}, "La cantidad debe ser mayor que cero"),
        ({"quantity": "-1"}, "La cantidad debe ser mayor que cero"),
        ({"quantity": "dos"}, "Escriba solo números"),
        ({"discount": "1000"}, "El descuento debe ser menor"),
        ({"discount": "-1"}, "no puede ser negativo"),
        ({"treatment": ""}, "Elija el tratamiento de IVA"),
        ({"treatment": "gratis"}, "Elija el tratamiento de IVA"),
        ({"clave_prod_serv": "99999999"}, "La clave no está en el catálogo del SAT"),
        ({"clave_unidad": "ZZZ"}, "no está en el catálogo del SAT"),
        ({"description": "a|b"}, "no puede llevar el signo |"),
        ({"description": ""}, "Escriba qué se cobra"),
    ],
)
def test_bad_line_is_told_and_nothing_is_lost(cashier: Person, spoiled: dict[str, str], words: str) -> None:
    response = cashier.write({"description": "Curación mayor"}, spoiled, patient_name="Ana")

    page = response.content.decode()
    assert response.status_code == 422
    assert words in said(response)
    assert 'value="Curación mayor"' in page
    assert 'value="Ana"' in page
    assert not Charge.objects.exists()


def test_total_of_nothing_is_refused(cashier: Person) -> None:
    response = cashier.write({"quantity": "0.001", "unit_price": "0.01"})

    assert response.status_code == 422
    assert "al menos un centavo" in said(response)
    assert not Charge.objects.exists()


def test_small_quantities_are_sold(cashier: Person) -> None:
    cashier.write({"quantity": "0.001", "unit_price": "12000"})

    assert only().lines.get().quantity == Decimal("0.001")


def test_hostile_text_stays_text(cashier: Person) -> None:
    hostile = "<script>alert(1)</script> & \"x\" 'y' 😀 {{ 7 }}"

    page = cashier.follow(cashier.write({"description": hostile}, patient_name=hostile))

    assert only().lines.get().description == hostile
    assert "<script>alert(1)" not in page.content.decode()
    assert "&lt;script&gt;alert(1)" in page.content.decode()


def test_blank_rows_are_left_out_and_nothing_is_not_a_remision(cashier: Person) -> None:
    blank = dict.fromkeys(LINE, "") | {"quantity": "1", "price_mode": "sin"}

    response = cashier.write(blank)

    assert response.status_code == 422
    assert "Elija un servicio de su lista o describa" in said(response)
    cashier.write({}, blank)
    assert only().lines.count() == 1


def test_buttons_without_scripts_keep_what_was_typed(cashier: Person, hospital: Hospital) -> None:
    item(hospital.organization)

    added = cashier.write({"description": "Primera"}, action="agregar").content.decode()
    assert 'value="Primera"' in added
    assert 'name="l1-code"' in added
    assert 'name="filas" value="2"' in added
    filled = cashier.write(dict.fromkeys(LINE, "") | {"code": "URG-01", "price_mode": "sin"}, action="actualizar")
    assert "$2,146.00" in said(filled)
    removed = cashier.write({"description": "Primera"}, {"description": "Segunda"}, action="quitar-0").content.decode()
    assert "Primera" not in removed
    assert 'name="l0-description" value="Segunda"' in removed
    assert not Charge.objects.exists()


def test_same_form_twice_is_one_remision(cashier: Person) -> None:
    key = str(uuid.uuid4())

    first, second = cashier.write({}, clave_envio=key), cashier.write({}, clave_envio=key)

    assert first["Location"] == second["Location"]
    assert Charge.objects.count() == 1


def test_sums_as_one_types(cashier: Person, hospital: Hospital) -> None:
    item(hospital.organization)
    data = {"filas": "1", **{f"l0-{name}": value for name, value in LINE.items()}}

    sums = cashier.client.post("/caja/remisiones/nueva/calculo/", data)
    assert "$1,160.00" in said(sums)
    assert 'id="importe-0" hx-swap-oob="true">$1,000.00' in sums.content.decode()
    rows = cashier.client.post("/caja/remisiones/nueva/calculo/?todo=1", {"filas": "1", "l0-code": "URG-01"})
    assert 'value="Atención en urgencias"' in rows.content.decode()
    assert not Charge.objects.exists()


def test_options_come_from_the_list_and_from_sat(cashier: Person, hospital: Hospital) -> None:
    item(hospital.organization)
    item(make.hospital().organization, code="URG-99")

    options = cashier.client.get("/caja/servicios/", {"l0-code": "urgen"}).content.decode()
    assert 'value="URG-01"' in options
    assert "URG-99" not in options
    claves = cashier.client.get("/caja/claves/", {"l0-clave_prod_serv": "cardiologia"}).content.decode()
    assert 'value="l0-clave_prod_serv=85121603"' in claves
    assert cashier.client.get("/caja/claves/", {"l0-code": "cardiologia"}).content.strip() == b""


def test_words_in_the_place_of_a_key_offer_keys_also_without_scripts(cashier: Person) -> None:
    page = cashier.write({"clave_prod_serv": "consulta medca"})
    assert page.status_code == 422
    assert 'value="l0-clave_prod_serv=85121502"' in page.content.decode()

    picked = cashier.write({"clave_prod_serv": "medca"}, action="l0-clave_prod_serv=85121502")

    assert 'name="l0-clave_prod_serv" value="85121502"' in picked.content.decode()
    assert not Charge.objects.exists()


def test_without_an_issuer_it_says_what_is_missing(db: None) -> None:
    from emite.organizations.models import Membership, Organization
    from tests.web.desk.staff import member

    bare = Organization.objects.create(slug="nuevo", name="Nuevo", kind="hospital", postal_code="06700")
    page = said(member(bare, Membership.Role.CAJERO).get("new_charge"))
    assert "falta el emisor" in page


def test_rows_are_bounded(cashier: Person) -> None:
    response = cashier.write({}, filas="999999999")

    assert response.status_code in (302, 422)
    assert cashier.write({}, filas="abc", action="actualizar").status_code == 200

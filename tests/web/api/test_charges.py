"""Remisiones through the API: what comes out, what is refused and why."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest
import zxingcpp

from emite.charges.finding import by_code
from emite.charges.models import Charge
from emite.organizations import branches
from tests import make
from tests.web.api.system import CHARGE, LINE, System, fields, problem

pytestmark = pytest.mark.django_db


def test_a_charge_comes_back_with_folio_code_link_and_qr(his: System, hospital: make.Hospital) -> None:
    response = his.charge(external_id="HIS-1", patient_name="Ana Torres Luna")

    assert response.status_code == 201, response.content
    body, row = response.json(), Charge.objects.get()
    assert (body["id"], body["folio"], body["external_id"]) == (str(row.pk), "REM-000001", "HIS-1")
    assert (body["sub_total"], body["tax"], body["total"], body["owed"]) == ("1000.00", "160.00", "1160.00", "1160.00")
    assert by_code(hospital.organization, body["code"]) == row
    slug = hospital.organization.slug
    assert body["link"] == f"http://127.0.0.1:8000/f/{slug}"
    assert body["qr"] == f"http://127.0.0.1:8000/q/{slug}/{body['code'].replace('-', '')}"
    assert (row.patient_name, row.created_by) == ("Ana Torres Luna", hospital.biller)
    assert "Ana" not in response.content.decode()
    assert his.get(f"charges/{row.pk}").json() == body


def test_lines_are_completed_from_the_list(his: System, hospital: make.Hospital) -> None:
    from tests.web.desk.staff import item

    item(hospital.organization)

    body = his.charge(lines=[{"code": "urg-01", "quantity": "2"}]).json()

    assert body["lines"][0] == {
        "code": "URG-01",
        "description": "Atención en urgencias",
        "clave_prod_serv": "85101501",
        "clave_unidad": "E48",
        "treatment": "iva16",
        "quantity": "2",
        "unit_price": "1850.00",
        "discount": "0.00",
        "amount": "3700.00",
    }


@pytest.mark.parametrize("name", ["description", "clave_prod_serv", "clave_unidad", "treatment", "unit_price"])
def test_nothing_is_made_up_for_a_line(his: System, name: str) -> None:
    line = {key: value for key, value in LINE.items() if key != name}

    body = problem(his.charge(lines=[LINE, line]), 422, "line_refused")

    assert fields(body) == [f"lines[1].{name}"]
    assert not Charge.objects.exists()


@pytest.mark.parametrize("value", [1000, 1000.5])
@pytest.mark.parametrize("name", ["unit_price", "quantity", "discount"])
def test_numbers_of_json_are_no_money(his: System, name: str, value: float) -> None:
    body = problem(his.charge(lines=[LINE | {name: value}]), 422, "invalid")

    assert fields(body) == [f"lines[0].{name}"]
    assert "nunca como número de JSON" in body["errors"][0]["message"]
    assert not Charge.objects.exists()


@pytest.mark.parametrize("value", ["", "1,000.00", "-1", "+1", "1e3", "NaN", "1.", ".5", "0x1", " 1", "1\n", "١", "01"])
def test_money_is_written_one_way(his: System, value: str) -> None:
    body = problem(his.charge(lines=[LINE | {"unit_price": value}]), 422, "invalid")

    assert fields(body) == ["lines[0].unit_price"]


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"total": "1160.00"}, "total"),
        ({"lines": [LINE | {"precio": "1"}]}, "lines[0].precio"),
        ({"lines": []}, "lines"),
        ({"lines": "nada"}, "lines"),
        ({"lines": [LINE | {"treatment": "gratis"}]}, "lines[0].treatment"),
        ({"external_id": "x" * 65}, "external_id"),
        ({"external_id": "con espacio"}, "external_id"),
        ({"external_id": 7}, "external_id"),
        ({"patient_name": "a\u0000b"}, "patient_name"),
        ({"lines": [LINE | {"description": "a\u0000b"}]}, "lines[0].description"),
        ({"issuer_rfc": "AAA010101AAA"}, "issuer_rfc"),
    ],
)
def test_what_does_not_belong_is_refused_by_name(his: System, over: dict[str, Any], field: str) -> None:
    assert fields(problem(his.charge(**over), 422, "invalid")) == [field]
    assert not Charge.objects.exists()


@pytest.mark.parametrize(
    ("over", "field"),
    [
        ({"clave_prod_serv": "99999999"}, "clave_prod_serv"),
        ({"clave_unidad": "ZZZ"}, "clave_unidad"),
        ({"quantity": "0"}, "quantity"),
        ({"unit_price": "0"}, "unit_price"),
        ({"discount": "1000"}, "discount"),
        ({"description": "a|b"}, "description"),
        ({"description": "  "}, "description"),
    ],
)
def test_what_no_cfdi_could_carry_is_refused(his: System, over: dict[str, str], field: str) -> None:
    body = problem(his.charge(lines=[LINE | over]), 422, "line_refused")

    assert fields(body) == [f"lines[0].{field}"]
    assert not Charge.objects.exists()


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b'"x"', b'{"lines": [NaN]}', b"\xff\xfe", b"[" * 100_000, b'{"lines": 1, "lines": 2}'],
)
def test_bodies_that_are_no_json_object(his: System, raw: bytes) -> None:
    response = his.post("charges", None, raw=raw)

    assert response.status_code in (400, 422), response.content
    assert response["Content-Type"] == "application/problem+json"
    assert not Charge.objects.exists()


def test_another_kind_of_body_and_one_too_large(his: System) -> None:
    problem(his.post("charges", CHARGE, content_type="text/plain"), 415, "not_json")
    problem(his.post("charges", CHARGE | {"patient_name": "x" * 3_000_000}), 413, "too_large")


def test_external_id_is_not_used_twice(his: System, stranger: System) -> None:
    first = his.charge(external_id="HIS-1").json()

    body = problem(his.charge(external_id="HIS-1"), 409, "duplicate_external_id")

    assert (fields(body), body["charge"]) == (["external_id"], first["id"])
    assert Charge.objects.count() == 1
    assert stranger.charge(external_id="HIS-1").status_code == 201


def test_void_once_and_never_with_payments(his: System) -> None:
    made = his.charge().json()

    voided = his.post(f"charges/{made['id']}/void", {"reason": "Duplicada"}).json()
    assert (voided["state"], voided["void_reason"]) == ("void", "Duplicada")
    assert his.post(f"charges/{made['id']}/void", {"reason": "Otra vez"}).json()["void_reason"] == "Duplicada"
    problem(his.post(f"charges/{his.paid()}/void", {"reason": "Tarde"}), 409, "charge_in_use")


def test_list_goes_on_where_the_page_ended(his: System, stranger: System) -> None:
    made = [his.charge(external_id=f"HIS-{number}").json()["id"] for number in range(7)]
    stranger.charge()

    seen: list[str] = []
    cursor: str | None = None
    for _ in range(4):
        page = his.get("charges", limit=2, **({"cursor": cursor} if cursor else {})).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
    assert cursor is None
    assert seen == made[::-1]
    assert "code" not in page["items"][0]


def test_filters(his: System) -> None:
    unpaid, paid = his.charge(external_id="HIS-9").json()["id"], his.paid()
    his.post(f"charges/{unpaid}/void", {"reason": "Error"})

    def ids(**query: str) -> list[str]:
        response = his.get("charges", **query)
        assert response.status_code == 200, response.content
        return [item["id"] for item in response.json()["items"]]

    assert ids(state="void") == [unpaid]
    assert ids(paid="true") == [paid]
    assert ids(paid="false") == [unpaid]
    assert ids(external_id="HIS-9") == [unpaid]
    assert ids(invoiced="true") == []
    assert len(ids(invoiced="false")) == 2
    assert ids(issued_from="2999-01-01") == []
    assert len(ids(issued_to="2999-01-01")) == 2


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "zzz"},
        {"cursor": "MjAyNi0wMS0wMXx4"},
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "x"},
        {"state": "x"},
        {"issued_from": "ayer"},
        {"external_id": "\u0000"},
    ],
)
def test_questions_that_make_no_sense(his: System, query: dict[str, str]) -> None:
    assert fields(problem(his.get("charges", **query), 422, "invalid")) == list(query)


def test_qr_and_ticket_of_a_charge(his: System) -> None:
    body = his.charge().json()
    at = f"charges/{body['id']}"

    svg, png, pdf = (
        his.get(f"{at}/qr.svg"),
        his.get(f"{at}/qr.png", px=300),
        his.get(f"{at}/ticket.pdf", paper="letter"),
    )

    assert svg["Content-Type"] == "image/svg+xml"
    assert svg.content.startswith(b"<svg ")
    assert _read_qr(png.content) == body["qr"]
    assert pdf.content.startswith(b"%PDF-")
    assert pdf["Cache-Control"] == "no-store"
    problem(his.get(f"{at}/qr.png", px=20), 422, "invalid")
    problem(his.get(f"{at}/ticket.pdf", paper="a4"), 422, "invalid")


def test_no_qr_without_portal_nor_paper_of_a_void_charge(his: System, hospital: make.Hospital) -> None:
    made = his.charge().json()["id"]
    hospital.organization.portal_days = None
    hospital.organization.save(update_fields=["portal_days"])

    problem(his.get(f"charges/{made}/qr.svg"), 409, "portal_off")
    shown = his.get(f"charges/{made}").json()
    assert (shown["link"], shown["qr"], shown["portal_open"]) == (None, None, False)
    his.post(f"charges/{made}/void", {"reason": "Error"})
    problem(his.get(f"charges/{made}/ticket.pdf"), 409, "charge_void")


def test_two_issuers_must_be_told_apart(his: System, hospital: make.Hospital) -> None:
    from emite.issuers.models import Issuer

    Issuer.objects.create(
        organization=hospital.organization,
        rfc="EKU9003173C9",
        nombre="OTRA",
        regimen_fiscal="601",
        postal_code="06700",
        lugar_expedicion="06700",
    )

    assert fields(problem(his.charge(), 422, "invalid")) == ["issuer_rfc"]
    assert his.charge(issuer_rfc="EKU9003173C9").json()["issuer_rfc"] == "EKU9003173C9"


def test_small_and_long_amounts_stay_exact(his: System) -> None:
    body = his.charge(
        lines=[LINE | {"quantity": "0.333333", "unit_price": "123456.654321", "treatment": "exento"}]
    ).json()

    line = body["lines"][0]
    assert (line["quantity"], line["unit_price"]) == ("0.333333", "123456.654321")
    assert Decimal(body["total"]) == Charge.objects.get().total


def test_unknown_things_are_404(his: System) -> None:
    for path in ("charges/" + str(uuid.uuid4()), "charges/nada", "nada", f"charges/{uuid.uuid4()}/qr.svg"):
        problem(his.get(path), 404, "not_found")
    assert problem(his.client.delete("/api/v1/charges", headers=his.headers), 405, "method_not_allowed")


def _read_qr(png: bytes) -> str:
    import io

    from PIL import Image

    return zxingcpp.read_barcodes(Image.open(io.BytesIO(png)).convert("L"))[0].text


def test_a_branch_is_named_and_says_the_place(his: System, hospital: make.Hospital) -> None:
    where = branches.add(hospital.organization, "Sucursal Cancún", "77500", user=hospital.admin, now=make.now())
    assert his.get("me").json()["branches"] == ["Sucursal Cancún"]

    body = his.charge(branch="sucursal cancun").json()

    assert (body["lugar_expedicion"], body["branch"]) == ("77500", "Sucursal Cancún")
    assert Charge.objects.get().issued_on == make.now().astimezone(where.zone).date()
    own = his.charge().json()
    assert (own["lugar_expedicion"], own["branch"]) == (hospital.issuer.lugar_expedicion, None)
    batch = his.post(
        "charges/batch", {"charges": [{**CHARGE, "branch": "Sucursal Cancún"}, {**CHARGE, "branch": "Otra"}]}
    )
    first, second = batch.json()["results"]
    assert Charge.objects.get(pk=first["charge"]["id"]).place == "77500"
    assert fields(second["problem"]) == ["branch"]
    branches.change(where, where.name, active=False, user=hospital.admin, now=make.now())
    refused = problem(his.charge(branch="Sucursal Cancún"), 422, "invalid")
    assert "no tiene sucursales" in str(refused["errors"])

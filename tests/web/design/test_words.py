"""Money, dates and codes as people read them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django import forms

from emite.web.design.templatetags import design


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1234.5"), "$1,234.50"),
        (Decimal("0.005"), "$0.01"),
        (Decimal("-12"), "-$12.00"),
        (Decimal("1E+3"), "$1,000.00"),
        (None, ""),
    ],
)
def test_pesos(value: Decimal | None, text: str) -> None:
    assert design.pesos(value) == text


def test_prices_keep_their_decimals_and_quantities_lose_their_zeros() -> None:
    assert design.precio(Decimal("10.500000")) == "$10.50"
    assert design.precio(Decimal("10.123456")) == "$10.123456"
    assert design.cantidad(Decimal("1.000000")) == "1"
    assert design.cantidad(Decimal("0.001000")) == "0.001"
    assert design.cantidad(Decimal("1200")) == "1,200"


def test_dates_are_those_of_the_hospital() -> None:
    moment = dt.datetime(2026, 11, 23, 4, 5, tzinfo=dt.UTC)

    assert design.fecha_hora(moment, ZoneInfo("America/Mexico_City")) == "22 nov 2026, 22:05"
    assert design.fecha_hora(moment, ZoneInfo("America/Tijuana")) == "22 nov 2026, 20:05"
    assert design.fecha(dt.date(2026, 1, 5)) == "5 ene 2026"
    assert design.fecha_larga(dt.date(2026, 1, 5)) == "5 de enero de 2026"


def test_codes_names_and_telephones() -> None:
    assert design.codigo("7K3MQ2XR9FTA4H8W") == "7K3M-Q2XR-9FTA-4H8W"
    assert design.monogram("Hospital San Telmo") == "ST"
    assert design.monogram("Clínica del Ángel") == "Á"
    assert design.monogram("") == "E"
    assert design.telefono("55 5555 0101 ext. 12") == "+525555550101"
    assert design.telefono("+52 (55) 5555-0101") == "+525555550101"


class _Form(forms.Form):
    name = forms.CharField(label="Nombre", help_text="Como en la Constancia.")


def test_a_field_ties_its_help_and_its_error_to_the_input() -> None:
    form = _Form({"name": ""}, auto_id="%s")

    told = design.field(form["name"], hint="Una línea", hx_post="/x")

    assert 'aria-describedby="name_help name_error name_hint"' in told
    assert 'aria-invalid="true"' in told
    assert 'hx-post="/x"' in told
    assert '<p class="help" id="name_help">Como en la Constancia.</p>' in told
    assert '<span class="field-error" id="name_error">' in told
    assert '<span class="field-hint" id="name_hint">Una línea</span>' in told
    assert design.summary(form)["items"][0]["anchor"] == "name"

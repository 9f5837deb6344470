"""Rfc: what is taken, what is refused and in which words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emite.cfdi.rfc import EXTRANJERO, PUBLICO_EN_GENERAL, Rfc, RfcInvalid


@pytest.mark.parametrize(
    ("typed", "rfc"),
    [
        ("misc491214b86", "MISC491214B86"),
        (" MISC-491214-B86 ", "MISC491214B86"),
        ("h&e951128469", "H&E951128469"),
        ("ñañ 010101 aa1", "ÑAÑ010101AA1"),
        ("n\u0303an\u0303010101aa1", "ÑAÑ010101AA1"),
        ("XAXX010101000", "XAXX010101000"),
    ],
)
def test_typed_rfcs_are_normalised(typed: str, rfc: str) -> None:
    assert Rfc.parse(typed) == rfc


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Escriba el RFC"),
        ("MISC491214", "10 caracteres"),
        ("MISC491214B8", "no tiene la forma"),
        ("MISC490231B86", "no existe"),
        ("MISC491314B86", "cuatro letras"),
        ("MI1491214B86", "tres letras"),
        ("MISC49121|B86", "caracteres que no van"),
        ("MISC491214B8Ñ", "cuatro letras"),
        ("MISC491214B86" * 30, "390 caracteres"),
        ("ＭＩＳＣ491214B86", "caracteres que no van"),
        ("MISC49121٤B86", "caracteres que no van"),
    ],
)
def test_what_is_not_an_rfc_is_refused_in_words(typed: str, said: str) -> None:
    with pytest.raises(RfcInvalid, match=said):
        Rfc.parse(typed)


def test_29_february_needs_a_leap_year_of_either_century() -> None:
    assert Rfc.parse("MISC000229B86")
    with pytest.raises(RfcInvalid, match="no existe"):
        Rfc.parse("MISC010229B86")


def test_the_length_tells_the_person() -> None:
    assert Rfc.parse("MISC491214B86").is_persona_fisica
    assert Rfc.parse("EKU9003173C9").is_persona_moral
    assert not Rfc.parse("EKU9003173C9").is_persona_fisica


@pytest.mark.parametrize(
    "rfc",
    [
        *("EKU9003173C9", "CACX7605101P8", "SNF171020F3A", "COSC8001137NA", "IIA040805DZ4", "SAT970701NN3"),
        *("H&E951128469", "RAQÑ7701212M3", PUBLICO_EN_GENERAL, EXTRANJERO),
    ],
)
def test_good_check_digits(rfc: str) -> None:
    assert Rfc.parse(rfc).check_digit_ok


def test_a_wrong_check_digit_is_told_and_not_refused() -> None:
    assert not Rfc.parse("EKU9003173C8").check_digit_ok
    assert not Rfc.parse("RTO840921RE4").check_digit_ok  # a real one: SAT's own registry breaks its rule


def test_generic_rfcs() -> None:
    assert Rfc.parse(PUBLICO_EN_GENERAL).is_generic
    assert Rfc.parse(EXTRANJERO).is_generic
    assert not Rfc.parse("EKU9003173C9").is_generic


@pytest.mark.parametrize(("rfc", "masked"), [("MISC491214B86", "MISC******B86"), ("EKU9003173C9", "EKU******3C9")])
def test_masked_hides_the_date(rfc: str, masked: str) -> None:
    assert Rfc.parse(rfc).masked == masked


@given(st.text(max_size=40))
def test_anything_is_an_rfc_or_refused_as_one(typed: str) -> None:
    try:
        rfc = Rfc.parse(typed)
    except RfcInvalid:
        return
    assert len(rfc) in (12, 13)
    assert Rfc.parse(rfc) == rfc

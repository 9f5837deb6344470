"""CLABE: any single wrong digit and any blank is told; the bank comes from its first three."""

from __future__ import annotations

import pytest

from emite.cfdi import clabe

# Published examples: Banamex, the one of Banxico's own explanation, and STP's.
KNOWN = ("002010077777777771", "032180000118359719", "646180157000000004")


@pytest.mark.parametrize("number", KNOWN)
def test_published_examples(number: str) -> None:
    assert clabe.parse(f"{number[:3]} {number[3:6]}-{number[6:]}") == number


def test_every_single_wrong_digit_is_found() -> None:
    for place in range(18):
        for digit in "0123456789":
            wrong = KNOWN[0][:place] + digit + KNOWN[0][place + 1 :]
            if wrong != KNOWN[0]:
                with pytest.raises(clabe.ClabeInvalid, match="equivocado"):
                    clabe.parse(wrong)


@pytest.mark.parametrize(("typed", "said"), [("00201007777777777", "17"), ("0020100777777777711", "19"), ("x", "sólo")])
def test_other_shapes_are_told(typed: str, said: str) -> None:
    with pytest.raises(clabe.ClabeInvalid, match=said):
        clabe.parse(typed)


def test_the_bank() -> None:
    assert (clabe.bank_of(KNOWN[0]), clabe.bank_of("999")) == ("Banamex", "")
    assert [clabe.bank_of(each) for each in ("128", "638", "670", "722")] == [
        "Kapital", "Nu México", "Libertad", "Mercado Pago",
    ]  # fmt: skip
    assert not {"001", "901", "902", "903"} & set(clabe.BANKS)

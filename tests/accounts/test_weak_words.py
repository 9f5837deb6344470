"""Passwords that anybody who knows where they are would try first."""

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError


@pytest.mark.parametrize("typed", ["Facturación2026!", "h0sp1t4l-2026", "Caja.Hospital.1", "mi_consultorio_99"])
def test_words_of_the_trade_alone_are_refused(typed: str) -> None:
    with pytest.raises(ValidationError, match="del oficio"):
        validate_password(typed)


@pytest.mark.parametrize("typed", ["remision-demo", "cuatro hospitales azules", "1234567890-árbol", "x" * 65 + "9"])
def test_other_words_beside_them_and_long_ones_are_taken(typed: str) -> None:
    validate_password(typed)


def test_nine_characters_are_too_few() -> None:
    with pytest.raises(ValidationError, match="10"):
        validate_password("árbol-987")
    validate_password("árbol-9876")

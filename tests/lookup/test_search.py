"""What a cashier types and the key that must be among the first five: keys, words, accents, typos."""

from __future__ import annotations

import pytest

from emite.cfdi import codes
from emite.lookup import search
from emite.lookup.words import distance, stem

PRODUCTS = "c_ClaveProdServ"
#: What is typed, and keys of which one must be offered.
ASKED = [
    ("85121600", "85121600"),
    ("8512160", "85121600"),
    ("851015", "85101501"),
    ("consulta medca", "85121502"),
    ("consulta", "85121502"),
    ("Consulta médica", "85121502"),
    ("consutla medica", "85121502"),
    ("consulta de especialidad", "85121600"),
    ("medico espesialista", "85121600"),
    ("radiografia", "85121808"),
    ("radiografía de tórax", "85121808"),
    ("radiogrfia", "85121808"),
    ("rayos x", "85121808"),
    ("rallos x", "85121808"),
    ("ultrasonido obstetrico", "85121807"),
    ("ultrazonido", "85121807"),
    ("hemodialisis", "85121602"),
    ("emodialisis", "85121602"),
    ("HEMODIÁLISIS", "85121602 42161600"),
    ("ambulancia", "92101902"),
    ("ambulansia", "92101902"),
    ("servicio de ambulancia", "92101902"),
    ("amoxisilina", "51101511"),
    ("amoxicilina", "51101511"),
    ("amoxicilna", "51101511"),
    ("servicio de hospitalisacion", "85101502 85101501"),
    ("hospitalizacion", "85101502 85101501"),
    ("abitacion", "85101502"),
    ("urgencias", "85101507 85101501"),
    ("atencion de urjencias", "85101507 85101501"),
    ("quirofano", "85101501"),
    ("terapia intensiva", "85101501"),
    ("enfermeria", "85101601"),
    ("enfermeira", "85101601"),
    ("laboratorio", "85121800"),
    ("analisis de sangre", "85121801"),
    ("biometria hematica", "85121801"),
    ("quimica sanguinea", "85121801"),
    ("examen general de orina", "85121805"),
    ("patologia", "85121804"),
    ("cardiologo", "85121603"),
    ("electrocardiograma", "85121603"),
    ("ginecologia", "85121601"),
    ("jinecologo", "85121601"),
    ("pediatra", "85121613"),
    ("psiquiatra", "85121607"),
    ("siquiatra", "85121607"),
    ("psicologia", "85121608"),
    ("sicologo", "85121608"),
    ("dermatologia", "85121611"),
    ("ortopedia", "85121612"),
    ("cirujia", "85121609 85101501"),
    ("fisioterapia", "85122101"),
    ("reabilitacion", "85122100"),
    ("dentista", "85122001"),
    ("vacuna", "85111510"),
    ("resonancia magnetica", "85121808"),
    ("tomografia", "85121808"),
    ("mastografía", "85121808"),
    ("paracetamol", "51142001"),
    ("ibuprofeno", "51142106"),
    ("ibuprofen", "51142106"),
    ("guantes de latex", "42132203 42132205"),
    ("jeringas", "42142600 42142608 42142609"),
    ("vendas", "42311500 42311505"),
    ("gasa", "42311511"),
    ("antibioticos", "51101500"),
    ("omeprazol", "51171909"),
    ("deposito", "84111506"),
    ("sangre banco", "85121809"),
]
UNITS = [
    ("e48", "E48"),
    ("E48", "E48"),
    ("servicio", "E48"),
    ("pieza", "H87"),
    ("piesa", "H87"),
    ("dia", "DAY"),
    ("hora", "HUR"),
    ("caja", "XBX"),
    ("mililitros", "MLT"),
    ("actividad", "ACT"),
    ("tableta", "XT1"),
]


@pytest.mark.parametrize(
    ("catalogue", "typed", "keys"),
    [(PRODUCTS, *row) for row in ASKED] + [("c_ClaveUnidad", *row) for row in UNITS],
)
def test_the_key_is_among_the_first_five(catalogue: str, typed: str, keys: str) -> None:
    offered = [entry.key for entry in search(catalogue, typed)[:5]]

    assert set(keys.split()) & set(offered), offered


def test_an_exact_key_comes_first_and_a_unit_key_alone() -> None:
    assert search(PRODUCTS, "85121600")[0].label == "Servicios médicos de doctores especialistas"
    assert [entry.key for entry in search("c_ClaveUnidad", "h87")] == ["H87"]


@pytest.mark.parametrize("typed", ["", " ", "a", "|", "%%", "'; --", "xqzwpoa", "999999999", "٣٤", "\x00\x00"])
def test_nothing_to_find_is_no_error(typed: str) -> None:
    assert search(PRODUCTS, typed) == []


def test_every_answer_is_in_force_with_its_text() -> None:
    found = search(PRODUCTS, "servicios de laboratorio", limit=40)

    assert len(found) == 40 == len({entry.key for entry in found})
    assert all(codes.contains(PRODUCTS, entry.key) and entry.label for entry in found)


def test_spellings_of_a_word_are_one() -> None:
    for one, two in (
        ("medicas", "medico"),
        ("hospitalisacion", "hospitalizacion"),
        ("psiquiatra", "siquiatras"),
        ("rallos", "rayos"),
        ("emodialisis", "hemodialisis"),
    ):
        assert stem(one) == stem(two)
    assert (distance("medca", "medica", 2), distance("consutla", "consulta", 2), distance("a", "abcd", 2)) == (1, 1, 3)

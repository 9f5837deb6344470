"""The table of codes is complete, says one thing of each code, and is the one that people are shown."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

import emite
from emite.cfdi.meanings import Who, meaning, meaning_of_cancellation
from emite.cfdi.meanings.comprobante import _ROWS, COMPROBANTE
from emite.cfdi.meanings.pagos import _ROWS as PAGOS_ROWS
from emite.cfdi.meanings.pagos import PAGOS
from emite.cfdi.meanings.providers import ACUSE, FINKOK, GENERIC, OWN, SWSAPIEN
from emite.cfdi.rules.matrix import MATRIX
from emite.pac import finkok
from emite.web.errors.sat_codes import ADVICE, Mender

SOURCE = Path(emite.__file__).parent
TABLES = {"comprobante": COMPROBANTE, "pagos": PAGOS, "generic": GENERIC, "finkok": FINKOK, "sw": SWSAPIEN, "own": OWN}


def test_every_code_of_both_matrices_has_a_meaning_and_nothing_else_has() -> None:
    assert [code for code in MATRIX if meaning(code) is None] == []
    ours = {f"CFDI{number}" for number in COMPROBANTE} | set(PAGOS)
    assert ours == set(MATRIX)
    assert (len(_ROWS), len(PAGOS_ROWS)) == (len(COMPROBANTE), len(PAGOS)), "a code is written twice"


def test_every_code_that_this_program_gives_has_a_meaning() -> None:
    given = {
        code
        for path in SOURCE.rglob("*.py")
        if "meanings" not in path.parts
        for code in re.findall(r'"(EMI-[A-Z]+|EMI\d{3})"', path.read_text())
    }
    assert given == set(OWN)


@pytest.mark.parametrize("code", ["301", "302", "303", "304", "305", "306", "307", "308", "401", "402", "403"])
def test_sats_generic_codes_have_a_meaning(code: str) -> None:
    assert meaning(code) == GENERIC[code]


def test_every_code_that_an_adapter_decides_by_has_a_meaning() -> None:
    codes = {*finkok._CAUSES, *finkok._REFUSALS, finkok.MISSING, finkok.REPEATED}
    assert [code for code in codes if meaning(code) is None] == []
    assert meaning("AU2003") is not None
    assert {str(number) for number in range(201, 213)} <= set(ACUSE)
    assert meaning_of_cancellation("310") == GENERIC["310"]


def test_no_two_tables_share_a_code() -> None:
    for (one, first), (other, second) in itertools.combinations(TABLES.items(), 2):
        assert not set(first) & set(second), (one, other)


@pytest.mark.parametrize("table", [*TABLES.values(), ACUSE], ids=[*TABLES, "acuse"])
def test_each_says_what_how_and_who_in_words_fit_to_be_read(table: dict[str, object]) -> None:
    for code, meant in table.items():
        what, cure = meant.what, meant.cure  # type: ignore[attr-defined]
        assert what[0].isupper() or what[0] == "«", code
        assert not what.endswith("."), code
        assert len(what) <= 90, code
        assert cure.endswith("."), code
        assert isinstance(meant.who, Who), code  # type: ignore[attr-defined]


def test_a_code_is_read_as_pacs_write_it_and_an_unknown_one_means_nothing() -> None:
    assert meaning("40145") == meaning(" cfdi40145 ") == COMPROBANTE["40145"]
    assert [meaning(code) for code in ("", "999", "CFDI99999", "CRP40145", "EMI-OTRA")] == [None] * 5


def test_what_a_patient_is_told_to_mend_is_the_receptors_to_mend() -> None:
    by_desk = {"40130", "40149", "40159"}  # the patient leaves the generic RFC, or goes to the counter
    for number, advice in ADVICE.items():
        meant = COMPROBANTE.get(number) or OWN[number]
        if advice.mender is Mender.PATIENT and number not in by_desk:
            assert meant.who is Who.RECEPTOR, number

"""Every code of SAT's matrix: implemented with its accepting and refusing documents, or left to the PAC by name."""

from __future__ import annotations

import pytest
from lxml import etree

from emite.cfdi import rules, schema
from emite.cfdi.faults import Fault, Severity
from tests.cfdi.rules import cases, cases_pagos
from tests.cfdi.rules.cases import Case
from tests.cfdi.rules.documents import DOCUMENTS, NAMESPACES, document

CASES = (*cases.CASES, *cases_pagos.CASES)
_BY_THE_SEAL = {"CFDI40102", "CFDI40106"}  # tests/cfdi/test_check.py: they need a sealed document


def found(root: etree._Element) -> list[Fault]:
    """What the rules and the schema say together, one fault for each code and place."""
    both = (*rules.check(root, tipo_check="foreign"), *schema.validate(root))
    return list({(fault.code, fault.xpath): fault for fault in reversed(both)}.values())


def test_no_code_of_the_matrix_is_forgotten() -> None:
    implemented = {code for code in rules.RULES if not code.startswith("EMI")}

    assert implemented | set(rules.LEFT_TO_PAC) == set(rules.MATRIX)
    assert not implemented & set(rules.LEFT_TO_PAC)
    assert len(rules.MATRIX) == len(set(rules.MATRIX)) == 231


def test_what_is_left_to_the_pac_says_why() -> None:
    assert all(len(reason) > 30 for reason in rules.LEFT_TO_PAC.values())


@pytest.mark.parametrize("accepting", [True, False])
def test_each_implemented_code_has_its_documents(accepting: bool) -> None:
    shown = {case.code for case in CASES if case.accepts is accepting}

    assert {code for code in rules.RULES if not code.startswith("EMI")} - _BY_THE_SEAL - shown == set()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_sound_documents_are_sound(name: str) -> None:
    assert found(document(name)) == []
    assert rules.check(document(name)) == []


@pytest.mark.parametrize("case", [case for case in CASES if case.accepts], ids=lambda case: f"{case.code}-{case.base}")
def test_accepts(case: Case) -> None:
    root = document(case.base)
    case.spoil(root)

    assert case.code not in {fault.code for fault in found(root)}


@pytest.mark.parametrize(
    "case", [case for case in CASES if not case.accepts], ids=lambda case: f"{case.code}-{case.base}"
)
def test_refuses(case: Case) -> None:
    root = document(case.base)
    case.spoil(root)

    # Of a type P both matrices say some things, each in its own words: a case shows those of its own.
    faults = [fault for fault in found(root) if case.base not in ("pago", "cobro") or fault.code[:3] == case.code[:3]]

    assert {fault.code for fault in faults} == {case.code, *case.also}
    fault = next(fault for fault in faults if fault.code == case.code)
    assert fault.severity is Severity.ERROR
    assert fault.message.endswith("."), fault
    assert _leads_somewhere(root, fault.xpath), fault


def _leads_somewhere(root: etree._Element, xpath: str) -> bool:
    """The xpath, without the attribute it may end with, names a node; a missing node is at most two steps further."""
    steps = xpath.partition("/@")[0].split("/")
    ends = [steps[: len(steps) - missing] for missing in (0, 1, 2) if len(steps) - missing > 1]
    return any(root.xpath("/".join(end), namespaces=NAMESPACES) for end in ends)

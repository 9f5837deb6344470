"""How the rules run: on rubbish without falling, on ties by who made the document, with the clock only when given."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from emite.cfdi import money, rules
from emite.cfdi.faults import Severity
from emite.cfdi.rules.conceptos import importe_limits
from emite.cfdi.rules.registry import Each, rules_for
from emite.cfdi.rules.view import CFDI, Concepto, Documento, Tax, read
from tests.cfdi.rules.cases import C
from tests.cfdi.rules.documents import DOCUMENTS, document, put

_RUBBISH = (
    "",
    " ",
    "x",
    "-1",
    "1e5",
    "NaN",
    "Infinity",
    "٣",
    "1,5",
    "0x1",
    "1_0",
    "9" * 40,
    "0.0000001",
    "\n03\n",
    "a|b",
)


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("value", _RUBBISH)
def test_no_value_makes_a_rule_fall(name: str, value: str) -> None:
    root = document(name)
    for node in root.iter(etree.Element):
        for attribute in list(node.attrib):
            before = str(node.get(attribute))
            node.set(attribute, value)
            rules.check(root, tipo_check="foreign", now=datetime(2026, 4, 1, tzinfo=UTC))
            del node.attrib[attribute]
            rules.check(root)
            node.set(attribute, before)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_missing_node_makes_a_rule_fall(name: str) -> None:
    for place in range(1, len(list(document(name).iter()))):
        root = document(name)
        node = list(root.iter())[place]
        parent = node.getparent()
        assert parent is not None
        parent.remove(node)
        rules.check(root)


def test_an_empty_comprobante_does_not_fall() -> None:
    assert isinstance(rules.check(etree.fromstring('<c:Comprobante xmlns:c="http://www.sat.gob.mx/cfd/4"/>')), list)


def test_another_root_is_no_cfdi() -> None:
    (fault,) = rules.check(etree.fromstring("<Comprobante/>"))
    assert (fault.code, fault.xpath) == ("301", "/")


def test_comments_and_blanks_do_not_count() -> None:
    root = document("factura")
    for node in list(root.iter(etree.Element)):
        node.insert(0, etree.Comment("nota"))
    root.set("TipoDeComprobante", " I ")
    root.set("FormaPago", "03 ")

    assert rules.check(root) == []


def test_half_to_even_is_an_aviso_for_others_and_an_error_for_us() -> None:
    root = document("egreso")
    put(C, Importe="100.125", Cantidad="1.00125", ValorUnitario="100.00")(root)
    put(".", SubTotal="100.12", Total="116.12")(root)

    ours, theirs = rules.check(root), rules.check(root, tipo_check="foreign")

    assert [(fault.code, fault.severity) for fault in ours] == [("CFDI40108", Severity.ERROR)]
    assert [(fault.code, fault.severity) for fault in theirs] == [("CFDI40108", Severity.AVISO)]
    put(".", SubTotal="100.13", Total="116.13")(root)
    assert rules.check(root) == []


@pytest.mark.parametrize(
    ("now", "codes"),
    [
        (datetime(2026, 3, 5, 16, 14, 0, tzinfo=UTC), []),  # 10:14 in Monterrey, Fecha is 10:15
        (datetime(2026, 3, 5, 16, 9, 59, tzinfo=UTC), ["CFDI40101"]),
        (datetime(2026, 3, 5, 10, 15, 0, tzinfo=UTC), ["CFDI40101"]),
    ],
)
def test_fecha_is_compared_with_the_clock_of_its_place(now: datetime, codes: list[str]) -> None:
    assert [fault.code for fault in rules.check(document("factura"), now=now)] == codes


def test_sat_s_limits() -> None:
    """FAQ 41 of the guide: 924.224956 is cut to 924.22 below and raised to 924.23 above."""
    assert importe_limits("2.5", "100.10", "245.23") is None
    assert importe_limits("2.5", "100.10", "255.27") is None
    assert importe_limits("2.5", "100.10", "245.22") is not None
    assert importe_limits("2.5", "100.10", "255.28") is not None


_AMOUNTS = st.decimals(min_value=Decimal("0.01"), max_value=Decimal("99999"), places=2)


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(_AMOUNTS, st.sampled_from(["0.160000", "0.080000", "0.000000", "Exento"])), min_size=1, max_size=6
    )
)
def test_sound_sums_are_never_refused_and_a_cent_more_always_is(lines: list[tuple[Decimal, str]]) -> None:
    root = _invoice(lines)
    assert rules.check(root) == []

    root.set("Total", money.text(Decimal(str(root.get("Total"))) + Decimal("0.01")))
    assert [fault.code for fault in rules.check(root)] == ["CFDI40119"]


def _invoice(lines: list[tuple[Decimal, str]]) -> etree._Element:
    """A second way to add up: plain text, one group at a time."""
    root = document("egreso")
    conceptos, summary = root.find("{*}Conceptos"), root.find("{*}Impuestos")
    assert conceptos is not None
    assert summary is not None
    template = etree.tostring(conceptos[0])
    for node in (*conceptos, *summary):
        parent = node.getparent()
        assert parent is not None
        parent.remove(node)
    groups: dict[str, list[tuple[Decimal, Decimal]]] = {}
    for base, rate in lines:
        tax = Decimal(0) if rate == "Exento" else (base * Decimal(rate)).quantize(Decimal("0.000001"))
        groups.setdefault(rate, []).append((base, tax))
        concepto = etree.fromstring(template)
        put(".", ValorUnitario=str(base), Importe=str(base))(concepto)
        node = next(concepto.iter("{*}Traslado"))
        _write(node, base, rate, tax)
        conceptos.append(concepto)
    traslados = etree.SubElement(summary, "{http://www.sat.gob.mx/cfd/4}Traslados")
    total = Decimal(0)
    for rate, amounts in groups.items():
        tax = money.half_up(sum((amount for _, amount in amounts), Decimal(0)), 2)
        node = etree.SubElement(traslados, "{http://www.sat.gob.mx/cfd/4}Traslado", Impuesto="002")
        _write(node, sum((base for base, _ in amounts), Decimal(0)), rate, tax)
        total += tax
    if set(groups) == {"Exento"}:
        del summary.attrib["TotalImpuestosTrasladados"]
    else:
        summary.set("TotalImpuestosTrasladados", str(total))
    subtotal = sum((base for base, _ in lines), Decimal(0))
    put(".", SubTotal=str(subtotal), Total=str(subtotal + total))(root)
    return root


def _write(node: etree._Element, base: Decimal, rate: str, tax: Decimal) -> None:
    node.set("Base", str(base))
    if rate == "Exento":
        node.set("TipoFactor", "Exento")
        for name in ("TasaOCuota", "Importe"):
            if name in node.attrib:
                del node.attrib[name]
    else:
        put(".", TipoFactor="Tasa", TasaOCuota=rate, Importe=format(tax, "f"))(node)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_rule_of_the_kind_reads_nothing_but_the_kind(name: str) -> None:
    looked_at: list[str] = []

    def look(d: Documento, concepto: Concepto) -> None:
        del concepto.cantidad, concepto.valor_unitario, concepto.importe, concepto.descuento
        nodes: list[tuple[Each, Concepto | Tax]] = [("concepto", concepto)]
        nodes += [("traslado", tax) for tax in concepto.traslados] + [
            ("retencion", tax) for tax in concepto.retenciones
        ]
        for each, node in nodes:
            if isinstance(node, Tax):
                del node.base, node.importe
            for code, _, function in rules_for(each, "kind"):
                function(d, node)  # an AttributeError tells of a rule that reads more
                looked_at.append(code)

    read(document(name), look)
    assert looked_at


def test_what_is_wrong_with_a_kind_is_said_of_each_concept_in_its_order() -> None:
    root = document("factura")
    conceptos = root.find(f"{CFDI}Conceptos")
    assert conceptos is not None
    first = conceptos[0]
    first.set("ClaveProdServ", "99999999")
    first.set("Importe", "1")
    for _ in range(2):
        conceptos.append(deepcopy(first))
    wrong = [(fault.code, fault.xpath) for fault in rules.check(root) if "Conceptos" in fault.xpath]
    alike = [(code, xpath.replace("[1]", "[{}]", 1)) for code, xpath in wrong if "Concepto[1]" in xpath]

    assert ("CFDI40162", "/cfdi:Comprobante/cfdi:Conceptos/cfdi:Concepto[{}]/@ClaveProdServ") in alike
    assert ("CFDI40167", "/cfdi:Comprobante/cfdi:Conceptos/cfdi:Concepto[{}]/@Importe") in alike
    places = range(len(conceptos) - 1, len(conceptos) + 1)
    assert wrong[-2 * len(alike) :] == [(code, xpath.format(place)) for place in places for code, xpath in alike]

"""A second implementation of SAT's sums: Python's own XML parser, fractions and integers, rounding by hand.

Shares no line with `emite.cfdi`. Source: Guía de llenado del Anexo 20, questions 37-41.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from xml.etree import ElementTree

_C = "{http://www.sat.gob.mx/cfd/4}"
_CURRENCY = {"MXN": 2, "USD": 2, "JPY": 0}


def differences(xml: bytes) -> list[str]:
    """What in a type I or E document is not what SAT's rules give, as "field: written, expected"."""
    root = ElementTree.fromstring(xml)
    if root.get("TipoDeComprobante") == "P":
        return _compare({"SubTotal": (root.get("SubTotal"), "0"), "Total": (root.get("Total"), "0")})
    return [*_of_lines(root), *_of_sums(root)]


def _of_lines(root: ElementTree.Element) -> list[str]:
    pairs: dict[str, tuple[str | None, str | None]] = {}
    for number, line in enumerate(root.iter(f"{_C}Concepto")):
        importe = Fraction(line.attrib["Cantidad"]) * Fraction(line.attrib["ValorUnitario"])
        pairs[f"Importe {number}"] = (_six(Fraction(line.attrib["Importe"])), _six(importe))
        base = Fraction(line.attrib["Importe"]) - Fraction(line.get("Descuento", "0"))
        for tax in (*line.iter(f"{_C}Traslado"), *line.iter(f"{_C}Retencion")):
            key = f"{number} {tax.get('Impuesto')} {tax.get('TasaOCuota')}"
            pairs[f"Base {key}"] = (_six(Fraction(tax.attrib["Base"])), _six(base))
            if (rate := tax.get("TasaOCuota")) is not None:
                exact = Fraction(tax.attrib["Base"]) * Fraction(rate)
                written = Fraction(tax.attrib["Importe"])
                # An egreso gives back cents of an invoice: its taxes close that one's, within a cent of their base's.
                close = root.get("TipoDeComprobante") == "E" and abs(written - exact) < Fraction(11, 1000)
                pairs[f"Tax {key}"] = (_six(written), _six(written if close else exact))
    return _compare(pairs)


def _of_sums(root: ElementTree.Element) -> list[str]:
    places = _CURRENCY[root.attrib["Moneda"]]
    lines = list(root.iter(f"{_C}Concepto"))
    sub_total = _rounded(sum(Fraction(line.attrib["Importe"]) for line in lines), places)
    discounts = [Fraction(line.attrib["Descuento"]) for line in lines if "Descuento" in line.attrib]
    discount = _rounded(sum(discounts), places)
    bases: dict[tuple[str, ...], Fraction] = defaultdict(Fraction)
    charged: dict[tuple[str, ...], Fraction] = defaultdict(Fraction)
    withheld: dict[str, Fraction] = defaultdict(Fraction)
    for line in lines:
        for tax in line.iter(f"{_C}Traslado"):
            group = (tax.attrib["Impuesto"], tax.attrib["TipoFactor"], tax.get("TasaOCuota", ""))
            bases[group] += Fraction(tax.attrib["Base"])
            charged[group] += Fraction(tax.get("Importe", "0"))
        for tax in line.iter(f"{_C}Retencion"):
            withheld[tax.attrib["Impuesto"]] += Fraction(tax.attrib["Importe"])
    taxed = {group: _rounded(value, places) for group, value in charged.items() if group[1] != "Exento"}
    held = {impuesto: _rounded(value, places) for impuesto, value in withheld.items()}
    total = sub_total - discount + sum(taxed.values()) - sum(held.values())
    summary = root.find(f"{_C}Impuestos")
    nodes = ElementTree.Element("none") if summary is None else summary
    found_taxes = {
        (tax.attrib["Impuesto"], tax.attrib["TipoFactor"], tax.get("TasaOCuota", "")): tax
        for tax in nodes.iter(f"{_C}Traslado")
    }
    found_held = {tax.attrib["Impuesto"]: tax.attrib["Importe"] for tax in nodes.iter(f"{_C}Retencion")}
    pairs: dict[str, tuple[object, object]] = {
        "SubTotal": (root.get("SubTotal"), _text(sub_total, places)),
        "Descuento": (root.get("Descuento"), _text(discount, places) if discounts else None),
        "Total": (root.get("Total"), _text(total, places)),
        "Trasladados": (
            nodes.get("TotalImpuestosTrasladados"),
            _text(sum(taxed.values()), places) if taxed else None,
        ),
        "Retenidos": (nodes.get("TotalImpuestosRetenidos"), _text(sum(held.values()), places) if held else None),
        "groups": (sorted(found_taxes), sorted(bases)),
        "retenciones": (found_held, {impuesto: _text(value, places) for impuesto, value in held.items()}),
    }
    for group, base in bases.items():
        node = found_taxes.get(group)
        if node is not None:
            pairs[f"Base {group}"] = (node.get("Base"), _text(_rounded(base, places), places))
            expected = _text(taxed[group], places) if group in taxed else None
            pairs[f"Importe {group}"] = (node.get("Importe"), expected)
    return _compare(pairs)


def _rounded(value: Fraction | int, places: int) -> int:
    """In units of the last place, halves upwards."""
    return (2 * value * 10**places + 1) // 2


def _text(units: int, places: int) -> str:
    sign, units = ("-" if units < 0 else ""), abs(units)
    whole, rest = divmod(units, 10**places)
    return f"{sign}{whole}.{rest:0{places}d}" if places else f"{sign}{whole}"


def _six(value: Fraction) -> str:
    return _text(_rounded(value, 6), 6)


def _compare(pairs: dict[str, tuple[object, object]] | dict[str, tuple[str | None, str | None]]) -> list[str]:
    return [f"{name}: {found}, expected {expected}" for name, (found, expected) in pairs.items() if found != expected]

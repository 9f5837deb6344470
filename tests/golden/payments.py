"""Random histories of payments and a second arithmetic for their complements: `python -m tests.golden.payments 10000`.

The second implementation knows SAT's rules only: fractions, Python's own XML parser, rounding by hand; no line of it
is shared with `emite.cfdi`. Source: standard of Pagos 2.0 revision B and its matrix.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal as D
from fractions import Fraction
from xml.etree import ElementTree

from emite.cfdi import cobranza, rules, schema, xml
from emite.cfdi.cobranza import Group, Settled
from emite.cfdi.comprobante import Comprobante, Emisor, Receptor
from tests.golden import oracles

FULL_SCHEMA_EVERY = 50
_P = "{http://www.sat.gob.mx/Pagos20}"
_EMISOR = Emisor("CACX7605101P8", "XOCHILT CASAS CHAVEZ", "612")
_RECEPTOR = Receptor("EKU9003173C9", "ESCUELA KEMPER URGATE", "42501", "601", "G03")
_RATES = {"16": D("0.160000"), "8": D("0.080000"), "0": D("0.000000"), "exento": None}
_CENT = D("0.01")


class Invoice:
    """A PPD invoice with what is left of it. Its total is its taxes' sum, as SAT rounds it."""

    def __init__(self, chance: random.Random, number: int) -> None:
        self.uuid = f"{chance.getrandbits(128):032x}"
        self.uuid = "-".join((self.uuid[:8], self.uuid[8:12], self.uuid[12:16], self.uuid[16:20], self.uuid[20:]))
        self.folio = str(number)
        self.moneda = chance.choices(("MXN", "USD"), (9, 1))[0]
        self.original: list[Group] = []
        total = D(0)
        for kind in chance.sample(sorted(_RATES), chance.choice((1, 1, 2, 3))):
            base, rate = D(chance.randint(100, 90_000_000)) / chance.choice((100, 10_000)), _RATES[kind]
            self.original.append(Group("traslado", "002", "Exento" if rate is None else "Tasa", rate, base))
            total += base + (base * rate if rate else 0)
            if chance.random() < 0.4:
                held = [("001", chance.choice((D("0.100000"), D("0.012500"))))]
                held += [("002", D("0.106667"))] if rate == _RATES["16"] else []
                for impuesto, tasa in held:
                    self.original.append(Group("retencion", impuesto, "Tasa", tasa, base))
                    total -= base * tasa
        self.original = list(cobranza.added(self.original))
        if chance.random() < 0.05:
            self.original = []  # nothing of it is an object of taxes
        self.left = tuple(self.original)
        self.balance = max(total.quantize(_CENT), D("1.00"))
        self.parcialidad = 0
        self.settled: list[Group] = []

    def credit(self, part: D) -> None:
        """A credit note of that amount, over every group in proportion."""
        gone = cobranza.part_of(self.left, part, self.balance)
        self.settled += gone
        self.left, self.balance = cobranza.less(self.left, gone), self.balance - part

    def pay(self, part: D, rate: D) -> Settled:
        groups = cobranza.part_of(self.left, part, self.balance)
        self.parcialidad += 1
        told = Settled(
            self.uuid, "A", self.folio, self.moneda, self.parcialidad, self.balance, part, groups, equivalencia=rate
        )
        self.settled += groups
        self.left, self.balance = cobranza.less(self.left, groups), self.balance - part
        return told


def history(number: int) -> tuple[list[Comprobante], list[Invoice]]:
    """The complements of some invoices until nothing is owed: partials, credit notes, retenciones, two currencies."""
    chance = random.Random(number)
    invoices = [Invoice(chance, place) for place in range(chance.choice((1, 1, 2, 4)))]
    made = []
    while any(each.balance for each in invoices):
        moneda = chance.choices(("MXN", "USD"), (9, 1))[0]
        pesos = D(chance.randint(150_000, 220_000)) / 10_000
        settled = []
        owing = [one for one in invoices if one.balance]
        for each in chance.sample(owing, chance.choice((1, len(owing)))):
            if chance.random() < 0.15 and each.balance > 1:
                each.credit((each.balance * D(chance.randint(1, 60)) / 100).quantize(_CENT) or _CENT)
            whole = chance.random() < 0.5 or each.balance < 1 or len(made) > 6
            part = (
                each.balance if whole else max((each.balance * D(chance.randint(1, 99)) / 100).quantize(_CENT), _CENT)
            )
            rate = D(1) if each.moneda == moneda else (pesos if moneda == "USD" else (1 / pesos).quantize(D("1e-10")))
            settled.append(each.pay(part, rate))
        exact = sum(Fraction(each.pagado) / Fraction(each.equivalencia) for each in settled)
        monto = D(-(-exact * 100 // 1)) / 100 + (D(chance.randint(0, 99)) / 100 if chance.random() < 0.2 else 0)
        fecha = datetime(2026, chance.randint(1, 11), chance.randint(1, 28), 12)
        paid = cobranza.pago(
            settled, fecha=fecha, forma_pago=chance.choice(("01", "02", "03", "17")), monto=max(monto, _CENT),
            moneda=moneda, tipo_cambio=pesos,
        )  # fmt: skip
        made.append(
            cobranza.comprobante(
                [paid], emisor=_EMISOR, receptor=_RECEPTOR, lugar_expedicion="64000", fecha=datetime(2026, 12, 1, 9)
            )
        )
    return made, invoices


def judge(numbers: Iterable[int]) -> list[str]:
    """What anybody has against these histories: "number: judge: finding". Empty when all agree on all."""
    found = []
    for number in numbers:
        made, invoices = history(number)
        for document in made:
            root = xml.build(document)
            found += [f"{number}: schema: {fault}" for fault in schema.validate(root)]
            found += [f"{number}: rules: {fault}" for fault in rules.check(root)]
            root.set("NoCertificado", "30001000000500003416")  # as the seal will
            if number % FULL_SCHEMA_EVERY == 0 and not oracles.full_schemas().validate(root):
                found.append(f"{number}: SAT's XSD: {oracles.full_schemas().error_log.last_error}")
            found += [f"{number}: second: {difference}" for difference in differences(xml.to_bytes(root))]
        for each in invoices:
            if each.balance or cobranza.added(each.settled) != cobranza.added(each.original):
                found.append(f"{number}: what was settled of {each.folio} is not what it had")
    return found


def differences(document: bytes) -> list[str]:
    """What in a complement is not what SAT's rules give."""
    root = ElementTree.fromstring(document)
    found: list[str] = []
    totals: dict[str, Fraction] = defaultdict(Fraction)
    for pago in root.iter(f"{_P}Pago"):
        rate = Fraction(pago.attrib["TipoCambioP"])
        totals["MontoTotalPagos"] += Fraction(pago.attrib["Monto"]) * rate
        sums: dict[tuple[str, ...], Fraction] = defaultdict(Fraction)
        for documento in pago.iter(f"{_P}DoctoRelacionado"):
            found += _of_document(documento)
            divisor = Fraction(documento.attrib["EquivalenciaDR"])
            for tax in documento.iter(f"{_P}TrasladoDR"):
                group = ("T", tax.attrib["ImpuestoDR"], tax.attrib["TipoFactorDR"], tax.get("TasaOCuotaDR", ""))
                sums[(*group, "base")] += Fraction(tax.attrib["BaseDR"]) / divisor
                sums[(*group, "importe")] += Fraction(tax.get("ImporteDR", "0")) / divisor
            for tax in documento.iter(f"{_P}RetencionDR"):
                sums[("R", tax.attrib["ImpuestoDR"])] += Fraction(tax.attrib["ImporteDR"]) / divisor
        written: dict[tuple[str, ...], Fraction] = {}
        for tax in pago.iter(f"{_P}TrasladoP"):
            group = ("T", tax.attrib["ImpuestoP"], tax.attrib["TipoFactorP"], tax.get("TasaOCuotaP", ""))
            written[(*group, "base")] = Fraction(tax.attrib["BaseP"])
            written[(*group, "importe")] = Fraction(tax.get("ImporteP", "0"))
            name = {"0.160000": "16", "0.080000": "8", "0.000000": "0", "": "Exento"}[group[3]]
            totals[f"TotalTrasladosBaseIVA{name}"] += written[(*group, "base")] * rate
            if name != "Exento":
                totals[f"TotalTrasladosImpuestoIVA{name}"] += written[(*group, "importe")] * rate
        for tax in pago.iter(f"{_P}RetencionP"):
            written[("R", tax.attrib["ImpuestoP"])] = Fraction(tax.attrib["ImporteP"])
            totals["TotalRetenciones" + {"001": "ISR", "002": "IVA"}[tax.attrib["ImpuestoP"]]] += (
                Fraction(tax.attrib["ImporteP"]) * rate
            )
        if written.keys() != sums.keys():
            found.append(f"groups: {sorted(written)}, expected {sorted(sums)}")
        found += [
            f"{key}: {value}, expected {sums[key]}" for key, value in written.items() if value != _rounded(sums[key], 6)
        ]
    told = next(root.iter(f"{_P}Totales")).attrib
    expected = {name: _rounded(value, 2) for name, value in totals.items()}
    if {name: Fraction(value) for name, value in told.items()} != expected:
        found.append(f"Totales: {told}, expected {expected}")
    return found


def _of_document(documento: ElementTree.Element) -> list[str]:
    before, paid, left = (Fraction(documento.attrib[name]) for name in ("ImpSaldoAnt", "ImpPagado", "ImpSaldoInsoluto"))
    found = [] if before - paid == left >= 0 < paid else [f"balance: {before} - {paid} is not {left}"]
    for tax in (*documento.iter(f"{_P}TrasladoDR"), *documento.iter(f"{_P}RetencionDR")):
        if tax.get("TasaOCuotaDR") is not None:
            exact = Fraction(tax.attrib["BaseDR"]) * Fraction(tax.attrib["TasaOCuotaDR"])
            if Fraction(tax.attrib["ImporteDR"]) != _rounded(exact, 6):
                found.append(f"ImporteDR: {tax.attrib}, expected {exact}")
    return found


def _rounded(value: Fraction, places: int) -> Fraction:
    """Halves up, by integers."""
    scale = 10**places
    return Fraction((value * scale * 2 + 1) // 2, scale)


def main() -> int:
    """Judges N histories and prints what was found; exit 0 only when nothing was."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("count", type=int, nargs="?", default=10_000)
    asked = arguments.parse_args()
    started = time.monotonic()
    found = judge(range(asked.count))
    documents = sum(len(history(number)[0]) for number in range(0, asked.count, 100)) * 100
    for line in found[:50]:
        print(line)
    print(
        f"{asked.count} historias, unos {documents} complementos, {len(found)} hallazgos, "
        f"{time.monotonic() - started:.0f} s"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""The complement Pagos 2.0 as the rules read it: attributes as written, sums per tax made on the way."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

from lxml import etree

from emite.cfdi import codes, money
from emite.cfdi.codes import Kind
from emite.cfdi.rules.numbers import number, rate_allowed, rate_key

PAGO20: Final = "{http://www.sat.gob.mx/Pagos20}"
PAGOS: Final = f"{PAGO20}Pagos"
AT: Final = "/cfdi:Comprobante/cfdi:Complemento/pago20:Pagos"
_RATE: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,10})?")
_FINE: Final = 20


@lru_cache(1024)
def exchange(text: str | None) -> Decimal | None:
    """TipoCambioP or EquivalenciaDR: positive, up to ten decimals; None for anything else."""
    if text is None or not _RATE.fullmatch(text.strip()):
        return None
    return Decimal(text.strip()) or None


class PagoTax:
    """A tax of a document (DR) or of a payment (P). `key` is what its amounts are grouped by."""

    __slots__ = ("base", "factor", "importe", "impuesto", "key", "kind", "known", "path", "sound", "tasa")

    def __init__(self, path: str, node: etree._Element, suffix: str, kind: Kind) -> None:
        get = node.get
        self.path = path
        self.kind: Kind = kind
        self.base = get(f"Base{suffix}")
        self.impuesto = (get(f"Impuesto{suffix}") or "").strip()
        self.factor = (get(f"TipoFactor{suffix}") or "").strip()
        self.tasa = get(f"TasaOCuota{suffix}")
        self.importe = get(f"Importe{suffix}")
        self.key = (self.impuesto, self.factor, "" if self.factor == "Exento" else rate_key(self.tasa))
        self.known = codes.contains("c_Impuesto", self.impuesto) and codes.contains("c_TipoFactor", self.factor)
        self.sound = (
            self.known
            and self.tasa is not None
            and self.importe is not None
            and rate_allowed(self.impuesto, self.factor, self.tasa, kind)
        )


class Docto:
    """A DoctoRelacionado. `equivalencia` is 1 where the currency is the payment's, whatever is written."""

    __slots__ = ("attributes", "equivalencia", "moneda", "path", "retenciones", "same", "traslados", "with_impuestos")

    def __init__(self, path: str, node: etree._Element, moneda_pago: str) -> None:
        self.path = path
        self.attributes = {str(name): str(value) for name, value in node.items()}
        self.moneda = self.attributes.get("MonedaDR", "").strip()
        self.same = self.moneda == moneda_pago
        self.equivalencia = Decimal(1) if self.same else exchange(self.attributes.get("EquivalenciaDR"))
        self.with_impuestos = False
        self.retenciones: list[PagoTax] = []
        self.traslados: list[PagoTax] = []
        for impuestos in node.iterchildren(f"{PAGO20}ImpuestosDR"):
            self.with_impuestos = True
            self.retenciones += _taxes(impuestos, f"{path}/pago20:ImpuestosDR", "Retencion", "DR", "retencion")
            self.traslados += _taxes(impuestos, f"{path}/pago20:ImpuestosDR", "Traslado", "DR", "traslado")

    def amount(self, name: str) -> Decimal | None:
        return number(self.attributes.get(name))

    def converted(self, text: str | None) -> Decimal | None:
        """An amount of this document in the payment's currency, exact when they are the same."""
        value = number(text)
        if value is None or self.equivalencia is None:
            return None
        return value if self.equivalencia == 1 else money.over(value, self.equivalencia, _FINE)


class PagoNode:
    """A Pago with its documents and its sums of taxes."""

    __slots__ = ("attributes", "decimals", "doctos", "forma", "moneda", "path", "retenciones", "traslados")

    def __init__(self, path: str, node: etree._Element) -> None:
        self.path = path
        self.attributes = {str(name): str(value) for name, value in node.items()}
        self.moneda = self.attributes.get("MonedaP", "").strip()
        self.forma = self.attributes.get("FormaDePagoP", "").strip()
        self.decimals = codes.decimals_of(self.moneda)
        self.doctos = [
            Docto(f"{path}/pago20:DoctoRelacionado[{index}]", child, self.moneda)
            for index, child in enumerate(node.iterchildren(f"{PAGO20}DoctoRelacionado"), 1)
        ]
        self.retenciones: list[PagoTax] = []
        self.traslados: list[PagoTax] = []
        for impuestos in node.iterchildren(f"{PAGO20}ImpuestosP"):
            self.retenciones += _taxes(impuestos, f"{path}/pago20:ImpuestosP", "Retencion", "P", "retencion")
            self.traslados += _taxes(impuestos, f"{path}/pago20:ImpuestosP", "Traslado", "P", "traslado")

    @property
    def one_currency(self) -> bool:
        return all(docto.same for docto in self.doctos)

    def in_pesos(self, text: str | None) -> Decimal | None:
        """An amount of this payment times its TipoCambioP."""
        value, rate = number(text), exchange(self.attributes.get("TipoCambioP"))
        return None if value is None or rate is None else money.times(value, rate)


class PagosNode:
    """The complement, with the one Concepto that its document must have."""

    __slots__ = ("children", "concepto", "conceptos", "pagos", "summary", "totales")

    def __init__(self, node: etree._Element, root: etree._Element, cfdi: str) -> None:
        conceptos = root.findall(f"{cfdi}Conceptos/{cfdi}Concepto")
        self.conceptos = len(conceptos)
        self.concepto = {str(name): str(value) for name, value in conceptos[0].items()} if conceptos else {}
        self.children = [str(child.tag) for child in conceptos[0]] if conceptos else []
        self.summary = root.find(f"{cfdi}Impuestos") is not None
        totales = node.find(f"{PAGO20}Totales")
        self.totales = {} if totales is None else {str(name): str(value) for name, value in totales.items()}
        self.pagos = [
            PagoNode(f"{AT}/pago20:Pago[{index}]", child)
            for index, child in enumerate(node.iterchildren(f"{PAGO20}Pago"), 1)
        ]


def _taxes(impuestos: etree._Element, path: str, name: str, suffix: str, kind: Kind) -> list[PagoTax]:
    plural = f"{name}{'es' if name == 'Retencion' else 's'}{suffix}"
    return [
        PagoTax(f"{path}/pago20:{plural}/pago20:{name}{suffix}[{index}]", node, suffix, kind)
        for group in impuestos.iterchildren(f"{PAGO20}{plural}")
        for index, node in enumerate(group.iterchildren(f"{PAGO20}{name}{suffix}"), 1)
    ]

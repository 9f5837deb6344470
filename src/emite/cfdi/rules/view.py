"""The light view of a CFDI that the rules read: plain slots, each number parsed once, sums made on the way.

Reading judges nothing and never fails: a number that is not one is None and its rules stay silent, because the XSD
fault says it. The rules are in the modules beside this one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from lxml import etree

from emite.cfdi import codes, money
from emite.cfdi.codes import Kind
from emite.cfdi.comprobante import Sums
from emite.cfdi.rules.numbers import number, rate_allowed, rate_key
from emite.cfdi.rules.pagos_view import PAGOS, PagosNode

CFDI: Final = "{http://www.sat.gob.mx/cfd/4}"
_COMERCIO_EXTERIOR: Final = re.compile(r"\{http://www\.sat\.gob\.mx/ComercioExterior(11|20)?\}ComercioExterior")
_IMPUESTOS_LOCALES: Final = "{http://www.sat.gob.mx/implocal}ImpuestosLocales"
# MAT CFDI40101. `$` would admit a line feed at the end, so fullmatch is used.
FECHA: Final = re.compile(
    r"20[1-9][0-9]-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
)

ROOT: Final = "/cfdi:Comprobante"
_CONCEPTO: Final = f"{ROOT}/cfdi:Conceptos/cfdi:Concepto"


_IMPUESTOS: Final = f"{CFDI}Impuestos"
_TRASLADOS: Final = f"{CFDI}Traslados"
_RETENCIONES: Final = f"{CFDI}Retenciones"


def _attributes(node: etree._Element) -> dict[str, str]:
    return dict(node.items())  # type: ignore[arg-type] # half the time of dict(node.attrib); lxml gives str for both


class TaxKind:
    """What the taxes of many concepts share. `sound`: SAT's catalogues and the factor's own rules hold for them.

    `group` is what their amounts are added up by.
    """

    __slots__ = ("factor", "group", "impuesto", "known", "side", "sound", "tasa", "with_importe")

    def __init__(self, side: Kind, impuesto: str, factor: str, tasa: str | None, with_importe: bool) -> None:
        self.side = side
        self.impuesto, self.factor, self.tasa, self.with_importe = impuesto, factor, tasa, with_importe
        exempt = factor == "Exento"
        self.group = (impuesto, factor, "" if exempt else rate_key(tasa))
        self.known = codes.contains("c_Impuesto", impuesto) and codes.contains("c_TipoFactor", factor)
        if exempt:
            rated = side == "traslado" and tasa is None
        else:
            rated = tasa is not None and rate_allowed(impuesto, factor, tasa, side)
        self.sound = self.known and rated and with_importe is not exempt


@lru_cache(1024)
def _tax_kind(side: Kind, impuesto: str, factor: str, tasa: str | None, with_importe: bool) -> TaxKind:
    return TaxKind(side, impuesto.strip(), factor.strip(), tasa, with_importe)


class Tax:
    """A Traslado or Retencion of a concept: its amounts as written, and what it shares with others."""

    __slots__ = ("base", "importe", "kind", "place")

    def __init__(self, place: tuple[int, int], node: etree._Element, side: Kind) -> None:
        get = node.get
        self.place = place
        self.base = get("Base")
        self.importe = importe = get("Importe")
        self.kind = _tax_kind(side, get("Impuesto", ""), get("TipoFactor", ""), get("TasaOCuota"), importe is not None)

    @property
    def path(self) -> str:
        concepto, index = self.place
        names = "Traslados/cfdi:Traslado" if self.kind.side == "traslado" else "Retenciones/cfdi:Retencion"
        return f"{_CONCEPTO}[{concepto}]/cfdi:Impuestos/cfdi:{names}[{index}]"


class Parte:
    """A Parte of a concept."""

    __slots__ = ("cantidad", "clave", "importe", "path", "pedimentos", "valor_unitario")

    def __init__(self, path: str, node: etree._Element) -> None:
        self.path = path
        self.clave = node.get("ClaveProdServ")
        self.cantidad = node.get("Cantidad")
        self.valor_unitario = node.get("ValorUnitario")
        self.importe = node.get("Importe")
        self.pedimentos = _pedimentos(path, node)


class Pedimento:
    """An InformacionAduanera of a concept or of a Parte."""

    __slots__ = ("numero", "path")

    def __init__(self, path: str, numero: str | None) -> None:
        self.path = path
        self.numero = numero


class Tercero:
    """The ACuentaTerceros of a concept."""

    __slots__ = ("path", "regimen", "rfc")

    def __init__(self, path: str, node: etree._Element) -> None:
        self.path = path
        self.rfc = node.get("RfcACuentaTerceros", "")
        self.regimen = node.get("RegimenFiscalACuentaTerceros")


class Concepto:
    """A Concepto: its attributes as written and its children read."""

    __slots__ = (
        "cantidad",
        "clave",
        "descuento",
        "importe",
        "objeto",
        "partes",
        "pedimentos",
        "place",
        "retenciones",
        "tercero",
        "traslados",
        "unidad",
        "valor_unitario",
        "with_impuestos",
    )  # fmt: skip

    def __init__(self, place: int, node: etree._Element) -> None:
        get = node.get
        self.place = place
        self.clave = get("ClaveProdServ")
        self.unidad = get("ClaveUnidad")
        self.cantidad = get("Cantidad")
        self.valor_unitario = get("ValorUnitario")
        self.importe = get("Importe")
        self.descuento = get("Descuento")
        self.objeto = get("ObjetoImp")
        self.with_impuestos = False
        self.traslados: list[Tax] = []
        self.retenciones: list[Tax] = []
        self.tercero: Tercero | None = None
        self.pedimentos: list[Pedimento] = []
        self.partes: list[Parte] = []
        for child in node:
            self._read(child)

    @property
    def path(self) -> str:
        return f"{_CONCEPTO}[{self.place}]"

    @property
    def kind(self) -> tuple[object, ...]:
        """What concepts alike have equal: all that a rule which reads the kind may read."""
        taxes = [tax.kind for tax in self.traslados]
        if self.retenciones:
            taxes += [tax.kind for tax in self.retenciones]
        return (self.clave, self.unidad, self.objeto, self.with_impuestos, *taxes)

    def _read(self, child: etree._Element) -> None:
        tag = child.tag
        if tag == _IMPUESTOS:
            self.with_impuestos = True
            for group in child:
                if group.tag == _TRASLADOS:
                    self.traslados += _taxes(group, self.place, "traslado")
                elif group.tag == _RETENCIONES:
                    self.retenciones += _taxes(group, self.place, "retencion")
        elif tag == f"{CFDI}ACuentaTerceros":
            self.tercero = Tercero(f"{self.path}/cfdi:ACuentaTerceros", child)
        elif tag == f"{CFDI}Parte":
            self.partes.append(Parte(f"{self.path}/cfdi:Parte[{len(self.partes) + 1}]", child))
        elif tag == f"{CFDI}InformacionAduanera":
            place = f"{self.path}/cfdi:InformacionAduanera[{len(self.pedimentos) + 1}]"
            self.pedimentos.append(Pedimento(place, child.get("NumeroPedimento")))


class SummaryTax:
    """A Traslado or Retencion of the document's summary. `key` is what its amounts are grouped by.

    `repeated`: another node has the same key; `again`: this one is not the first of them.
    """

    __slots__ = ("again", "base", "factor", "importe", "impuesto", "key", "path", "repeated", "tasa")

    def __init__(self, path: str, attributes: dict[str, str]) -> None:
        get = attributes.get
        self.path = path
        self.base = get("Base")
        self.impuesto = get("Impuesto", "").strip()
        self.factor = get("TipoFactor", "").strip()
        self.tasa = get("TasaOCuota")
        self.importe = get("Importe")
        self.key = (self.impuesto, self.factor, "" if self.factor == "Exento" else rate_key(self.tasa))
        self.repeated = self.again = False


class Group:
    """What the concepts add up to for one key of the summary; None once a number of it could not be read."""

    __slots__ = ("base", "importe")

    def __init__(self) -> None:
        self.base: Decimal | None = money.ZERO
        self.importe: Decimal | None = money.ZERO


@dataclass(slots=True)
class Summary:
    """The document's own Impuestos node."""

    total_retenidos: str | None
    total_trasladados: str | None
    with_retenciones: bool = False
    with_traslados: bool = False
    retenciones: list[SummaryTax] = field(default_factory=list)
    traslados: list[SummaryTax] = field(default_factory=list)


@dataclass(slots=True)
class Documento:
    """A CFDI 4.0 as the rules see it. Attributes are as written; amounts are read with `number`."""

    attributes: dict[str, str]
    emisor: dict[str, str]
    receptor: dict[str, str]
    foreign: bool
    now: datetime | None
    tipo: str
    moneda: str
    decimals: int
    fecha: datetime | None
    informacion_global: dict[str, str] | None = None
    relaciones: list[tuple[str, str | None]] = field(default_factory=list)
    impuestos: Summary | None = None
    comercio_exterior: bool = False
    pagos: PagosNode | None = None
    locales: Decimal = money.ZERO  # local taxes: charged minus withheld (complement implocal)
    sum_importe: Decimal | None = money.ZERO
    sum_descuento: Decimal | None = money.ZERO
    with_descuento: bool = False
    traslados: dict[tuple[str, str, str], Group] = field(default_factory=dict)
    retenciones: dict[str, Group] = field(default_factory=dict)
    taxes_sound: bool = (
        True  # False: some concept's tax breaks a rule of its own, so comparing sums would only repeat it
    )

    @property
    def has_totals(self) -> bool:
        """True for the types whose amounts are the sum of the concepts: I, E and N."""
        return self.tipo in ("I", "E", "N")

    @property
    def carries_no_money(self) -> bool:
        """True for T and P, whose amounts are zero."""
        return self.tipo in ("T", "P")

    def add_up_to(self, sums: Sums) -> None:
        """Have these sums in place of those of the concepts that were read: some of many, of every kind."""
        self.sum_importe, self.sum_descuento = sums.importe, sums.descuento or money.ZERO
        for (impuesto, factor, tasa), (base, importe) in sums.traslados.items():
            group = self.traslados[(impuesto, factor, "" if tasa is None else rate_key(money.text(tasa)))]
            group.base, group.importe = base, importe
        for impuesto, held in sums.retenciones.items():
            self.retenciones[impuesto].importe = held


def read(
    root: etree._Element,
    each: Callable[[Documento, Concepto], None],
    *,
    foreign: bool = False,
    now: datetime | None = None,
) -> Documento:
    """Reads a cfdi:Comprobante once. `foreign` and `now` are kept for the rules that differ by them.

    The concepts come last and go to `each` one by one: a month's global has a hundred thousand and keeps none.
    """
    attributes = _attributes(root)
    moneda = attributes.get("Moneda", "").strip()
    d = Documento(
        attributes=attributes,
        emisor={},
        receptor={},
        foreign=foreign,
        now=now,
        tipo=attributes.get("TipoDeComprobante", "").strip(),
        moneda=moneda,
        decimals=codes.decimals_of(moneda),
        fecha=_fecha(attributes.get("Fecha", "")),
    )
    lists = []
    for child in root:
        if child.tag == f"{CFDI}Conceptos":
            lists.append(child)
        else:
            _read_child(d, child)
    nodes = (node for conceptos in lists for node in conceptos.iterchildren(f"{CFDI}Concepto"))
    for place, node in enumerate(nodes, 1):
        concepto = Concepto(place, node)
        _add(d, concepto)
        each(d, concepto)
    return d


def _read_child(d: Documento, child: etree._Element) -> None:
    tag = child.tag
    if tag == f"{CFDI}Emisor":
        d.emisor = _attributes(child)
    elif tag == f"{CFDI}Receptor":
        d.receptor = _attributes(child)
    elif tag == _IMPUESTOS:
        d.impuestos = _summary(child)
    elif tag == f"{CFDI}InformacionGlobal":
        d.informacion_global = _attributes(child)
    elif tag == f"{CFDI}CfdiRelacionados":
        path = f"{ROOT}/cfdi:CfdiRelacionados[{len(d.relaciones) + 1}]"
        d.relaciones.append((path, child.get("TipoRelacion")))
    elif tag == f"{CFDI}Complemento":
        for complemento in child.iterchildren(tag=etree.Element):
            _read_complemento(d, complemento)


def _read_complemento(d: Documento, complemento: etree._Element) -> None:
    if complemento.tag == PAGOS and d.pagos is None:
        d.pagos = PagosNode(complemento, complemento.getroottree().getroot(), CFDI)
    elif _COMERCIO_EXTERIOR.fullmatch(str(complemento.tag)):
        d.comercio_exterior = True
    elif complemento.tag == _IMPUESTOS_LOCALES:
        charged, withheld = number(complemento.get("TotaldeTraslados")), number(complemento.get("TotaldeRetenciones"))
        d.locales += (charged or money.ZERO) - (withheld or money.ZERO)


def _add(d: Documento, concepto: Concepto) -> None:
    d.sum_importe = _plus(d.sum_importe, concepto.importe)
    if concepto.descuento is not None:
        d.with_descuento = True
        d.sum_descuento = _plus(d.sum_descuento, concepto.descuento)
    for tax in concepto.traslados:
        kind = tax.kind
        if not kind.sound:
            d.taxes_sound = False
        group = d.traslados.get(kind.group)
        if group is None:
            group = d.traslados[kind.group] = Group()
        group.base = _plus(group.base, tax.base)
        if kind.factor != "Exento":
            group.importe = _plus(group.importe, tax.importe)
    for tax in concepto.retenciones:
        if not tax.kind.sound:
            d.taxes_sound = False
        group = d.retenciones.get(tax.kind.impuesto)
        if group is None:
            group = d.retenciones[tax.kind.impuesto] = Group()
        group.importe = _plus(group.importe, tax.importe)


def _plus(total: Decimal | None, text: str | None) -> Decimal | None:
    value = number(text)
    return None if total is None or value is None else total + value


def _taxes(group: etree._Element, concepto: int, side: Kind) -> Iterator[Tax]:
    for index, node in enumerate(group.iterchildren(tag=etree.Element), 1):
        yield Tax((concepto, index), node, side)


def _summary(node: etree._Element) -> Summary:
    summary = Summary(node.get("TotalImpuestosRetenidos"), node.get("TotalImpuestosTrasladados"))
    path = f"{ROOT}/cfdi:Impuestos"
    for group in node:
        if group.tag == f"{CFDI}Retenciones":
            summary.with_retenciones = True
            summary.retenciones += _summary_taxes(group, f"{path}/cfdi:Retenciones/cfdi:Retencion")
        elif group.tag == f"{CFDI}Traslados":
            summary.with_traslados = True
            summary.traslados += _summary_taxes(group, f"{path}/cfdi:Traslados/cfdi:Traslado")
    return summary


def _summary_taxes(group: etree._Element, path: str) -> list[SummaryTax]:
    taxes = [
        SummaryTax(f"{path}[{index}]", _attributes(node))
        for index, node in enumerate(group.iterchildren(tag=etree.Element), 1)
    ]
    seen: dict[tuple[str, str, str], SummaryTax] = {}
    for tax in taxes:
        first = seen.setdefault(tax.key, tax)
        if first is not tax:
            first.repeated = tax.repeated = tax.again = True
    return taxes


def _pedimentos(path: str, node: etree._Element) -> list[Pedimento]:
    return [
        Pedimento(f"{path}/cfdi:InformacionAduanera[{index}]", child.get("NumeroPedimento"))
        for index, child in enumerate(node.iterchildren(f"{CFDI}InformacionAduanera"), 1)
    ]


def _fecha(text: str) -> datetime | None:
    if not FECHA.fullmatch(text.strip()):
        return None
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:  # 31 February: the pattern admits it
        return None

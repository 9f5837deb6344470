"""What the printed representation of a stamped CFDI must show, read from its XML as plain data.

How it looks is for `typeset/` and the web. Source of the list: RMF 2.7.1.7, CFF 29-A and Anexo 20 (see docs/sat/qr.md).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

from lxml import etree

from emite.cfdi import codes, money
from emite.cfdi.cadena import cadena_tfd
from emite.cfdi.timbre import Timbre, read
from emite.cfdi.words import in_words
from emite.cfdi.xml import CFDI, TFD
from emite.cfdi.xml_pagos import PAGO20

__all__ = ["LEGEND", "Representation", "draft_representation", "in_words", "qr_url", "representation"]

LEGEND: Final = "Este documento es una representación impresa de un CFDI"
DRAFT_LEGEND: Final = "BORRADOR - SIN VALIDEZ FISCAL: este documento no es un CFDI ni lo representa"
VERIFICATION: Final = "https://verificacfdi.facturaelectronica.sat.gob.mx/default.aspx"
_C: Final = f"{{{CFDI}}}"
_P: Final = f"{{{PAGO20}}}"
_TITLES: Final = {"I": "Factura", "E": "Nota de crédito", "P": "Complemento de pago", "T": "Traslado", "N": "Nómina"}


@dataclass(frozen=True, slots=True)
class Labelled:
    """A key of a SAT catalogue with its text: "G03", "Gastos en general". The text is empty if SAT has none."""

    key: str
    label: str


@dataclass(frozen=True, slots=True)
class Emisor:
    """Who issued."""

    rfc: str
    nombre: str
    regimen_fiscal: Labelled


@dataclass(frozen=True, slots=True)
class Receptor:
    """Who received."""

    rfc: str
    nombre: str
    domicilio_fiscal: str
    regimen_fiscal: Labelled
    uso_cfdi: Labelled
    residencia_fiscal: Labelled | None
    num_reg_id_trib: str | None


@dataclass(frozen=True, slots=True)
class Tax:
    """A tax of a line or of the sums. `label` is for reading: "IVA 16 %", "IVA exento", "ISR retenido 10 %"."""

    label: str
    retenido: bool
    impuesto: Labelled
    tipo_factor: str
    tasa_o_cuota: str | None
    base: str | None
    importe: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """A Concepto. Amounts are text, with the decimals of the XML."""

    clave_prod_serv: Labelled
    no_identificacion: str | None
    cantidad: str
    clave_unidad: Labelled
    unidad: str | None
    descripcion: str
    valor_unitario: str
    importe: str
    descuento: str | None
    objeto_imp: Labelled
    taxes: tuple[Tax, ...]


@dataclass(frozen=True, slots=True)
class Global:
    """The period of a factura global."""

    periodicidad: Labelled
    meses: Labelled
    anio: str


@dataclass(frozen=True, slots=True)
class Relation:
    """Earlier documents and how this one relates to them."""

    tipo: Labelled
    uuids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PaidDocument:
    """The part of an invoice that a payment settled."""

    uuid: str
    serie: str | None
    folio: str | None
    moneda: str
    parcialidad: str
    saldo_anterior: str
    pagado: str
    saldo_insoluto: str
    objeto_imp: Labelled
    equivalencia: str | None = None
    taxes: tuple[Tax, ...] = ()


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment of a type P document."""

    fecha: str
    forma_pago: Labelled
    moneda: Labelled
    tipo_cambio: str | None
    monto: str
    num_operacion: str | None
    documentos: tuple[PaidDocument, ...]
    taxes: tuple[Tax, ...]
    banco_ordenante: str | None = None
    cuenta_ordenante: str | None = None
    banco_beneficiario: str | None = None
    cuenta_beneficiaria: str | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums, as text. In a type P, whose own total is 0, `total_in_words` is of its `monto_pagos`, in pesos."""

    sub_total: str
    descuento: str | None
    traslados: tuple[Tax, ...]
    retenciones: tuple[Tax, ...]
    total_trasladados: str | None
    total_retenidos: str | None
    total: str
    total_in_words: str
    monto_pagos: str | None = None


@dataclass(frozen=True, slots=True)
class Fiscal:
    """The seals and numbers that prove the document, and where to verify it."""

    uuid: str
    fecha_timbrado: str
    rfc_prov_certif: str
    leyenda: str | None
    no_certificado: str
    no_certificado_sat: str
    sello: str
    sello_sat: str
    cadena_tfd: str
    qr_url: str
    legend: str


@dataclass(frozen=True, slots=True)
class Representation:
    """Everything that the print of a CFDI must show. `as_json` gives it as plain JSON data."""

    title: str
    tipo: Labelled
    serie: str | None
    folio: str | None
    fecha: str
    lugar_expedicion: str
    exportacion: Labelled
    forma_pago: Labelled | None
    metodo_pago: Labelled | None
    condiciones_de_pago: str | None
    moneda: Labelled
    tipo_cambio: str | None
    emisor: Emisor
    receptor: Receptor
    informacion_global: Global | None
    relacionados: tuple[Relation, ...]
    lines: tuple[Line, ...]
    totals: Totals
    payments: tuple[Payment, ...]
    fiscal: Fiscal

    def as_json(self) -> dict[str, Any]:
        """The same as nested dicts and lists of text."""
        return asdict(self)


def qr_url(uuid: str, rfc_emisor: str, rfc_receptor: str, total: Decimal, sello: str) -> str:
    """The address that the QR of a print carries (Anexo 20, I.D). `sello` is the whole Sello of the Comprobante.

    `tt` without idle zeros but with one decimal at least; `fe` as it is; & and Ñ of an RFC encoded. See docs/sat/qr.md.
    """
    amount = money.text(money.trimmed(money.half_up(total, 6), 1))
    emisor, receptor = quote(rfc_emisor, safe=""), quote(rfc_receptor, safe="")
    return f"{VERIFICATION}?id={uuid}&re={emisor}&rr={receptor}&tt={amount}&fe={sello[-8:]}"


def representation(stamped_root: etree._Element) -> Representation:
    """Reads a stamped CFDI. Raises ValueError when it has no stamp, KeyError when it lacks what the schema requires."""
    stamp = read(stamped_root)
    if stamp is None:
        raise ValueError("only a stamped CFDI has a printed representation")
    return _representation(stamped_root, _fiscal(stamped_root, stamp))


def draft_representation(unsealed_root: etree._Element) -> Representation:
    """The same of a document that is not sealed yet: its fiscal part is empty but for a date and the warning."""
    nothing = dict.fromkeys((field.name for field in fields(Fiscal)), "")
    fiscal = Fiscal(**{**nothing, "fecha_timbrado": _required(unsealed_root, "Fecha"), "legend": DRAFT_LEGEND})
    return _representation(unsealed_root, fiscal)


def _representation(root: etree._Element, fiscal: Fiscal) -> Representation:
    tipo = root.get("TipoDeComprobante", "")
    information = root.find(f"{_C}InformacionGlobal")
    return Representation(
        title="Factura global" if information is not None else _TITLES.get(tipo, "CFDI"),
        tipo=_labelled("c_TipoDeComprobante", tipo),
        serie=root.get("Serie"),
        folio=root.get("Folio"),
        fecha=_required(root, "Fecha"),
        lugar_expedicion=_required(root, "LugarExpedicion"),
        exportacion=_labelled("c_Exportacion", _required(root, "Exportacion")),
        forma_pago=_optional("c_FormaPago", root.get("FormaPago")),
        metodo_pago=_optional("c_MetodoPago", root.get("MetodoPago")),
        condiciones_de_pago=root.get("CondicionesDePago"),
        moneda=_labelled("c_Moneda", _required(root, "Moneda")),
        tipo_cambio=root.get("TipoCambio"),
        emisor=_emisor(_child(root, "Emisor")),
        receptor=_receptor(_child(root, "Receptor")),
        informacion_global=None if information is None else _global(information),
        relacionados=tuple(_relation(node) for node in root.iterchildren(f"{_C}CfdiRelacionados")),
        lines=tuple(_line(node) for node in _child(root, "Conceptos").iterchildren(f"{_C}Concepto")),
        totals=_totals(root),
        payments=tuple(_payment(node) for node in root.iterfind(f"{_C}Complemento/{_P}Pagos/{_P}Pago")),
        fiscal=fiscal,
    )


def _emisor(node: etree._Element) -> Emisor:
    regimen = _labelled("c_RegimenFiscal", _required(node, "RegimenFiscal"))
    return Emisor(_required(node, "Rfc"), _required(node, "Nombre"), regimen)


def _receptor(node: etree._Element) -> Receptor:
    return Receptor(
        rfc=_required(node, "Rfc"),
        nombre=_required(node, "Nombre"),
        domicilio_fiscal=_required(node, "DomicilioFiscalReceptor"),
        regimen_fiscal=_labelled("c_RegimenFiscal", _required(node, "RegimenFiscalReceptor")),
        uso_cfdi=_labelled("c_UsoCFDI", _required(node, "UsoCFDI")),
        residencia_fiscal=_optional("c_Pais", node.get("ResidenciaFiscal")),
        num_reg_id_trib=node.get("NumRegIdTrib"),
    )


def _global(node: etree._Element) -> Global:
    periodicidad = _labelled("c_Periodicidad", _required(node, "Periodicidad"))
    return Global(periodicidad, _labelled("c_Meses", _required(node, "Meses")), _required(node, "Año"))


def _relation(node: etree._Element) -> Relation:
    uuids = tuple(_required(child, "UUID").upper() for child in node.iterchildren(f"{_C}CfdiRelacionado"))
    return Relation(_labelled("c_TipoRelacion", _required(node, "TipoRelacion")), uuids)


def _line(node: etree._Element) -> Line:
    taxes = f"{_C}Impuestos/{_C}"
    return Line(
        clave_prod_serv=_labelled("c_ClaveProdServ", _required(node, "ClaveProdServ")),
        no_identificacion=node.get("NoIdentificacion"),
        cantidad=_required(node, "Cantidad"),
        clave_unidad=_labelled("c_ClaveUnidad", _required(node, "ClaveUnidad")),
        unidad=node.get("Unidad"),
        descripcion=_required(node, "Descripcion"),
        valor_unitario=_required(node, "ValorUnitario"),
        importe=_required(node, "Importe"),
        descuento=node.get("Descuento"),
        objeto_imp=_labelled("c_ObjetoImp", _required(node, "ObjetoImp")),
        taxes=(
            *(_tax(tax, retenido=False) for tax in node.iterfind(f"{taxes}Traslados/{_C}Traslado")),
            *(_tax(tax, retenido=True) for tax in node.iterfind(f"{taxes}Retenciones/{_C}Retencion")),
        ),
    )


def _tax(node: etree._Element, *, retenido: bool, suffix: str = "") -> Tax:
    impuesto = _labelled("c_Impuesto", _required(node, f"Impuesto{suffix}"))
    factor = node.get(f"TipoFactor{suffix}", "")
    rate = node.get(f"TasaOCuota{suffix}")
    return Tax(
        label=" ".join(filter(None, (impuesto.label, "retenido" if retenido else "", _rate_label(factor, rate)))),
        retenido=retenido,
        impuesto=impuesto,
        tipo_factor=factor,
        tasa_o_cuota=rate,
        base=node.get(f"Base{suffix}"),
        importe=node.get(f"Importe{suffix}"),
    )


def _rate_label(factor: str, rate: str | None) -> str:
    if factor == "Exento":
        return "exento"
    if rate is None:
        return ""
    if factor == "Cuota":
        return f"cuota {rate}"
    return f"{money.text(money.trimmed(Decimal(rate) * 100, 0))} %"


def _totals(root: etree._Element) -> Totals:
    summary = root.find(f"{_C}Impuestos")
    nodes = summary if summary is not None else etree.Element("none")
    total, moneda = _required(root, "Total"), _required(root, "Moneda")
    pagos = root.find(f"{_C}Complemento/{_P}Pagos/{_P}Totales")
    paid = None if pagos is None else _required(pagos, "MontoTotalPagos")
    return Totals(
        sub_total=_required(root, "SubTotal"),
        descuento=root.get("Descuento"),
        traslados=tuple(_tax(node, retenido=False) for node in nodes.iterfind(f"{_C}Traslados/{_C}Traslado")),
        retenciones=tuple(_tax(node, retenido=True) for node in nodes.iterfind(f"{_C}Retenciones/{_C}Retencion")),
        total_trasladados=nodes.get("TotalImpuestosTrasladados"),
        total_retenidos=nodes.get("TotalImpuestosRetenidos"),
        total=total,
        total_in_words=_in_words(total, moneda, paid),
        monto_pagos=paid,
    )


def _in_words(total: str, moneda: str, paid: str | None) -> str:
    if paid is not None:
        return in_words(Decimal(paid), "MXN")
    return "" if moneda == "XXX" else in_words(Decimal(total), moneda)


def _payment(node: etree._Element) -> Payment:
    taxes = f"{_P}ImpuestosP/{_P}"
    return Payment(
        fecha=_required(node, "FechaPago"),
        forma_pago=_labelled("c_FormaPago", _required(node, "FormaDePagoP")),
        moneda=_labelled("c_Moneda", _required(node, "MonedaP")),
        tipo_cambio=node.get("TipoCambioP"),
        monto=_required(node, "Monto"),
        num_operacion=node.get("NumOperacion"),
        documentos=tuple(_paid(document) for document in node.iterchildren(f"{_P}DoctoRelacionado")),
        taxes=(
            *(_tax(tax, retenido=False, suffix="P") for tax in node.iterfind(f"{taxes}TrasladosP/{_P}TrasladoP")),
            *(_tax(tax, retenido=True, suffix="P") for tax in node.iterfind(f"{taxes}RetencionesP/{_P}RetencionP")),
        ),
        banco_ordenante=node.get("NomBancoOrdExt") or node.get("RfcEmisorCtaOrd"),
        cuenta_ordenante=node.get("CtaOrdenante"),
        banco_beneficiario=node.get("RfcEmisorCtaBen"),
        cuenta_beneficiaria=node.get("CtaBeneficiario"),
    )


def _paid(node: etree._Element) -> PaidDocument:
    taxes = f"{_P}ImpuestosDR/{_P}"
    return PaidDocument(
        uuid=_required(node, "IdDocumento").upper(),
        serie=node.get("Serie"),
        folio=node.get("Folio"),
        moneda=_required(node, "MonedaDR"),
        parcialidad=_required(node, "NumParcialidad"),
        saldo_anterior=_required(node, "ImpSaldoAnt"),
        pagado=_required(node, "ImpPagado"),
        saldo_insoluto=_required(node, "ImpSaldoInsoluto"),
        objeto_imp=_labelled("c_ObjetoImp", _required(node, "ObjetoImpDR")),
        equivalencia=node.get("EquivalenciaDR"),
        taxes=(
            *(_tax(tax, retenido=False, suffix="DR") for tax in node.iterfind(f"{taxes}TrasladosDR/{_P}TrasladoDR")),
            *(_tax(tax, retenido=True, suffix="DR") for tax in node.iterfind(f"{taxes}RetencionesDR/{_P}RetencionDR")),
        ),
    )


def _fiscal(root: etree._Element, stamp: Timbre) -> Fiscal:
    sello = _required(root, "Sello")
    emisor, receptor = _required(_child(root, "Emisor"), "Rfc"), _required(_child(root, "Receptor"), "Rfc")
    return Fiscal(
        uuid=stamp.uuid,
        fecha_timbrado=stamp.fecha_timbrado.isoformat(),
        rfc_prov_certif=stamp.rfc_prov_certif,
        leyenda=stamp.leyenda,
        no_certificado=_required(root, "NoCertificado"),
        no_certificado_sat=stamp.no_certificado_sat,
        sello=sello,
        sello_sat=stamp.sello_sat,
        cadena_tfd=cadena_tfd(next(root.iter(f"{{{TFD}}}TimbreFiscalDigital"))),
        qr_url=qr_url(stamp.uuid, emisor, receptor, Decimal(_required(root, "Total")), sello),
        legend=LEGEND,
    )


@lru_cache(maxsize=1024)  # five thousand lines name the same few keys
def _labelled(catalogue: str, key: str) -> Labelled:
    return Labelled(key, codes.label(catalogue, key) or "")


def _optional(catalogue: str, key: str | None) -> Labelled | None:
    return None if key is None else _labelled(catalogue, key)


def _child(root: etree._Element, name: str) -> etree._Element:
    found = root.find(f"{_C}{name}")
    if found is None:
        raise KeyError(name)
    return found


def _required(node: etree._Element, name: str) -> str:
    value = node.get(name)
    if value is None:
        raise KeyError(name)
    return value

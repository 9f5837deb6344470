"""The cadena original: the text that a seal signs, for a CFDI 4.0 and for its stamp.

`cadena_by_xslt` runs SAT's own sheet and is the authority; `cadena_original` is a walk that gives the same text sooner.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

from lxml import etree

from emite.cfdi.codes import FOLDER, SatDataMissing

_C: Final = "{http://www.sat.gob.mx/cfd/4}"
_P: Final = "{http://www.sat.gob.mx/Pagos20}"
_TFD: Final = "{http://www.sat.gob.mx/TimbreFiscalDigital}TimbreFiscalDigital"


class _Unknown(Exception):
    """The document has something that the walk does not know; SAT's sheet does."""


# XPath's normalize-space knows four spaces; Python's split() knows many more, and SAT's sheet leaves those alone.
_MESSY: Final = ("  ", "| ", " |", "\t", "\r", "\n")
_SPACES = re.compile(r"[ \t\r\n]+")

_Reads = tuple[tuple[str, bool], ...]


def _reads(attributes: str) -> _Reads:
    # "?" marks what the sheet calls "Opcional": skipped when absent. A "Requerido" that is absent keeps its separator.
    return tuple((name.rstrip("?"), name.endswith("?")) for name in attributes.split())


# What SAT's sheets read of each node, in their order.
_COMPROBANTE = _reads(
    "Version Serie? Folio? Fecha FormaPago? NoCertificado CondicionesDePago? SubTotal Descuento? Moneda TipoCambio? "
    "Total TipoDeComprobante Exportacion MetodoPago? LugarExpedicion Confirmacion?"
)
_GLOBAL = _reads("Periodicidad Meses Año")
_RELATION = _reads("TipoRelacion")
_UUID = _reads("UUID")
_EMISOR = _reads("Rfc Nombre RegimenFiscal FacAtrAdquirente?")
_RECEPTOR = _reads("Rfc Nombre DomicilioFiscalReceptor ResidenciaFiscal? NumRegIdTrib? RegimenFiscalReceptor UsoCFDI")
_CONCEPTO = _reads(
    "ClaveProdServ NoIdentificacion? Cantidad ClaveUnidad Unidad? Descripcion ValorUnitario Importe Descuento? "
    "ObjetoImp"
)
_TRASLADO = _reads("Base Impuesto TipoFactor TasaOCuota? Importe?")
_RETENCION = _reads("Base Impuesto TipoFactor TasaOCuota Importe")
_TERCEROS = _reads(
    "RfcACuentaTerceros NombreACuentaTerceros RegimenFiscalACuentaTerceros DomicilioFiscalACuentaTerceros"
)
_ADUANA = _reads("NumeroPedimento")
_PREDIAL = _reads("Numero")
_SUMMARY_RETENCION = _reads("Impuesto Importe")
_RETENIDOS = _reads("TotalImpuestosRetenidos?")
_TRASLADADOS = _reads("TotalImpuestosTrasladados?")
_TFD_READS = _reads("Version UUID FechaTimbrado RfcProvCertif Leyenda? SelloCFD NoCertificadoSAT")
_PAGOS = _reads("Version")
_TOTALES = _reads(
    "TotalRetencionesIVA? TotalRetencionesISR? TotalRetencionesIEPS? TotalTrasladosBaseIVA16? "
    "TotalTrasladosImpuestoIVA16? TotalTrasladosBaseIVA8? TotalTrasladosImpuestoIVA8? TotalTrasladosBaseIVA0? "
    "TotalTrasladosImpuestoIVA0? TotalTrasladosBaseIVAExento? MontoTotalPagos"
)
_PAGO = _reads(
    "FechaPago FormaDePagoP MonedaP TipoCambioP? Monto NumOperacion? RfcEmisorCtaOrd? NomBancoOrdExt? CtaOrdenante? "
    "RfcEmisorCtaBen? CtaBeneficiario? TipoCadPago? CertPago? CadPago? SelloPago?"
)
_DOCTO = _reads(
    "IdDocumento Serie? Folio? MonedaDR EquivalenciaDR? NumParcialidad ImpSaldoAnt ImpPagado ImpSaldoInsoluto "
    "ObjetoImpDR"
)
_RETENCION_DR = _reads("BaseDR ImpuestoDR TipoFactorDR TasaOCuotaDR ImporteDR")
_TRASLADO_DR = _reads("BaseDR ImpuestoDR TipoFactorDR TasaOCuotaDR? ImporteDR?")
_RETENCION_P = _reads("ImpuestoP ImporteP")
_TRASLADO_P = _reads("BaseP ImpuestoP TipoFactorP TasaOCuotaP? ImporteP?")
_SIMPLE_CHILDREN = {
    f"{_C}ACuentaTerceros": _TERCEROS,
    f"{_C}InformacionAduanera": _ADUANA,
    f"{_C}CuentaPredial": _PREDIAL,
}
_CONCEPTO_TAXES = {
    f"{_C}Traslados": (f"{_C}Traslado", _TRASLADO),
    f"{_C}Retenciones": (f"{_C}Retencion", _RETENCION),
}


def cadena_original(root: etree._Element) -> str:
    """The cadena of a CFDI 4.0, `||4.0|…||`: what `cadena_by_xslt` gives, which it asks for complements it cannot read.

    For documents that obey SAT's schema. Raises ValueError when the root is not a cfdi:Comprobante.
    """
    if root.tag != f"{_C}Comprobante":
        raise ValueError("not a cfdi:Comprobante")
    parts: list[str] = []
    try:
        _comprobante(root, parts)
    except _Unknown:
        return cadena_by_xslt(root)
    return _joined(parts)


def cadena_of_concepto(concepto: etree._Element) -> str:
    """What a cfdi:Concepto puts into the cadena of its document. Raises ValueError for one the walk cannot read."""
    parts: list[str] = []
    try:
        _concepto(concepto, parts)
    except _Unknown:
        raise ValueError("not a plain cfdi:Concepto") from None
    return _inside(parts)


def cadena_around(root: etree._Element) -> tuple[str, str]:
    """The cadena of a CFDI 4.0 before and after what its conceptos put in: `||4.0|…|` and `|…||`.

    Raises ValueError for a document that the walk cannot read.
    """
    before: list[str] = []
    after: list[str] = []
    try:
        _before(root, before)
        _after(root, after)
    except _Unknown:
        raise ValueError("not a plain cfdi:Comprobante") from None
    return f"||{_inside(before)}|", f"|{_inside(after)}||" if after else "||"


def cadena_by_xslt(root: etree._Element) -> str:
    """The cadena of a CFDI 4.0 by SAT's own sheet. Raises ValueError when the root is not a cfdi:Comprobante."""
    if root.tag != f"{_C}Comprobante":
        raise ValueError("not a cfdi:Comprobante")
    return str(_sheet("4/cadenaoriginal_4_0/cadenaoriginal_4_0.xslt")(root))


def cadena_tfd(tfd: etree._Element) -> str:
    """The cadena of a tfd:TimbreFiscalDigital 1.1, `||1.1|…||`, which SelloSAT signs and the print must show."""
    if tfd.tag != _TFD:
        raise ValueError("not a tfd:TimbreFiscalDigital")
    parts: list[str] = []
    _read(tfd, _TFD_READS, parts)
    return _joined(parts)


def cadena_tfd_by_xslt(tfd: etree._Element) -> str:
    """The same by SAT's own sheet."""
    return str(_sheet("TimbreFiscalDigital/cadenaoriginal_TFD_1_1.xslt")(tfd))


@cache
def _sheet(path: str) -> etree.XSLT:
    # SAT marks its sheets 2.0 and uses nothing that 1.0 lacks. Sheets come from our own build: no access control.
    try:
        document = etree.parse(FOLDER / "xslt" / path, etree.XMLParser(no_network=True))
    except OSError:
        raise SatDataMissing from None
    return etree.XSLT(document)


def _joined(parts: list[str]) -> str:
    return f"||{_inside(parts)}||"


def _inside(parts: list[str]) -> str:
    inside = "|".join(parts)
    if any(mess in f"|{inside}|" for mess in _MESSY):
        return "|".join(_SPACES.sub(" ", part).strip(" ") for part in parts)
    return inside


def _read(node: etree._Element, reads: _Reads, parts: list[str]) -> None:
    get = node.get
    for name, optional in reads:
        value = get(name)
        if value is not None:
            parts.append(value)
        elif not optional:
            parts.append("")


def _read_all(nodes: Iterable[etree._Element], reads: _Reads, parts: list[str]) -> None:
    for node in nodes:
        _read(node, reads, parts)


def _each(node: etree._Element, *path: str) -> Iterable[etree._Element]:
    """The grandchildren by a path of names, through every matching child, as XPath's `./a/b` does."""
    if len(path) == 1:
        return node.iterchildren(path[0])
    return (found for child in node.iterchildren(path[0]) for found in _each(child, *path[1:]))


def _comprobante(root: etree._Element, parts: list[str]) -> None:
    _before(root, parts)
    for conceptos in root.iterchildren(f"{_C}Conceptos"):
        for concepto in conceptos.iterchildren(f"{_C}Concepto"):
            _concepto(concepto, parts)
    _after(root, parts)


def _before(root: etree._Element, parts: list[str]) -> None:
    _read(root, _COMPROBANTE, parts)
    _read_all(root.iterchildren(f"{_C}InformacionGlobal"), _GLOBAL, parts)
    for relation in root.iterchildren(f"{_C}CfdiRelacionados"):
        _read(relation, _RELATION, parts)
        _read_all(relation.iterchildren(f"{_C}CfdiRelacionado"), _UUID, parts)
    _read_all(root.iterchildren(f"{_C}Emisor"), _EMISOR, parts)
    _read_all(root.iterchildren(f"{_C}Receptor"), _RECEPTOR, parts)


def _after(root: etree._Element, parts: list[str]) -> None:
    for summary in root.iterchildren(f"{_C}Impuestos"):
        _read_all(_each(summary, f"{_C}Retenciones", f"{_C}Retencion"), _SUMMARY_RETENCION, parts)
        _read(summary, _RETENIDOS, parts)
        _read_all(_each(summary, f"{_C}Traslados", f"{_C}Traslado"), _TRASLADO, parts)
        _read(summary, _TRASLADADOS, parts)
    for complement in _each(root, f"{_C}Complemento", "*"):
        _complement(complement, parts)


def _concepto(concepto: etree._Element, parts: list[str]) -> None:
    _read(concepto, _CONCEPTO, parts)
    # The schema fixes the order of what follows the taxes, and it is the sheet's.
    for child in concepto.iterchildren("*"):
        if child.tag == f"{_C}Impuestos":
            _concepto_taxes(child, parts)
        elif (reads := _SIMPLE_CHILDREN.get(child.tag)) is not None:
            _read(child, reads, parts)
        else:  # Parte and ComplementoConcepto
            raise _Unknown


def _concepto_taxes(taxes: etree._Element, parts: list[str]) -> None:
    for group in taxes.iterchildren("*"):  # the schema has Traslados first, as the sheet
        singular, reads = _CONCEPTO_TAXES.get(group.tag, ("", ()))
        if not reads:
            raise _Unknown
        for tax in group.iterchildren(singular):
            _read(tax, reads, parts)


def _complement(node: etree._Element, parts: list[str]) -> None:
    if node.tag == f"{_P}Pagos":
        _pagos(node, parts)
    elif node.tag != _TFD or len(node) or node.text:  # the stamp is no part of the cadena
        raise _Unknown


def _pagos(pagos: etree._Element, parts: list[str]) -> None:
    _read(pagos, _PAGOS, parts)
    _read_all(pagos.iterchildren(f"{_P}Totales"), _TOTALES, parts)
    for pago in pagos.iterchildren(f"{_P}Pago"):
        _read(pago, _PAGO, parts)
        for docto in pago.iterchildren(f"{_P}DoctoRelacionado"):
            _read(docto, _DOCTO, parts)
            taxes = f"{_P}ImpuestosDR"
            _read_all(_each(docto, taxes, f"{_P}RetencionesDR", f"{_P}RetencionDR"), _RETENCION_DR, parts)
            _read_all(_each(docto, taxes, f"{_P}TrasladosDR", f"{_P}TrasladoDR"), _TRASLADO_DR, parts)
        for summary in pago.iterchildren(f"{_P}ImpuestosP"):
            _read_all(_each(summary, f"{_P}RetencionesP", f"{_P}RetencionP"), _RETENCION_P, parts)
            _read_all(_each(summary, f"{_P}TrasladosP", f"{_P}TrasladoP"), _TRASLADO_P, parts)

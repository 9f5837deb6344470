"""The Conceptos of a factura global: one per sale, named by its folio; and the short form in which they are kept.

Which sales enter, and in which period, is decided by `invoices.closing`. Source: SAT's guide of the factura global.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from emite.cfdi import money
from emite.cfdi.comprobante import Concepto, Receptor, Traslado
from emite.cfdi.rfc import PUBLICO_EN_GENERAL
from emite.cfdi.taxes import IVA, Treatment

CLAVE: Final = "01010101"
UNIDAD: Final = "ACT"
DESCRIPCION: Final = "Venta"
NOMBRE: Final = "PUBLICO EN GENERAL"

_ONE: Final = Decimal(1)
_FACTORS: Final[dict[tuple[str, Decimal | None], str]] = {
    (("Exento", None) if treatment.rate is None else ("Tasa", treatment.rate)): str(treatment)
    for treatment in Treatment
    if treatment is not Treatment.NO_OBJETO
}

#: How a sale is kept: folio, importe, descuento or "", ObjetoImp, then treatment, base and tax (or "") of each tax.
Row = list[str]


def publico_en_general(lugar_expedicion: str) -> Receptor:
    """Who receives a factura global (CFDI40130, 40146, 40149, 40159, 40161)."""
    return Receptor(PUBLICO_EN_GENERAL, NOMBRE, lugar_expedicion, "616", "S01")


def concepto(
    folio: str, importe: Decimal, descuento: Decimal, taxes: Iterable[tuple[Treatment, Decimal, Decimal | None]]
) -> Concepto:
    """One sale before taxes, with a Traslado per treatment: its base after discount, and its tax (None when exempt).

    Without taxes the sale is ObjetoImp 01. Unidad is not written: the guide leaves it out.
    """
    nodes = tuple(_traslado(treatment, base, tax) for treatment, base, tax in taxes)
    return _concepto(folio, importe, descuento or None, "02" if nodes else "01", nodes)


def _traslado(treatment: Treatment, base: Decimal, tax: Decimal | None) -> Traslado:
    if treatment.rate is None:
        return Traslado(base, IVA, "Exento")
    return Traslado(base, IVA, "Tasa", treatment.rate, tax)


def _concepto(
    folio: str, importe: Decimal, descuento: Decimal | None, objeto_imp: str, traslados: tuple[Traslado, ...]
) -> Concepto:
    return Concepto(
        CLAVE, _ONE, UNIDAD, DESCRIPCION, importe, importe, objeto_imp, descuento, folio, None, traslados, ()
    )


def pack(conceptos: Sequence[Concepto]) -> list[Row] | None:
    """The short form of these Conceptos; None when some of them is not such a sale, and must be kept in full."""
    rows: list[Row] = []
    for item in conceptos:
        if (
            (item.clave_prod_serv, item.clave_unidad, item.descripcion) != (CLAVE, UNIDAD, DESCRIPCION)
            or item.no_identificacion is None
            or item.unidad is not None
            or item.retenciones
            or money.text(item.cantidad) != "1"
        ):
            return None
        importe = money.text(item.importe)
        if item.valor_unitario is not item.importe and money.text(item.valor_unitario) != importe:
            return None
        row = [
            item.no_identificacion,
            importe,
            "" if item.descuento is None else money.text(item.descuento),
            item.objeto_imp,
        ]
        for tax in item.traslados:
            name = _FACTORS.get((tax.tipo_factor, tax.tasa_o_cuota)) if tax.impuesto == IVA else None
            if name is None:
                return None
            row += (name, money.text(tax.base), "" if tax.importe is None else money.text(tax.importe))
        rows.append(row)
    return rows


def unpack(rows: Iterable[Row]) -> tuple[Concepto, ...]:
    """The very Conceptos that `pack` was given."""
    return tuple(
        _concepto(
            folio,
            Decimal(importe),
            Decimal(descuento) if descuento else None,
            objeto_imp,
            tuple(_unpacked(*taxes[at : at + 3]) for at in range(0, len(taxes), 3)),
        )
        for folio, importe, descuento, objeto_imp, *taxes in rows
    )


def _unpacked(treatment: str, base: str, tax: str) -> Traslado:
    return _traslado(_TREATMENTS[treatment], Decimal(base), Decimal(tax) if tax else None)


_TREATMENTS: Final = {str(treatment): treatment for treatment in Treatment}

"""The Comprobante of type E (nota de crédito) that credits some of an ingreso.

How much of each line is decided in `egresos.py`. Source: Guía de llenado del Anexo 20, Apéndice 5; guía del CFDI
global, Apéndice 2; the choices are explained in docs/sat/egresos.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from emite.cfdi import anticipos, codes, egresos, money, sales
from emite.cfdi.comprobante import Comprobante, Concepto, Emisor, Receptor, Relacionados
from emite.cfdi.egresos import Part
from emite.cfdi.rfc import EXTRANJERO, PUBLICO_EN_GENERAL

SERVICIOS_DE_FACTURACION: Final = anticipos.CLAVE_PROD_SERV
ACTIVIDAD: Final = anticipos.CLAVE_UNIDAD
#: Devoluciones, descuentos o bonificaciones; and what goes where the receptor's régimen does not admit it.
USO: Final = "G02"
OTHER_USO: Final = "S01"
CREDIT: Final = "01"
RETURN: Final = "03"
DESCRIPTION_LIMIT: Final = 1000
_SIX: Final = 6


class Reason(StrEnum):
    """Why income is less.

    LATE: the sale leaves a factura global because its client asks for an invoice. ANTICIPO: what an account's invoice
    says was invoiced before, as a deposit.
    """

    DEVOLUCION = "devolucion"
    DESCUENTO = "descuento"
    BONIFICACION = "bonificacion"
    GLOSA = "glosa"
    LATE = "late"
    ANTICIPO = "anticipo"


_WORDS: Final = {
    Reason.DEVOLUCION: "Devolución",
    Reason.DESCUENTO: "Descuento",
    Reason.BONIFICACION: "Bonificación",
    Reason.GLOSA: "Glosa",
}


def uso_for(receptor: Receptor) -> str:
    """G02 where the receptor's régimen admits it, else S01 (CFDI40161): most patients are of the second kind."""
    person: codes.Person = "M" if len(receptor.rfc) == 12 else "F"
    return USO if codes.uso_allowed(USO, person, receptor.regimen_fiscal) else OTHER_USO


def of_invoice(
    original: Comprobante, uuid: str, parts: Sequence[Part], *, reason: Reason, forma_pago: str, emisor: Emisor,
    lugar_expedicion: str, fecha: datetime, quantities: dict[int, Decimal] | None = None,
) -> Comprobante:  # fmt: skip
    """The egreso of these parts of one receptor's invoice; `quantities` says how many units of a line, if known."""
    lines = tuple(
        _line(piece, reason, (quantities or {}).get(part.position))
        for part in parts
        for piece in egresos.conceptos_of(part)
    )
    relation = RETURN if reason is Reason.DEVOLUCION else CREDIT
    receptor = _same_receptor(original, lugar_expedicion)
    return _egreso(lines, receptor, relation, uuid, forma_pago, emisor, lugar_expedicion, fecha)


def of_anticipo(
    original: Comprobante, uuid: str, one: Part, *, folio: str, emisor: Emisor, lugar_expedicion: str, fecha: datetime
) -> Comprobante:
    """The egreso that applies a deposit, named by its folio, to the invoice of the whole account (path A, step III)."""
    line = _concepto(one, SERVICIOS_DE_FACTURACION, ACTIVIDAD, anticipos.APPLIED, folio)
    receptor = _same_receptor(original, lugar_expedicion)
    return _egreso(
        (line,), receptor, anticipos.RELATION, uuid, anticipos.FORMA_PAGO, emisor, lugar_expedicion, fecha
    )  # fmt: skip


def _same_receptor(original: Comprobante, lugar_expedicion: str) -> Receptor:
    receptor = replace(original.receptor, uso_cfdi=uso_for(original.receptor))
    if receptor.rfc in (PUBLICO_EN_GENERAL, EXTRANJERO):  # CFDI40149
        receptor = replace(receptor, domicilio_fiscal=lugar_expedicion)
    return receptor


def of_global(
    folio: str, uuid: str, parts: Sequence[Part], *, reason: Reason, forma_pago: str, emisor: Emisor,
    lugar_expedicion: str, fecha: datetime,
) -> Comprobante:  # fmt: skip
    """The egreso of these parts of one sale in a factura global, named by the sale's folio; relation 01 always."""
    words = (
        f"Operación {folio}, que se factura a su cliente" if reason is Reason.LATE else f"{_WORDS[reason]} de {folio}"
    )
    lines = tuple(
        _concepto(piece, SERVICIOS_DE_FACTURACION, ACTIVIDAD, words, folio)
        for part in parts
        for piece in egresos.conceptos_of(part)
    )
    receptor = sales.publico_en_general(lugar_expedicion)
    receptor = replace(receptor, uso_cfdi=uso_for(receptor))
    return _egreso(lines, receptor, CREDIT, uuid, forma_pago, emisor, lugar_expedicion, fecha)


def _egreso(
    lines: tuple[Concepto, ...], receptor: Receptor, relation: str, uuid: str, forma_pago: str, emisor: Emisor,
    lugar_expedicion: str, fecha: datetime,
) -> Comprobante:  # fmt: skip
    return Comprobante(
        tipo="E",
        fecha=fecha,
        lugar_expedicion=lugar_expedicion,
        emisor=emisor,
        receptor=receptor,
        conceptos=lines,
        forma_pago=forma_pago,
        metodo_pago="PUE",
        relacionados=(Relacionados(relation, (uuid.upper(),)),),
    )


def _line(part: Part, reason: Reason, quantity: Decimal | None) -> Concepto:
    """What is given back keeps its own key; a lower price is a billing service, as SAT's guide has it."""
    line = part.line
    words = f"{_WORDS[reason]}: {line.descripcion}"[:DESCRIPTION_LIMIT]
    if reason is not Reason.DEVOLUCION:
        return _concepto(part, SERVICIOS_DE_FACTURACION, ACTIVIDAD, words, line.no_identificacion)
    written = _concepto(part, line.clave_prod_serv, line.clave_unidad, words, line.no_identificacion)
    if quantity is None:
        return written
    unit = money.over(part.base, quantity, _SIX)
    if money.times(unit, quantity) != part.base:
        return written  # no unit price of six decimals gives these cents
    return replace(written, cantidad=quantity, valor_unitario=money.trimmed(unit, 2))


def _concepto(part: Part, clave: str, unidad: str, words: str, name: str | None) -> Concepto:
    taxes = egresos.traslados_of(part)
    return Concepto(
        clave_prod_serv=clave,
        cantidad=Decimal(1),
        clave_unidad=unidad,
        descripcion=words,
        valor_unitario=part.base,
        importe=part.base,
        objeto_imp=part.line.objeto_imp if part.shares or part.line.objeto_imp != "02" else "01",
        no_identificacion=name,
        traslados=taxes,
        retenciones=egresos.retenciones_of(part),
    )

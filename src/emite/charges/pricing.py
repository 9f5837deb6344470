"""From a charge's lines to the Conceptos of its CFDI, so that a ticket and its invoice agree to the cent.

Who receives the invoice is not known here: that joins in `invoices.building`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from emite.cfdi import codes
from emite.cfdi.comprobante import Comprobante, Concepto, Emisor, Receptor, Totals
from emite.cfdi.money import written_decimals
from emite.cfdi.taxes import Treatment, concepto

#: What an amount of a line is kept in: twelve figures before the point.
AMOUNT_LIMIT = Decimal(10) ** 12
#: XML 1.0, Char: what no document can carry, however it is written.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class LineInput:
    """One line as somebody enters it: prices in pesos before tax, up to six decimals."""

    description: str
    clave_prod_serv: str
    clave_unidad: str
    treatment: Treatment
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal = Decimal(0)
    code: str = ""


class LineRefused(Exception):
    """A line cannot be charged. `field` names the input, `position` the line (from 1)."""

    def __init__(self, position: int, field: str, message: str) -> None:
        self.position, self.field, self.message = position, field, message
        super().__init__(f"línea {position}, {field}: {message}")


def tidy(value: Decimal, least: int) -> Decimal:
    """The same amount without trailing zeros beyond `least` decimals, never in exponent form."""
    decimals = max(-int(value.normalize().as_tuple().exponent), least)
    return value.quantize(Decimal(1).scaleb(-decimals))


def check_line(position: int, line: LineInput) -> None:
    """Refuse what no CFDI could carry, naming the field and the cure."""
    for field, value in (("quantity", line.quantity), ("unit_price", line.unit_price), ("discount", line.discount)):
        if written_decimals(str(value)) > 6:
            raise LineRefused(position, field, "Usa a lo más seis decimales.")
    if line.quantity <= 0:
        raise LineRefused(position, "quantity", "La cantidad debe ser mayor que cero.")
    if line.unit_price <= 0:
        raise LineRefused(position, "unit_price", "El precio debe ser mayor que cero.")
    if line.discount < 0:
        raise LineRefused(position, "discount", "El descuento no puede ser negativo.")
    if max(line.quantity, line.unit_price) >= 10**9 or line.quantity * line.unit_price >= AMOUNT_LIMIT:
        raise LineRefused(position, "unit_price", "La cantidad o el precio es demasiado grande.")
    if line.discount >= line.quantity * line.unit_price:
        raise LineRefused(position, "discount", "El descuento debe ser menor que el importe de la línea.")
    if not line.description.strip():
        raise LineRefused(position, "description", "Escribe la descripción del servicio.")
    _check_text(position, "description", "La descripción", line.description)
    _check_text(position, "code", "La clave del servicio", line.code)
    if not codes.contains("c_ClaveProdServ", line.clave_prod_serv):
        raise LineRefused(position, "clave_prod_serv", "La clave no está en el catálogo del SAT.")
    if not codes.contains("c_ClaveUnidad", line.clave_unidad):
        raise LineRefused(position, "clave_unidad", "La clave de unidad no está en el catálogo del SAT.")


def _check_text(position: int, field: str, name: str, text: str) -> None:
    if "|" in text:
        raise LineRefused(position, field, f"{name} no puede llevar el signo |.")
    if _NOT_XML.search(text):
        raise LineRefused(position, field, f"{name} lleva un carácter invisible: escríbala otra vez.")


def conceptos(lines: Iterable[LineInput]) -> tuple[Concepto, ...]:
    """The Conceptos of these lines, in their order."""
    return tuple(
        concepto(
            clave_prod_serv=line.clave_prod_serv,
            clave_unidad=line.clave_unidad,
            descripcion=line.description,
            cantidad=tidy(line.quantity, 0),
            valor_unitario=tidy(line.unit_price, 2),
            treatment=Treatment(line.treatment),
            descuento=tidy(line.discount, 2),
            no_identificacion=line.code or None,
        )
        for line in lines
    )


def totals(items: Sequence[Concepto]) -> Totals:
    """The sums that a CFDI with these Conceptos will carry, whoever receives it."""
    nobody = Receptor("", "", "", "", "")
    return Comprobante("I", dt.datetime(2026, 1, 1), "", Emisor("", "", ""), nobody, tuple(items)).totals

"""The Conceptos of a factura global: one per sale, named by its folio; and the short form in which they are kept.

Which sales enter, and in which period, is decided by `invoices.closing`. Source: SAT's guide of the factura global.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple, overload

from emite.cfdi import money
from emite.cfdi.comprobante import Concepto, Receptor, Summed, Sums, TaxGroup, Traslado
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
_TREATMENTS: Final = {str(treatment): treatment for treatment in Treatment}

#: How a sale is kept: folio, importe, descuento or "", ObjetoImp, then treatment, base and tax (or "") of each tax.
Row = list[str]

FOLIO, IMPORTE, DESCUENTO, OBJETO, TAXES = range(5)
#: Of each tax: its treatment, its base and its amount.
PER_TAX: Final = 3

# A column as one text, cell by cell: what needs neither escaping nor a second look. Possessive: nothing is tried twice.
_FOLIOS: Final = re.compile(r"[0-9A-Za-z-]{1,100}(?:\|[0-9A-Za-z-]{1,100})*+")
_CENTS: Final = re.compile(r"[0-9]{1,16}\.[0-9]{2}(?:\|[0-9]{1,16}\.[0-9]{2})*+")


def publico_en_general(lugar_expedicion: str) -> Receptor:
    """Who receives a factura global (CFDI40130, 40146, 40149, 40159, 40161)."""
    return Receptor(PUBLICO_EN_GENERAL, NOMBRE, lugar_expedicion, "616", "S01")


def row(folio: str, importe: str, descuento: str, taxes: Iterable[tuple[str, str, str]]) -> Row:
    """One sale before taxes, amounts as they are to be written, with treatment, base after discount and tax of each.

    The tax of what is exempt is "". Without taxes the sale is ObjetoImp 01. Unidad is not written: the guide leaves it
    out.
    """
    made = [folio, importe, "" if descuento == "0.00" else descuento, "01"]
    for tax in taxes:
        made[OBJETO] = "02"
        made += tax
    return made


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


class Shape(NamedTuple):
    """What many sales share: everything but their folios and their amounts."""

    objeto_imp: str
    with_descuento: bool
    taxes: tuple[str, ...]

    @property
    def amounts(self) -> list[int]:
        """The places of a row that hold an amount."""
        blank = self.blank
        taxes = (at for at in range(TAXES, TAXES + PER_TAX * len(self.taxes)) if (at - TAXES) % PER_TAX)
        return [at for at in (IMPORTE, DESCUENTO, *taxes) if at not in blank]

    @property
    def blank(self) -> list[int]:
        """The places of a row that hold nothing."""
        exempt = [TAXES + PER_TAX * at + 2 for at, name in enumerate(self.taxes) if _TREATMENTS[name].rate is None]
        return exempt if self.with_descuento else [DESCUENTO, *exempt]


class Alike(NamedTuple):
    """The sales of one shape: the first of them, and their cells by place of the row."""

    first: Row
    columns: list[tuple[str, ...]]


class Sales(Summed):
    """The Conceptos of a factura global as rows: each is made when somebody looks at it, and most never are.

    Made by `of` or `read`, so that all folios are plain and all amounts in cents. Equal to the Conceptos one by one.
    """

    __slots__ = ("rows", "shape_of", "shapes")

    def __init__(self, rows: Sequence[Row], shape_of: list[Shape], shapes: dict[Shape, Alike]) -> None:
        self.rows = rows
        self.shape_of = shape_of  # of each row
        self.shapes = shapes  # in the order of their first sales

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Sales | None:
        """These rows, unless one of them is unusual (an amount not in cents, a folio to be escaped)."""
        shape_of = [_shape(row[OBJETO], row[DESCUENTO] != "", *row[TAXES::PER_TAX]) for row in rows]
        groups: dict[Shape, list[Row]] = {}
        for shape, row in zip(shape_of, rows, strict=True):
            groups.setdefault(shape, []).append(row)
        try:
            shapes = {shape: Alike(group[0], list(zip(*group, strict=True))) for shape, group in groups.items()}
            usual = all(_usual(shape, alike.columns) for shape, alike in shapes.items())
        except (TypeError, LookupError, ValueError):
            return None
        return cls(rows, shape_of, shapes) if usual and rows else None

    @overload
    def __getitem__(self, place: int) -> Concepto: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Concepto, ...]: ...
    def __getitem__(self, place: int | slice) -> Concepto | tuple[Concepto, ...]:
        return unpack(self.rows[place]) if isinstance(place, slice) else _unpacked(self.rows[place])

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Concepto]:
        return map(_unpacked, self.rows)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Sales):
            return self.rows == other.rows
        return isinstance(other, tuple) and tuple(self) == other

    def __hash__(self) -> int:
        return hash(tuple(self))

    def sums(self) -> Sums:
        importe, descuento = 0, None
        traslados: dict[TaxGroup, tuple[Decimal, Decimal]] = {}
        for shape, alike in self.shapes.items():
            importe += sum(cents(alike.columns[IMPORTE]))
            if shape.with_descuento:
                descuento = (descuento or 0) + sum(cents(alike.columns[DESCUENTO]))
            for at, name in enumerate(shape.taxes):
                rate = _TREATMENTS[name].rate
                bases, taxes = alike.columns[TAXES + PER_TAX * at + 1 :][:2]
                group = (IVA, "Exento" if rate is None else "Tasa", rate)
                base, tax = traslados.get(group, (money.ZERO, money.ZERO))
                traslados[group] = base + _pesos(cents(bases)), tax if rate is None else tax + _pesos(cents(taxes))
        return Sums(_pesos([importe]), None if descuento is None else _pesos([descuento]), traslados, {})


def cents(column: Sequence[str]) -> list[int]:
    """Amounts in cents, as whole numbers."""
    return [*map(int, "|".join(column).replace(".", "").split("|"))]


def _pesos(amounts: list[int]) -> Decimal:
    return Decimal(sum(amounts)).scaleb(-2)


@lru_cache(1024)
def _shape(objeto_imp: str, with_descuento: bool, *taxes: str) -> Shape:
    return Shape(objeto_imp, with_descuento, taxes)


def _usual(shape: Shape, columns: list[tuple[str, ...]]) -> bool:
    """Raises TypeError, LookupError or ValueError for what no row has."""
    if len(columns) != TAXES + PER_TAX * len(shape.taxes) or Treatment.NO_OBJETO in shape.taxes:
        return False
    return (
        _each(_FOLIOS, columns[FOLIO])
        and all(_each(_CENTS, columns[at]) for at in shape.amounts)
        and not any(any(columns[at]) for at in shape.blank)
    )


def _each(pattern: re.Pattern[str], column: tuple[str, ...]) -> bool:
    text = "|".join(column)
    return text.count("|") == len(column) - 1 and pattern.fullmatch(text) is not None


def pack(conceptos: Sequence[Concepto]) -> Sequence[Row] | None:
    """The short form of these Conceptos; None when some of them is not such a sale, and must be kept in full."""
    if isinstance(conceptos, Sales):
        return conceptos.rows
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
        packed = [
            item.no_identificacion,
            importe,
            "" if item.descuento is None else money.text(item.descuento),
            item.objeto_imp,
        ]
        for tax in item.traslados:
            name = _FACTORS.get((tax.tipo_factor, tax.tasa_o_cuota)) if tax.impuesto == IVA else None
            if name is None:
                return None
            packed += (name, money.text(tax.base), "" if tax.importe is None else money.text(tax.importe))
        rows.append(packed)
    return rows


def unpack(rows: Iterable[Row]) -> tuple[Concepto, ...]:
    """The very Conceptos that `pack` was given."""
    return tuple(map(_unpacked, rows))


def _unpacked(row: Row) -> Concepto:
    folio, importe, descuento, objeto_imp, *taxes = row
    return _concepto(
        folio,
        Decimal(importe),
        Decimal(descuento) if descuento else None,
        objeto_imp,
        tuple(_untaxed(*taxes[at : at + PER_TAX]) for at in range(0, len(taxes), PER_TAX)),
    )


def _untaxed(treatment: str, base: str, tax: str) -> Traslado:
    return _traslado(_TREATMENTS[treatment], Decimal(base), Decimal(tax) if tax else None)


def read(rows: Sequence[Row]) -> Sequence[Concepto]:
    """The Conceptos of these rows: made one by one only when some row is unusual. Raises ValueError for no rows."""
    return Sales.of(rows) or unpack(rows)

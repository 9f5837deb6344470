"""The text of a factura global's Conceptos, in its XML and in its cadena, filled in by shape.

Each shape is written once by the general writer, with marks in the places of folio and amounts; a hundred thousand
sales are then filled into it. `seal_sales` proves on real sales that this gives what the general road gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Final, NamedTuple

from lxml import etree

from emite.cfdi import sales
from emite.cfdi.cadena import cadena_of_concepto
from emite.cfdi.sales import Row, Sales, Shape
from emite.cfdi.xml import CFDI, concepto_text

#: Stands where the cell of that place goes: no other text of a Concepto has so many nines.
_MARK: Final = "99999999999999{:02}.99"
_MARKS: Final = re.compile(r"99999999999999([0-9]{2})\.99")


class Written(NamedTuple):
    """Conceptos as they stand in the XML, and what they put into the cadena."""

    xml: str
    cadena: str


class _Form:
    """A text with places to be filled from a row."""

    def __init__(self, marked: str) -> None:
        pieces = _MARKS.split(marked)
        self._text = "%s".join(piece.replace("%", "%%") for piece in pieces[::2])
        self._cells: Callable[[Row], tuple[str, ...]] = itemgetter(*map(int, pieces[1::2]))

    def fill(self, row: Row) -> str:
        return self._text % self._cells(row)


def written(conceptos: Sales) -> Written:
    """All of them, in their order."""
    forms = {shape: _forms(shape) for shape in conceptos.shapes}
    return Written(
        "".join(_filled(conceptos, {shape: xml for shape, (xml, _) in forms.items()})),
        "|".join(_filled(conceptos, {shape: cadena for shape, (_, cadena) in forms.items()})),
    )


def _filled(conceptos: Sales, forms: dict[Shape, _Form]) -> Iterable[str]:
    return (forms[shape].fill(row) for shape, row in zip(conceptos.shape_of, conceptos.rows, strict=True))


@lru_cache(256)
def _forms(shape: Shape) -> tuple[_Form, _Form]:
    """The XML and the part of the cadena of a sale of this shape."""
    text = concepto_text(sales.unpack([_marked(shape)])[0])
    node = etree.fromstring(f'<cfdi:Conceptos xmlns:cfdi="{CFDI}">{text}</cfdi:Conceptos>')[0]
    return _Form(text), _Form(cadena_of_concepto(node))


def _marked(shape: Shape) -> Row:
    cells: Sequence[str] = [_MARK.format(at) for at in range(sales.TAXES + sales.PER_TAX * len(shape.taxes))]
    row = list(cells)
    row[sales.OBJETO] = shape.objeto_imp
    row[sales.TAXES :: sales.PER_TAX] = shape.taxes
    for at in shape.blank:
        row[at] = ""
    return row

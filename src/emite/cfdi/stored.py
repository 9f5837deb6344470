"""A Comprobante as plain JSON and back, exactly: how a draft waits in a database until it is sealed.

Not XML, not fiscal: only this program reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from emite.cfdi import money, sales
from emite.cfdi.comprobante import Comprobante, Concepto

#: Under this name the Conceptos of a factura global wait in their short form (`sales.Row`).
_SALES = "ventas"


def to_json(comprobante: Comprobante) -> dict[str, Any]:
    """Plain JSON data: amounts as text with the decimals they carry; what is None or empty is left out."""
    summed = isinstance(comprobante.conceptos, sales.Sales) or comprobante.informacion_global is not None
    rows = sales.pack(comprobante.conceptos) if summed else None
    if rows is None:
        plain = _plain(comprobante)
    else:
        plain = _plain(replace(comprobante, conceptos=()))
        plain[_SALES] = rows
    assert isinstance(plain, dict)  # a dataclass becomes an object
    return plain


def from_json(data: Mapping[str, Any]) -> Comprobante:
    """The very Comprobante that `to_json` was given. Raises ValueError when `data` is something else."""
    try:
        if _SALES in data:
            head = {name: item for name, item in data.items() if name != _SALES} | {"conceptos": ()}
            restored = replace(_restored(Comprobante, head), conceptos=sales.read(data[_SALES]))
        else:
            restored = _restored(Comprobante, data)
    except (TypeError, AttributeError, ArithmeticError, LookupError) as error:
        raise ValueError(f"not a stored Comprobante: {error}") from error
    assert isinstance(restored, Comprobante)
    return restored


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return money.text(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        present = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {name: _plain(item) for name, item in present if item is not None and item != ()}
    return str(value) if isinstance(value, str) else value  # an Rfc is stored as the text it is


def _restored(kind: Any, data: Any) -> Any:
    if isinstance(kind, type) and is_dataclass(kind):
        kinds = _kinds_of(kind)
        if unknown := data.keys() - kinds.keys():
            raise ValueError(f"not a stored {kind.__name__}: it has {sorted(unknown)}")
        return kind(**{name: _restored(kinds[name], item) for name, item in data.items()})
    if get_origin(kind) in (tuple, Sequence):
        return tuple(_restored(get_args(kind)[0], item) for item in data)
    if kind is Decimal:
        return Decimal(data)
    if kind is datetime:
        return datetime.fromisoformat(data)
    if not isinstance(data, kind):
        raise ValueError(f"{data!r} is not {kind.__name__}")
    return data


@cache
def _kinds_of(kind: type) -> dict[str, Any]:
    """The type of each field of a dataclass; of `X | None`, X: None is never stored."""
    return {name: _without_none(hint) for name, hint in get_type_hints(kind).items()}


def _without_none(hint: Any) -> Any:
    if get_origin(hint) is UnionType:
        return next(part for part in get_args(hint) if part is not NoneType)
    return hint


def sale_in(data: Mapping[str, Any], folio: str) -> Concepto | None:
    """The Concepto of a stored factura global that carries the sale of that folio, without reading the others."""
    if _SALES in data:
        rows = [row for row in data[_SALES] if row[0] == folio]
        return sales.unpack(rows[:1])[0] if rows else None
    found = (line for line in from_json(data).conceptos if line.no_identificacion == folio)
    return next(found, None)

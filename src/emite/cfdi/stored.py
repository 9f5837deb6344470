"""A Comprobante as plain JSON and back, exactly: how a draft waits in a database until it is sealed.

Not XML, not fiscal: only this program reads it.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from emite.cfdi.comprobante import Comprobante


def to_json(comprobante: Comprobante) -> dict[str, Any]:
    """Amounts as strings with the decimals they carry; what is None or empty is left out."""
    plain = _plain(comprobante)
    assert isinstance(plain, dict)
    return plain


def from_json(data: dict[str, Any]) -> Comprobante:
    """The very Comprobante that to_json was given. Raises KeyError or TypeError when `data` is something else."""
    made = _read(Comprobante, data)
    assert isinstance(made, Comprobante)
    return made


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        pairs = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {name: _plain(part) for name, part in pairs if part is not None and part != ()}
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value


@cache
def _types(cls: type) -> dict[str, Any]:
    return {name: _strip_none(hint) for name, hint in typing.get_type_hints(cls).items()}


def _strip_none(hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        return next(part for part in typing.get_args(hint) if part is not type(None))
    return hint


def _read(hint: Any, value: Any) -> Any:
    if typing.get_origin(hint) is tuple:
        part = typing.get_args(hint)[0]
        return tuple(_read(part, each) for each in value)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        kinds = _types(hint)
        return hint(**{name: _read(kinds[name], part) for name, part in value.items()})
    if hint is Decimal:
        return Decimal(value)
    if hint is datetime:
        return datetime.fromisoformat(value)
    return value

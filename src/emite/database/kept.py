"""A query whose SQL is written once per process and run many times, with the values of each run.

Django writes the SQL of a queryset anew on each use, which takes it several times what the database takes to find a
row by its key. For the few queries of the busiest pages; everything else is plain ORM.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connection, models
from django.db.models.query import get_related_populators
from django.db.models.sql.compiler import SQLCompiler

M = TypeVar("M", bound=models.Model)


class Given(models.Value):
    """Stands in the queryset where each run puts the value of that name."""

    def __init__(self, name: str, output_field: models.Field[Any, Any] | None = None) -> None:
        super().__init__(None, output_field)
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, Any]:
        return "%s", (self,)


@dataclass(frozen=True, slots=True)
class _Written:
    """What Django made of the queryset: its SQL, and how a row becomes objects."""

    sql: str
    params: tuple[Any, ...]
    model: type[models.Model]
    fields: list[str]
    start: int
    related: list[Any]
    extra: list[tuple[str, int]]
    converters: list[tuple[int, list[Callable[..., Any]], Any]]


class Kept(Generic[M]):
    """A queryset with `Given` values in it; `build` makes it on the first run."""

    def __init__(self, build: Callable[[], models.QuerySet[M]]) -> None:
        self._build = build
        self._written: _Written | None = None

    def all(self, **values: Any) -> list[M]:
        """The rows, as the queryset would give them."""
        if self._written is None:
            self._written = _write(self._build())
        kept = self._written
        params = [values[each.name] if isinstance(each, Given) else each for each in kept.params]
        with connection.cursor() as cursor:
            cursor.execute(kept.sql, params)
            rows = cursor.fetchall()
        return [_object(kept, row) for row in rows]

    def first(self, **values: Any) -> M | None:
        """The first row, in the order of the queryset (which should ask for no more than one)."""
        rows = self.all(**values)
        return rows[0] if rows else None


def _write(queryset: models.QuerySet[M]) -> _Written:
    compiler = queryset.query.get_compiler(using=queryset.db)
    sql, params = compiler.as_sql()
    klass, select = compiler.klass_info, compiler.select
    assert klass is not None
    assert select is not None
    start, end = klass["select_fields"][0], klass["select_fields"][-1] + 1
    converters = compiler.get_converters([expression for expression, _, _ in select])
    return _Written(
        sql=sql,
        params=tuple(params),
        model=klass["model"],
        fields=[expression.target.attname for expression, _, _ in select[start:end]],
        start=start,
        related=get_related_populators(klass, select, queryset.db),  # type: ignore[call-arg] # fetch_mode is Django 6's
        extra=list((compiler.annotation_col_map or {}).items()),
        converters=[(place, list(found), expression) for place, (found, expression) in converters.items()],
    )


def _object(kept: _Written, row: Any) -> Any:
    if kept.converters:
        row = list(row)
        for place, converters, expression in kept.converters:
            for convert in converters:
                row[place] = convert(row[place], expression, connection)
    made = kept.model.from_db(connection.alias, kept.fields, row[kept.start : kept.start + len(kept.fields)])
    for each in kept.related:
        each.populate(row, made)
    for name, place in kept.extra:
        setattr(made, name, row[place])
    return made

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


def among(field: str, name: str) -> models.Func:
    """`field__in` of a list that each run gives: a condition for `filter`."""
    return models.Func(
        models.F(field),
        Given(name, models.Field()),
        template="%(expressions)s)",
        arg_joiner=" = ANY(",
        output_field=models.BooleanField(),
    )


@dataclass(frozen=True, slots=True)
class _Statement:
    """What Django made of a queryset: its SQL with the places of the values, and what each column goes through."""

    sql: str
    params: tuple[Any, ...]
    converters: list[tuple[int, list[Callable[..., Any]], Any]]

    def run(self, values: dict[str, Any], *, of_nobody: bool = False) -> list[Any]:
        params = [values[each.name] if isinstance(each, Given) else each for each in self.params]
        with connection.kept_cursor(of_nobody=of_nobody) as cursor:  # type: ignore[attr-defined] # our own backend's
            cursor.execute(self.sql, params)
            rows: list[Any] = cursor.fetchall()
        return [self._converted(row) for row in rows] if self.converters else rows

    def _converted(self, row: Any) -> Any:
        row = list(row)
        for place, converters, expression in self.converters:
            for convert in converters:
                row[place] = convert(row[place], expression, connection)
        return row


@dataclass(frozen=True, slots=True)
class _Written:
    """A statement whose rows become objects."""

    statement: _Statement
    model: type[models.Model]
    fields: list[str]
    start: int
    related: list[Any]
    extra: list[tuple[str, int]]


class Kept(Generic[M]):
    """A queryset with `Given` values in it; `build` makes it on the first run.

    of_nobody: it reads tables of no organization only, so that no scope needs to be told.
    """

    def __init__(self, build: Callable[[], models.QuerySet[M]], *, of_nobody: bool = False) -> None:
        self._build, self._of_nobody = build, of_nobody
        self._written: _Written | None = None

    def all(self, **values: Any) -> list[M]:
        """The rows, as the queryset would give them."""
        if self._written is None:
            self._written = _write(self._build())
        written = self._written
        return [_object(written, row) for row in written.statement.run(values, of_nobody=self._of_nobody)]

    def first(self, **values: Any) -> M | None:
        """The first row, in the order of the queryset (which should ask for no more than one)."""
        rows = self.all(**values)
        return rows[0] if rows else None


class KeptRows:
    """A queryset of `values_list` with `Given` values in it: its rows as they are."""

    def __init__(self, build: Callable[[], models.QuerySet[Any, Any]]) -> None:
        self._build = build
        self._statement: _Statement | None = None

    def all(self, **values: Any) -> list[Any]:
        """The rows, each a tuple or a list."""
        if self._statement is None:
            self._statement = _state(_compiled(self._build()))
        return self._statement.run(values)


class KeptInsert(Generic[M]):
    """`save(force_insert=True)` of one model, its SQL written once. For rows whose key is made by us."""

    def __init__(self, model: type[M]) -> None:
        self._model = model
        self._sql = ""

    def run(self, row: M) -> M:
        """Store a new row; IntegrityError as from any save."""
        fields = self._model._meta.concrete_fields
        if not self._sql:
            quote = connection.ops.quote_name
            columns = ", ".join(quote(str(field.column)) for field in fields)
            places = ", ".join(["%s"] * len(fields))
            self._sql = f"INSERT INTO {quote(self._model._meta.db_table)} ({columns}) VALUES ({places})"  # noqa: S608 # names of our own models
        params = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields]
        with connection.kept_cursor() as cursor:  # type: ignore[attr-defined] # our own backend's
            cursor.execute(self._sql, params)
        row._state.adding, row._state.db = False, connection.alias
        return row


def _compiled(queryset: models.QuerySet[Any, Any]) -> SQLCompiler:
    compiler: SQLCompiler = queryset.query.get_compiler(using=queryset.db)
    return compiler


def _state(compiler: SQLCompiler) -> _Statement:
    sql, params = compiler.as_sql()
    converters = compiler.get_converters([expression for expression, _, _ in compiler.select])
    found = [(place, list(each), expression) for place, (each, expression) in converters.items()]
    return _Statement(sql, tuple(params), found)


def _write(queryset: models.QuerySet[M]) -> _Written:
    compiler = _compiled(queryset)
    statement = _state(compiler)
    klass, select = compiler.klass_info, compiler.select
    assert klass is not None
    assert select is not None
    start, end = klass["select_fields"][0], klass["select_fields"][-1] + 1
    return _Written(
        statement=statement,
        model=klass["model"],
        fields=[expression.target.attname for expression, _, _ in select[start:end]],
        start=start,
        related=get_related_populators(klass, select, queryset.db),  # type: ignore[call-arg] # fetch_mode is Django 6's
        extra=list((compiler.annotation_col_map or {}).items()),
    )


def _object(kept: _Written, row: Any) -> Any:
    made = kept.model.from_db(connection.alias, kept.fields, row[kept.start : kept.start + len(kept.fields)])
    for each in kept.related:
        each.populate(row, made)
    for name, place in kept.extra:
        setattr(made, name, row[place])
    return made

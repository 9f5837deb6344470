"""Every change of the tables must let the version before it go on serving, and hold no table that people use.

Judged from the operations, without a database; what came before the first release is not judged again. The cure of each
is in docs/operacion/actualizar.md. (django-migration-linter reads the SQL that a connected database would get, and
nothing of what is written as RunSQL, which here is much.)
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.contrib.postgres import operations as postgres
from django.db import connection, models
from django.db.migrations import operations as ops
from django.db.migrations.loader import MigrationLoader

ROOT = Path(__file__).parents[2]

#: The last migration of each folder that is not judged.
BASELINE = {
    "accounts": 2, "audit": 2, "cancellations": 4, "care": 6, "chargemaster": 2, "charges": 8, "credits": 7,
    "documents": 8, "evidence": 1, "integrations": 1, "invoices": 3, "issuers": 6, "limits": 2, "organizations": 6,
    "reconciling": 2, "reviews": 4, "settlements": 2, "vault": 1,
}  # fmt: skip

#: Folders whose tables stay small: an index or a look over all their rows is a matter of milliseconds.
SMALL = {"accounts", "chargemaster", "issuers", "limits", "organizations", "vault"}

_SQL = (
    (r"\bDROP\s+(TABLE|COLUMN)\b", "quita lo que la versión anterior todavía usa"),
    (r"\bRENAME\b", "cambia un nombre que la versión anterior todavía usa"),
    (r"\bALTER\s+(COLUMN\s+)?\S+\s+(SET\s+DATA\s+)?TYPE\b", "cambia un tipo: reescribe la tabla"),
    (r"\bSET\s+NOT\s+NULL\b", "exige un valor que la versión anterior puede no escribir"),
    (r"\bADD\s+COLUMN\b(?=[^,;]*\bNOT\s+NULL\b)(?![^,;]*\bDEFAULT\b)", "agrega NOT NULL sin DEFAULT"),
    (r"\bSET\s+(UN)?LOGGED\b|\bVACUUM\s+FULL\b|\bCLUSTER\b", "reescribe la tabla"),
    (r"\bLOCK\s+TABLE\b", "detiene a quien usa la tabla"),
)
_SQL_BIG = (
    (r"\bCREATE\s+(UNIQUE\s+)?INDEX\b(?!\s+CONCURRENTLY)", "un índice sin CONCURRENTLY detiene a quien escribe"),
    (r"\bADD\s+CONSTRAINT\b(?![^;]*\b(NOT\s+VALID|USING\s+INDEX)\b)", "una regla sin NOT VALID lee toda la tabla"),
)


def faults(loader: MigrationLoader | None = None, baseline: dict[str, int] = BASELINE) -> list[str]:
    """`app.migration: what it would break` of each fault, in the order of the migrations."""
    loader = loader or MigrationLoader(None)
    found = []
    for key in sorted(loader.disk_migrations):
        migration = loader.disk_migrations[key]
        if not type(migration).__module__.startswith("emite.") or int(key[1][:4]) <= baseline.get(key[0], 0):
            continue
        found += [f"{key[0]}.{key[1]}: {words}" for words in judge(migration, loader)]
    return found


def judge(migration: Any, loader: MigrationLoader) -> Iterator[str]:
    """What one migration would break."""
    state = loader.project_state((migration.app_label, migration.name), at_end=False)
    made: set[str] = set()
    touched = False
    for operation in _database(migration.operations):
        if isinstance(operation, ops.CreateModel):
            made.add(operation.name_lower)
        table = getattr(operation, "model_name_lower", None)
        big = migration.app_label not in SMALL and table not in made
        after = state.clone()
        operation.state_forwards(migration.app_label, after)
        if table not in made or table is None:
            yield from _judge(operation, migration, state, after, big)
        if isinstance(operation, ops.RunPython) and migration.atomic and touched:
            yield "RunPython junto a un cambio de tablas: éste espera a que acabe. Póngalo en una migración aparte"
        touched = touched or (table is not None and table not in made)
        state = after


def released() -> set[str]:
    """The versions that people may be running."""
    return set(re.findall(r"^## (\S+) \(\d{4}-\d{2}-\d{2}\)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE))


def _database(operations: Any) -> Iterator[Any]:
    for operation in operations:
        if isinstance(operation, ops.SeparateDatabaseAndState):
            yield from _database(operation.database_operations)
        else:
            yield operation


def _judge(operation: Any, migration: Any, before: Any, after: Any, big: bool) -> Iterator[str]:
    match operation:
        case ops.RemoveField() | ops.DeleteModel():
            if getattr(migration, "unused_since", None) not in released():
                yield f"{operation.describe()}: la versión anterior todavía lo usa (unused_since)"
        case ops.RenameField() | ops.RenameModel() | ops.AlterModelTable():
            yield f"{operation.describe()}: la versión anterior busca el nombre de antes"
        case ops.AddField():
            yield from _added(operation.field, operation.name, big)
        case ops.AlterField():
            key = (migration.app_label, operation.model_name_lower)
            yield from _altered(before.models[key].fields[operation.name], operation.field, operation.name, big)
        case ops.AddIndex() | ops.AddConstraint():
            yield from _whole_table(operation, big)
        case ops.AlterUniqueTogether() | ops.AlterOrderWithRespectTo():
            yield f"{operation.describe()}: hágalo con un índice CONCURRENTLY"
        case ops.RunSQL():
            yield from _sql(operation.sql, big=migration.app_label not in SMALL, new=_tables(migration))


def _whole_table(operation: Any, big: bool) -> Iterator[str]:
    if not big or isinstance(operation, postgres.AddIndexConcurrently | postgres.AddConstraintNotValid):
        return
    if isinstance(operation, ops.AddIndex):
        yield f"índice {operation.index.name}: sin CONCURRENTLY detiene a quien escribe"
    else:
        yield f"regla {operation.constraint.name}: lee toda la tabla con la puerta cerrada (AddConstraintNotValid)"


def _added(field: Any, name: str, big: bool) -> Iterator[str]:
    if field.many_to_many:
        return
    if isinstance(field, models.GeneratedField):
        yield f"{name}: una columna calculada reescribe la tabla"
    elif not field.null and not field.has_db_default():
        yield f"{name}: NOT NULL sin db_default; la versión anterior no lo escribe"
    if big and (field.unique or field.db_index):
        yield f"{name}: su índice no se hace CONCURRENTLY (db_index=False y AddIndexConcurrently)"


def _altered(old: Any, new: Any, name: str, big: bool) -> Iterator[str]:
    if old.null and not new.null:
        yield f"{name}: NOT NULL; la versión anterior puede no escribirlo, y lee toda la tabla"
    if (old.db_column or name) != (new.db_column or name):
        yield f"{name}: cambia el nombre de su columna"
    if not new.is_relation and not old.is_relation and _type(old) != _type(new) and not _wider(old, new):
        yield f"{name}: de {_type(old)} a {_type(new)} reescribe la tabla"
    if big and (new.unique or new.db_index) and not (old.unique or old.db_index):
        yield f"{name}: su índice no se hace CONCURRENTLY"


def _type(field: Any) -> str:
    return str(field.db_type(connection))


def _wider(old: Any, new: Any) -> bool:
    """varchar to a longer one or to text: PostgreSQL changes no row."""
    texts = (models.CharField, models.TextField)
    if not (isinstance(old, texts) and isinstance(new, texts)):
        return False
    return new.max_length is None or (old.max_length is not None and new.max_length >= old.max_length)


def _tables(migration: Any) -> set[str]:
    made = [each.name_lower for each in _database(migration.operations) if isinstance(each, ops.CreateModel)]
    return {f"{migration.app_label}_{name}" for name in made}


def _sql(sql: Any, *, big: bool, new: set[str]) -> Iterator[str]:
    if not isinstance(sql, str):
        for part in sql:
            yield from _sql(part if isinstance(part, str) else part[0], big=big, new=new)
        return
    bare = re.sub(r"(\$\w*\$).*?\1|'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", " ", sql, flags=re.DOTALL)
    for statement in bare.split(";"):
        table = re.search(r"\b(?:ALTER\s+TABLE|ON)\s+(?:ONLY\s+|IF\s+EXISTS\s+)*\"?(\w+)", statement, re.IGNORECASE)
        if table and table[1] in new:
            continue
        for pattern, words in (*_SQL, *(_SQL_BIG if big else ())):
            if re.search(pattern, statement, re.IGNORECASE):
                yield f"{' '.join(statement.split())[:60]}…: {words}"

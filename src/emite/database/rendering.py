"""Django's migrations, without drawing every model anew for every operation.

After each operation Django renders the models that are related to the changed one, and theirs in turn. Here every model
points to its organization, so each of some hundred operations rendered all models: 23 of 27 s of processor time of the
first migration. Only the changed model and those that it points to are rendered, and everything before data is moved
(Django does that for the changes it delays). The tables are the same to the byte of `pg_dump --schema-only`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db.migrations import operations
from django.db.migrations.state import ProjectState

if TYPE_CHECKING:
    from django.db.migrations import Migration

#: These ask the rendered models who points to what they change.
_NEED_ALL = (
    operations.RenameModel,
    operations.RenameField,
    operations.AlterModelTable,
    operations.AlterOrderWithRespectTo,
)


@contextmanager
def only_what_changes(plan: Iterable[Migration]) -> Iterator[None]:
    """Inside this block; a plan that renames something or alters a primary key goes Django's way."""
    if any(_needs_all(operation) for migration in plan for operation in migration.operations):
        yield
        return
    djangos = ProjectState._find_reload_model  # type: ignore[attr-defined]
    ProjectState._find_reload_model = _changed_and_what_it_points_to  # type: ignore[attr-defined]
    try:
        yield
    finally:
        ProjectState._find_reload_model = djangos  # type: ignore[attr-defined]


def _needs_all(operation: object) -> bool:
    if isinstance(operation, operations.SeparateDatabaseAndState):
        return any(map(_needs_all, (*operation.database_operations, *operation.state_operations)))
    if isinstance(operation, operations.AlterField):
        return operation.field.primary_key  # no key of ours points to anything but a primary key
    return isinstance(operation, _NEED_ALL)


def _changed_and_what_it_points_to(
    state: ProjectState, app_label: str, model_name: str, delay: bool = False
) -> set[tuple[str, str]]:
    state.is_delayed = True  # data is moved with models rendered afresh
    found = {(app_label, model_name)}
    for field in state.models[app_label, model_name].fields.values():
        target = field.related_model if field.is_relation else None
        if isinstance(target, str) and target != "self":
            app, _, name = target.rpartition(".")
            found.add((app or app_label, name.lower()))
        elif target is not None and not isinstance(target, str):
            found.add((target._meta.app_label, target._meta.model_name or ""))
    return found

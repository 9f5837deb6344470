"""Migrating without drawing every model for every operation: fewer models drawn, the same models in the end."""

from __future__ import annotations

import pytest
from django.db import connection, migrations, models
from django.db.migrations.state import ModelState, ProjectState

from emite.database import rendering

NAMES = ("charge", "payment", "register")


def organization_and_its_models() -> ProjectState:
    state = ProjectState()
    state.add_model(ModelState("care", "Organization", [("id", models.AutoField(primary_key=True))]))
    for name in NAMES:
        key = models.ForeignKey("care.Organization", models.CASCADE)
        state.add_model(ModelState("care", name.title(), [("id", models.AutoField(primary_key=True)), ("owner", key)]))
    assert state.apps.get_models()
    return state


def owners(state: ProjectState) -> set[object]:
    return {state.apps.get_model("care", name)._meta.get_field("owner").related_model for name in NAMES}


class AddName(migrations.Migration):
    operations = (migrations.AddField("charge", "name", models.TextField(default="")),)


class RenameName(migrations.Migration):
    operations = (migrations.RenameField("charge", "name", "title"),)


def test_a_new_field_draws_its_model_and_what_that_points_to() -> None:
    state = organization_and_its_models()
    before = {name: state.apps.get_model("care", name) for name in (*NAMES, "organization")}
    with rendering.only_what_changes([AddName("1", "care")]):
        AddName("1", "care").mutate_state(state, preserve=False)
    after = {name: state.apps.get_model("care", name) for name in before}
    assert {name for name in before if before[name] is not after[name]} == {"charge", "organization"}
    assert after["charge"]._meta.get_field("name").default == ""
    assert after["charge"]._meta.get_field("owner").related_model is after["organization"]


@pytest.mark.django_db
def test_data_is_moved_with_models_that_belong_together() -> None:
    state = organization_and_its_models()
    with rendering.only_what_changes([AddName("1", "care")]):
        AddName("1", "care").mutate_state(state, preserve=False)
    assert len(owners(state)) == 2  # one of them is of the past
    seen: list[set[object]] = []
    step = migrations.RunPython(lambda _apps, _editor: seen.append(owners(state)))
    with connection.schema_editor() as editor:
        step.database_forwards("care", editor, state, state)
    assert len(seen[0]) == 1


def test_a_plan_that_renames_goes_the_way_of_django() -> None:
    djangos = ProjectState._find_reload_model  # type: ignore[attr-defined]
    with rendering.only_what_changes([AddName("1", "care"), RenameName("2", "care")]):
        assert ProjectState._find_reload_model is djangos  # type: ignore[attr-defined]
    with rendering.only_what_changes([AddName("1", "care")]):
        assert ProjectState._find_reload_model is not djangos  # type: ignore[attr-defined]
    assert ProjectState._find_reload_model is djangos  # type: ignore[attr-defined]

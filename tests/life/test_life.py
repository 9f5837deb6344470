"""The whole life after the stamp, in steps that nobody chose. `make model` takes EMITE_LIFE_STEPS of them (50,000)."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from emite.credits.models import LateRequest
from tests.life.model import Life
from tests.pac.sandbox import RunningSandbox

#: Steps of one life, and how many are taken where nobody says: what fits in half a minute.
LENGTH, FEW = 40, 240


@pytest.mark.django_db(transaction=True)
def test_income_stands_where_it_should_whatever_happens(
    sandbox: RunningSandbox, settings_of_django: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = int(os.environ.get("EMITE_LIFE_STEPS", str(FEW)))
    seed = int(os.environ.get("EMITE_LIFE_SEED", "20261123"))
    Life.sandbox, Life.steps_taken, Life.settled_checks = sandbox, 0, 0
    while Life.steps_taken < wanted:
        machine = type("Life", (Life,), {})
        rules = settings(
            # The first life that hypothesis tries is the shortest there is.
            max_examples=min(50, 2 + (wanted - Life.steps_taken) // LENGTH),
            stateful_step_count=LENGTH,
            deadline=None,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        machine._hypothesis_internal_use_seed = random.Random(seed).randrange(2**32)  # type: ignore[attr-defined]
        run_state_machine_as_test(machine, settings=rules)
        seed += 1
        print(f"{Life.steps_taken} pasos, {Life.settled_checks} cuadres", flush=True)
    assert Life.settled_checks > 0


@pytest.mark.django_db(transaction=True)
def test_a_charge_that_leaves_a_second_global_is_in_the_hands_of_that_request(
    sandbox: RunningSandbox, settings_of_django: object
) -> None:
    """Its first request came to nothing and the charge to another global: that is over, and no fault."""
    Life.sandbox = sandbox
    life = Life()
    wrong = {"nombre": "OTRA PERSONA"}
    life.begin(price="431.034483")
    life.close_its_day(which=0)
    life.settles()
    life.ask_late(which=0, who=wrong, road="egreso")
    life.settles()
    life.close_its_day(which=0)
    life.settles()
    life.time_passes(hours=20)  # until it is looked at again
    life.settles()
    life.ask_late(which=0, who=wrong, road="egreso")
    life.settles()
    assert sorted(LateRequest.objects.values_list("state", flat=True)) == ["returned", "waiting"]
    life.teardown()


@pytest.fixture
def settings_of_django(sandbox: RunningSandbox, settings: object) -> object:
    from emite.issuers import connecting

    settings.PAC_TRUST_DIR = sandbox.trust_dir  # type: ignore[attr-defined]
    connecting._adapters.clear()
    yield settings
    sandbox.control("settings", clock_offset_seconds=0, cancel_lag_seconds=0)
    sandbox.behave()

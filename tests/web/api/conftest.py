"""The API's ground: two hospitals, and other systems with a key each.

Models are imported inside the fixtures: a conftest is read before Django is set up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.pac.sandbox import RunningSandbox

if TYPE_CHECKING:
    from tests.make import Hospital
    from tests.web.api.system import System


@pytest.fixture
def hospital(db: None) -> Hospital:
    from tests import make

    return make.hospital()


@pytest.fixture
def issuing(sandbox: RunningSandbox, settings: object, db: None) -> Iterator[Hospital]:
    """A hospital whose invoices can be stamped."""
    from tests import make

    with make.behind(sandbox, settings) as made:
        yield made


@pytest.fixture
def his(hospital: Hospital) -> System:
    """The system that charges at San Telmo, with every scope."""
    from tests.web.api.system import System

    return System.of(hospital)


@pytest.fixture
def stranger(db: None) -> System:
    """The system of another hospital."""
    from tests import make
    from tests.web.api.system import System

    return System.of(make.hospital())

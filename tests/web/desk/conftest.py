"""The desk's ground: San Telmo with a sandbox PAC behind it, and its people with a browser each.

Models are imported inside the fixtures: a conftest is read before Django is set up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.pac.sandbox import RunningSandbox

if TYPE_CHECKING:
    from tests.make import Hospital
    from tests.web.desk.staff import Person


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
def cashier(hospital: Hospital) -> Person:
    from tests.web.desk.staff import Person

    return Person(hospital.cashier)


@pytest.fixture
def admin(hospital: Hospital) -> Person:
    from tests.web.desk.staff import Person

    return Person(hospital.admin)

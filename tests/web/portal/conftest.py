"""The portal's ground: San Telmo with a sandbox PAC behind it, and a patient with a browser.

Models are imported inside the fixtures: a conftest is read before Django is set up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.pac.sandbox import RunningSandbox

if TYPE_CHECKING:
    from tests.make import Hospital
    from tests.web.portal.patient import Patient


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object, db: None) -> Iterator[Hospital]:
    from tests import make

    with make.behind(sandbox, settings) as made:
        yield made


@pytest.fixture
def patient(hospital: Hospital) -> Patient:
    from tests.web.portal.patient import Patient

    return Patient(hospital.organization.slug)

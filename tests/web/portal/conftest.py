"""The portal's ground: San Telmo with a sandbox PAC behind it, and a patient with a browser.

Models are imported inside the fixtures: a conftest is read before Django is set up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.pac.sandbox import RunningSandbox, running_sandbox

if TYPE_CHECKING:
    from tests.make import Hospital
    from tests.web.portal.patient import Patient


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    with running_sandbox(tmp_path_factory.mktemp("pac")) as running:
        yield running


@pytest.fixture
def hospital(sandbox: RunningSandbox, settings: object, db: None) -> Iterator[Hospital]:
    from emite.issuers import connecting
    from tests import make

    settings.PAC_TRUST_DIR = sandbox.trust_dir  # type: ignore[attr-defined]
    connecting._adapters.clear()
    sandbox.behave()
    yield make.hospital(authority=sandbox.authority, pac_url=sandbox.url)
    sandbox.behave()


@pytest.fixture
def patient(hospital: Hospital) -> Patient:
    from tests.web.portal.patient import Patient

    return Patient(hospital.organization.slug)

"""The API's ground: two hospitals, and other systems with a key each.

Models are imported inside the fixtures: a conftest is read before Django is set up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.pac.sandbox import RunningSandbox, running_sandbox

if TYPE_CHECKING:
    from tests.make import Hospital
    from tests.web.api.system import System


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    with running_sandbox(tmp_path_factory.mktemp("pac")) as running:
        yield running


@pytest.fixture
def hospital(db: None) -> Hospital:
    from tests import make

    return make.hospital()


@pytest.fixture
def issuing(sandbox: RunningSandbox, settings: object, db: None) -> Iterator[Hospital]:
    """A hospital whose invoices can be stamped."""
    from emite.issuers import connecting
    from tests import make

    settings.PAC_TRUST_DIR = sandbox.trust_dir  # type: ignore[attr-defined]
    connecting._adapters.clear()
    sandbox.behave()
    yield make.hospital(authority=sandbox.authority, pac_url=sandbox.url)
    sandbox.behave()


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

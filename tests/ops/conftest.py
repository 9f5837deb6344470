"""An installation made once, and copies of it: migrating anew for every test costs seconds.
Not the database of the test run itself (tests/conftest.py)."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from emite.database import embedded


def clean_environment(data: Path) -> dict[str, str]:
    """Ours without what the test run has set, and with this data folder."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("EMITE_", "DATABASE_"))}
    return {**kept, "EMITE_DATA": str(data)}


@pytest.fixture(scope="session")
def pristine() -> Iterator[Path]:
    """A data folder with its tables, stopped."""
    made = Path(tempfile.mkdtemp(prefix="emite-pristine-", dir="/tmp"))
    subprocess.run(
        [sys.executable, "-m", "emite", "migrate"], env=clean_environment(made), check=True, capture_output=True,
        stdin=subprocess.DEVNULL, timeout=300,
    )  # fmt: skip
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty data folder."""
    made = Path(tempfile.mkdtemp(prefix="emite-ops-", dir="/tmp"))
    yield made
    embedded.stop(made)
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def installation(folder: Path, pristine: Path) -> Path:
    """A data folder with its tables, of this test alone."""
    subprocess.run(["cp", "-a", f"{pristine}/.", str(folder)], check=True)  # keeps the database's owner
    return folder

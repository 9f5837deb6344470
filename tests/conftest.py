"""The ground under every test: one embedded database per run, made when the first test asks for it.
Not builders of domain objects (make.py)."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from tests.pac.sandbox import RunningSandbox

# Set before Django reads its settings. Workers of pytest-xdist inherit the folder of the run that started them.
_OWNED = "EMITE_TEST_DATA" not in os.environ
if _OWNED:
    # Root's database runs as another user, who must be able to pass: /tmp itself, not a folder closed to others.
    os.environ["EMITE_TEST_DATA"] = tempfile.mkdtemp(prefix="emite-test-", dir="/tmp")
DATA = Path(os.environ["EMITE_TEST_DATA"])
for _name in ("DATABASE_URL", "DATABASE_OWNER_URL", "EMITE_URL", "EMITE_DB_POOL"):
    os.environ.pop(_name, None)
os.environ["EMITE_DATA"] = str(DATA)
os.environ["EMITE_PAC_ALLOWED"] = "127.0.0.1"  # every test's PAC listens on a port of its own
os.environ["EMITE_SECRET_KEY"] = "only-for-tests-" + "x" * 40
os.environ["DJANGO_SETTINGS_MODULE"] = "emite.config.settings"


def pytest_configure(config: pytest.Config) -> None:
    """Read the settings, after which pytest-django sets Django up before it collects."""
    from django.conf import settings

    assert settings.EMITE_DATA == DATA
    settings.PASSWORD_HASHERS = ["tests.passwords.Quick"]
    # How long an example takes says how busy the machine is.
    hypothesis.settings.register_profile(
        "emite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile("emite")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Also after Ctrl-C: stop the server if some test started it, and leave nothing behind."""
    if not _OWNED:
        return
    from emite.database import embedded

    try:
        embedded.stop(DATA)
    finally:
        shutil.rmtree(DATA, ignore_errors=True)


@pytest.fixture(scope="session")
def database_server() -> Path:
    """Data folder of the running embedded server of this test run."""
    from emite.database import embedded

    in_xdist = "PYTEST_XDIST_WORKER" in os.environ
    embedded.ensure_running(DATA, durable=False, die_with_us=not in_xdist)
    return DATA


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """One sandbox PAC for all whose hospital stands behind it (`make.behind`)."""
    from tests.pac.sandbox import running_sandbox

    with running_sandbox(tmp_path_factory.mktemp("pac")) as running:
        yield running


@pytest.fixture(scope="session")
def django_db_setup(database_server: Path, django_db_blocker: pytest.FixtureRequest) -> Iterator[None]:
    """Migrated as the owner, used as the app role: a missing right fails here and not in a hospital."""
    import datetime as dt

    from django.db import connections
    from django.test import TransactionTestCase

    from emite.database import migrating, roles, tenancy
    from emite.vault import keyfiles

    keyfiles.ensure_keys(dt.datetime.now(dt.UTC))

    tenancy.whole_process()  # tests look at every row; their requests begin with none, as in a web process
    name = "test_" + os.environ.get("PYTEST_XDIST_WORKER", "emite")
    address = roles.create_database(database_server, name)
    TransactionTestCase._fixture_teardown = _empty  # type: ignore[attr-defined, assignment, method-assign]
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        connections["default"].close()
        connections["default"].settings_dict.update(address.django())
        migrating.migrate(truncate=True)
        yield
        connections.close_all()


#: Every row of the application and of its jobs, without triggers and keys: a server's own right, not the application's.
#: Django's way empties each table anew, filled or not, which takes a second; this takes hundredths.
_EMPTY = """
SET session_replication_role = replica;
SET lock_timeout = '20s';
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
        AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission')
    LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
END $$"""


def _empty(_case: object) -> None:
    """After a test whose transactions are real. Jobs go too, which Django's own clean-up leaves behind."""
    import psycopg
    from django.db import connection

    from emite.database.address import dsn

    name = connection.settings_dict["NAME"]
    with psycopg.connect(dsn("admin", folder=DATA, dbname=name).conninfo(), autocommit=True) as admin:
        admin.execute(_EMPTY)

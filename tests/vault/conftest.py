"""A fresh set of keys and one table that holds secrets, as any app may declare them."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from emite.database import migrating, roles
from emite.vault import keyfiles

NOW = dt.datetime(2026, 11, 22, 18, tzinfo=dt.UTC)


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EMITE_KEYS", str(tmp_path / "keys"))
    keyfiles.ensure_keys(NOW)
    return tmp_path / "keys"


@pytest.fixture
def safe(keys: Path, transactional_db: None) -> Iterator[Any]:
    from tests.vault.make import Safe

    with migrating.as_owner() as owner, connection.schema_editor() as editor:
        editor.create_model(Safe)
    roles.grant(owner, "emite_app", insert_only=migrating.insert_only_tables(), truncate=True)
    yield Safe
    with migrating.as_owner(), connection.schema_editor() as editor:
        editor.delete_model(Safe)

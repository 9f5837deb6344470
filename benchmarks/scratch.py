"""A database of its own for one benchmark, with a hospital in it that may invoice, and the charges that it is given."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emite.ops.seeding import World


@contextmanager
def hospital() -> Iterator[World]:
    """The seeded organization of a database that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="emite-bench-", dir="/tmp"))
    os.environ |= {"EMITE_DATA": str(folder), "EMITE_SECRET_KEY": "b" * 50}
    os.environ["DJANGO_SETTINGS_MODULE"] = "emite.config.settings"
    from emite.database import embedded

    try:
        yield _ground(folder)
    finally:
        from django.db import connections

        connections.close_all()
        embedded.stop(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _ground(folder: Path) -> World:
    from emite.database import embedded, migrating, tenancy
    from emite.vault import keyfiles

    tenancy.whole_process()
    embedded.ensure_running(folder, durable=True, die_with_us=True)
    import django

    django.setup()
    keyfiles.ensure_keys(dt.datetime.now(dt.UTC))
    migrating.migrate()
    os.environ["EMITE_PROCESS"] = "worker"
    from emite.ops import seeding
    from emite.pac.sandbox.authority import TestAuthority

    return seeding.seed(
        authority=TestAuthority.open(folder / "pac"), pac_url="http://127.0.0.1:9", pac_user="x", pac_password="x",  # noqa: S106
        now=dt.datetime.now(dt.UTC) - dt.timedelta(days=70),
    )  # fmt: skip

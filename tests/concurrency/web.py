"""The real web server on the test's database: processes of their own, as in a hospital."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection
from psycopg.conninfo import make_conninfo

from emite.ops.demo import free_port
from emite.ops.run import listens


def database_line() -> str:
    """DATABASE_URL of the database that Django uses now."""
    at = connection.settings_dict
    return make_conninfo("", host=at["HOST"], port=at["PORT"], dbname=at["NAME"], user=at["USER"])


@contextmanager
def on_a_node() -> Iterator[None]:
    """This process finds that database as one of its own would."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DATABASE_URL", database_line())
        yield


@contextmanager
def running_web(log: Path, *, workers: int = 2) -> Iterator[str]:
    """Granian on a free port; its address. What it says goes to the file `log`."""
    port = free_port()
    site = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "DATABASE_URL": database_line(), "EMITE_URL": site}
    command = [sys.executable, "-m", "emite", "web", "--port", str(port), "--workers", str(workers)]
    with log.open("wb") as said:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    try:
        deadline = time.monotonic() + 60
        while not listens("127.0.0.1", port):
            assert process.poll() is None, "the web server ended while starting"
            assert time.monotonic() < deadline, "the web server did not start"
            time.sleep(0.05)
        yield site
    finally:
        process.terminate()
        process.wait(20)

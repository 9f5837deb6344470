"""docs/guia/integracion.md does what it says: every example runs, in its order, against a real server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import make
from tests import practice as stand
from tests.web.api.system import System

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "guia" / "integracion.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def worker() -> Iterator[None]:
    """Drives what is due, as `emite work` does."""
    from django.db import connection

    from emite.invoices import stamping

    stop = threading.Event()

    def work() -> None:
        try:
            while not stop.wait(0.1):
                for pk in stamping.due(now=make.now(), limit=10):
                    stamping.drive(pk, owner="guide:1", clock=make.now)
        finally:
            connection.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    stop.set()
    thread.join(20)


@pytest.mark.usefixtures("worker")
def test_every_example_runs(
    issuing: make.Hospital, live_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT / "clients" / "python"))
    monkeypatch.setenv("EMITE_URL", live_server.url)
    monkeypatch.setenv("EMITE_LLAVE", System.of(issuing).token)
    practice = stand.practice()
    monkeypatch.setenv("EMITE_LLAVE_CONSULTORIO", System.at(practice).token)

    names: dict[str, Any] = {}
    for language, example in EXAMPLES:
        if language == "python":
            exec(compile(example, "integracion.md", "exec"), names)  # noqa: S102 - our own guide
        elif shutil.which("curl"):
            done = subprocess.run(["sh", "-c", example], capture_output=True, env=os.environ, timeout=30)
            assert json.loads(done.stdout)["organization"] == "Hospital San Telmo", done.stderr

    assert {language for language, _ in EXAMPLES} == {"sh", "python"}
    assert names["factura"]["state"] == "stamped"
    assert names["xml"].startswith(b"<?xml")
    assert (tmp_path / "qr.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "ticket.pdf").read_bytes().startswith(b"%PDF-")
    assert names["recibir"](b"{}", "t=1,v1=x", "whsec") == 400


def test_client_and_worker_agree_on_the_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "clients" / "python"))
    from emite_client import check_signature

    from emite.integrations.notifying import signature

    now = int(time.time())
    header = signature("whsec_x", b'{"a":1}', now)

    assert check_signature("whsec_x", b'{"a":1}', header)
    assert not check_signature("whsec_x", b'{"a":2}', header)
    assert not check_signature("whsec_y", b'{"a":1}', header)
    assert not check_signature("whsec_x", b'{"a":1}', header, now=now + 301)
    assert not check_signature("whsec_x", b'{"a":1}', header.replace(str(now), str(now + 1)))
    for rubbish in ("", "t=", "t=x,v1=y", "v1=y", "t=1,t=2", "ñ"):
        assert not check_signature("whsec_x", b"{}", rubbish)


def test_client_needs_nothing_but_python() -> None:
    code = "import sys; before = set(sys.modules); import emite_client; print('django' in sys.modules)"
    path = str(ROOT / "clients" / "python")

    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, env={"PYTHONPATH": path})

    assert done.stdout.strip() == "False", done.stderr

"""`emite demo --once` as a person runs it: every road through real programs, documents that `emite check` accepts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ops.conftest import clean_environment

CFDI = {
    "anticipo", "anticipo-cuenta", "anticipo-nota", "aseguradora-factura", "complemento", "copago-factura", "global",
    "nota-credito", "remision-factura", "sustitucion",
}  # fmt: skip
PAPERS = {"copago-ticket.pdf", "remision-pago.pdf", "remision-ticket.pdf"}


@pytest.mark.slow
def test_every_road_leaves_its_documents(tmp_path: Path) -> None:
    out = tmp_path / "out"
    walked = subprocess.run(
        [sys.executable, "-m", "emite", "demo", "--once", "--out", str(out)], env=clean_environment(tmp_path / "data"),
        capture_output=True, stdin=subprocess.DEVNULL, timeout=540,
    )  # fmt: skip
    assert walked.returncode == 0, walked.stderr.decode()[-3000:]
    told = json.loads((out / "summary.json").read_text())
    assert told["ok"] is True
    assert set(told["documents"]) == CFDI
    assert all(each["status"] == "timbrada" for each in told["documents"].values())
    kept = {path.name for path in out.iterdir()}
    assert kept == {f"{name}.{kind}" for name in CFDI for kind in ("xml", "pdf")} | PAPERS | {
        "acuse-cancelacion.xml", "summary.json",
    }  # fmt: skip
    assert all(path.read_bytes().startswith(b"%PDF-") for path in out.glob("*.pdf"))

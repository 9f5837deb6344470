"""Golden run: N random documents, each judged by everybody who can judge it. `python -m tests.golden.run 10000`.

The ordinary test run does 300 of them (`test_golden.py`); `make golden` does 10,000 on every core.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from emite.cfdi import rules, schema, seal
from emite.cfdi.cadena import cadena_by_xslt, cadena_original
from emite.cfdi.faults import Severity
from emite.cfdi.stored import from_json, to_json
from emite.cfdi.xml import parse
from tests.cfdi import make
from tests.golden import invoices, oracles, second

FULL_SCHEMA_EVERY = 25  # SAT's own XSD costs 10 to 300 ms a document
CHUNK = 250


def judge(numbers: Iterable[int]) -> list[str]:
    """What anybody has against these documents: "number: judge: finding". Empty when all agree on all."""
    found: list[str] = []
    with oracles.saxon() as saxon, tempfile.TemporaryDirectory(prefix="emite-golden-") as name:
        for number in numbers:
            found += [f"{number}: {finding}" for finding in _judge(number, saxon, Path(name))]
    return found


def _judge(number: int, saxon: oracles.Saxon, folder: Path) -> list[str]:
    comprobante = invoices.document(number)
    csd = make.csd(comprobante.emisor.rfc, invoices.EMISORES.index(comprobante.emisor) % 2)
    sealed = seal.seal(comprobante, csd)
    root = parse(sealed.xml)
    findings = [f"schema: {fault}" for fault in schema.validate(root)]
    if number % FULL_SCHEMA_EVERY == 0:
        full = oracles.full_schemas()
        if not full.validate(root):
            findings.append(f"SAT's XSD: {full.error_log.last_error}")
    if comprobante.tipo != "P":
        findings += [f"rules: {fault}" for fault in rules.check(root) if fault.severity is Severity.ERROR]
    cadenas = {
        "walk": cadena_original(root),
        "libxslt": cadena_by_xslt(root),
        "saxon": saxon.cadena(sealed.xml),
    }
    findings += [f"cadena by {who} differs" for who, cadena in cadenas.items() if cadena != sealed.cadena]
    findings += [f"seal: {fault}" for fault in seal.verify(root)]
    if not oracles.openssl_verifies(csd.certificate, sealed.sello, sealed.cadena, folder):
        findings.append("openssl does not verify the seal")
    findings += [f"second implementation: {difference}" for difference in second.differences(sealed.xml)]
    if from_json(to_json(comprobante)) != comprobante:
        findings.append("the stored draft is another document")
    if seal.seal(comprobante, csd).xml != sealed.xml:
        findings.append("sealing again gives other bytes")
    return findings


def main() -> int:
    """Judges N documents and prints what was found; exit 0 only when nothing was."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("count", type=int, nargs="?", default=10_000)
    arguments.add_argument("--start", type=int, default=0)
    arguments.add_argument("--processes", type=int, default=2)
    asked = arguments.parse_args()
    started = time.monotonic()
    numbers = range(asked.start, asked.start + asked.count)
    chunks = [numbers[place : place + CHUNK] for place in range(0, len(numbers), CHUNK)]
    found: list[str] = []
    # Saxon's runtime does not survive a fork.
    with ProcessPoolExecutor(asked.processes, mp_context=get_context("spawn")) as pool:
        for done, findings in enumerate(pool.map(judge, chunks), 1):
            found += findings
            print(
                f"{min(done * CHUNK, asked.count):,} of {asked.count:,} documents, {len(found)} differences", flush=True
            )
            for finding in findings[:20]:
                print(f"  {finding}", flush=True)
    kinds = Counter(finding.split(": ")[1] for finding in found)
    print(f"{asked.count:,} documents in {time.monotonic() - started:.0f} s: {len(found)} differences")
    for kind, times in kinds.most_common():
        print(f"  {kind}: {times}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

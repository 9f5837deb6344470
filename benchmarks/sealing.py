"""Building, checking and sealing an invoice: ours beside the floor (one RSA signature) and beside satcfdi, in one run.

`python -m benchmarks.sealing`. The peer runs in a process of its own, since importing it costs 0.7 s and 100 MB; the
rounds of both alternate, so that a noisy machine is equally noisy to both. Trust the ratios more than the milliseconds.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.report import Row, keep

RFC, NOMBRE, PASSWORD = "HST150101AA6", "HOSPITAL SAN TELMO", "12345678a"
FECHA = datetime(2026, 11, 22, 12, 0, 0)
SIZES = (1, 3, 10)
ROUNDS = 9
BUDGET_MS = 120  # of each batch
# Seconds of one run mean little; these two ratios are what we promise.
TARGET_RSA, TARGET_NAIVE = 2.9, 200

Work = dict[str, Callable[[], object]]


def _once(work: Callable[[], object]) -> float:
    """Milliseconds of processor time of one call, as the mean of a batch: others on the machine count less so."""
    started = time.process_time()
    work()
    first = time.process_time() - started
    times = max(1, int(BUDGET_MS / 1000 / max(first, 1e-6)))
    started = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - started) / times * 1000


def ours(cer: bytes, key: bytes) -> dict[int, Work]:
    """What we do, by number of concepts."""
    from emite.cfdi import rules, schema, taxes
    from emite.cfdi.cadena import cadena_original
    from emite.cfdi.comprobante import Comprobante, Emisor, Receptor
    from emite.cfdi.csd import open_pair
    from emite.cfdi.seal import seal, seal_tree
    from emite.cfdi.xml import build

    csd = open_pair(cer, key, PASSWORD, expected_rfc=RFC, now=FECHA.replace(tzinfo=UTC))

    def invoice(size: int) -> Comprobante:
        lines = tuple(
            taxes.concepto(
                clave_prod_serv="85121600",
                clave_unidad="E48",
                descripcion=f"Consulta de especialidad {number}",
                cantidad=Decimal(1),
                valor_unitario=Decimal("800.00") + number,
                treatment=taxes.Treatment.IVA16,
                no_identificacion="CON-01",
            )
            for number in range(size)
        )
        return Comprobante(
            tipo="I",
            fecha=FECHA,
            lugar_expedicion="06700",
            emisor=Emisor(RFC, NOMBRE, "601"),
            receptor=Receptor("MISC491214B86", "CECILIA MIRANDA SANCHEZ", "01010", "612", "D01"),
            conceptos=lines,
            forma_pago="04",
            metodo_pago="PUE",
            serie="A",
            folio="1",
        )

    def checked(comprobante: Comprobante) -> None:
        root = build(comprobante)
        faults = rules.check(root)
        sealed = seal_tree(root, csd)
        faults += schema.validate(sealed.root)
        if faults:
            raise AssertionError(faults)

    def whole(size: int) -> None:
        checked(invoice(size))

    work: dict[int, Work] = {}
    for size in SIZES:
        comprobante = invoice(size)
        cadena = cadena_original(build(comprobante)).encode()
        work[size] = {
            "RSA alone (floor)": lambda cadena=cadena: csd.sign(cadena),
            "build + seal": lambda comprobante=comprobante: seal(comprobante, csd),
            "build + rules + XSD + seal": lambda comprobante=comprobante: checked(comprobante),
            "the same from bare lines": lambda size=size: whole(size),
        }
    return work


def peer(cer: bytes, key: bytes) -> dict[int, Work]:
    """What satcfdi does, by number of concepts: with the key loaded and no check, and as its users call it."""
    from satcfdi.create.cfd import cfdi40
    from satcfdi.models import Signer

    signer = Signer.load(certificate=cer, key=key, password=PASSWORD)

    def invoice(size: int) -> Any:
        return cfdi40.Comprobante(
            emisor=cfdi40.Emisor(rfc=RFC, nombre=NOMBRE, regimen_fiscal="601"),
            lugar_expedicion="06700",
            receptor=cfdi40.Receptor("MISC491214B86", "CECILIA MIRANDA SANCHEZ", "01010", "612", "D01"),
            conceptos=[
                cfdi40.Concepto(
                    clave_prod_serv="85121600",
                    cantidad=Decimal(1),
                    clave_unidad="E48",
                    descripcion=f"Consulta de especialidad {number}",
                    valor_unitario=Decimal("800.00") + number,
                    no_identificacion="CON-01",
                    impuestos=cfdi40.Impuestos(traslados=cfdi40.Traslado("002", "Tasa", Decimal("0.160000"))),
                )
                for number in range(size)
            ],
            forma_pago="04",
            metodo_pago="PUE",
            serie="A",
            folio="1",
            fecha=FECHA,
        )

    def sealed(size: int) -> None:
        document = invoice(size)
        document.sign(signer)
        document.xml_bytes()

    def as_used(size: int) -> None:
        document = invoice(size)
        document.sign(Signer.load(certificate=cer, key=key, password=PASSWORD))
        document.xml_bytes(validate=True)

    return {
        size: {
            "satcfdi, key kept, no check": lambda size=size: sealed(size),
            "satcfdi, as its users call it": lambda size=size: as_used(size),
        }
        for size in SIZES
    }


def _serve(folder: Path) -> None:
    """The peer's process: for each line with a number of concepts, one line with its milliseconds."""
    work = peer((folder / "cer").read_bytes(), (folder / "key").read_bytes())
    for line in sys.stdin:
        print(json.dumps({name: _once(call) for name, call in work[int(line)].items()}), flush=True)


def measure(folder: Path) -> dict[int, dict[str, float]]:
    """The median of each row, in milliseconds, by number of concepts."""
    work = ours((folder / "cer").read_bytes(), (folder / "key").read_bytes())
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.sealing", "--peer", str(folder)]
    found: dict[int, dict[str, list[float]]] = {size: {} for size in SIZES}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        for _ in range(ROUNDS):
            for size in SIZES:
                rows = {name: _once(call) for name, call in work[size].items()}
                other.stdin.write(f"{size}\n")
                other.stdin.flush()
                rows |= json.loads(other.stdout.readline())
                for name, milliseconds in rows.items():
                    found[size].setdefault(name, []).append(milliseconds)
        other.stdin.close()
    return {size: {name: statistics.median(times) for name, times in rows.items()} for size, rows in found.items()}


def report(figures: dict[int, dict[str, float]]) -> list[str]:
    """The table, and how the targets fare."""
    lines = [
        f"{'sealing':<32}" + "".join(f"{f'{size} concepts':>22}" for size in SIZES),
        " " * 32 + "ms      x RSA ".rjust(22) * len(SIZES),
    ]
    for name in figures[SIZES[0]]:
        cells = (
            f"{figures[size][name]:.3f} {figures[size][name] / figures[size]['RSA alone (floor)']:>8.2f}"
            for size in SIZES
        )
        lines.append(f"{name:<32}" + "".join(f"{cell:>22}" for cell in cells))
    rows = figures[3]
    checked, floor = rows["build + rules + XSD + seal"], rows["RSA alone (floor)"]
    kept, used = rows["satcfdi, key kept, no check"], rows["satcfdi, as its users call it"]
    keep(
        Row("3 concepts built, checked and sealed", checked, "ms", TARGET_RSA, floor, "one RSA signature", kept, True),
        Row("satcfdi as its users call it, times ours", used / checked, "x", TARGET_NAIVE, peer=used, at_least=True),
    )
    lines += [
        "",
        f"3 concepts, everything checked: {checked / floor:.2f} signatures (target <= {TARGET_RSA}); "
        f"{kept / checked:.2f} times as fast as satcfdi that checks nothing (target > 1); "
        f"{used / checked:.0f} times as fast as satcfdi in use (target >= {TARGET_NAIVE})",
    ]
    return lines


def main() -> int:
    """Prints the table."""
    if sys.argv[1:2] == ["--peer"]:
        _serve(Path(sys.argv[2]))
        return 0
    from emite.pac.sandbox.authority import TestAuthority

    with tempfile.TemporaryDirectory(prefix="emite-bench-") as name:
        folder = Path(name)
        since, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)
        cer, key = TestAuthority.open(folder / "authority").issue("CSD", RFC, NOMBRE, PASSWORD, since, until)
        (folder / "cer").write_bytes(cer)
        (folder / "key").write_bytes(key)
        print("\n".join(report(measure(folder))))
    return 0


if __name__ == "__main__":
    sys.exit(main())

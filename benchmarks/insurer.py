"""One invoice of 5,000 services to an insurer: built, checked, sealed, stored as a draft and read back, and drawn.

    python -m benchmarks.insurer [SERVICES]

The seal is the document written and signed; rules and schema, which the worker asks too, stand beside it. The PDF comes
from the typesetting process. One RSA signature of the same run is the floor.
"""

from __future__ import annotations

import datetime as dt
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from decimal import Decimal

from benchmarks.report import Row, keep
from emite.cfdi import rules, schema
from emite.cfdi.comprobante import Emisor, Receptor
from emite.cfdi.representation import representation
from emite.cfdi.seal import seal_tree
from emite.cfdi.stored import from_json, to_json
from emite.cfdi.taxes import Treatment
from emite.cfdi.timbre import attach
from emite.cfdi.xml import build, parse
from emite.typeset import Branding, InvoicePrint, typesetter
from tests.cfdi import make

TARGET_SEAL_MS, TARGET_PDF_MS = 200.0, 2000.0
ROUNDS = 5


def main(count: int = 5_000) -> int:
    from emite.invoices.insurer_building import Profile, Rendered, comprobante

    services = [
        Rendered(
            code="99213",
            description="Consulta de seguimiento",
            rendered_on=dt.date(2026, 11, 1) + dt.timedelta(days=number % 28),
            amount=Decimal(80000 + number) / 100,
            clave_prod_serv="85121600",
            clave_unidad="E48",
            treatment=Treatment.EXENTO,
            reference=f"S-{number:06}",
        )
        for number in range(count)
    ]
    csd = make.csd("CACX7605101P8")
    made = comprobante(
        services,
        Receptor("SCE050620LQ5", "SEGUROS LA CEIBA", "64000", "601", "G03"),
        emisor=Emisor("CACX7605101P8", "XOCHILT CASAS CHAVEZ", "612"),
        lugar_expedicion="36257",
        fecha=make.FECHA,
        profile=Profile("Siniestro"),
    )

    def sealed() -> bytes:
        root = build(made)
        faults = rules.check(root)
        done = seal_tree(root, csd)
        faults += schema.validate(done.root)
        assert not [fault for fault in faults if fault.severity == "ERROR"], faults[:3]
        return done.xml

    data = to_json(made)
    stamped = attach(sealed(), make.stamp(make.sealed(made)))
    root = parse(stamped, max_bytes=len(stamped), max_nodes=len(stamped))
    paper = InvoicePrint(representation(root), Branding(name="Consultorio Casas", accent="#0b5c63"))
    figures = {
        "one RSA signature (floor)": _median(lambda: csd.sign(b"x" * 500)),
        "build": _median(lambda: build(made)),
        "build + seal": _median(lambda: seal_tree(build(made), csd)),
        "build + rules + XSD + seal": _median(sealed),
        "draft as JSON": _median(lambda: json.dumps(to_json(made))),
        "draft read back": _median(lambda: from_json(data)),
        "PDF, in a process of its own": _median(lambda: typesetter().invoice(paper, stamped), rounds=3),
    }
    floor, drawn = figures["one RSA signature (floor)"], figures["PDF, in a process of its own"]
    keep(
        Row(
            f"insurer, {count:,} services, seal",
            figures["build + seal"],
            "ms",
            TARGET_SEAL_MS,
            floor,
            "one RSA signature",
        ),
        Row(f"insurer, {count:,} services, PDF", drawn, "ms", TARGET_PDF_MS),
    )
    print(f"{count:,} services, {len(stamped):,} bytes of XML")
    for name, milliseconds in figures.items():
        print(f"{name:<32}{milliseconds:>10.1f} ms")
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"memory of this process: {kilobytes // 1024} MB")
    in_time = figures["build + seal"] <= TARGET_SEAL_MS and figures["PDF, in a process of its own"] <= TARGET_PDF_MS
    print(f"targets: seal <= {TARGET_SEAL_MS:.0f} ms, PDF <= {TARGET_PDF_MS:.0f} ms: {'met' if in_time else 'NOT met'}")
    return 0


def _median(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Milliseconds of wall clock."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


if __name__ == "__main__":
    import os

    import django

    # Only to read the models that the builder names: no database is touched.
    os.environ |= {"EMITE_DATA": "/nonexistent", "EMITE_SECRET_KEY": "b" * 50}
    os.environ["DJANGO_SETTINGS_MODULE"] = "emite.config.settings"
    django.setup()
    sys.exit(main(*(int(argument) for argument in sys.argv[1:])))

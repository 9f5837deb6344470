"""A month of a hospital closed into facturas globales: charges read, documents built, charges bound, sealed, checked.

    python -m benchmarks.closing [CHARGES] [CEILING]

Runs on a database of its own. Prints wall clock and processor time of this process, the memory it grew to, and one
RSA signature of the same run as the floor of a seal. Stamping is not measured: it is the PAC's time.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.report import Row, keep
from benchmarks.scratch import hospital

if TYPE_CHECKING:
    from emite.ops.seeding import World

TARGET_SECONDS, TARGET_MB = 3.0, 90

CHARGES = """
INSERT INTO charges_charge (id, organization_id, issuer_id, kind, number, state, issued_at, issued_on, patient_name,
    sub_total, discount, tax, total, paid, paid_at, code_hash, code_cipher, void_reason, prints)
SELECT gen_random_uuid(), %(organization)s, %(issuer)s, 'remision', n, 'open', at, at::date, '',
    a + 800, 0, round(a * 0.16, 2), a + 800 + round(a * 0.16, 2), a + 800 + round(a * 0.16, 2), at,
    decode(md5(n::text), 'hex'), '', '', 0
FROM (SELECT n, %(start)s::timestamptz + n * interval '20 seconds' AS at, (n * 7919 %% 900000 + 100)::numeric / 100 AS a
      FROM generate_series(1, %(count)s) n) x
"""
LINES = """
INSERT INTO charges_chargeline (id, organization_id, charge_id, position, code, description, clave_prod_serv,
    clave_unidad, treatment, quantity, unit_price, discount, amount)
SELECT gen_random_uuid(), organization_id, id, 1, '', 'Consulta', '85121600', 'E48', 'iva16', 1, sub_total - 800, 0,
    sub_total - 800 FROM charges_charge
UNION ALL
SELECT gen_random_uuid(), organization_id, id, 2, '', 'Honorarios', '85121502', 'E48', 'exento', 1, 800, 0, 800
FROM charges_charge
"""
SLIPS = """
INSERT INTO charges_paymentslip (id, organization_id, charge_id, number, register_id, paid_at, amount, prints)
SELECT gen_random_uuid(), organization_id, id, number, %(register)s, paid_at, total, 0 FROM charges_charge
"""
PAYMENTS = """
INSERT INTO charges_payment (id, organization_id, charge_id, slip_id, forma_pago, last4, amount)
SELECT gen_random_uuid(), organization_id, charge_id, id, '04', '', amount FROM charges_paymentslip
"""


def main(count: int = 100_000, ceiling: int = 10_000) -> int:
    with hospital() as world:
        _measure(world, count, ceiling)
    return 0


def _measure(world: World, count: int, ceiling: int) -> None:
    from django.db import connection
    from django.utils import timezone

    from emite.documents import stamping
    from emite.documents.models import FiscalDocument
    from emite.invoices import closing, periods
    from emite.invoices.models import GlobalDocument, GlobalPolicy

    period = closing.last_ended(world.issuer, periods.MENSUAL, timezone.now())
    with connection.cursor() as cursor:
        values = {
            "organization": world.organization.pk, "issuer": world.issuer.pk, "register": world.register.pk,
            "start": period.bounds(world.organization.zone)[0], "count": count,
        }  # fmt: skip
        for statement in (CHARGES, LINES, SLIPS, PAYMENTS, "ANALYZE"):
            cursor.execute(statement, values)
    GlobalPolicy.objects.create(organization=world.organization, ceiling=ceiling)
    print(f"{count:,} remisiones, {ceiling:,} por factura; firma RSA {_signature(world):.2f} ms")
    before = _peak()
    with _timed("proponer"):
        from emite.invoices.proposing import Scope, propose

        propose(Scope.of(world.issuer, period))
    total = [time.perf_counter(), time.process_time()]
    with _timed("pedir"):
        started = closing.start(world.issuer, period, user=world.biller, now=timezone.now())
    with _timed("armar y ligar"):
        closing.run(started.pk, owner="bench", clock=timezone.now)
    with _timed("sellar y revisar"):
        for pk in GlobalDocument.objects.values_list("document_id", flat=True):
            document = stamping.claim(pk, owner="bench", now=timezone.now())
            assert document is not None
            stamping.seal(document, timezone.now())
            stamping.let_go(document)
    wall, cpu = time.perf_counter() - total[0], time.process_time() - total[1]
    stored = sum(len(str(row)) for row in FiscalDocument.objects.values_list("content", flat=True)[:1])
    print(f"{'todo':18} {wall:7.2f} s ({cpu:.2f} s de procesador) · meta {TARGET_SECONDS:.0f} s con la base de datos")
    keep(
        Row(f"global of {count:,} charges, {ceiling:,} in each", wall, "s", TARGET_SECONDS),
        Row("what its process grew by", _peak() - before, "MB", TARGET_MB),
    )
    print(
        f"memoria {_peak():.0f} MB (antes {before:.0f}) · meta {TARGET_MB} MB · un borrador ocupa {stored / 1e3:.0f} kB"
    )


def _signature(world: World) -> float:
    from emite.issuers.keys import open_csd
    from emite.issuers.models import StoredCsd

    csd = open_csd(StoredCsd.objects.get(organization=world.organization, active=True))
    csd.sign(b"x")
    started = time.process_time()
    for _ in range(50):
        csd.sign(b"x" * 800)
    return (time.process_time() - started) * 20


@contextmanager
def _timed(name: str) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    print(
        f"{name:18} {time.perf_counter() - wall:7.2f} s ({time.process_time() - cpu:.2f} s de procesador)", flush=True
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

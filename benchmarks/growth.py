"""What people wait for, among ten thousand charges and among many: the portal's look-up, the desk's list and search.

    python -m benchmarks.growth [CHARGES]

Runs on a database of its own, filled twice, and asks as a web request does: one organization, under the policies of
rows. Each figure is the median of looks for charges of any age; after the second filling its ratio to the first is
what growth costs. A plan that reads a table from end to end is named. Ten million charges want 12 GB and half an hour.
"""

from __future__ import annotations

import datetime as dt
import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from benchmarks.report import Row, keep
from benchmarks.scratch import hospital

if TYPE_CHECKING:
    from emite.ops.seeding import World

FEW, MANY, STEP = 10_000, 1_000_000, 250_000
LOOKS = 40
PAYMENTS_OF_A_DAY = 2_000
TARGET_RATIO, TARGET_MISSPELT_MS, TARGET_CORTE_MS = 1.3, 50.0, 300.0
NEVER_WHOLE = ("charges_charge", "charges_chargeline", "charges_paymentslip", "charges_payment", "charges_allocation")

GIVEN = """María José Guadalupe Juan Luis Carlos Ana Rosa Miguel Pedro Sofía Alejandra Fernando Laura Ricardo Jorge
Patricia Elena Francisco Teresa Manuel Adriana Raúl Gabriela Sergio Verónica Arturo Claudia Eduardo Leticia Roberto
Silvia Andrés Mónica Héctor Beatriz Óscar Yolanda Daniel Martha Enrique Carmen Javier Isabel Alberto Norma Víctor"""
FAMILY = """Hernández García Martínez López González Pérez Rodríguez Sánchez Ramírez Cruz Flores Gómez Morales Vázquez
Jiménez Torres Díaz Gutiérrez Ruiz Mendoza Aguilar Ortiz Moreno Castillo Romero Álvarez Méndez Chávez Rivera Reyes
Juárez Ramos Domínguez Herrera Medina Castro Vargas Guzmán Velázquez Rojas Contreras Salazar Luna Ortega Guerrero
Estrada Bautista Cortés Soto Alvarado Espinoza Lara Ávila Ríos Cervantes Silva Delgado Vega Márquez Sandoval Pacheco
Carrillo León Mejía Solís Rosas Valdez Núñez Campos Santos Camacho Navarro Peña Maldonado Cabrera Acosta Miranda Ochoa
Ibarra Valencia Orozco Padilla Zavala Fuentes Macías Rangel Serrano Molina Villarreal Escobar Arellano"""
MISSPELT = ("Hernandes Garsia", "Gonsalez", "Rodrigues Peres", "Sofia Velasques", "Gutierez Mendosa", "Jimenes Alvares")

#: A number from 0 to 1 out of seven digits of a digest; squared, so that some names are everybody's and others rare.
CHANCE = "power(('x' || substr(m, {}, 7))::bit(28)::int / 268435456.0, 2)"
NAME = "(%({0})s::text[])[1 + floor(array_length(%({0})s::text[], 1) * {1})::int]"
CHARGES = f"""
INSERT INTO charges_charge (id, organization_id, issuer_id, kind, number, state, issued_at, issued_on, patient_name,
    sub_total, discount, tax, total, paid, paid_at, code_hash, code_cipher, void_reason, prints)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(m, 1, 3) || '8'
        || substr(m, 4, 15))::uuid,
    %(organization)s, %(issuer)s, 'remision', n, 'open', at, at::date,
    {NAME.format("given", CHANCE.format(1))} || ' ' || {NAME.format("family", CHANCE.format(9))} || ' '
        || {NAME.format("family", CHANCE.format(17))},
    a, 0, round(a * 0.16, 2), a + round(a * 0.16, 2), a + round(a * 0.16, 2), at, decode(m, 'hex'), '', '', 0
FROM (SELECT n, md5(n::text) AS m, %(end)s::timestamptz - (%(most)s - n) * interval '9 seconds' AS at,
             (n::bigint * 7919 %% 900000 + 100)::numeric / 100 AS a
      FROM generate_series(%(first)s::int, %(last)s::int) n) x
"""
LINES = """
INSERT INTO charges_chargeline (id, organization_id, charge_id, position, code, description, clave_prod_serv,
    clave_unidad, treatment, quantity, unit_price, discount, amount)
SELECT gen_random_uuid(), organization_id, id, 1, '', 'Consulta', '85121600', 'E48', 'iva16', 1, sub_total, 0, sub_total
FROM charges_charge WHERE number BETWEEN %(first)s AND %(last)s
"""
SLIPS = """
INSERT INTO charges_paymentslip (id, organization_id, charge_id, number, register_id, paid_at, amount, prints)
SELECT id, organization_id, id, number, %(register)s, paid_at, total, 0
FROM charges_charge WHERE number BETWEEN %(first)s AND %(last)s
"""
PAYMENTS = """
INSERT INTO charges_payment (id, organization_id, charge_id, slip_id, forma_pago, last4, amount)
SELECT id, organization_id, id, id, '04', lpad((number %% 10000)::text, 4, '0'), total
FROM charges_charge WHERE number BETWEEN %(first)s AND %(last)s
"""
#: All but the newest thousand are invoiced.
ALLOCATIONS = """
INSERT INTO charges_allocation (id, organization_id, charge_id, document_id, active, created_at)
SELECT id, organization_id, id, %(document)s, true, paid_at
FROM charges_charge WHERE number BETWEEN %(first)s AND %(last)s AND number <= %(most)s - 1000
"""


def main(count: int = MANY) -> int:
    with hospital() as world:
        fill(world, 0, FEW, count)
        few = measure(world, FEW)
        fill(world, FEW, count, count)
        many = measure(world, count)
        closed = close_register(world, count)
    print(f"\n{'':34}{FEW:>12,}{count:>14,}   ratio")
    for name, ms in many.items():
        print(f"{name:34}{few[name]:9.2f} ms{ms:11.2f} ms{ms / few[name]:8.2f}")
        if name == "misspelt name":
            keep(Row(f"{name}, {count:,} charges", ms, "ms", TARGET_MISSPELT_MS))
        else:
            keep(
                Row(f"{name}, {count:,} charges", ms, "ms", TARGET_RATIO, few[name], f"{FEW:,} charges", of_ratio=True)
            )
    print(f"corte of {PAYMENTS_OF_A_DAY:,} payments: {closed:.0f} ms")
    keep(Row(f"corte of {PAYMENTS_OF_A_DAY:,} payments", closed, "ms", TARGET_CORTE_MS))
    return 0


def fill(world: World, first: int, last: int, most: int) -> None:
    """Charges number `first` + 1 to `last`, one every nine seconds until now, with a line and a payment each."""
    import psycopg

    from emite.charges import patient_words
    from emite.database.address import dsn

    started = time.perf_counter()
    values = {
        "organization": world.organization.pk, "issuer": world.issuer.pk, "register": world.register.pk, "most": most,
        "end": dt.datetime.now(dt.UTC), "given": GIVEN.split(), "family": FAMILY.split(), "document": invoice(world),
    }  # fmt: skip
    with psycopg.connect(dsn("admin").conninfo(), autocommit=True) as admin:
        # As a restored backup comes in: nothing is checked row by row, and indexes are made at the end.
        admin.execute("SET session_replication_role = replica")
        admin.execute("SET synchronous_commit = off")
        admin.execute("SET maintenance_work_mem = '512MB'")
        indexes = admin.execute(
            """SELECT indexname, indexdef FROM pg_indexes
               WHERE tablename = ANY(%s) AND indexname NOT IN (SELECT conname FROM pg_constraint)""",
            [list(NEVER_WHOLE)],
        ).fetchall()
        for name, _ in indexes:
            admin.execute(f"DROP INDEX {name}")
        for start in range(first, last, STEP):
            step = values | {"first": start + 1, "last": min(start + STEP, last)}
            for statement in (CHARGES, LINES, SLIPS, PAYMENTS, ALLOCATIONS):
                admin.execute(statement, step)
        for _, made in indexes:
            admin.execute(made)
        admin.execute("VACUUM ANALYZE")
    patient_words.read_new(dt.datetime.now(dt.UTC))
    print(f"{last:,} charges after {time.perf_counter() - started:.0f} s", flush=True)


def invoice(world: World) -> Any:
    """A document that carries charges: what is in it does not matter here."""
    from emite.documents.models import FiscalDocument
    from emite.issuers.models import PacAccount, Series

    now = dt.datetime.now(dt.UTC)
    of = {"organization": world.organization, "issuer": world.issuer}
    return FiscalDocument.objects.create(
        **of, series=Series.objects.filter(**of).first(), pac_account=PacAccount.objects.filter(**of).first(),
        kind="I", channel=FiscalDocument.Channel.GLOBAL, content={}, receptor_rfc="XAXX010101000", total=1,
        idempotency_key=f"growth-{time.time_ns()}", created_at=now, next_at=now,
    ).pk  # fmt: skip


def measure(world: World, count: int) -> dict[str, float]:
    """Milliseconds of each look, the median; says which of them reads a whole table."""
    from emite.charges.finding import by_code, lines_of
    from emite.database import tenancy
    from emite.web.desk.searching import Filters, search

    dice = random.Random(7)
    organization, today = world.organization, dt.datetime.now(dt.UTC).date()
    codes = give_codes(world, [dice.randint(1, count) for _ in range(LOOKS)])

    def portal(turn: int) -> None:
        charge = by_code(organization, codes[turn])
        assert charge is not None
        assert lines_of(charge)

    def desk(**said: str) -> Callable[[int], None]:
        return lambda _: _page(search(organization, Filters.read(said, today), today))

    given, family = GIVEN.split(), FAMILY.split()
    number = [str(dice.randint(1, count)) for _ in range(LOOKS)]
    names = [f"{dice.choice(given)} {dice.choice(family)} {dice.choice(family)}" for _ in range(LOOKS)]
    looks: dict[str, Callable[[int], None]] = {
        "portal look-up by code": portal,
        "desk list": desk(),
        "desk list, to be paid": desk(ver="por-cobrar"),
        "desk list, to be invoiced": desk(ver="por-facturar"),
        "by folio": lambda turn: _page(search(organization, Filters.read({"q": number[turn]}, today), today)),
        "by amount": desk(q="1,234.56"),
        "by card": desk(q="1234"),
        "exact name": lambda turn: _page(search(organization, Filters.read({"q": names[turn]}, today), today)),
        "misspelt name": lambda turn: _page(
            search(organization, Filters.read({"q": MISSPELT[turn % len(MISSPELT)]}, today), today)
        ),
    }
    found = {}
    with tenancy.organization(organization.pk):
        for name, look in looks.items():
            look(0)
            times = []
            for turn in range(LOOKS):
                started = time.perf_counter()
                look(turn)
                times.append((time.perf_counter() - started) * 1000)
            found[name] = statistics.median(times)
            whole = read_whole(lambda look=look: look(1)) if count > FEW else []
            print(f"  {name:30}{found[name]:9.2f} ms {'READS WHOLE: ' + ', '.join(whole) if whole else ''}", flush=True)
    return found


def close_register(world: World, count: int) -> float:
    """Milliseconds of closing a register whose day had PAYMENTS_OF_A_DAY payments, among those of all days."""
    import psycopg

    from emite.charges import drawer
    from emite.charges.models import RegisterSession
    from emite.database import tenancy
    from emite.database.address import dsn

    now = dt.datetime.now(dt.UTC)
    session = RegisterSession.objects.get(register=world.register, closed_at=None)
    with psycopg.connect(dsn("admin").conninfo(), autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE charges_paymentslip SET session_id = %s WHERE number > %s",
            [session.pk, count - PAYMENTS_OF_A_DAY],
        )
    with tenancy.organization(world.organization.pk):
        counted = drawer.expected(session)
        started = time.perf_counter()
        drawer.close_session(
            session, pieces={}, counted=counted, reason="Sin efectivo que contar", user=world.cashier, now=now
        )
        return (time.perf_counter() - started) * 1000


def _page(page: Any) -> None:
    assert page is not None


def give_codes(world: World, numbers: list[int]) -> list[str]:
    """Codes that the charges of these folios answer to from now on."""
    from emite.charges.code import new_code
    from emite.charges.models import Charge
    from emite.vault import codes as ticket_codes

    codes = []
    for number in numbers:
        codes.append(new_code())
        Charge.objects.filter(organization=world.organization, number=number).update(
            code_hash=ticket_codes.code_hash(world.organization.pk, codes[-1])
        )
    by_number = dict(zip(numbers, codes, strict=True))  # a folio drawn twice answers to its last code
    return [by_number[number] for number in numbers]


def read_whole(look: Callable[[], None]) -> list[str]:
    """The large tables that PostgreSQL read from end to end for this look."""
    from django.db import connection

    def scans() -> dict[str, int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_force_next_flush()")
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute("SELECT relname, seq_scan FROM pg_stat_user_tables")
            return dict(cursor.fetchall())

    before = scans()
    look()
    after = scans()
    return [table for table in NEVER_WHOLE if after[table] > before[table]]


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

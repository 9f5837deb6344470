"""What is wrong now and somebody must cure, in words with the cure. `emite doctor` prints the same; changes nothing."""

from __future__ import annotations

import datetime as dt
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, Min

from emite.alarms.models import INSTALLATION, Kind
from emite.documents import quarantine
from emite.documents.models import Damage, FiscalDocument, State
from emite.invoices.models import Closing
from emite.issuers import pac_manifests, pac_stamps
from emite.issuers.models import PacAccount, StoredCsd
from emite.organizations.models import Organization
from emite.settlements import checking

#: Days before a seal certificate expires at which its organization is told, each time anew.
CERTIFICATE_DAYS: Final = (60, 30, 7, 1)
#: SAT refuses a Fecha in the future: a clock this far from the PAC's is a fault.
CLOCK_SECONDS: Final = 60
#: Of the database's clock, by which what is due is found.
DATABASE_CLOCK_SECONDS: Final = 5
#: What people wait for in seconds; minutes mean that nobody works.
QUEUE: Final = dt.timedelta(minutes=15)
#: The PAC is asked again by itself; after this somebody should know.
DOUBT: Final = dt.timedelta(hours=1)
#: PostgreSQL stops where a disk is full.
LEAST_SHARE, LEAST_BYTES = 0.05, 1 << 30


@dataclass(frozen=True, slots=True)
class Found:
    """`serious`: work stops or a law is broken; otherwise a note of what will be. `grade`: told anew when it grows."""

    kind: Kind
    words: str
    subject: str = ""
    organization: uuid.UUID = INSTALLATION
    serious: bool = True
    grade: int = 0


def everything(now: dt.datetime, data: Path) -> Iterator[Found]:
    """All of it; `data`: the data folder, whose disk is looked at. For whoever may see all organizations' rows."""
    yield from whole(now)
    yield from disk(data)
    yield from clock(now)
    yield from queue(now)
    yield from certificates(now)
    yield from accounts(now)
    yield from documents(now)
    yield from closings(now)
    yield from complements(now)


def whole(now: dt.datetime) -> Iterator[Found]:
    """Of the installation: a restored backup, stored CFDI that a disk has changed."""
    row = quarantine.current()
    if row is not None:
        taken = f"{row.taken_at:%d/%m/%Y %H:%M} UTC"
        yield Found(Kind.QUARANTINE, f"Se restauró el respaldo del {taken} y nada se timbra. Siga: emite quarantine")
    damaged = Damage.objects.filter(repaired_at=None).count()
    if damaged:
        words = f"{damaged} CFDI guardados ya no son los que se guardaron. Siga: emite verify --repair"
        yield Found(Kind.DAMAGE, words, grade=_size(damaged))


def disk(data: Path) -> Iterator[Found]:
    """The disk of the data folder, before it is full."""
    usage = shutil.disk_usage(data)
    if usage.free < LEAST_BYTES or usage.free < usage.total * LEAST_SHARE:
        words = (
            f"Quedan {usage.free / (1 << 30):.1f} GiB en el disco de {data}. Libere espacio antes de que se detenga."
        )
        yield Found(Kind.DISK, words)


def clock(now: dt.datetime) -> Iterator[Found]:
    """This machine's clock against the database's: they may be two machines."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (theirs,) = cursor.fetchone()
    apart = (now - theirs).total_seconds()
    if abs(apart) > DATABASE_CLOCK_SECONDS:
        words = f"El reloj de este equipo difiere {apart:+.0f} s del de la base de datos. Ajuste los dos (NTP)."
        yield Found(Kind.DATABASE_CLOCK, words)


def queue(now: dt.datetime) -> Iterator[Found]:
    """Documents that were due long ago: no worker, or too few."""
    late = FiscalDocument.objects.filter(
        state__in=(State.DRAFT, State.SEALED, State.SENDING), next_at__lt=now - QUEUE
    ).aggregate(rows=Count("pk"), first=Min("next_at"))
    if late["rows"]:
        minutes = int((now - late["first"]).total_seconds() // 60)
        words = f"{late['rows']} CFDI debieron avanzar y el primero espera hace {minutes} minutos. ¿Corre emite work?"
        yield Found(Kind.QUEUE, words)


def certificates(now: dt.datetime) -> Iterator[Found]:
    """Seal certificates (CSD) in use that expire soon, or did. SAT does not take a seal made after (305)."""
    for csd in StoredCsd.objects.filter(active=True).select_related("issuer"):
        left = (csd.not_after - now).days
        grade = sum(left <= days for days in CERTIFICATE_DAYS)
        if not grade:
            continue
        name = f"El CSD {csd.no_certificado} de {csd.issuer.rfc}"
        gone = csd.not_after <= now
        words = (
            f"{name} venció el {csd.not_after:%d/%m/%Y}. Cargue uno nuevo."
            if gone
            else f"{name} vence en {left} días. Renuévelo en el SAT."
        )
        serious = left <= CERTIFICATE_DAYS[1]
        yield Found(
            Kind.CERTIFICATE, words, csd.no_certificado, csd.organization_id, serious=serious, grade=grade + gone
        )


def accounts(now: dt.datetime) -> Iterator[Found]:
    """What keeps an account of a PAC from stamping, or soon will."""
    for account in PacAccount.objects.filter(active=True).select_related("issuer"):
        name, of = f"{account.provider} {account.issuer.rfc}", account.organization_id
        seconds = account.clock_offset_ms / 1000
        if abs(seconds) > CLOCK_SECONDS:
            words = f"El reloj de este equipo difiere {seconds:+.0f} s del PAC ({account.provider}). Ajústelo (NTP)."
            yield Found(Kind.PAC_CLOCK, words, name, of)
        if account.open_until and account.open_until > now:
            words = f"El PAC {account.provider} no responde desde hace {account.failures} intentos."
            yield Found(Kind.PAC, words, name, of)
        if pac_stamps.runs_short(account):
            words = f"A la cuenta {account.user} de {account.provider} le quedan {account.stamps_left} timbres."
            yield Found(
                Kind.STAMPS, words, name, of, serious=not account.stamps_left, grade=int(not account.stamps_left)
            )
        if pac_manifests.standing(account) in (pac_manifests.Standing.PENDING, pac_manifests.Standing.REFUSED):
            words = f"Falta la carta manifiesto de {account.issuer.rfc} con {account.provider}."
            yield Found(Kind.MANIFEST, words, name, of)


def documents(now: dt.datetime) -> Iterator[Found]:
    """CFDI that wait for a person, and those whose end the PAC has not told for too long."""
    held = FiscalDocument.objects.filter(state=State.HELD)
    for of, count in held.values_list("organization_id").annotate(rows=Count("pk")).order_by():
        yield Found(Kind.HELD, f"{count} CFDI detenidos esperan a una persona.", organization=of, grade=_size(count))
    doubtful = FiscalDocument.objects.filter(state=State.UNKNOWN, first_sent_at__lt=now - DOUBT)
    for of, count in doubtful.values_list("organization_id").annotate(rows=Count("pk")).order_by():
        words = f"{count} CFDI en duda desde hace más de una hora: se consultan solos al PAC."
        yield Found(Kind.DOUBT, words, organization=of, serious=False)


def closings(now: dt.datetime) -> Iterator[Found]:
    """Facturas globales that wait for a person, at the hours of `watching.ALARMS`."""
    waiting = Closing.objects.filter(
        state__in=(Closing.State.WAITING, Closing.State.STOPPED), warned__isnull=False
    ).select_related("issuer")
    for row in waiting:
        hours = int((now - row.ends_at).total_seconds() // 3600)
        words = (
            f"La factura global de {row.issuer.rfc} (C.P. {row.lugar_expedicion}) del {row.first_day:%d/%m/%Y} al "
            f"{row.last_day:%d/%m/%Y} espera a una persona; el periodo terminó hace {hours} horas y el SAT da 24."
        )
        yield Found(Kind.CLOSING, words, str(row.pk), row.organization_id, grade=row.warned or 0)


def complements(now: dt.datetime) -> Iterator[Found]:
    """Payment complements past their day (the 5th of the month after the payment, regla 2.7.1.32)."""
    # Nowhere in Mexico is it later than in Tijuana: what is late there is late everywhere.
    today = now.astimezone(ZoneInfo("America/Tijuana")).date()
    found = list(checking.late(today))
    of = Organization.objects.in_bulk([slug for slug, _, _ in found], field_name="slug")
    for slug, count, since in found:
        words = (
            f"{slug}: {count} complementos de pago vencidos, el primero el {since:%d/%m/%Y}. "
            "Se generan en Complementos; el SAT los recibe aunque sea tarde."
        )
        yield Found(Kind.COMPLEMENTS, words, organization=of[slug].pk, serious=False, grade=_size(count))


def _size(count: int) -> int:
    """Told anew when there are twice as many, not for each one."""
    return count.bit_length()

"""The stored CFDI read again, all of them within a month: a disk that lies is found while a copy can still be had.

Each is compared with its fingerprint, its seal and its stamp. What is found is kept (`Damage`) until it is repaired:
from the PAC's own copy or from another backup's, and only by the very bytes that were stored.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Iterable, Iterator
from typing import Final

import psycopg
import structlog
from django.db import DatabaseError, OperationalError, transaction
from psycopg import sql

from emite.audit import record
from emite.cfdi import seal, timbre
from emite.cfdi.faults import Severity
from emite.cfdi.timbre import StampInvalid
from emite.cfdi.xml import XmlRefused, parse
from emite.database.address import Dsn
from emite.documents.models import Damage, FiscalDocument, ScrubRound, StampedXml
from emite.issuers.connecting import adapter
from emite.pac.port import Fetched

log = structlog.get_logger(__name__)

#: Within which every CFDI is read at least once.
ROUND: Final = dt.timedelta(days=30)
LEAST_PER_MINUTE: Final = 5
_MINUTES: Final = ROUND // dt.timedelta(minutes=1)


def wrong_with(stored: StampedXml) -> str:
    """What is not as it was stored, in words; "" when all is."""
    data = bytes(stored.xml)
    if hashlib.sha256(data).digest() != bytes(stored.sha256):
        return "el XML guardado cambió"
    try:
        root = parse(data, max_bytes=len(data), max_nodes=len(data))  # a factura global is large
        stamp = timbre.read(root)
    except (XmlRefused, StampInvalid) as error:
        return f"no se puede leer: {error}"
    if stamp is None or uuid.UUID(stamp.uuid) != stored.uuid:
        return "el timbre no es el de este registro"
    if stamp.sello_cfd != root.get("Sello"):
        return "el timbre no es de este sello"
    faults = [fault for fault in seal.verify(root) if fault.severity is Severity.ERROR]
    return f"{faults[0].code} {faults[0].message}" if faults else ""


def scrub(now: dt.datetime, *, most: int | None = None) -> int:
    """Read the next ones of this round, so many that ROUND suffices; returns how many are damaged.

    `most`: so many instead. One worker at a time; another that comes meanwhile does nothing.
    """
    with transaction.atomic():
        turn, _ = ScrubRound.objects.get_or_create(pk=1, defaults={"began_at": now, "size": StampedXml.objects.count()})
        held = ScrubRound.objects.select_for_update(skip_locked=True).filter(pk=turn.pk).first()
        if held is None:
            return 0
        held.size = held.size or StampedXml.objects.count()  # a first round of earlier versions knew none
        count = most or max(LEAST_PER_MINUTE, -(-held.size // _MINUTES))
        rows = StampedXml.objects.order_by("pk")
        batch = list((rows.filter(pk__gt=held.after) if held.after else rows).defer("xml")[:count])
        found = sum(_note(each, wrong, now) for each in batch if (wrong := _read(each)))
        if len(batch) < count:  # the end: the next round begins
            held.after, held.began_at, held.size = None, now, rows.count()
        else:
            held.after = batch[-1].pk
        held.save()
    return found


def _read(stored: StampedXml) -> str:
    """What is wrong with one; a page of the disk that PostgreSQL refuses to read is said of the CFDI that lay there."""
    try:
        with transaction.atomic():
            return wrong_with(stored)
    except DatabaseError as error:
        if isinstance(error, OperationalError) and not isinstance(error.__cause__, psycopg.errors.IoError):
            raise  # the server is away: nothing is known of this row
        return f"PostgreSQL no lo puede leer: {error}"


def _note(stored: StampedXml, wrong: str, now: dt.datetime) -> bool:
    log.error("stored_xml_damaged", document=str(stored.document_id), detail=wrong)
    Damage.objects.get_or_create(
        organization_id=stored.organization_id, document_id=stored.document_id, repaired_at=None,
        defaults={"what": wrong[:200], "found_at": now},
    )  # fmt: skip
    return True


def damaged(rows: Iterable[StampedXml]) -> Iterator[tuple[StampedXml, str]]:
    """Those that are not as they were stored, and why. Best given without their bytes, which are read one by one."""
    for each in rows:
        if wrong := _read(each):
            yield each, wrong


def repair(stored: StampedXml, owner: Dsn, *, now: dt.datetime) -> bool:
    """Put the PAC's copy back if it is, byte by byte, what was stored. False when it cannot be had.

    As the owner of the tables: the application may not change a stored CFDI.
    """
    document = FiscalDocument.objects.select_related("pac_account", "issuer").get(
        organization_id=stored.organization_id, pk=stored.document_id
    )
    answer = adapter(document.pac_account).fetch(document.issuer.rfc, str(stored.uuid).upper())
    if not isinstance(answer, Fetched) or hashlib.sha256(answer.xml).digest() != bytes(stored.sha256):
        return False
    table = sql.Identifier(StampedXml._meta.db_table)
    with psycopg.connect(owner.conninfo()) as connection:
        connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER insert_only").format(table))
        connection.execute(sql.SQL("UPDATE {} SET xml = %s WHERE id = %s").format(table), [answer.xml, stored.pk])
        connection.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER insert_only").format(table))
    Damage.objects.filter(
        organization_id=stored.organization_id, document_id=stored.document_id, repaired_at=None
    ).update(repaired_at=now)
    record(
        organization_id=stored.organization_id,
        actor="emite verify",
        action="document.repaired",
        subject=f"document:{stored.document_id}",
        after={"uuid": str(stored.uuid).upper()},
        now=now,
    )
    return True

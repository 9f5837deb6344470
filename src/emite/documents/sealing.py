"""Draft and seal: from a checked Comprobante to bytes that never change again.

`draft` runs in the web process and opens no key; `seal` runs in the worker only. Sending lives in `stamping`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import gc
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from emite.cfdi import rules, schema, seal_sales
from emite.cfdi import seal as cfdi_seal
from emite.cfdi.certificates import Csd
from emite.cfdi.comprobante import Comprobante
from emite.cfdi.faults import CfdiInvalid, Fault, Severity
from emite.cfdi.stored import from_json, to_json
from emite.cfdi.xml import build
from emite.cfdi.zones import local_now, moment_of
from emite.database.kept import Given, Kept, KeptInsert
from emite.documents.machine import GIVE_UP
from emite.documents.models import DocumentEvent, FiscalDocument, SealedXml, State
from emite.issuers import manifest
from emite.issuers.keys import open_csd
from emite.issuers.models import Issuer, PacAccount, Series, StoredCsd
from emite.organizations.models import Organization

#: Fecha is set this much before now, so that a PAC whose clock is a little late does not see the future.
FECHA_MARGIN = dt.timedelta(seconds=5)

_ACCOUNT = Kept(
    lambda: PacAccount.objects.filter(
        organization=Given("organization"), issuer=Given("issuer"), active=True
    ).select_related("organization")
)

_DOCUMENT = KeptInsert(FiscalDocument)
_EVENT = KeptInsert(DocumentEvent)
# Its bytes travel as they are; in a statement of their own they would travel written out in twice their length.
_SEALED = KeptInsert(SealedXml)


class NotReady(Exception):
    """The issuer lacks something before it can issue; the message says what, in words for its administrator."""


def errors(faults: list[Fault]) -> list[Fault]:
    """Those that a PAC would refuse."""
    return [fault for fault in faults if fault.severity is Severity.ERROR]


def check(comprobante: Comprobante) -> list[Fault]:
    """Every fault of the unsealed document: SAT's schema, then SAT's offline rules."""
    root = build(comprobante)
    return [*schema.validate(root), *rules.check(root)]


def draft(
    comprobante: Comprobante,
    *,
    issuer: Issuer,
    series: Series,
    channel: str,
    idempotency_key: str,
    now: dt.datetime,
    who: str = "",
    sample: Comprobante | None = None,
    folio: str | None = None,
) -> FiscalDocument:
    """Store a draft that obeys every offline rule. Raises CfdiInvalid (nothing stored) or NotReady.

    Call it in the transaction that binds what it invoices; wake the worker there too. `sample` is checked in place of
    a document that this program wrote with thousands of Conceptos; that one is checked whole when it is sealed.
    `folio` is one that was agreed with the receptor: it goes without series and none is taken from the counter.
    """
    account = _ACCOUNT.first(organization=issuer.organization_id, issuer=issuer.pk)
    if account is None:
        raise NotReady("Falta la cuenta del PAC: sin ella no se puede timbrar.")
    # Its kind came with the account: a hospital's invoice asks the database for nothing more.
    if account.organization.kind == Organization.Kind.PRACTICE and (lacks := manifest.missing(issuer, now)):
        raise NotReady(f"Antes de timbrar con este RFC falta {', '.join(lacks)}.")
    wrong = errors(check(sample or comprobante))
    if wrong:
        raise CfdiInvalid(wrong)
    document = _DOCUMENT.run(
        FiscalDocument(
            organization_id=issuer.organization_id,
            issuer=issuer,
            series=series,
            pac_account=account,
            kind=comprobante.tipo,
            channel=channel,
            content=to_json(comprobante),
            receptor_rfc=comprobante.receptor.rfc,
            total=comprobante.totals.total,
            serie=None if folio is None else "",
            folio=folio,
            idempotency_key=idempotency_key,
            created_at=now,
            next_at=now,
        )
    )
    note(document, "draft", now=now, who=who, detail={"channel": channel})
    return document


@contextmanager
def without_collecting() -> Iterator[None]:
    """No look for cycles meanwhile: a long document is a million objects without one, and looking takes a tenth."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@without_collecting()
def seal(document: FiscalDocument, *, now: dt.datetime) -> SealedXml:
    """Take a folio, date, seal and store one more revision. Call inside a transaction that moves the row.

    The first revision takes the folio; a later one (a document re-dated after proof that it was never stamped)
    keeps it. Raises CfdiInvalid when the document no longer can be issued, NotReady without a CSD in force.
    """
    csd_row = StoredCsd.objects.filter(
        organization_id=document.organization_id, issuer_id=document.issuer_id, active=True
    ).first()
    if csd_row is None:
        raise NotReady("Falta el certificado de sello digital (CSD) del emisor.")
    if csd_row.not_after <= now:
        raise NotReady("El certificado de sello digital (CSD) del emisor venció: cargue el vigente.")
    if document.folio is None:
        document.serie, folio = Series.take_folio(document.series_id)
        document.folio = str(folio)
    content = from_json(document.content)
    fecha = _fecha(document, content, now)
    comprobante = dataclasses.replace(content, serie=document.serie or None, folio=document.folio, fecha=fecha)
    xml = _sealed(comprobante, open_csd(csd_row))
    document.seal_rev += 1
    document.sealed_at = now
    return _SEALED.run(
        SealedXml(
            organization_id=document.organization_id,
            document_id=document.pk,  # and not the row, which holds this one: a circle would keep both for long
            seal_rev=document.seal_rev,
            xml=xml,
            sha256=hashlib.sha256(xml).digest(),
            fecha=moment_of(fecha, content.lugar_expedicion),
            csd=csd_row,
        )
    )


def _sealed(comprobante: Comprobante, csd: Csd) -> bytes:
    """The sealed bytes, every check of them made. Raises CfdiInvalid."""
    by_shapes = seal_sales.seal(comprobante, csd)
    if by_shapes is not None:
        return by_shapes.xml
    sealed = cfdi_seal.seal(comprobante, csd)
    wrong = errors([*schema.validate(sealed.root), *rules.check(sealed.root), *cfdi_seal.verify(sealed.root)])
    if wrong:
        raise CfdiInvalid(wrong)
    return sealed.xml


def note(
    document: FiscalDocument, what: str, *, now: dt.datetime, who: str = "", detail: dict[str, Any] | None = None
) -> None:
    """Write one event of the document's life."""
    event = DocumentEvent(
        organization_id=document.organization_id,
        document_id=document.pk,
        at=now,
        what=what,
        who=who,
        detail=detail or {},
    )
    _EVENT.run(event)


def _fecha(document: FiscalDocument, content: Comprobante, now: dt.datetime) -> dt.datetime:
    """A little before now; the date agreed with an insurer when it is earlier and SAT still takes it."""
    usual = local_now(_pac_now(document, now) - FECHA_MARGIN, content.lugar_expedicion)
    if document.channel != FiscalDocument.Channel.INSURER or document.seal_rev:
        return usual  # sealed again because the former date was refused
    old = now - moment_of(content.fecha, content.lugar_expedicion)
    return min(usual, content.fecha) if old < GIVE_UP else usual


def _pac_now(document: FiscalDocument, now: dt.datetime) -> dt.datetime:
    """The earlier of our clock and the PAC's as last seen."""
    return min(now, now + dt.timedelta(milliseconds=document.pac_account.clock_offset_ms))


__all__ = ["NotReady", "State", "check", "draft", "errors", "note", "seal"]

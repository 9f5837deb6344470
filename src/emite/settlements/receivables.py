"""Open what a PPD invoice is owed, once it has its folio fiscal, and close it when the SAT says that it is cancelled.

Called after each stamp, by the sweep and by the pages that list: opening twice changes nothing.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet, Sum

from emite.care.models import ExternalCfdi, InsurerInvoice
from emite.cfdi import cobranza
from emite.cfdi.cobranza import Group
from emite.cfdi.stored import from_json
from emite.cfdi.xml import MAX_BYTES, parse
from emite.cfdi.xml_pagos_read import groups_in
from emite.credits.models import CreditNote
from emite.documents.models import FiscalDocument, State
from emite.issuers.models import Issuer
from emite.organizations.models import Branch
from emite.settlements.models import PaymentShare, Receivable

PPD = "PPD"
_C = "{http://www.sat.gob.mx/cfd/4}"


def open_for(document: FiscalDocument, *, now: dt.datetime) -> Receivable | None:
    """The receivable of a stamped PPD invoice of ours; None for any other document."""
    if document.kind != FiscalDocument.Kind.INGRESO or document.state != State.STAMPED or document.uuid is None:
        return None
    content = from_json(document.content)
    if content.metodo_pago != PPD:
        return None
    receptor = content.receptor
    credited = CreditNote.objects.filter(
        organization_id=document.organization_id, original=document, active=True
    ).aggregate(all=Sum("total"))["all"]
    assert document.stamped_at is not None
    return _opened(
        organization_id=document.organization_id,
        issuer_id=document.issuer_id,
        document=document,
        cfdi_uuid=document.uuid,
        payer_rfc=document.receptor_rfc,
        receptor=_receptor(receptor.nombre, receptor.domicilio_fiscal, receptor.regimen_fiscal),
        serie=document.serie or "",
        folio=document.folio or "",
        currency=content.moneda,
        total=document.total,
        credited=credited or 0,
        taxes=[group.to_json() for group in cobranza.groups_of(content.conceptos)],
        issued_at=document.stamped_at,
        opened_at=now,
    )


def open_external(external: ExternalCfdi, *, now: dt.datetime) -> Receivable | None:
    """The receivable of a PPD invoice that was stamped elsewhere and taken in; None for any other."""
    root = parse(bytes(external.xml), max_bytes=max(MAX_BYTES, len(external.xml)), max_nodes=len(external.xml))
    issuer = Issuer.objects.filter(organization_id=external.organization_id, rfc=external.rfc_emisor).first()
    if root.get("MetodoPago") != PPD or external.kind != FiscalDocument.Kind.INGRESO or issuer is None:
        return None
    receptor = root.find(f"{_C}Receptor")
    assert receptor is not None, "what was taken in obeys the schema"
    return _opened(
        organization_id=external.organization_id,
        issuer_id=issuer.pk,
        external=external,
        cfdi_uuid=external.uuid,
        payer_rfc=external.rfc_receptor,
        receptor=_receptor(
            receptor.get("Nombre", ""),
            receptor.get("DomicilioFiscalReceptor", ""),
            receptor.get("RegimenFiscalReceptor", ""),
        ),
        serie=external.serie,
        folio=external.folio,
        currency=root.get("Moneda", "MXN"),
        total=external.total,
        taxes=[group.to_json() for group in groups_in(root)],
        issued_at=external.fecha,
        opened_at=now,
    )


def open_missing(*, now: dt.datetime, limit: int = 200, organization_id: uuid.UUID | None = None) -> int:
    """Open and close whatever should be; how many were. Of one organization, or of all for the worker."""
    mine = Q() if organization_id is None else Q(organization_id=organization_id)
    stamped = FiscalDocument.objects.filter(
        mine, kind=FiscalDocument.Kind.INGRESO, state=State.STAMPED, content__metodo_pago=PPD, receivable=None
    )
    taken = ExternalCfdi.objects.filter(
        mine, kind=FiscalDocument.Kind.INGRESO, insurer_invoice__state=InsurerInvoice.State.EXTERNAL, receivable=None
    )
    found = [open_for(document, now=now) for document in stamped.order_by("stamped_at")[:limit]]
    found += [open_external(external, now=now) for external in taken.order_by("stored_at")[:limit]]
    cancelled = Receivable.objects.filter(mine, closed_at=None, paid=0).filter(
        Q(document__state=State.CANCELLED) | Q(external__insurer_invoice__state=InsurerInvoice.State.CANCELLED)
    )
    closed = Receivable.objects.filter(pk__in=list(cancelled.values_list("pk", flat=True)[:limit]), closed_at=None)
    return sum(each is not None for each in found) + closed.update(closed_at=now)


def open_of(organization_id: uuid.UUID) -> QuerySet[Receivable]:
    """What is still owed, the oldest first."""
    rows = Receivable.objects.filter(organization_id=organization_id, closed_at=None)
    return rows.filter(total__gt=F("paid") + F("credited")).order_by("issued_at", "pk")


def left_of(receivable: Receivable) -> tuple[Group, ...]:
    """What is left of each base after its payments and its credit notes. Ask with the row locked."""
    shares = PaymentShare.objects.filter(receivable=receivable, payment__undone_at=None).values_list("taxes", flat=True)
    notes = CreditNote.objects.filter(
        organization_id=receivable.organization_id, original_id=receivable.document_id, active=True
    ).select_related("document")
    taken = [group for taxes in shares for group in groups_from(taxes)]
    if receivable.document_id is not None:
        taken += [group for note in notes for group in cobranza.groups_of(from_json(note.document.content).conceptos)]
    return cobranza.less(groups_from(receivable.taxes), taken)


def groups_from(rows: Iterable[dict[str, Any]]) -> tuple[Group, ...]:
    return tuple(Group.from_json(row) for row in rows)


def _receptor(nombre: str, domicilio: str, regimen: str) -> dict[str, str]:
    return {"nombre": nombre, "domicilio_fiscal": domicilio, "regimen_fiscal": regimen}


def _opened(**fields: Any) -> Receivable:
    try:
        with transaction.atomic():
            return Receivable.objects.create(**fields)
    except IntegrityError as error:
        if "receivable_one_per_uuid" not in str(error) and "settlements_receivable_" not in str(error):
            raise
        return Receivable.objects.get(organization_id=fields["organization_id"], cfdi_uuid=fields["cfdi_uuid"])


def places_of(organization_id: uuid.UUID, receivables: Collection[uuid.UUID], issuer: Issuer) -> dict[uuid.UUID, str]:
    """Where each invoice was issued, if at a branch; the issuer's place for the others and for those of elsewhere."""
    branches = set(Branch.objects.filter(organization=organization_id).values_list("postal_code", flat=True))
    found = dict.fromkeys(receivables, issuer.lugar_expedicion)
    if branches:
        rows = Receivable.objects.filter(organization_id=organization_id, pk__in=found)
        said = rows.values_list("pk", "document__content__lugar_expedicion")
        found |= {pk: place for pk, place in said if place in branches}
    return found


def place_of(places: dict[uuid.UUID, str], issuer: Issuer) -> str:
    """Where the complement of these is issued: at the branch that all are of, else at the issuer's own place."""
    one = set(places.values())
    return one.pop() if len(one) == 1 else issuer.lugar_expedicion

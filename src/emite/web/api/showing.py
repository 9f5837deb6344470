"""From rows to the API's answers. Nothing is decided here; the patient's name never leaves."""

from __future__ import annotations

import base64
import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import Http404

from emite.cfdi.meanings import meaning
from emite.cfdi.money import text
from emite.charges.charging import code_of
from emite.charges.code import grouped
from emite.charges.models import Allocation, Charge, PaymentSlip
from emite.charges.pricing import tidy
from emite.documents.models import WITH_UUID, FiscalDocument, State
from emite.organizations.models import Organization
from emite.web.api.problems import Problem, Wrong
from emite.web.printing.tickets import portal_url


def charge_or_404(organization: Organization, pk: uuid.UUID) -> Charge:
    """A charge of this organization; one of another is as unknown as one that never was."""
    found = Charge.objects.select_related("organization", "issuer", "branch", "created_by")
    row = found.filter(organization=organization, pk=pk).first()
    if row is None:
        raise Http404
    return row


def invoice_or_404(organization: Organization, pk: uuid.UUID) -> FiscalDocument:
    """A document of this organization, or Http404."""
    row = FiscalDocument.objects.filter(organization=organization, pk=pk).first()
    if row is None:
        raise Http404
    return row


def created(charge: Charge, *, portal_on: bool) -> dict[str, Any]:
    """CreatedOut. `portal_on` is asked once for many charges."""
    code = code_of(charge)
    slug = charge.organization.slug
    return {
        "id": charge.pk,
        "folio": charge.folio,
        "external_id": charge.external_id,
        "state": charge.state,
        "total": cents(charge.total),
        "paid": cents(charge.paid),
        "owed": cents(charge.owed),
        "code": grouped(code),
        "link": f"{settings.EMITE_URL}/f/{slug}" if portal_on else None,
        "qr": portal_url(slug, code) if portal_on else None,
    }


def whole(charge: Charge, *, now: dt.datetime) -> dict[str, Any]:
    """ChargeOut."""
    portal_on = charge.organization.portal_is_on()
    slips = (
        charge.slips.filter(undone=None)
        .select_related("register")
        .prefetch_related("payments")
        .order_by("paid_at", "pk")
    )
    allocation = _latest([charge.pk], charge.organization).get(charge.pk)
    return created(charge, portal_on=portal_on) | {
        "issued_at": charge.issued_at.astimezone(charge.organization.zone),
        "issuer_rfc": charge.issuer.rfc,
        "lugar_expedicion": charge.place,
        "branch": charge.branch.name if charge.branch else None,
        "sub_total": cents(charge.sub_total),
        "discount": cents(charge.discount),
        "tax": cents(charge.tax),
        "lines": [
            {
                "code": line.code,
                "description": line.description,
                "clave_prod_serv": line.clave_prod_serv,
                "clave_unidad": line.clave_unidad,
                "treatment": line.treatment,
                "quantity": str(tidy(line.quantity, 0)),
                "unit_price": str(tidy(line.unit_price, 2)),
                "discount": str(tidy(line.discount, 2)),
                "amount": str(tidy(line.amount, 2)),
            }
            for line in charge.lines.all()
        ],
        "payments": [payment(slip, charge.organization) for slip in slips],
        "last_portal_day": charge.last_portal_day() if portal_on else None,
        "portal_open": portal_on and charge.portal_is_open(now),
        "code_revoked": charge.code_revoked_at is not None,
        "void_reason": charge.void_reason,
        "invoice": invoice(allocation.document) if allocation else None,
    }


def payment(slip: PaymentSlip, organization: Organization) -> dict[str, Any]:
    """PaymentOut."""
    return {
        "id": slip.pk,
        "folio": slip.folio,
        "paid_at": slip.paid_at.astimezone(organization.zone),
        "cash_register": slip.register.name,
        "amount": cents(slip.amount),
        "parts": [{"forma_pago": part.forma_pago, "amount": cents(part.amount)} for part in slip.payments.all()],
        "cash_received": None if slip.cash_received is None else cents(slip.cash_received),
        "change": None if slip.change is None else cents(slip.change),
    }


def invoice(document: FiscalDocument, charges: Sequence[uuid.UUID] | None = None) -> dict[str, Any]:
    """InvoiceOut. `charges` when they are known already."""
    if charges is None:
        charges = charges_of([document], document.organization_id).get(document.pk, [])
    stamped = document.state in WITH_UUID
    address = f"{settings.EMITE_URL}/api/v1/invoices/{document.pk}"
    return {
        "id": document.pk,
        "state": document.state,
        "settled": document.is_settled,
        "uuid": str(document.uuid).upper() if document.uuid else None,
        "serie": document.serie,
        "folio": document.folio,
        "receptor_rfc": document.receptor_rfc,
        "total": cents(document.total),
        "channel": document.channel,
        "created_at": document.created_at,
        "stamped_at": document.stamped_at,
        "rejection": _rejection(document) if document.state == State.REJECTED else None,
        "charges": list(charges),
        "xml": f"{address}/xml" if stamped else None,
        "pdf": f"{address}/pdf" if stamped else None,
    }


def _rejection(document: FiscalDocument) -> dict[str, Any]:
    meant = meaning(document.last_code)
    return {
        "code": document.last_code,
        "message": document.last_text,
        "field": meant.field if meant else "",
        "cure": meant.cure if meant else "",
        "who": meant.who.value if meant else "",
    }


def charges_of(documents: Iterable[FiscalDocument], organization_id: uuid.UUID) -> dict[uuid.UUID, list[uuid.UUID]]:
    """The charges that each document invoices or invoiced."""
    rows = Allocation.objects.filter(organization_id=organization_id, document__in=documents).order_by("pk")
    found: dict[uuid.UUID, list[uuid.UUID]] = {}
    for document, charge in rows.values_list("document_id", "charge_id"):
        found.setdefault(document, []).append(charge)
    return found


def listed(charges: Sequence[Charge], organization: Organization) -> list[dict[str, Any]]:
    """RowOut of each, with one query for their invoices."""
    latest = _latest([charge.pk for charge in charges], organization)
    rows = []
    for charge in charges:
        allocation = latest.get(charge.pk)
        rows.append(
            {
                "id": charge.pk,
                "folio": charge.folio,
                "external_id": charge.external_id,
                "state": charge.state,
                "issued_at": charge.issued_at.astimezone(organization.zone),
                "total": cents(charge.total),
                "paid": cents(charge.paid),
                "owed": cents(charge.owed),
                "invoice": allocation.document_id if allocation else None,
                "invoice_state": allocation.document.state if allocation else None,
            }
        )
    return rows


def _latest(charges: Sequence[uuid.UUID], organization: Organization) -> dict[uuid.UUID, Allocation]:
    """The live allocation of each charge, or its last."""
    rows = Allocation.objects.filter(organization=organization, charge__in=charges).select_related("document")
    found: dict[uuid.UUID, Allocation] = {}
    for row in rows.defer("document__content").order_by("active", "created_at"):
        found[row.charge_id] = row
    return found


def cents(amount: Decimal) -> str:
    return text(amount, 2)


def page_of(rows: QuerySet[Any], moment: str, cursor: str | None, limit: int) -> tuple[list[Any], str | None]:
    """Up to `limit` rows, the newest first, and the cursor of what follows. `moment` is the field of their date.

    A page costs the same wherever it is: the cursor says after which row to go on, not how many to skip.
    """
    if cursor:
        at, pk = _read(cursor)
        rows = rows.filter(Q(**{f"{moment}__lt": at}) | Q(**{moment: at, "pk__lt": pk}))
    found = list(rows.order_by(f"-{moment}", "-pk")[: limit + 1])
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    words = f"{getattr(last, moment).astimezone(dt.UTC).isoformat()}|{last.pk}"
    return found[:limit], base64.urlsafe_b64encode(words.encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[dt.datetime, uuid.UUID]:
    try:
        at, pk = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii").split("|")
        moment = dt.datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError(cursor)
        return moment, uuid.UUID(pk)
    except (ValueError, OverflowError):
        wrong = Wrong("cursor", "invalid", "Use el valor de `next` de la página anterior, tal cual.")
        raise Problem("invalid", f"cursor: {wrong.message}", [wrong]) from None

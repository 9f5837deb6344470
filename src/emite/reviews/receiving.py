"""What a supplier stamped arrives in its payer's inbox, looked over; what it cancelled is withdrawn. Worker only.

Each row is found by what is missing, so a worker that dies loses nothing; arriving twice changes nothing.
"""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Sum

from emite.care.models import InsurerInvoice
from emite.cfdi import check, intake
from emite.cfdi.faults import Fault, Severity
from emite.cfdi.intake import Foreign
from emite.cfdi.zones import moment_of
from emite.documents.consulting import query_of_xml, sat_status_of
from emite.documents.rendering import stamped_xml
from emite.issuers.connecting import keyless
from emite.issuers.models import PacAccount
from emite.organizations.models import Organization
from emite.pac.port import SatEstado, SatStatus
from emite.reviews.models import ComplementCovers, PayerPayment, ReceivedComplement, ReceivedInvoice, ReviewEvent
from emite.settlements import complementing
from emite.settlements.models import PaymentComplement

#: The job that puts one invoice into an inbox: it asks the SAT, so it must not hold up the sweep.
RECEIVE = "emite.receive"
SYSTEM = "emite"
_LIVE = (InsurerInvoice.State.STAMPED, InsurerInvoice.State.EXTERNAL)
KEY = "pagador-"


# --- invoices ---------------------------------------------------------------------------------------------------------


def due(*, limit: int) -> list[uuid.UUID]:
    """Live invoices whose payer has an organization here and has not received them."""
    rows = InsurerInvoice.objects.filter(
        state__in=_LIVE, review=InsurerInvoice.Review.NONE, payer__account__isnull=False
    )
    return list(rows.order_by("created_at").values_list("pk", flat=True)[:limit])


def deliver(pk: uuid.UUID, *, now: dt.datetime) -> ReceivedInvoice | None:
    """Put one invoice into its payer's inbox and tell its physician; None when it is there already.

    The SAT is asked first, over the network. What is wrong with it is written beside it: the payer decides.
    """
    rows = InsurerInvoice.objects.select_related("payer__account", "issuer", "document", "external", "replaces")
    invoice = rows.get(pk=pk)
    account = invoice.payer.account
    if account is None or invoice.state not in _LIVE or invoice.review != InsurerInvoice.Review.NONE:
        return None
    xml = xml_of(invoice)
    foreign, faults = _examined(xml, invoice)
    estado, asked = _sat(xml, invoice.organization_id)
    faults += _of_estado(estado)
    with transaction.atomic():
        held = InsurerInvoice.objects.select_for_update(of=("self",)).get(pk=pk)
        if held.state not in _LIVE or held.review != InsurerInvoice.Review.NONE:
            return None
        received = _stored(invoice, account, xml, foreign, faults, now)
        if asked:
            ReceivedInvoice.objects.filter(pk=received.pk).update(sat_estado=estado, sat_asked_at=now)
        actor = InsurerInvoice.Actor
        InsurerInvoice.objects.filter(pk=pk).update(
            review=InsurerInvoice.Review.RECEIVED,
            review_actor=actor.ADMINISTRATOR if account.kind == Organization.Kind.ADMINISTRATOR else actor.INSURER,
            reviewed_at=now,
        )
    return received


def xml_of(invoice: InsurerInvoice) -> bytes:
    """The stamped bytes of a live invoice, wherever it was stamped."""
    if invoice.external is not None:
        return bytes(invoice.external.xml)
    assert invoice.document is not None  # a live one has one of both
    return stamped_xml(invoice.document)


def _examined(xml: bytes, invoice: InsurerInvoice) -> tuple[Foreign, list[Fault]]:
    authorities, _ = check.own_trust(settings.PAC_TRUST_DIR)
    account = PacAccount.objects.filter(organization_id=invoice.organization_id, active=True).first()
    signers = keyless(account).certificates() if account else {}
    foreign, faults = intake.read(xml, authorities=authorities, signers=signers)
    assert foreign is not None  # it was stamped here, or checked when it was taken in
    expected = intake.Expected(
        rfc_emisor=invoice.issuer.rfc,
        rfc_receptor=invoice.payer.rfc,
        sub_total=_services(invoice)["amount"],
        tolerance=invoice.payer.tolerance,
        folio=invoice.control_number,
        linked=True,
    )
    return foreign, [*faults, *intake.against(foreign, expected)]


def _services(invoice: InsurerInvoice) -> dict[str, Any]:
    holder = invoice
    if invoice.replaces is not None and invoice.replaces.state == InsurerInvoice.State.STAMPED:
        holder = invoice.replaces  # it takes that one's place, and the services pass on with the SAT's word
    rows = holder.allocations.filter(active=True)
    return {"count": rows.count(), "amount": rows.aggregate(all=Sum("amount"))["all"] or Decimal(0)}


def _sat(xml: bytes, organization_id: uuid.UUID) -> tuple[str, bool]:
    query = query_of_xml(xml)
    answer = sat_status_of(query, organization_id) if query else None
    return (answer.estado.value, True) if isinstance(answer, SatStatus) else ("", False)


def _of_estado(estado: str) -> list[Fault]:
    if estado == SatEstado.CANCELADO.value:
        return [Fault("EMI220", "El SAT dice que esta factura está cancelada.")]
    if estado == SatEstado.VIGENTE.value:
        return []
    message = "El SAT todavía no confirma esta factura: es normal en las primeras horas."
    return [Fault("EMI221", message, severity=Severity.AVISO)]


def _stored(
    invoice: InsurerInvoice, account: Organization, xml: bytes, foreign: Foreign, faults: list[Fault], now: dt.datetime
) -> ReceivedInvoice:
    emisor = foreign.root.find("{*}Emisor")
    received, fresh = ReceivedInvoice.objects.get_or_create(
        organization=account,
        uuid=uuid.UUID(foreign.uuid),
        defaults={
            "supplier": invoice.organization_id,
            "invoice": invoice.pk,
            "supplier_name": Organization.objects.get(pk=invoice.organization_id).name,
            "rfc_emisor": foreign.rfc_emisor,
            "nombre_emisor": emisor.get("Nombre", "") if emisor is not None else "",
            "rfc_receptor": foreign.rfc_receptor,
            "control_number": invoice.control_number,
            "fecha": moment_of(foreign.fecha, foreign.lugar_expedicion),
            "period_from": invoice.period_from,
            "period_to": invoice.period_to,
            "services": _services(invoice)["count"],
            "sub_total": foreign.sub_total,
            "total": foreign.total,
            "xml": xml,
            "findings": [
                {"code": fault.code, "message": fault.message, "grave": fault.severity is Severity.ERROR}
                for fault in faults
            ],
            "has_faults": any(fault.severity is Severity.ERROR for fault in faults),
            "received_at": now,
        },
    )
    if fresh:
        say(received, SYSTEM, "Se recibió para su revisión", now)
        _say_succession(received, invoice, now)
    return received


def _say_succession(received: ReceivedInvoice, invoice: InsurerInvoice, now: dt.datetime) -> None:
    """It takes the place of one that the payer has: both histories say so, for two may be alive for some days."""
    if invoice.replaces is None:
        return
    first = ReceivedInvoice.objects.filter(
        organization_id=received.organization_id, invoice=invoice.replaces.pk
    ).first()  # fmt: skip
    if first is not None:
        alive = invoice.replaces.state in _LIVE
        until = "; las dos están vigentes hasta que el SAT cancele la primera" if alive else ""
        say(received, SYSTEM, f"Toma el lugar de la factura {first}{until}", now)
        say(first, SYSTEM, f"La factura {received} toma su lugar{until}", now)


def say(invoice: ReceivedInvoice, who: str, what: str, now: dt.datetime) -> None:
    """One more line of its history."""
    ReviewEvent.objects.create(organization_id=invoice.organization_id, invoice=invoice, at=now, who=who, what=what)


# --- what its issuer cancelled ----------------------------------------------------------------------------------------


def cancelled(*, limit: int) -> list[uuid.UUID]:
    """Received invoices that their issuer cancelled since, and of which nothing was paid."""
    ended = InsurerInvoice.objects.filter(pk=OuterRef("invoice"), state=InsurerInvoice.State.CANCELLED)
    rows = ReceivedInvoice.objects.exclude(state=ReceivedInvoice.State.WITHDRAWN).filter(Exists(ended), paid=0)
    return list(rows.values_list("pk", flat=True)[:limit])


def withdraw(pk: uuid.UUID, *, now: dt.datetime) -> None:
    with transaction.atomic():
        held = ReceivedInvoice.objects.select_for_update().get(pk=pk)
        if held.state == ReceivedInvoice.State.WITHDRAWN or held.paid:
            return
        ReceivedInvoice.objects.filter(pk=pk).update(
            state=ReceivedInvoice.State.WITHDRAWN, decided_at=now, scheduled_on=None
        )
        say(held, SYSTEM, "Su emisor la canceló ante el SAT", now)


# --- complements ------------------------------------------------------------------------------------------------------


def complements_due(*, limit: int) -> list[uuid.UUID]:
    """Complements with a CFDI whose payer has an organization here and has not received them."""
    return list(_undelivered().order_by("created_at").values_list("pk", flat=True)[:limit])


def _undelivered() -> QuerySet[PaymentComplement]:
    invoice = InsurerInvoice.objects.filter(
        organization=OuterRef("organization"),
        cfdi_uuid=OuterRef("payment__shares__receivable__cfdi_uuid"),
        payer__account__isnull=False,
    )
    rows = PaymentComplement.objects.filter(state__in=PaymentComplement.DONE, delivered_at=None)
    return rows.filter(Exists(invoice)).distinct()


def deliver_complement(pk: uuid.UUID, *, now: dt.datetime) -> ReceivedComplement | None:
    """Put a complement beside the invoices it speaks of, in their payer's inbox: "Complemento Cargado"."""
    complement = PaymentComplement.objects.select_related("payment", "document", "external").get(pk=pk)
    if complement.state not in PaymentComplement.DONE or complement.delivered_at is not None:
        return None
    uuids = list(complement.payment.shares.values_list("receivable__cfdi_uuid", flat=True))
    theirs = ReceivedInvoice.objects.filter(supplier=complement.organization_id, uuid__in=uuids)
    first = theirs.first()
    if first is None:
        return None
    with transaction.atomic():
        received = _stored_complement(complement, first.organization_id, now)
        for invoice in theirs.filter(organization_id=first.organization_id):
            _, fresh = ComplementCovers.objects.get_or_create(
                organization_id=first.organization_id, complement=received, invoice=invoice
            )
            if fresh:
                say(invoice, SYSTEM, "Llegó su complemento de pago", now)
        complementing.delivered(complement, PaymentComplement.How.INBOX, now=now)
    return received


def key_of(payment: PayerPayment) -> str:
    """Under which the supplier registers this payment, once."""
    return f"{KEY}{payment.pk}"


def payment_of(key: str) -> uuid.UUID | None:
    """The payer's payment that a supplier registered under this key; None for one that it wrote down itself."""
    return uuid.UUID(key.removeprefix(KEY)) if key.startswith(KEY) else None


def _stored_complement(complement: PaymentComplement, account: uuid.UUID, now: dt.datetime) -> ReceivedComplement:
    if complement.external is not None:
        xml, folio_fiscal = bytes(complement.external.xml), complement.external.uuid
    else:
        document = complement.document
        assert document is not None  # its state says so
        assert document.uuid is not None
        xml, folio_fiscal = stamped_xml(document), document.uuid
    rows = PayerPayment.objects.filter(organization_id=account, supplier=complement.organization_id)
    key = payment_of(complement.payment.idempotency_key)
    payment = rows.filter(pk=key).first() if key else None
    received, _ = ReceivedComplement.objects.get_or_create(
        organization_id=account,
        uuid=folio_fiscal,
        defaults={
            "payment": payment,
            "supplier": complement.organization_id,
            "xml": xml,
            "received_at": now,
        },
    )
    return received

"""The complement of a payment: see it before, issue it, load one stamped elsewhere, and say that the payer has it.

Issuing is one transaction that drafts a CFDI of type P; the worker seals and stamps it like every other document.
"""

from __future__ import annotations

import datetime as dt
import uuid

from django.db import transaction
from django.db.models import QuerySet

from emite.accounts.models import User
from emite.audit import record
from emite.care import forwarding
from emite.care.models import Payer
from emite.cfdi import cobranza, codes
from emite.cfdi.cobranza import Accounts, Settled
from emite.cfdi.comprobante import Comprobante, Emisor, Receptor
from emite.cfdi.faults import CfdiInvalid, Fault, Severity
from emite.cfdi.intake import Foreign
from emite.cfdi.xml_pagos_read import read_pagos
from emite.cfdi.zones import local_now, zone_of
from emite.documents import delivering
from emite.documents.models import FiscalDocument
from emite.documents.sealing import draft
from emite.documents.waking import wake
from emite.invoices import external
from emite.invoices.insuring import Refused
from emite.invoices.issuing import NO_PERMISSION, NotAllowed, may_issue, series_of
from emite.settlements.models import PaymentComplement, PaymentShare, ReceivedPayment
from emite.settlements.receivables import groups_from, place_of, places_of

State = PaymentComplement.State


class ComplementRefused(Exception):
    """The complement cannot be made or loaded; the message says why and what can be done."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


def due(organization_id: uuid.UUID) -> QuerySet[PaymentComplement]:
    """Payments without complement, the most urgent first."""
    rows = PaymentComplement.objects.filter(organization_id=organization_id, state=State.DUE)
    return rows.select_related("payment__issuer").order_by("due_on", "created_at")


def live_of(payment: ReceivedPayment) -> PaymentComplement | None:
    """The complement that counts for a payment; None once the payment is undone."""
    rows = PaymentComplement.objects.filter(organization_id=payment.organization_id, payment=payment)
    return rows.exclude(state=State.CANCELLED).select_related("document", "external", "payment__issuer").first()


def preview(payment: ReceivedPayment, *, now: dt.datetime, replaces: str | None = None) -> Comprobante:
    """The very document that `issue` would draft now; nothing is stored. `replaces`: whose place it takes."""
    issuer = payment.issuer
    shares = list(payment.shares.select_related("receivable").order_by("receivable__issued_at", "receivable_id"))
    paid_there = places_of(payment.organization_id, [each.receivable_id for each in shares], issuer)
    place = place_of(paid_there, issuer)
    told = Accounts(
        payment.operation, payment.payer_bank_rfc, payment.payer_account, payment.own_bank_rfc, payment.own_account
    )
    paid = cobranza.pago(
        [_settled(share) for share in shares],
        fecha=payment.paid_at.astimezone(zone_of(place)).replace(tzinfo=None, microsecond=0),
        forma_pago=payment.forma_pago,
        monto=round(payment.amount, codes.decimals_of(payment.currency)),
        moneda=payment.currency,
        tipo_cambio=payment.exchange_rate,
        accounts=told,
    )
    return cobranza.comprobante(
        [paid],
        emisor=Emisor(issuer.rfc, issuer.nombre, issuer.regimen_fiscal),
        receptor=_receptor(payment, shares),
        lugar_expedicion=place,
        fecha=local_now(now, place),
        replaces=replaces,
    )


def issue(payment: ReceivedPayment, *, user: User, now: dt.datetime, key: str) -> PaymentComplement:
    """The complement with its draft and a worker woken. Asked for twice it is one.

    Raises NotAllowed, ComplementRefused, NotReady or CfdiInvalid; nothing is stored then.
    """
    if not may_issue(user, payment.organization_id):
        raise NotAllowed(NO_PERMISSION)
    with transaction.atomic():
        held = _held(payment)
        if held.state in (State.ASKED, State.STAMPED):
            return held
        if held.state == State.EXTERNAL:
            raise ComplementRefused("Este pago ya tiene un complemento cargado: no se hace otro.")
        issuer = held.payment.issuer
        document = draft(
            preview(held.payment, now=now),
            issuer=issuer,
            series=series_of(issuer),
            channel=FiscalDocument.Channel.PAYMENT,
            idempotency_key=key,
            now=now,
            who=user.email,
        )
        held.state, held.document, held.failure = State.ASKED, document, ""
        held.save(update_fields=["state", "document", "failure"])
        wake(document.pk)
        _audit(held, "complement.issue", user, now)
    return held


def load_external(payment: ReceivedPayment, data: bytes, *, user: User, now: dt.datetime) -> PaymentComplement:
    """ "Cargar complemento externo": the complement of this payment, stamped elsewhere, true and alive at the SAT.

    Asks the SAT over the network, before the transaction. Raises NotAllowed, ComplementRefused or CfdiInvalid with
    every finding; nothing is stored then.
    """
    if not may_issue(user, payment.organization_id):
        raise NotAllowed(NO_PERMISSION)
    foreign, findings = external.examined(data, issuer=payment.issuer)
    findings += _against(foreign, payment)
    findings += [] if _wrong(findings) else external.ask_sat(foreign, issuer=payment.issuer)
    if _wrong(findings):
        raise CfdiInvalid(findings)
    with transaction.atomic():
        held = _held(payment)
        if held.state != State.DUE:
            raise ComplementRefused("Este pago ya tiene complemento: recargue la página.")
        try:
            kept = external.keep(foreign, data, findings, organization_id=payment.organization_id, user=user, now=now)
        except Refused as refused:
            raise ComplementRefused(refused.message) from refused
        held.state, held.external, held.failure = State.EXTERNAL, kept, ""
        held.save(update_fields=["state", "external", "failure"])
        _audit(held, "complement.external", user, now)
    return held


def delivered(complement: PaymentComplement, how: str, *, now: dt.datetime, user: User | None = None) -> None:
    """Write down that the payer has it: "Complemento Cargado". The first word counts. Raises ComplementRefused."""
    with transaction.atomic():
        written = PaymentComplement.objects.filter(
            organization_id=complement.organization_id,
            pk=complement.pk,
            state__in=PaymentComplement.DONE,
            delivered_at=None,
        ).update(delivered_at=now, delivered_how=how)
        complement.refresh_from_db(fields=["state", "delivered_at", "delivered_how"])
        if not written and complement.delivered_at is None:
            raise ComplementRefused("El complemento todavía no está timbrado: espere a que termine.")
        if written and user is not None:
            _audit(complement, "complement.delivered", user, now)


def handed_over(complement: PaymentComplement, *, user: User, now: dt.datetime) -> None:
    """A person says that the payer has it. Raises ComplementRefused, also for a payer whose inbox gets it by itself."""
    if _has_inbox(complement):
        raise ComplementRefused("Quien pagó tiene cuenta aquí: el complemento llega solo a su bandeja en un momento.")
    delivered(complement, PaymentComplement.How.PERSON, now=now, user=user)


def mail(complement: PaymentComplement, address: str, *, now: dt.datetime, user: User) -> None:
    """Send XML and PDF to the payer; that is a delivery where it has no inbox here. Raises ComplementRefused."""
    if complement.state not in PaymentComplement.DONE:
        raise ComplementRefused("Solo se envía un complemento timbrado o cargado.")
    with transaction.atomic():
        if complement.external is not None:
            forwarding.ask(complement.external, address, now=now)
        else:
            assert complement.document is not None  # its state says so
            delivering.ask(complement.document, address, now=now)
        if not _has_inbox(complement):
            delivered(complement, PaymentComplement.How.MAIL, now=now, user=user)


def _has_inbox(complement: PaymentComplement) -> bool:
    payers = Payer.objects.filter(organization_id=complement.organization_id, rfc=complement.payment.payer_rfc)
    return payers.filter(account__isnull=False).exists()


def _held(payment: ReceivedPayment) -> PaymentComplement:
    rows = PaymentComplement.objects.select_for_update(of=("self",)).select_related("payment__issuer", "document")
    found = rows.filter(organization_id=payment.organization_id, payment=payment).exclude(state=State.CANCELLED).first()
    if found is None:
        raise ComplementRefused("Este pago se deshizo: no lleva complemento.")
    return found


def _settled(share: PaymentShare) -> Settled:
    receivable = share.receivable
    return Settled(
        uuid=str(receivable.cfdi_uuid),
        serie=receivable.serie,
        folio=receivable.folio,
        moneda=receivable.currency,
        parcialidad=share.number,
        saldo_anterior=share.balance_before,
        pagado=share.amount,
        groups=groups_from(share.taxes),
        equivalencia=share.equivalence,
    )


def _receptor(payment: ReceivedPayment, shares: list[PaymentShare]) -> Receptor:
    """The payer with what is valid today: as the practice keeps it, else as its newest invoice says."""
    payer = Payer.objects.filter(organization_id=payment.organization_id, rfc=payment.payer_rfc).first()
    if payer is not None:
        return Receptor(payer.rfc, payer.nombre, payer.postal_code, payer.regimen_fiscal, cobranza.USO)
    newest = max((share.receivable for share in shares), key=lambda receivable: receivable.issued_at).receptor
    return Receptor(
        payment.payer_rfc, newest["nombre"], newest["domicilio_fiscal"], newest["regimen_fiscal"], cobranza.USO
    )


def _against(foreign: Foreign, payment: ReceivedPayment) -> list[Fault]:
    """What in a complement from elsewhere is not this payment's."""
    at = "/cfdi:Comprobante"
    if foreign.tipo != "P":
        return [Fault("EMI234", "El archivo no es un complemento de pago (tipo P): elija el XML del complemento.", at)]
    found = []
    if foreign.rfc_emisor != payment.issuer.rfc:
        found.append(Fault("EMI231", f"El complemento es de otro emisor: este pago es de {payment.issuer.rfc}.", at))
    if foreign.rfc_receptor != payment.payer_rfc:
        found.append(Fault("EMI232", f"El complemento es para otro RFC: este pago es de {payment.payer_rfc}.", at))
    pagos = read_pagos(foreign.root)
    told = {
        (documento.uuid, documento.parcialidad, documento.saldo_anterior, documento.pagado)
        for pago in (pagos.pagos if pagos else ())
        for documento in pago.documentos
    }
    expected = {
        (str(share.receivable.cfdi_uuid).upper(), share.number, share.balance_before, share.amount)
        for share in payment.shares.select_related("receivable")
    }
    for name, number, before, amount in sorted(expected - told):
        message = (
            f"El complemento no dice que se pagaron ${amount:,.2f} de la factura {name}, parcialidad {number}, con "
            f"saldo anterior de ${before:,.2f}: revise el XML o el pago registrado."
        )
        found.append(Fault("EMI233", message, at))
    return found


def _wrong(findings: list[Fault]) -> bool:
    return any(fault.severity is Severity.ERROR for fault in findings)


def _audit(complement: PaymentComplement, action: str, user: User, now: dt.datetime) -> None:
    record(
        organization_id=complement.organization_id,
        actor=user.email,
        action=action,
        subject=f"received:{complement.payment_id}",
        after={"state": complement.state},
        now=now,
    )

"""An invoice of services that was stamped on another platform: checked whole, asked to the SAT, kept with its findings.

What the bytes say is judged by `cfdi.intake`; then it behaves as one of ours.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid

from django.conf import settings
from django.db import IntegrityError, transaction

from emite.accounts.models import User
from emite.audit.recording import record
from emite.care.models import ExternalCfdi, InsurerInvoice
from emite.cfdi import check, intake
from emite.cfdi.faults import CfdiInvalid, Fault, Severity
from emite.cfdi.intake import Expected, Foreign
from emite.cfdi.money import text
from emite.cfdi.zones import moment_of
from emite.documents.consulting import query_of_xml, sat_status_of
from emite.documents.models import FiscalDocument
from emite.invoices import insured, insuring
from emite.invoices.insuring import Refused, State
from emite.invoices.issuing import NotAllowed, may_issue
from emite.issuers.connecting import keyless
from emite.issuers.models import Issuer, PacAccount
from emite.pac.port import SatEstado, SatStatus, StatusQuery


def take(invoice: InsurerInvoice, data: bytes, *, linked: bool, user: User, now: dt.datetime) -> ExternalCfdi:
    """ "Cargar XML Externo": the CFDI of this registration, if it is true, alive at the SAT and what was expected.

    `linked`: its folio is another and the person knows. Asks the SAT over the network, before the transaction. Raises
    NotAllowed, Refused, or CfdiInvalid with every finding; nothing is stored then.
    """
    if not may_issue(user, invoice.organization_id):
        raise NotAllowed(user.email)
    _, amount = insured.sum_of(insured.services_in(invoice))
    expected = Expected(
        rfc_emisor=invoice.issuer.rfc,
        rfc_receptor=invoice.payer.rfc,
        sub_total=amount,
        tolerance=invoice.payer.tolerance,
        folio=invoice.control_number,
        linked=linked,
    )
    foreign, findings = examined(data, issuer=invoice.issuer)
    findings += intake.against(foreign, expected)
    findings += _used(invoice.organization_id, foreign)
    _stop_at_errors(findings)
    findings += ask_sat(foreign, issuer=invoice.issuer)
    _stop_at_errors(findings)
    with transaction.atomic():
        held = InsurerInvoice.objects.select_for_update().get(organization_id=invoice.organization_id, pk=invoice.pk)
        if held.state != State.REGISTERED:
            raise Refused(f"Esta factura ya no está registrada: está «{held.get_state_display()}».")
        if insured.sum_of(insured.services_in(held))[1] != amount:
            raise Refused("Los servicios elegidos cambiaron mientras se revisaba el XML: cárguelo otra vez.")
        kept = keep(foreign, data, findings, organization_id=held.organization_id, user=user, now=now)
        InsurerInvoice.objects.filter(pk=held.pk).update(
            state=State.EXTERNAL, external=kept, document=None, cfdi_uuid=kept.uuid, failure=""
        )
        record(
            organization_id=held.organization_id,
            actor=user.email,
            action="insurer_invoice.external",
            subject=f"insurer_invoice:{held.pk}",
            after={"uuid": foreign.uuid, "findings": [fault.code for fault in findings]},
            now=now,
        )
    return kept


def examined(data: bytes, *, issuer: Issuer) -> tuple[Foreign, list[Fault]]:
    """What a CFDI stamped elsewhere says, with its findings. Raises CfdiInvalid when it is no true one. No network."""
    authorities, _ = check.own_trust(settings.PAC_TRUST_DIR)
    account = PacAccount.objects.filter(organization_id=issuer.organization_id, issuer=issuer, active=True).first()
    signers = keyless(account).certificates() if account else {}
    foreign, findings = intake.read(data, authorities=authorities, signers=signers)
    _stop_at_errors(findings)
    assert foreign is not None  # without one there is an ERROR
    return foreign, findings


def ask_sat(foreign: Foreign, *, issuer: Issuer) -> list[Fault]:
    """What keeps it from being relied on, by SAT's own word; empty when it is Vigente. Network."""
    answer = sat_status_of(_query(foreign), issuer.organization_id)
    if not isinstance(answer, SatStatus):
        return [Fault("EMI221", "El SAT no contestó si esta factura está vigente: intente en unos minutos.")]
    if answer.estado == SatEstado.CANCELADO:
        return [Fault("EMI220", "El SAT dice que esta factura está cancelada.")]
    if answer.estado == SatEstado.NOT_FOUND:
        message = "El SAT todavía no encuentra esta factura. Si es reciente, intente en unos minutos."
        return [Fault("EMI221", message)]
    return []


def still_alive(invoice: InsurerInvoice, *, now: dt.datetime) -> bool:
    """Whether the SAT does not say that an invoice of elsewhere is cancelled. When it does, its services are free."""
    return word_on(invoice, now=now) != SatEstado.CANCELADO


def word_on(invoice: InsurerInvoice, *, now: dt.datetime) -> SatEstado | None:
    """SAT's word today on an invoice of elsewhere, acted upon; None when it did not answer. Network."""
    kept = invoice.external
    if kept is None:
        return None
    query = query_of_xml(bytes(kept.xml))
    assert query is not None  # it was stamped when it was kept
    answer = sat_status_of(query, invoice.organization_id)
    if not isinstance(answer, SatStatus):
        return None
    if answer.estado == SatEstado.CANCELADO:
        insuring.end_external(invoice, now=now)
    return answer.estado


def keep(
    foreign: Foreign, data: bytes, findings: list[Fault], *, organization_id: uuid.UUID, user: User, now: dt.datetime
) -> ExternalCfdi:
    """Store the bytes and what was found. Raises Refused when somebody stored the same folio fiscal meanwhile."""
    try:
        with transaction.atomic():
            return ExternalCfdi.objects.create(
                organization_id=organization_id,
                uuid=uuid.UUID(foreign.uuid),
                kind=foreign.tipo,
                rfc_emisor=foreign.rfc_emisor,
                rfc_receptor=foreign.rfc_receptor,
                serie=foreign.serie,
                folio=foreign.folio,
                total=foreign.total,
                fecha=moment_of(foreign.fecha, foreign.lugar_expedicion),
                xml=data,
                sha256=hashlib.sha256(data).digest(),
                findings=[{"code": fault.code, "message": fault.message} for fault in findings],
                stored_by=user,
                stored_at=now,
            )
    except IntegrityError as error:
        if "external_one_per_uuid" not in str(error):
            raise
        raise Refused(_USED) from error


_USED = "Este folio fiscal ya se usó en otra factura."


def _query(foreign: Foreign) -> StatusQuery:
    return StatusQuery(
        emisor=foreign.rfc_emisor,
        receptor=foreign.rfc_receptor,
        total=text(foreign.total, 2),
        uuid=foreign.uuid,
        last8=foreign.last8,
    )


def _used(organization_id: uuid.UUID, foreign: Foreign) -> list[Fault]:
    folio_fiscal = uuid.UUID(foreign.uuid)
    ours = FiscalDocument.objects.filter(organization_id=organization_id, uuid=folio_fiscal)
    theirs = ExternalCfdi.objects.filter(organization_id=organization_id, uuid=folio_fiscal)
    return [Fault("EMI222", _USED)] if ours.exists() or theirs.exists() else []


def _stop_at_errors(findings: list[Fault]) -> None:
    if any(fault.severity is Severity.ERROR for fault in findings):
        raise CfdiInvalid(findings)

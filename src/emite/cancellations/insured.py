"""Put another invoice to the insurer in the place of one: the same services, with the payer's data and the SAT keys of
today and a control number of its own (relation 04), then the first one's cancellation (motivo 01).

Until the SAT says "Cancelado" two are live and the services are the first one's; then they pass on (`handing_on`).
"""

from __future__ import annotations

import copy
import datetime as dt
from dataclasses import replace

from django.db import IntegrityError, transaction

from emite.accounts.models import User
from emite.audit import record
from emite.cancellations.models import Substitution
from emite.cancellations.requesting import NotCancellable, require_askable
from emite.cancellations.substituting import RELATION, NothingChanges, require_free
from emite.care.models import InsurerInvoice
from emite.cfdi.comprobante import Comprobante, Relacionados
from emite.cfdi.faults import CfdiInvalid
from emite.cfdi.stored import from_json
from emite.documents.models import FiscalDocument
from emite.documents.sealing import draft
from emite.documents.steps import reached
from emite.documents.waking import wake
from emite.invoices import insured, insuring, lint
from emite.invoices.insuring import Refused
from emite.invoices.issuing import NO_PERMISSION, NotAllowed, may_issue, series_of


def rebuilt(invoice: InsurerInvoice, *, now: dt.datetime) -> Comprobante:
    """The one that would take its place now. Raises NotCancellable or insuring.Refused, also when nothing changes."""
    document = _document(invoice)
    today = copy.copy(invoice)
    today.invoice_date = invoice.organization.local_date(now)
    made = insuring.build(today, now=now)
    said = from_json(document.content)
    if (made.receptor, made.emisor, made.conceptos) == (said.receptor, said.emisor, said.conceptos):
        raise NothingChanges(
            "La factura ya dice lo mismo que diría la nueva. Corrija antes los datos de la aseguradora o la "
            "vinculación del servicio; si lo que está mal son los servicios, cancélela y regístrela de nuevo."
        )
    return replace(made, relacionados=(Relacionados(RELATION, (str(document.uuid).upper(),)),))


def substitute(
    invoice: InsurerInvoice, control_number: str, *, user: User, now: dt.datetime, idempotency_key: str
) -> InsurerInvoice:
    """The new invoice, stamping, with a worker woken. The same key returns what it made.

    Raises NotAllowed, NotCancellable or insuring.Refused (in words), NotReady or CfdiInvalid; nothing is stored then.
    """
    if not may_issue(user, invoice.organization_id):
        raise NotAllowed(NO_PERMISSION)
    made_by_key = InsurerInvoice.objects.filter(
        organization_id=invoice.organization_id, replaces=invoice, document__idempotency_key=idempotency_key
    )
    # Before anything is judged: by now the first one may be ending, or gone.
    if (earlier := made_by_key.first()) is not None:
        return earlier
    number = insuring.checked_number(control_number, invoice.payer)
    with transaction.atomic():
        locked = require_askable(_document(invoice), user=user, now=now)
        if (earlier := made_by_key.first()) is not None:
            return earlier
        require_free(locked)
        made = rebuilt(invoice, now=now)
        if problems := lint.invoice(invoice.payer, insured.services_in(invoice)):
            raise CfdiInvalid(problems)
        taking = _registered(invoice, number, user, now)
        fresh = draft(
            made,
            issuer=invoice.issuer,
            series=series_of(invoice.issuer),
            channel=FiscalDocument.Channel.INSURER,
            idempotency_key=idempotency_key,
            now=now,
            who=user.email,
            folio=number,
        )
        insuring.keep_addenda(taking, fresh)
        InsurerInvoice.objects.filter(pk=taking.pk).update(document=fresh)
        taking.document = fresh
        Substitution.objects.create(
            organization_id=locked.organization_id, original=locked, substitute=fresh, asked_by=user, asked_at=now
        )
        wake(fresh.pk)
        record(
            organization_id=invoice.organization_id,
            actor=user.email,
            action="insurer_invoice.substitute",
            subject=f"insurer_invoice:{invoice.pk}",
            after={"control": number, "by": str(taking.pk)},
            now=now,
        )
        reached("insured_substitution_uncommitted")
    reached("insured_substitution_asked")
    return taking


def _registered(invoice: InsurerInvoice, number: str, user: User, now: dt.datetime) -> InsurerInvoice:
    try:
        with transaction.atomic():
            return InsurerInvoice.objects.create(
                organization_id=invoice.organization_id,
                issuer=invoice.issuer,
                payer=invoice.payer,
                control_number=number,
                invoice_date=invoice.organization.local_date(now),
                period_from=invoice.period_from,
                period_to=invoice.period_to,
                state=InsurerInvoice.State.STAMPING,
                replaces=invoice,
                created_by=user,
                created_at=now,
            )
    except IntegrityError as error:
        if "one_per_control_number" not in str(error):
            raise
        message = f"El No de Control Interno {number} ya está en otra factura de este emisor."
        raise Refused(message, "control") from error


def _document(invoice: InsurerInvoice) -> FiscalDocument:
    if invoice.state == InsurerInvoice.State.EXTERNAL:
        raise NotCancellable("Esta factura se timbró en otra plataforma: sustitúyala ahí y cargue el XML nuevo.")
    if invoice.state != InsurerInvoice.State.STAMPED or invoice.document is None:
        raise NotCancellable("La factura no está timbrada: no hay qué sustituir.")
    return invoice.document

"""An invoice to an insurer: registered, its services chosen, issued, and what its end means for them.

Its control number is reserved when it is registered and becomes the CFDI's folio. A service is in one live invoice at
most: a UNIQUE index, whoever asks. What the payer says of it lives in `reviews`, what it pays in `settlements`.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import IntegrityError, transaction

from emite.accounts.models import User
from emite.audit.recording import record
from emite.care.models import CareService, InsurerInvoice, Payer, ServiceAllocation
from emite.cfdi.comprobante import Comprobante, Emisor, Receptor
from emite.cfdi.faults import CfdiInvalid
from emite.cfdi.taxes import Treatment
from emite.cfdi.zones import local_now, moment_of, zone_of
from emite.chargemaster import linking
from emite.chargemaster.models import ServiceLink
from emite.documents.models import Addenda, FiscalDocument
from emite.documents.models import State as DocumentState
from emite.documents.sealing import draft
from emite.documents.waking import wake
from emite.invoices import insurer_building, lint
from emite.invoices.insured import candidates, services_in
from emite.invoices.insurer_building import Profile, Rendered
from emite.invoices.issuing import NotAllowed, may_issue, series_of
from emite.issuers.models import Issuer

State = InsurerInvoice.State

#: SAT takes a Fecha of the last 72 hours; two of them are left for the road to the PAC.
OLDEST = dt.timedelta(hours=70)
#: One CFDI of this many services is what insurers ask for at most, and what fits the times of performance.
MOST_SERVICES = 5_000
_CONTROL = re.compile(r"[^\s|<>](?:[^|<>]{0,38}[^\s|<>])?")


class Refused(Exception):
    """What was asked cannot be done. `field` names the input that cures it, or is empty; the message is for people."""

    def __init__(self, message: str, field: str = "") -> None:
        self.field, self.message = field, message
        super().__init__(message)


class NotLinked(Refused):
    """Services whose code has no SAT key yet: `codes` are (system, code), each to be linked."""

    def __init__(self, codes: Sequence[tuple[str, str]]) -> None:
        self.codes = codes
        named = ", ".join(code for _, code in codes[:8]) + ("…" if len(codes) > 8 else "")
        super().__init__(f"Falta vincular con una clave del SAT: {named}.")


@dataclass(frozen=True, slots=True)
class Registration:
    """What the form of "+ Registrar Factura" says."""

    issuer: Issuer
    payer: Payer
    control_number: str
    invoice_date: dt.date
    period_from: dt.date
    period_to: dt.date


def register(
    wanted: Registration, *, user: User, now: dt.datetime, replaces: InsurerInvoice | None = None
) -> InsurerInvoice:
    """Reserve the control number. Raises NotAllowed or Refused; nothing is stored then."""
    organization_id = wanted.issuer.organization_id
    _require_permission(user, organization_id)
    if wanted.payer.organization_id != organization_id or not wanted.payer.active:
        raise Refused("Elija la aseguradora de la lista.", "payer")
    if wanted.period_from > wanted.period_to:
        raise Refused("El periodo termina antes de empezar: revise las dos fechas.", "period_from")
    if replaces is not None and (replaces.organization_id != organization_id or replaces.state != State.CANCELLED):
        raise Refused("Sólo se sustituye una factura que ya está cancelada.")
    number = checked_number(wanted.control_number, wanted.payer)
    require_date(wanted.invoice_date, wanted.issuer, now)
    try:
        with transaction.atomic():
            made = InsurerInvoice.objects.create(
                organization_id=organization_id,
                issuer=wanted.issuer,
                payer=wanted.payer,
                control_number=number,
                invoice_date=wanted.invoice_date,
                period_from=wanted.period_from,
                period_to=wanted.period_to,
                replaces=replaces,
                created_by=user,
                created_at=now,
            )
            _note(made, "register", user, now, {"control": number, "payer": wanted.payer.rfc})
    except IntegrityError as error:
        if "one_per_control_number" not in str(error):
            raise
        raise Refused(
            f"El No de Control Interno {number} ya está en otra factura de este emisor.", "control"
        ) from error
    return made


def checked_number(typed: str, payer: Payer) -> str:
    """The control number as it will be the folio. Raises Refused."""
    number = " ".join(typed.split())
    if not _CONTROL.fullmatch(number):
        raise Refused("El No de Control Interno lleva de 1 a 40 letras o números, sin los signos |, < ni >.", "control")
    if problem := lint.folio(payer, number):
        raise Refused(problem, "control")
    return number


def require_date(date: dt.date, issuer: Issuer, now: dt.datetime) -> None:
    """Refuse a date that the CFDI cannot carry: of the future, or older than the SAT admits."""
    today = now.astimezone(zone_of(issuer.lugar_expedicion)).date()
    if date > today:
        raise Refused("La fecha de factura no puede ser futura.", "date")
    if now - moment_of(_fecha(date, issuer, now), issuer.lugar_expedicion) > OLDEST:
        raise Refused("El SAT sólo admite facturas de las últimas 72 horas: elija una fecha más reciente.", "date")


def _fecha(date: dt.date, issuer: Issuer, now: dt.datetime) -> dt.datetime:
    """When the CFDI says it was issued: now if its date is today, else the end of that day. Local, without zone."""
    current = local_now(now, issuer.lugar_expedicion)
    return current if date >= current.date() else dt.datetime.combine(date, dt.time(23, 59, 59))


def change_date(invoice: InsurerInvoice, date: dt.date, *, user: User, now: dt.datetime) -> None:
    """Another date for one that was registered days ago. Raises NotAllowed or Refused."""
    _require_permission(user, invoice.organization_id)
    require_date(date, invoice.issuer, now)
    with transaction.atomic():
        held = _locked(invoice)
        InsurerInvoice.objects.filter(pk=held.pk).update(invoice_date=date)
        _note(held, "date", user, now, {"date": date.isoformat()})
    invoice.invoice_date = date


def choose(
    invoice: InsurerInvoice,
    chosen: Collection[uuid.UUID],
    *,
    everything: bool = False,
    user: User,
    now: dt.datetime,
) -> tuple[int, Decimal]:
    """Bind these of its candidates, and free what it had else; `everything`: all but these. Returns count and amount.

    Raises NotAllowed, or Refused when nothing is left, it is too much, or somebody else took one meanwhile.
    """
    _require_permission(user, invoice.organization_id)
    with transaction.atomic():
        held = _locked(invoice)
        rows = candidates(held)
        rows = rows.exclude(pk__in=chosen) if everything else rows.filter(pk__in=chosen)
        wanted = {row.pk: row for row in rows.select_for_update(of=("self",)).order_by("pk")}
        if not wanted:
            raise Refused("Elija al menos un servicio.", "services")
        if len(wanted) > MOST_SERVICES:
            raise Refused(f"Son {len(wanted):,} servicios: una factura lleva a lo más {MOST_SERVICES:,}.", "services")
        bound = ServiceAllocation.objects.filter(organization_id=held.organization_id, invoice=held, active=True)
        bound.exclude(service__in=wanted).update(active=False, released_at=now)
        already = set(bound.values_list("service_id", flat=True))
        _bind(held, [row for pk, row in wanted.items() if pk not in already], now)
        amount = sum((row.payer_part for row in wanted.values()), Decimal(0))
        _note(held, "choose", user, now, {"services": len(wanted), "amount": amount})
    return len(wanted), amount


def _bind(invoice: InsurerInvoice, services: Sequence[CareService], now: dt.datetime) -> None:
    rows = [
        ServiceAllocation(
            organization_id=invoice.organization_id,
            service=service,
            invoice=invoice,
            amount=service.payer_part,
            created_at=now,
        )
        for service in services
    ]
    try:
        with transaction.atomic():
            ServiceAllocation.objects.bulk_create(rows, batch_size=1_000)
    except IntegrityError as error:
        if "service_in_one_live_invoice" not in str(error):
            raise
        message = "Otra factura acaba de tomar uno de estos servicios: revise la lista y elija otra vez."
        raise Refused(message, "services") from error


def build(invoice: InsurerInvoice, *, now: dt.datetime) -> Comprobante:
    """The CFDI as it would be issued now. Raises NotLinked, or Refused when it has no services."""
    services = list(services_in(invoice))
    if not services:
        raise Refused("Elija al menos un servicio.", "services")
    payer, issuer = invoice.payer, invoice.issuer
    links = _links(issuer, services, invoice.invoice_date)
    return insurer_building.comprobante(
        [_rendered(each, links[each.system, each.code], with_patient=payer.names_patient) for each in services],
        Receptor(payer.rfc, payer.nombre, payer.postal_code, payer.regimen_fiscal, payer.uso_cfdi),
        emisor=Emisor(issuer.rfc, issuer.nombre, issuer.regimen_fiscal),
        lugar_expedicion=issuer.lugar_expedicion,
        fecha=_fecha(invoice.invoice_date, issuer, now),
        resico_isr=issuer.resico_isr,
        profile=Profile(payer.reference_label),
    )


def _links(issuer: Issuer, services: Sequence[CareService], on: dt.date) -> dict[tuple[str, str], ServiceLink]:
    """The link in force of each code. Raises NotLinked naming every code that has none."""
    codes = {(each.system, each.code) for each in services}
    found = linking.links_of(issuer, codes, on)
    if missing := sorted(codes - found.keys()):
        raise NotLinked(missing)
    return found


def _rendered(service: CareService, link: ServiceLink, *, with_patient: bool) -> Rendered:
    return Rendered(
        code=service.code,
        description=service.description,
        rendered_on=service.rendered_on,
        amount=service.payer_part,
        clave_prod_serv=link.clave_prod_serv,
        clave_unidad=link.clave_unidad,
        treatment=Treatment(link.treatment),
        reference=service.reference,
        patient=service.patient_name if with_patient else "",
    )


def issue(invoice: InsurerInvoice, *, user: User, now: dt.datetime) -> FiscalDocument:
    """ "Factura emite": the draft that a worker will seal and stamp, with the control number as its folio.

    One transaction: permission, links, the payer's profile, draft and wake-up, or nothing. Asked twice it is the same
    document. Raises NotAllowed, Refused, NotLinked, CfdiInvalid with every fault, or NotReady.
    """
    _require_permission(user, invoice.organization_id)
    with transaction.atomic():
        held = _locked(invoice, State.REGISTERED, State.STAMPING, State.STAMPED)
        if held.state != State.REGISTERED:
            assert held.document is not None  # the state says so
            return held.document
        require_date(held.invoice_date, held.issuer, now)
        made = build(held, now=now)
        if problems := lint.invoice(held.payer, services_in(held)):
            raise CfdiInvalid(problems)
        document = draft(
            made,
            issuer=held.issuer,
            series=series_of(held.issuer),
            channel=FiscalDocument.Channel.INSURER,
            idempotency_key=uuid.uuid4().hex,
            now=now,
            who=user.email,
            folio=held.control_number,
        )
        keep_addenda(held, document)
        InsurerInvoice.objects.filter(pk=held.pk).update(state=State.STAMPING, document=document, failure="")
        wake(document.pk, conceptos=len(made.conceptos))
        _note(held, "issue", user, now, {"document": str(document.pk), "total": document.total})
    return document


def keep_addenda(invoice: InsurerInvoice, document: FiscalDocument) -> None:
    """What the payer's profile asks for today goes with this CFDI, however the profile changes later."""
    if invoice.payer.addenda:
        Addenda.objects.create(
            organization_id=invoice.organization_id, document=document, template=invoice.payer.addenda
        )


def follow(document: FiscalDocument, now: dt.datetime) -> None:
    """What the end of its document means, in the transaction that learns it. Nothing for other documents.

    Refused, it is registered again with its reason and keeps its services, or it is discarded when it was to take the
    place of one that lives: that one has them. Cancelled, they are free.
    """
    if document.channel != FiscalDocument.Channel.INSURER:
        return
    rows = InsurerInvoice.objects.filter(organization_id=document.organization_id, document=document)
    if document.state == DocumentState.STAMPED:
        rows.filter(state=State.STAMPING).update(state=State.STAMPED, cfdi_uuid=document.uuid)
    elif document.state in (DocumentState.REJECTED, DocumentState.VOID):
        reason = f"{document.last_code}: {document.last_text}".strip(": ") or "Se descartó antes de timbrarse."
        rows.filter(state=State.STAMPING).update(state=State.REGISTERED, failure=reason[:400])
        rows.filter(state=State.REGISTERED, replaces__state=State.STAMPED).update(state=State.DISCARDED)
    elif document.state == DocumentState.CANCELLED:
        for invoice in rows.filter(state=State.STAMPED):
            _end(invoice, State.CANCELLED, now)


def discard(invoice: InsurerInvoice, *, user: User, now: dt.datetime) -> None:
    """Take back a registration of which no CFDI came: its services and its control number are free again."""
    _require_permission(user, invoice.organization_id)
    with transaction.atomic():
        held = _locked(invoice)
        _end(held, State.DISCARDED, now)
        _note(held, "discard", user, now, {})
    invoice.state = State.DISCARDED


def _end(invoice: InsurerInvoice, state: str, now: dt.datetime) -> None:
    InsurerInvoice.objects.filter(pk=invoice.pk).update(state=state)
    ServiceAllocation.objects.filter(
        organization_id=invoice.organization_id, invoice=invoice, active=True
    ).update(active=False, released_at=now)  # fmt: skip


def end_external(invoice: InsurerInvoice, *, now: dt.datetime) -> None:
    """The SAT says that the CFDI stamped elsewhere is cancelled: its services are free. Twice changes nothing."""
    with transaction.atomic():
        held = InsurerInvoice.objects.select_for_update().get(organization_id=invoice.organization_id, pk=invoice.pk)
        if held.state == State.EXTERNAL:
            _end(held, State.CANCELLED, now)


def _locked(invoice: InsurerInvoice, *states: str) -> InsurerInvoice:
    """The row, held, in one of these states (registered if none is said). Raises Refused."""
    rows = InsurerInvoice.objects.select_for_update(of=("self",)).select_related("issuer", "payer", "document")
    held = rows.get(organization_id=invoice.organization_id, pk=invoice.pk)
    if held.state not in (states or (State.REGISTERED,)):
        raise Refused(f"Esta factura ya no está registrada: está «{held.get_state_display()}».")
    return held


def _require_permission(user: User, organization_id: uuid.UUID) -> None:
    if not may_issue(user, organization_id):
        raise NotAllowed(user.email)


def _note(invoice: InsurerInvoice, action: str, user: User, now: dt.datetime, after: dict[str, object]) -> None:
    record(
        organization_id=invoice.organization_id,
        actor=user.email,
        action=f"insurer_invoice.{action}",
        subject=f"insurer_invoice:{invoice.pk}",
        after=after,
        now=now,
    )

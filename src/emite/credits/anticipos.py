"""Apply a deposit to an account: a payment now, and an egreso once the account is invoiced (path A of SAT's guide).

Where the organization invoices the remnant (path B) the account's invoice has the deposit as a discount, and no egreso.

`apply` is a person's, before the account has an invoice. `advance` drafts the egreso and belongs to whoever sees the
account's stamp first: the worker that drove it, or the sweep. See docs/decisions/0009.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from decimal import Decimal

import structlog
from django.db import connection, transaction

from emite.accounts.models import User
from emite.audit import record
from emite.cfdi import egresos, notas
from emite.cfdi.anticipos import RELATION
from emite.cfdi.comprobante import Comprobante, Emisor, Receptor
from emite.cfdi.egresos import CannotSplit, Part
from emite.cfdi.faults import CfdiInvalid
from emite.cfdi.money import text
from emite.cfdi.stored import from_json
from emite.cfdi.zones import local_now
from emite.charges.allocating import live_allocation, live_document
from emite.charges.allowing import NotAllowed, must_collect
from emite.charges.charging import input_of
from emite.charges.collecting import ANTICIPO, enter
from emite.charges.collecting import Part as PaidPart
from emite.charges.models import AnticipoApplication, Charge, PaymentSlip
from emite.charges.pricing import conceptos
from emite.credits import deposits
from emite.credits.models import CreditLine, CreditNote
from emite.credits.originals import NotCreditable, amounts, is_ending, left_of, original_of
from emite.documents.models import FiscalDocument, State
from emite.documents.sealing import NotReady, draft
from emite.documents.steps import reached
from emite.documents.waking import wake
from emite.invoices.deposits import has_own_cfdi
from emite.invoices.issuing import NO_PERMISSION, may_issue, series_of

log = structlog.get_logger(__name__)


class AnticipoRefused(Exception):
    """It cannot be applied; the message names the field and the cure."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(message)


def apply(
    deposit: Charge, account: Charge, amount: Decimal, *, user: User, now: dt.datetime, idempotency_key: str
) -> AnticipoApplication:
    """Pay so much of the account with the deposit. The same key again returns the first.

    Raises AnticipoRefused, NotAllowed; nothing is stored then.
    """
    must_collect(user, account.organization_id)
    with transaction.atomic():
        deposit, account = _locked(deposit, account)
        earlier = AnticipoApplication.objects.filter(
            organization_id=account.organization_id, slip__idempotency_key=idempotency_key
        ).first()
        if earlier is not None:
            return earlier
        _check(deposit, account, amount)
        taken_at = deposit.slips.filter(undone=None).order_by("paid_at")[:1].get()
        slip = PaymentSlip(
            register_id=taken_at.register_id, session=None, cashier=user, paid_at=now, amount=amount,
            idempotency_key=idempotency_key,
        )  # fmt: skip
        enter(account, slip, [PaidPart(ANTICIPO, amount)])
        made = AnticipoApplication.objects.create(
            organization_id=account.organization_id,
            deposit=deposit,
            account=account,
            slip=slip,
            amount=amount,
            by=user,
            at=now,
        )
        record(
            organization_id=account.organization_id,
            actor=user.email,
            action="anticipo.apply",
            subject=f"charge:{account.pk}",
            after={"deposit": deposit.folio, "amount": text(amount, 2)},
            now=now,
        )
    return made


def _locked(deposit: Charge, account: Charge) -> tuple[Charge, Charge]:
    """Both rows, held in one order for all. Raises Charge.DoesNotExist for one of another organization."""
    rows = Charge.objects.select_for_update(of=("self",)).filter(
        organization_id=account.organization_id, pk__in=[deposit.pk, account.pk]
    )
    found = {each.pk: each for each in rows.order_by("pk")}
    if deposit.pk not in found or account.pk not in found:
        raise Charge.DoesNotExist
    return found[deposit.pk], found[account.pk]


def _check(deposit: Charge, account: Charge, amount: Decimal) -> None:
    if deposit.kind != Charge.Kind.ANTICIPO or deposit.state == Charge.State.VOID:
        raise AnticipoRefused("deposit", "Elija un anticipo que no esté cancelado.")
    if account.kind == Charge.Kind.ANTICIPO or account.state == Charge.State.VOID:
        raise AnticipoRefused("deposit", "Un anticipo se aplica a una cuenta que no esté cancelada.")
    if deposit.issuer_id != account.issuer_id:
        raise AnticipoRefused("deposit", "El anticipo es de otro emisor: solo paga cuentas del suyo.")
    if live_document(account) is not None:
        raise AnticipoRefused(
            "deposit", "La cuenta ya tiene factura, o se está timbrando: el anticipo se aplica antes de facturarla."
        )
    document = live_document(deposit)
    _check_invoice(deposit, document)
    assert document is not None
    if AnticipoApplication.objects.filter(deposit=deposit, account=account, active=True).exists():
        raise AnticipoRefused(
            "deposit", "Este anticipo ya paga parte de esta cuenta: quite ese pago y aplique el total."
        )
    left = deposits.left_of(deposit)
    if not Decimal(0) < amount <= left or amount != amount.quantize(Decimal("0.01")):
        raise AnticipoRefused("amount", f"Escriba una cantidad mayor que cero, hasta ${left:,.2f} que quedan.")
    if amount > account.owed:
        raise AnticipoRefused("amount", f"De la cuenta se deben ${account.owed:,.2f}: no se puede aplicar más.")
    _check_taxes(account, _kind(document), amount)


def _check_invoice(deposit: Charge, document: FiscalDocument | None) -> None:
    if document is None:
        raise AnticipoRefused(
            "deposit", f"{deposit.folio} no tiene factura: factúrelo primero, con los datos que llevará la cuenta."
        )
    if document.channel == FiscalDocument.Channel.GLOBAL:
        raise AnticipoRefused(
            "deposit", f"{deposit.folio} está en una factura global: factúrelo primero a su cliente, en su página."
        )
    if not has_own_cfdi(document):
        raise AnticipoRefused("deposit", f"La factura de {deposit.folio} todavía no está timbrada: espere un momento.")
    # Held: who asks for its cancellation looks, with it held, for what it pays.
    FiscalDocument.objects.select_for_update(no_key=True).only("pk").get(pk=document.pk)
    if is_ending(document):
        raise AnticipoRefused("deposit", f"La factura de {deposit.folio} se está cancelando o sustituyendo.")


def _check_taxes(account: Charge, kind: Part, amount: Decimal) -> None:
    """What the egreso will do, done now on the lines that the invoice will carry."""
    nobody = Receptor("", "", "", "", "")
    said = Comprobante(
        "I", account.issued_at, "", Emisor("", "", ""), nobody,
        conceptos(input_of(line) for line in account.lines.all()),
    )  # fmt: skip
    left: Sequence[Part] = egresos.parts_of(said)
    fits = Decimal(0)
    try:
        for each in deposits.applications_of(account):
            document = live_document(each.deposit)
            if document is not None:
                left = _less(left, _taken(left, _kind(document), each.amount)[1])
        fits = egresos.total(egresos.same_taxes(left, kind))
        _taken(left, kind, amount)
    except CannotSplit:
        words = f"la cuenta tiene ${fits:,.2f} con ese mismo IVA" if amount > fits else "pruebe un centavo menos"
        raise AnticipoRefused(
            "amount",
            f"El anticipo se facturó con su propio IVA y solo descuenta conceptos que llevan el mismo: {words}.",
        ) from None


def _kind(document: FiscalDocument) -> Part:
    """How a deposit is taxed: the one line of its CFDI."""
    return egresos.parts_of(from_json(document.content))[0]


def _taken(left: Sequence[Part], kind: Part, amount: Decimal) -> tuple[Part, tuple[Part, ...]]:
    return egresos.take_as_one(egresos.same_taxes(left, kind), amount)


def _less(left: Sequence[Part], taken: Sequence[Part]) -> list[Part]:
    by_position = {part.position: part for part in taken}
    return [part.less(by_position[part.position]) if part.position in by_position else part for part in left]


def _known(application: AnticipoApplication, invoice: FiscalDocument) -> FiscalDocument | None:
    """The egreso that was stamped already and whose note a restored backup did not know."""
    relation = {"tipo_relacion": RELATION, "uuids": [str(invoice.uuid).upper()]}
    found = FiscalDocument.objects.filter(
        organization_id=invoice.organization_id, issuer_id=invoice.issuer_id, kind=FiscalDocument.Kind.EGRESO,
        state=State.STAMPED, total=application.amount, credit_note=None, content__relacionados__contains=[relation],
    )  # fmt: skip
    folio = application.deposit.folio
    return next((each for each in found if from_json(each.content).conceptos[0].no_identificacion == folio), None)


#: Applications whose account has a stamped invoice that no egreso was drafted for.
_DUE = """
SELECT p.id FROM charges_anticipoapplication p
JOIN charges_allocation a ON a.charge_id = p.account_id AND a.active
JOIN documents_fiscaldocument d ON d.id = a.document_id AND d.state = 'stamped' AND d.kind = 'I'
WHERE p.active AND NOT a.remnant AND (%(document)s::uuid IS NULL OR d.id = %(document)s)
  AND NOT EXISTS (SELECT 1 FROM credits_creditnote n WHERE n.application_id = p.id AND n.original_id = d.id)
ORDER BY p.at, p.id LIMIT %(limit)s
"""


def due(*, limit: int, document: uuid.UUID | None = None) -> list[uuid.UUID]:
    """Applications that `advance` has something to do for; of one account's invoice only, when it is given."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"document": document, "limit": limit})
        return [row[0] for row in cursor.fetchall()]


def advance(pk: uuid.UUID, *, now: dt.datetime) -> CreditNote | None:
    """Draft the egreso if it is time; None when it is not, or something must be mended first."""
    try:
        return _draft(pk, now=now, again=False)
    except (NotCreditable, CannotSplit, NotReady, CfdiInvalid) as error:
        log.warning("anticipo_waits", application=str(pk), why=type(error).__name__)
        return None


def again(application: AnticipoApplication, *, user: User, now: dt.datetime) -> CreditNote:
    """A person asks for the egreso that was refused or cancelled, or sees why it waits.

    Raises NotAllowed or AnticipoRefused, in words.
    """
    if not may_issue(user, application.organization_id):
        raise NotAllowed(NO_PERMISSION)
    try:
        note = _draft(application.pk, now=now, again=True)
    except (NotCreditable, NotReady) as error:
        raise AnticipoRefused("deposit", str(error)) from error
    except CfdiInvalid as invalid:
        raise AnticipoRefused("deposit", invalid.faults[0].message) from invalid
    except CannotSplit as error:
        raise AnticipoRefused(
            "deposit", "De la factura ya no queda tanto con ese IVA: revise sus notas de crédito."
        ) from error
    if note is None:
        raise AnticipoRefused("deposit", "La cuenta no tiene factura timbrada, o el anticipo ya no está aplicado.")
    return note


def _draft(pk: uuid.UUID, *, now: dt.datetime, again: bool) -> CreditNote | None:
    with transaction.atomic():
        found = AnticipoApplication.objects.filter(pk=pk).values("account_id")
        rows = Charge.objects.select_for_update(of=("self",)).select_related("issuer", "organization")
        account = rows.get(pk__in=found)
        application = AnticipoApplication.objects.select_related("deposit", "by").get(pk=pk)
        bound = live_allocation(account)
        live = bound.document if bound else None
        if not application.active or bound is None or bound.remnant or live is None or live.state != State.STAMPED:
            return None
        FiscalDocument.objects.select_for_update(no_key=True).only("pk").get(pk=live.pk)
        notes = CreditNote.objects.filter(application=application)
        standing = notes.filter(active=True).first()
        of_this = notes.filter(original=live).count()
        if standing is not None and standing.original_id != live.pk:
            raise NotCreditable(
                "La nota que aplicó este anticipo a la factura anterior sigue vigente: cancélela primero."
            )
        if standing is not None or (of_this and not again):
            return standing
        if is_ending(live):
            raise NotCreditable("La factura tiene una cancelación o una sustitución en curso: espere a que termine.")
        made = _store(application, account, now=now, key=f"anticipo-{uuid.uuid5(pk, f'{live.pk}:{of_this}')}")
        reached("anticipo_uncommitted")
    reached("anticipo_drafted")
    return made


def _store(application: AnticipoApplication, account: Charge, *, now: dt.datetime, key: str) -> CreditNote:
    """Draft, note and lines, together with the balances that they take from."""
    original = original_of(account)
    deposit = live_document(application.deposit)
    if original.comprobante is None or deposit is None:
        raise NotCreditable("El anticipo ya no tiene su propia factura: factúrelo primero.")
    issuer = account.issuer
    one, taken = _taken(left_of(original, lock=True), _kind(deposit), application.amount)
    document = _known(application, original.document) or draft(
        notas.of_anticipo(
            original.comprobante,
            str(original.document.uuid),
            one,
            folio=application.deposit.folio,
            emisor=Emisor(issuer.rfc, issuer.nombre, issuer.regimen_fiscal),
            lugar_expedicion=original.comprobante.lugar_expedicion,
            fecha=local_now(now, original.comprobante.lugar_expedicion),
        ),
        issuer=issuer,
        series=series_of(issuer),
        channel=FiscalDocument.Channel.DESK,
        idempotency_key=key,
        now=now,
        who=application.by.email,
    )
    note = CreditNote.objects.create(
        organization_id=account.organization_id,
        document=document,
        original=original.document,
        charge=account,
        reason=CreditNote.Reason.ANTICIPO,
        application=application,
        forma_pago=ANTICIPO,
        total=document.total,
        asked_by=application.by,
        created_at=now,
    )
    CreditLine.objects.bulk_create(
        CreditLine(organization_id=account.organization_id, note=note, position=position, tax=tax, amount=amount)
        for position, tax, amount in amounts(taken)
    )
    wake(document.pk)
    record(
        organization_id=account.organization_id,
        actor=application.by.email,
        action="anticipo.credit",
        subject=f"charge:{account.pk}",
        after={"total": text(document.total, 2), "original": str(original.document.uuid)},
        now=now,
    )
    return note

"""Glosa: a payer does not accept part of an invoice, and a credit note takes it back (type E, relation 01).

It lowers what is owed, never what was paid. Nothing is given back: FormaPago 15 (condonación), as the guía del Anexo
20 has it for what was never paid. Balances by line and by tax are `credits`'.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.db import transaction

from emite.accounts.models import User
from emite.audit import record
from emite.care.models import InsurerInvoice
from emite.cfdi import egresos, notas
from emite.cfdi.comprobante import Comprobante, Emisor, Receptor
from emite.cfdi.egresos import CannotSplit, Part
from emite.cfdi.money import text
from emite.cfdi.notas import Reason
from emite.cfdi.stored import from_json
from emite.cfdi.zones import local_now
from emite.charges.allowing import must_correct
from emite.credits.crediting import EXPLANATION_LIMIT, CreditRefused
from emite.credits.models import CreditLine, CreditNote
from emite.credits.originals import NotCreditable, amounts, is_ending, left_in
from emite.documents.models import FiscalDocument, State
from emite.documents.sealing import draft
from emite.documents.steps import reached
from emite.documents.waking import wake
from emite.invoices.issuing import NO_PERMISSION, NotAllowed, may_issue, series_of
from emite.settlements import receivables
from emite.settlements.models import Receivable

CONDONED = "15"


@dataclass(frozen=True, slots=True)
class Glosa:
    """What the payer kept. `positions`: of which services (all when empty); `amount`: how much, else all of those."""

    explanation: str
    amount: Decimal | None = None
    positions: frozenset[int] = frozenset()


def left_of(invoice: InsurerInvoice) -> tuple[Part, ...]:
    """Each service of the invoice in cents, less what was credited. Raises NotCreditable."""
    document = _original(invoice)
    return left_in(document, egresos.parts_of(from_json(document.content)), charge=None)


def receivable_of(invoice: InsurerInvoice, *, now: dt.datetime) -> Receivable:
    """What its payer owes, opened if nobody did. Raises NotCreditable."""
    document = _original(invoice)
    found = Receivable.objects.filter(organization_id=invoice.organization_id, document=document).first()
    found = found or receivables.open_for(document, now=now)
    if found is None or not found.is_open:
        raise NotCreditable("De esta factura ya no se debe nada: no hay glosa que acreditar.")
    return found


def preview(invoice: InsurerInvoice, glosa: Glosa, *, now: dt.datetime) -> Comprobante:
    """The very document that `ask` would draft now; nothing is stored. Raises CreditRefused, NotCreditable."""
    _check(glosa)
    owed = receivable_of(invoice, now=now).balance
    return _built(invoice, _chosen(left_of(invoice), glosa, owed), now)


def ask(
    invoice: InsurerInvoice, glosa: Glosa, *, user: User, now: dt.datetime, idempotency_key: str,
    shown: Decimal | None = None,
) -> CreditNote:  # fmt: skip
    """The credit note, with a worker woken. The same key again returns the first. `shown`: the total that was agreed.

    Raises NotAllowed (in words), NotCreditable, CreditRefused, NotReady or CfdiInvalid; nothing is stored then.
    """
    if not may_issue(user, invoice.organization_id):
        raise NotAllowed(NO_PERMISSION)
    _check(glosa)
    original = _original(invoice)
    earlier = CreditNote.objects.filter(
        organization_id=invoice.organization_id, document__idempotency_key=idempotency_key
    )
    receivable_of(invoice, now=now)
    with transaction.atomic():
        # The document before what is owed of it, as whoever cancels it does.
        FiscalDocument.objects.select_for_update(no_key=True).only("pk").get(pk=original.pk)
        if (made := earlier.first()) is not None:
            return made
        if is_ending(original):
            raise NotCreditable("Esta factura tiene una cancelación o una sustitución en curso: espere a que termine.")
        left = left_in(original, egresos.parts_of(from_json(original.content)), charge=None, lock=True)
        # After the balances, as whoever gives a note back does.
        held = Receivable.objects.select_for_update().get(
            organization_id=invoice.organization_id, document=original
        )  # fmt: skip
        chosen = _chosen(left, glosa, held.balance)
        note = _stored(invoice, chosen, glosa, user=user, now=now, key=idempotency_key)
        if shown is not None and note.total != shown:
            raise CreditRefused("", f"Lo elegido ya no suma ${shown:,.2f}, sino ${note.total:,.2f}: revíselo otra vez.")
        must_correct(user, invoice.organization_id, note.total)
        reached("glosa_uncommitted")
    reached("glosa_asked")
    return note


def notes_of(invoice: InsurerInvoice) -> Sequence[CreditNote]:
    """Its credit notes, the latest first, without the contents of their documents."""
    if invoice.document_id is None:
        return []
    rows = CreditNote.objects.filter(organization_id=invoice.organization_id, original_id=invoice.document_id)
    return list(rows.select_related("document", "asked_by").defer("document__content").order_by("-created_at"))


def _stored(
    invoice: InsurerInvoice, parts: Sequence[Part], glosa: Glosa, *, user: User, now: dt.datetime, key: str
) -> CreditNote:
    document = draft(
        _built(invoice, parts, now),
        issuer=invoice.issuer,
        series=series_of(invoice.issuer),
        channel=FiscalDocument.Channel.DESK,
        idempotency_key=key,
        now=now,
        who=user.email,
    )
    note = CreditNote.objects.create(
        organization_id=invoice.organization_id,
        document=document,
        original=_original(invoice),
        reason=Reason.GLOSA,
        explanation=glosa.explanation.strip(),
        forma_pago=CONDONED,
        total=document.total,
        asked_by=user,
        created_at=now,
    )
    CreditLine.objects.bulk_create(
        CreditLine(organization_id=invoice.organization_id, note=note, position=position, tax=tax, amount=amount)
        for position, tax, amount in amounts(parts)
    )
    wake(document.pk)
    record(
        organization_id=invoice.organization_id,
        actor=user.email,
        action="credit.glosa",
        subject=f"insurer_invoice:{invoice.pk}",
        after={"total": text(document.total, 2), "original": str(invoice.cfdi_uuid)},
        reason=glosa.explanation.strip(),
        now=now,
    )
    return note


def _original(invoice: InsurerInvoice) -> FiscalDocument:
    if invoice.state == InsurerInvoice.State.EXTERNAL:
        raise NotCreditable("Esta factura se timbró en otra plataforma: emita ahí su nota de crédito.")
    if invoice.document is None or invoice.document.state != State.STAMPED:
        raise NotCreditable("La factura no está timbrada: no lleva nota de crédito.")
    return invoice.document


def _check(glosa: Glosa) -> None:
    if not glosa.explanation.strip():
        raise CreditRefused("explanation", "Escriba qué glosó la aseguradora: queda en la bitácora.")
    if len(glosa.explanation.strip()) > EXPLANATION_LIMIT:
        raise CreditRefused("explanation", f"Use a lo más {EXPLANATION_LIMIT} letras.")
    if glosa.amount is None and not glosa.positions:
        raise CreditRefused("amount", "Escriba cuánto se glosó, o elija los servicios.")


def _chosen(left: Sequence[Part], glosa: Glosa, owed: Decimal) -> tuple[Part, ...]:
    """What is taken of each service: never more than is left of it, nor in all than is owed."""
    wanted = [part for part in left if part.base > 0 and (not glosa.positions or part.position in glosa.positions)]
    whole = egresos.total(wanted)
    if not whole:
        raise CreditRefused("services", "De esos servicios ya se acreditó todo: elija otros.")
    most = min(whole, owed)
    amount = whole if glosa.amount is None else glosa.amount
    if not Decimal(0) < amount <= most:
        said = f"De la factura se deben ${owed:,.2f}" if owed < whole else f"De esos servicios quedan ${whole:,.2f}"
        raise CreditRefused("amount", f"{said}: escriba una cantidad mayor que cero, hasta ${most:,.2f}.")
    if amount == whole:
        return egresos.take_all(wanted)
    try:
        return egresos.take_amount(wanted, amount)
    except CannotSplit:
        words = "Esa cantidad no se puede repartir con sus impuestos: pruebe un centavo más, o elija los servicios."
        raise CreditRefused("amount", words) from None


def _built(invoice: InsurerInvoice, parts: Sequence[Part], now: dt.datetime) -> Comprobante:
    """The egreso for the payer as it is today, because the SAT looks at its data of today."""
    issuer, payer = invoice.issuer, invoice.payer
    assert invoice.document is not None
    said = from_json(invoice.document.content)
    receptor = Receptor(payer.rfc, payer.nombre, payer.postal_code, payer.regimen_fiscal, said.receptor.uso_cfdi)
    return notas.of_invoice(
        replace(said, receptor=receptor), str(invoice.cfdi_uuid), parts, reason=Reason.GLOSA, forma_pago=CONDONED,
        emisor=Emisor(issuer.rfc, issuer.nombre, issuer.regimen_fiscal), lugar_expedicion=said.lugar_expedicion,
        fecha=local_now(now, said.lugar_expedicion),
    )  # fmt: skip

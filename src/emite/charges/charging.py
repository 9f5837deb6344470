"""Create a charge with its code, void it, revoke its code.

Taking payments lives in `collecting`, binding a charge to a document in `allocating`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal

from django.db import IntegrityError, transaction

from emite.accounts.models import User
from emite.audit import record
from emite.cfdi.comprobante import Concepto, Totals
from emite.cfdi.taxes import Treatment
from emite.charges.code import new_code
from emite.charges.models import Allocation, Charge, ChargeCounter, ChargeLine
from emite.charges.pricing import LineInput, LineRefused, check_line, conceptos, totals
from emite.issuers.models import Issuer
from emite.organizations.models import Branch, Organization
from emite.vault import codes as ticket_codes


class DuplicateExternalId(Exception):
    """Another charge of the organization carries this external id; `charge` is that one's key."""

    def __init__(self, external_id: str, charge: uuid.UUID) -> None:
        self.external_id, self.charge = external_id, charge
        super().__init__(external_id)


class ChargeInUse(Exception):
    """The charge has a live document or payments: it cannot be voided as it is. The message says the cure."""


def charge(
    organization: Organization,
    issuer: Issuer,
    lines: Sequence[LineInput],
    *,
    user: User | None,
    now: dt.datetime,
    patient_name: str = "",
    kind: str = Charge.Kind.REMISION,
    idempotency_key: str | None = None,
    external_id: str | None = None,
    branch: Branch | None = None,
) -> Charge:
    """A new charge with a code of its own. Raises LineRefused, DuplicateExternalId; nothing is stored then.

    `branch` gives it its place of issue and its day; without one they are the issuer's and the organization's.

    The same key again returns the first charge, whatever the lines say.
    """
    items, sums = priced(lines)
    try:
        with transaction.atomic():
            return _earlier(organization, idempotency_key) or _store(
                Charge(
                    organization=organization,
                    issuer=issuer,
                    kind=kind,
                    issued_at=now,
                    issued_on=now.astimezone(branch.zone if branch else organization.zone).date(),
                    lugar_expedicion=branch.postal_code if branch else None,
                    branch=branch,
                    created_by=user,
                    patient_name=patient_name.strip(),
                    sub_total=sums.sub_total,
                    discount=sums.descuento or Decimal(0),
                    tax=sums.total_trasladados or Decimal(0),
                    total=sums.total,
                    idempotency_key=idempotency_key,
                    external_id=external_id,
                ),
                zip(lines, items, strict=True),
            )
    except IntegrityError:
        # A rival with the same key or external id committed first; anything else is a fault of ours.
        earlier = _earlier(organization, idempotency_key)
        if earlier is not None:
            return earlier
        taken = Charge.objects.filter(organization=organization, external_id=external_id).first()
        if external_id is None or taken is None:
            raise
        raise DuplicateExternalId(external_id, taken.pk) from None


def priced(lines: Sequence[LineInput]) -> tuple[tuple[Concepto, ...], Totals]:
    """The Conceptos of these lines and their sums, or LineRefused when no charge can be made of them."""
    if not lines:
        raise LineRefused(1, "description", "Agrega al menos un servicio.")
    for position, line in enumerate(lines, 1):
        check_line(position, line)
    items = conceptos(lines)
    sums = totals(items)
    if sums.total <= 0:
        raise LineRefused(1, "unit_price", "El total debe ser de al menos un centavo.")
    return items, sums


def _earlier(organization: Organization, idempotency_key: str | None) -> Charge | None:
    if idempotency_key is None:
        return None
    return Charge.objects.filter(organization=organization, idempotency_key=idempotency_key).first()


def _store(created: Charge, lines: Iterable[tuple[LineInput, Concepto]]) -> Charge:
    """Number it, give it its code and write it with its lines."""
    created.number = ChargeCounter.take(created.organization_id, created.kind)
    give_code(created)
    created.save(force_insert=True)
    ChargeLine.objects.bulk_create(lines_of(created, lines))
    return created


def give_code(created: Charge, keeper: ticket_codes.Keeper | None = None) -> str:
    """A fresh code, kept in the charge as hash and cipher (not saved); returns it in clear."""
    code = new_code()
    keeper = keeper or ticket_codes.Keeper(created.organization_id)
    created.code_hash, created.code_cipher = keeper.hash(code), keeper.encrypt(code)
    return code


def input_of(line: ChargeLine) -> LineInput:
    """The line as it was typed and priced."""
    return LineInput(
        description=line.description,
        clave_prod_serv=line.clave_prod_serv,
        clave_unidad=line.clave_unidad,
        treatment=Treatment(line.treatment),
        quantity=line.quantity,
        unit_price=line.unit_price,
        discount=line.discount,
        code=line.code,
    )


def lines_of(created: Charge, lines: Iterable[tuple[LineInput, Concepto]]) -> list[ChargeLine]:
    """The rows of a charge's lines, not saved."""
    return [
        ChargeLine(
            organization_id=created.organization_id,
            charge=created,
            position=position,
            code=line.code,
            description=line.description.strip(),
            clave_prod_serv=line.clave_prod_serv,
            clave_unidad=line.clave_unidad,
            treatment=line.treatment,
            quantity=line.quantity,
            unit_price=line.unit_price,
            discount=line.discount,
            amount=item.importe,
        )
        for position, (line, item) in enumerate(lines, 1)
    ]


def void(target: Charge, *, user: User, reason: str, now: dt.datetime) -> Charge:
    """Cancel a charge that nobody invoiced nor paid. Raises ChargeInUse. Voiding twice changes nothing."""
    with transaction.atomic():
        locked = Charge.objects.select_for_update().get(pk=target.pk)
        if locked.state == Charge.State.VOID:
            return locked
        if Allocation.objects.filter(charge=locked, active=True).exists():
            raise ChargeInUse("La remisión ya tiene factura: cancela primero la factura.")
        if locked.paid:
            raise ChargeInUse("La remisión tiene pagos: devuelve primero lo pagado.")
        locked.state, locked.voided_at, locked.void_reason = Charge.State.VOID, now, reason.strip()
        locked.save(update_fields=["state", "voided_at", "void_reason"])
        record(
            organization_id=locked.organization_id,
            actor=user.email,
            action="charge.void",
            subject=f"charge:{locked.pk}",
            reason=locked.void_reason,
            now=now,
        )
    return locked


def code_of(target: Charge) -> str:
    """The code in clear, for printing it again."""
    return ticket_codes.decrypt_code(target.organization_id, bytes(target.code_cipher))


def revoke_code(target: Charge, *, user: User, now: dt.datetime) -> None:
    """Make a lost or stolen ticket useless. The charge can still be invoiced at the desk."""
    with transaction.atomic():
        changed = Charge.objects.filter(pk=target.pk, code_revoked_at=None).update(code_revoked_at=now)
        if changed:
            record(
                organization_id=target.organization_id,
                actor=user.email,
                action="charge.revoke_code",
                subject=f"charge:{target.pk}",
                now=now,
            )


def renew_code(target: Charge, *, user: User, now: dt.datetime) -> str:
    """Another code for a lost or stolen ticket: the old one is unknown from now on. Returns the new one in clear.

    Raises ChargeInUse for a void charge.
    """
    with transaction.atomic():
        locked = Charge.objects.select_for_update().get(organization_id=target.organization_id, pk=target.pk)
        if locked.state == Charge.State.VOID:
            raise ChargeInUse("La remisión está cancelada: su ticket ya no vale.")
        code = give_code(locked)
        locked.code_revoked_at = None
        locked.save(update_fields=["code_hash", "code_cipher", "code_revoked_at"])
        record(
            organization_id=locked.organization_id,
            actor=user.email,
            action="charge.renew_code",
            subject=f"charge:{locked.pk}",
            now=now,
        )
    return code

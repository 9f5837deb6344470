"""Take a deposit: a charge of kind anticipo, whose one line is the one that SAT prescribes.

It has ticket, code and payments like every charge. What it pays of an account lives in `credits.anticipos`.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from emite.accounts.models import User
from emite.cfdi import anticipos
from emite.cfdi.money import written_decimals
from emite.cfdi.taxes import Treatment
from emite.charges.allowing import must_collect
from emite.charges.charging import charge
from emite.charges.models import Charge
from emite.charges.pricing import LineInput
from emite.issuers.models import Issuer
from emite.organizations.models import Branch, Organization

#: Differences of up to a peso are none (Guía del Anexo 20, Apéndice 6, nota); and what a line can carry.
LEAST, MOST = Decimal(1), Decimal(10) ** 9


class DepositRefused(Exception):
    """The deposit cannot be taken; the message names the field and the cure."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(message)


def take(
    organization: Organization,
    issuer: Issuer,
    amount: Decimal,
    treatment: Treatment,
    *,
    user: User,
    now: dt.datetime,
    patient_name: str = "",
    idempotency_key: str | None = None,
    branch: Branch | None = None,
) -> Charge:
    """The charge of a deposit of `amount`, taxes included; it is paid like any other. The same key returns the first.

    Raises DepositRefused, NotAllowed.
    """
    must_collect(user, organization.pk)
    if not LEAST < amount < MOST or written_decimals(str(amount)) > 2:
        raise DepositRefused("amount", "Escriba cuánto se recibe: más de un peso, con dos decimales a lo más.")
    line = LineInput(
        description=anticipos.RECEIVED,
        clave_prod_serv=anticipos.CLAVE_PROD_SERV,
        clave_unidad=anticipos.CLAVE_UNIDAD,
        treatment=treatment,
        quantity=Decimal(1),
        unit_price=anticipos.unit_price(amount, treatment),
    )
    return charge(
        organization,
        issuer,
        [line],
        user=user,
        now=now,
        patient_name=patient_name,
        kind=Charge.Kind.ANTICIPO,
        idempotency_key=idempotency_key,
        branch=branch,
    )

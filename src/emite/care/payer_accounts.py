"""Which insurer or administrator of this installation receives what is invoiced to an RFC.

Said by support, for every practice alike: those that have the payer are joined at once, others when they add it.
"""

from __future__ import annotations

import datetime as dt

from django.db import IntegrityError, transaction

from emite.accounts.models import User
from emite.audit import record
from emite.care.models import Payer, PayerAccount
from emite.cfdi.rfc import Rfc, RfcInvalid
from emite.organizations.models import Organization
from emite.organizations.refusals import NotAllowed, SetupRefused

PAYING = (Organization.Kind.INSURER, Organization.Kind.ADMINISTRATOR)


def rfcs_of(account: Organization) -> list[str]:
    return list(PayerAccount.objects.filter(account=account).order_by("rfc").values_list("rfc", flat=True))


def join(account: Organization, rfc: str, *, by: User, now: dt.datetime) -> int:
    """From now on it receives the invoices to this RFC; how many practices have such a payer already.

    Raises NotAllowed, SetupRefused. Joined twice is once.
    """
    _require(account, by)
    try:
        known = str(Rfc.parse(rfc))
    except RfcInvalid as error:
        raise SetupRefused(error.message, "rfc") from error
    try:
        with transaction.atomic():
            row, made = PayerAccount.objects.get_or_create(rfc=known, defaults={"account": account})
            if row.account_id != account.pk:
                raise SetupRefused(f"Lo que se factura a {known} ya lo recibe {row.account.name}.", "rfc")
            joined = Payer.objects.filter(rfc=known, account=None).update(account=account)
            if made or joined:
                _note(account, "payer_account.join", by, now, {"rfc": known, "practices": joined})
    except IntegrityError as error:
        raise SetupRefused(f"Alguien acaba de dar de alta {known}: recargue la página.", "rfc") from error
    return joined


def part(account: Organization, rfc: str, *, by: User, now: dt.datetime) -> None:
    """It receives nothing more of what is invoiced to this RFC; what arrived stays. Raises NotAllowed."""
    _require(account, by)
    with transaction.atomic():
        gone, _ = PayerAccount.objects.filter(account=account, rfc=rfc).delete()
        if gone:
            parted = Payer.objects.filter(account=account, rfc=rfc).update(account=None)
            _note(account, "payer_account.part", by, now, {"rfc": rfc, "practices": parted})


def _require(account: Organization, by: User) -> None:
    if not (by.is_operator and by.is_active):
        raise NotAllowed()
    if account.kind not in PAYING:
        raise SetupRefused(f"{account.name} no es aseguradora ni administradora.", "rfc")


def _note(account: Organization, action: str, by: User, now: dt.datetime, after: dict[str, object]) -> None:
    record(
        organization_id=account.pk, actor=by.email, action=action, subject=f"organization:{account.pk}",
        after=after, now=now,
    )  # fmt: skip

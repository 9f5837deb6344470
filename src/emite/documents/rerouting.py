"""Which PAC account documents go to: a new account takes what was never sent; the rest is settled where it was sent.

The database says so too (`migrations/0004`): what was sent to one PAC is never asked of another.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet

from emite.accounts.models import User
from emite.documents.models import UNSETTLED, FiscalDocument
from emite.documents.resolving import never_sent
from emite.issuers.models import Issuer, PacAccount
from emite.issuers.pac_accounts import Wanted, made, may_administer, tell


@dataclass(frozen=True, slots=True)
class Rerouted:
    """The account in use now, how many documents moved to it, and how many stay with the ones before."""

    account: PacAccount
    moved: int
    pinned: int


def use(issuer: Issuer, wanted: Wanted, *, user: User | None, now: dt.datetime) -> Rerouted:
    """Make it the issuer's account, in place of the one it had. Raises NotAllowed or AccountRefused (nothing changes).

    A worker that is about to send one of the documents that move loses it before its promise, and sends nothing.
    """
    may_administer(user, issuer.organization_id)
    fresh = made(issuer, wanted, now)
    with transaction.atomic():
        Issuer.objects.select_for_update(no_key=True).get(pk=issuer.pk)  # two administrators at once
        before = PacAccount.objects.filter(organization_id=issuer.organization_id, issuer=issuer, active=True).first()
        if before is not None:
            if before.provider == fresh.provider:
                fresh.pace = before.pace  # what its operator agreed with that PAC
            PacAccount.objects.filter(pk=before.pk).update(active=False, replaced_at=now)
        fresh.save(force_insert=True)
        moved = _move(issuer.organization_id, issuer.pk, fresh, now)
        done = Rerouted(fresh, moved, pinned(issuer))
        action = "pac_account.replace" if before else "pac_account.add"
        tell(fresh, action, user, now, before=str(before.pk) if before else None, moved=moved, pinned=done.pinned)
    return done


def pinned(issuer: Issuer) -> int:
    """Documents that must be settled with an account that is used for no others any more."""
    return _with(issuer).filter(pac_account__active=False).count()


def under_way(account: PacAccount) -> int:
    """Documents that are settled with this account, whether it is the one in use or not."""
    return _with(account.issuer).filter(pac_account=account).count()


def move_stragglers(now: dt.datetime) -> int:
    """Drafts written while the account was replaced: the sweep moves them too."""
    late = FiscalDocument.objects.filter(never_sent(), pac_account__active=False)
    moved = 0
    for organization_id, issuer_id in late.values_list("organization_id", "issuer_id").distinct():
        account = PacAccount.objects.filter(organization_id=organization_id, issuer_id=issuer_id, active=True).first()
        if account is not None:
            moved += _move(organization_id, issuer_id, account, now)
    return moved


def _with(issuer: Issuer) -> QuerySet[FiscalDocument]:
    return FiscalDocument.objects.filter(organization_id=issuer.organization_id, issuer=issuer, state__in=UNSETTLED)


def _move(organization_id: uuid.UUID, issuer_id: uuid.UUID, account: PacAccount, now: dt.datetime) -> int:
    rows = FiscalDocument.objects.filter(never_sent(), organization_id=organization_id, issuer_id=issuer_id)
    # Without its lease a worker that read the former account can promise nothing more.
    return rows.exclude(pac_account=account).update(
        pac_account=account, next_at=now, lease_owner="", lease_until=None
    )  # fmt: skip

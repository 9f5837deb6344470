"""Who may take money and who may undo it: asked of the membership at the moment of the act."""

from __future__ import annotations

import uuid
from decimal import Decimal

from emite.accounts.models import User
from emite.charges.models import CollectingPolicy
from emite.organizations.models import Membership


class NotAllowed(Exception):
    """The person's role does not reach; the message says who can."""


def policy_of(organization_id: uuid.UUID) -> CollectingPolicy:
    """The organization's rule of collecting; the defaults while nobody has touched it (not stored)."""
    stored = CollectingPolicy.objects.filter(organization_id=organization_id).first()
    return stored or CollectingPolicy(organization_id=organization_id)


def must_collect(user: User, organization_id: uuid.UUID) -> Membership:
    """The person's membership. Raises NotAllowed when it may not handle money."""
    held = Membership.objects.filter(organization_id=organization_id, user=user).first()
    if held is None or not user.is_active or not held.may_collect():
        raise NotAllowed("Su papel no permite manejar dinero. Pida otro a su administrador.")
    return held


def must_correct(user: User, organization_id: uuid.UUID, amount: Decimal) -> None:
    """Undoing a payment or giving money back: a cashier up to the limit, a biller or an administrator any amount."""
    held = must_collect(user, organization_id)
    limit = policy_of(organization_id).free_limit
    if held.role == Membership.Role.CAJERO and amount > limit:
        raise NotAllowed(f"Son más de ${limit:,.2f}: esta corrección la hace un administrador o un facturador.")

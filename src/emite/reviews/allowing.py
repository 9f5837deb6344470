"""Who may decide on what was received, and who may register that it was paid: asked at the moment of the act."""

from __future__ import annotations

import uuid

from emite.accounts.models import User
from emite.organizations.models import Membership
from emite.organizations.permissions import Need


class NotAllowed(Exception):
    """Whoever asks lacks the role for it; the message says whom to ask."""


class Refused(Exception):
    """It cannot be done as it is now. `field` names the input that cures it, or is empty; the message is for people."""

    def __init__(self, message: str, field: str = "") -> None:
        self.field, self.message = field, message
        super().__init__(message)


def must_review(user: User, organization_id: uuid.UUID) -> None:
    _must(user, organization_id, Need.REVIEW, "Su papel no permite aprobar ni rechazar. Pida otro a su administrador.")


def must_pay(user: User, organization_id: uuid.UUID) -> None:
    _must(user, organization_id, Need.PAY, "Su papel no permite registrar pagos. Pida otro a su administrador.")


def _must(user: User, organization_id: uuid.UUID, need: Need, message: str) -> None:
    if not Membership.objects.who_may(need).filter(organization_id=organization_id, user=user).exists():
        raise NotAllowed(message)

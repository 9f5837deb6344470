"""Find a charge by its code. Unknown, revoked and foreign codes answer alike: None.

Counting wrong guesses is the portal's business (`limits`).
"""

from __future__ import annotations

from emite.charges.code import read_code
from emite.charges.models import Charge
from emite.organizations.models import Organization
from emite.vault import codes as ticket_codes


def by_code(organization: Organization, typed: str) -> Charge | None:
    """The organization's charge with this code. A typing error (check symbol) costs no look-up."""
    code = read_code(typed)
    if code is None:
        return None
    found = (
        Charge.objects.select_related("organization", "issuer").defer("organization__logo")
        .filter(organization=organization, code_hash=ticket_codes.code_hash(organization.pk, code))
        .first()
    )
    return found if found and found.code_revoked_at is None else None

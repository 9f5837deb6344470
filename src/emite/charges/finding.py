"""Find a charge by its code, and what hangs from it. Unknown, revoked and foreign codes answer alike: None.

Counting wrong guesses is the portal's business (`limits`).
"""

from __future__ import annotations

from emite.charges.code import read_code
from emite.charges.models import Charge, ChargeLine
from emite.database.kept import Given, Kept
from emite.organizations.models import Organization
from emite.vault import codes as ticket_codes

_BY_CODE = Kept(
    lambda: Charge.objects.filter(
        organization=Given("organization"), code_hash=Given("hash"), code_revoked_at__isnull=True
    )
)
_LINES = Kept(
    lambda: ChargeLine.objects.filter(organization=Given("organization"), charge=Given("charge")).order_by("position")
)


def by_code(organization: Organization, typed: str) -> Charge | None:
    """The organization's charge with this code. A typing error (check symbol) costs no look-up."""
    code = read_code(typed)
    if code is None:
        return None
    found = _BY_CODE.first(organization=organization.pk, hash=ticket_codes.code_hash(organization.pk, code))
    if found is not None:
        found.organization = organization
    return found


def lines_of(charge: Charge) -> list[ChargeLine]:
    """Its lines, in their order."""
    return _LINES.all(organization=charge.organization_id, charge=charge.pk)

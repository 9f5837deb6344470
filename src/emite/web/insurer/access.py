"""Who may open the payer's pages: people of an insurer or administrator, with the need that each page states."""

from __future__ import annotations

from emite.organizations.models import Organization
from emite.web.access import Need as Need
from emite.web.access import StaffRequest as StaffRequest
from emite.web.access import people_of

payer = people_of(Organization.Kind.INSURER, Organization.Kind.ADMINISTRATOR)

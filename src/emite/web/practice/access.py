"""Who may open the practice's pages: people of an organization of that kind, with the need that each page states."""

from __future__ import annotations

from emite.organizations.models import Organization
from emite.web.access import Need as Need
from emite.web.access import StaffRequest as StaffRequest
from emite.web.access import people_of

practice = people_of(Organization.Kind.PRACTICE)

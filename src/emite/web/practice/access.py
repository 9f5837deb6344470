"""Who may open the practice's pages: people of an organization of that kind, with the need that each page states."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpResponseBase

from emite.organizations.models import Organization
from emite.web.access import Need as Need
from emite.web.access import StaffRequest as StaffRequest
from emite.web.access import View, staff


def practice(*needs: Need) -> Callable[[View], View]:
    """`web.access.staff`, for practices only: to the people of a hospital or an insurer these pages do not exist."""

    def decorate(view: View) -> View:
        @wraps(view)
        def of_practice(request: StaffRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.organization.kind != Organization.Kind.PRACTICE:
                raise Http404
            return view(request, *args, **kwargs)

        return staff(*needs)(of_practice)

    return decorate

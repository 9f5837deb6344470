"""Every audit log: the installation's own and each organization's. Reading and proving are those of `setup.log`."""

from __future__ import annotations

import uuid
from typing import cast
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from emite.accounts.models import User
from emite.organizations.models import Organization
from emite.web.access import operator
from emite.web.setup.log import exported, shown, verified

#: The installation's own chain, in the address.
OWN = "instalacion"


@operator
@require_GET
def log_page(request: HttpRequest) -> HttpResponse:
    chosen = _chosen(request)
    zone = chosen.zone if chosen else ZoneInfo(settings.TIME_ZONE)
    which = "?" + urlencode({"de": str(chosen.pk) if chosen else OWN})
    context = shown(request, chosen.pk if chosen else None, zone) | {
        "section": "bitacora",
        "chosen": str(chosen.pk) if chosen else OWN,
        "organizations": Organization.objects.only("pk", "name").order_by("name"),
        "own": OWN,
        "address": reverse("support:log"),
        "verify_address": reverse("support:log_verify") + which,
        "exports": [(kind.upper(), reverse("support:log_export", args=[kind]) + which) for kind in ("csv", "jsonl")],
    }
    return render(request, "support/log.html", context)


@operator
@require_GET
def export(request: HttpRequest, kind: str) -> StreamingHttpResponse:
    chosen = _chosen(request)
    actor = cast(User, request.user).email
    return exported(kind, chosen.pk if chosen else None, chosen.slug if chosen else OWN, actor)


@operator
@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    chosen = _chosen(request)
    verified(request, chosen.pk if chosen else None, cast(User, request.user).email)
    return HttpResponseRedirect(f"{reverse('support:log')}?{urlencode({'de': chosen.pk if chosen else OWN})}")


def _chosen(request: HttpRequest) -> Organization | None:
    """The organization in the address; None for the installation's own chain."""
    asked = request.GET.get("de", OWN)
    if asked == OWN:
        return None
    try:
        found = Organization.objects.filter(pk=uuid.UUID(asked)).first()
    except ValueError as error:
        raise Http404 from error
    if found is None:
        raise Http404
    return found

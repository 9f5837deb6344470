"""The audit log: read it, take it away, prove that nobody touched it. One way for a hospital and for support."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from emite.audit import exporting, reading, record, verify_chain
from emite.audit.models import AuditEvent
from emite.audit.reading import PAGE, Asked
from emite.audit.verifying import head
from emite.web.access import Need, StaffRequest, staff
from emite.web.files import streamed
from emite.web.setup.words import ACTS, FIELDS, value_in_words

_KINDS = {
    "csv": (exporting.csv_lines, "text/csv; charset=utf-8"),
    "jsonl": (exporting.json_lines, "application/x-ndjson"),
}


@staff(Need.ADMINISTER)
@require_GET
def log_page(request: StaffRequest) -> HttpResponse:
    organization = request.organization
    context = shown(request, organization.pk, organization.zone) | {
        "organization": organization,
        "membership": request.membership,
        "section": "bitacora",
        "address": reverse("setup:log"),
        "verify_address": reverse("setup:log_verify"),
        "exports": [(kind.upper(), reverse("setup:log_export", args=[kind])) for kind in _KINDS],
    }
    return render(request, "setup/log.html", context)


@staff(Need.ADMINISTER)
@require_GET
def export(request: StaffRequest, kind: str) -> StreamingHttpResponse:
    return exported(kind, request.organization.pk, request.organization.slug, request.user.email)


@staff(Need.ADMINISTER)
@require_POST
def verify(request: StaffRequest) -> HttpResponse:
    verified(request, request.organization.pk, request.user.email)
    return HttpResponseRedirect(reverse("setup:log"))


def shown(request: HttpRequest, organization_id: UUID | None, zone: ZoneInfo) -> dict[str, Any]:
    """The rows that the address asks for, and what the page needs around them."""
    typed = {name: request.GET.get(name, "").strip()[:120] for name in ("desde", "hasta", "quien", "que")}
    problems: list[str] = []
    since, until = (_midnight(typed[name], zone, problems) for name in ("desde", "hasta"))
    before = request.GET.get("antes", "")
    asked = Asked(
        since=since,
        until=until + dt.timedelta(days=1) if until else None,
        actor=typed["quien"],
        action=typed["que"],
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 18 else None,
    )
    rows = list(reading.events(organization_id, asked)[: PAGE + 1])
    older = ""
    if len(rows) > PAGE:
        older = urlencode({**{name: value for name, value in typed.items() if value}, "antes": rows[PAGE - 1].position})
    return {
        "rows": [(row, ACTS.get(row.action, row.action), _changes(row)) for row in rows[:PAGE]],
        "acts": [(name, ACTS.get(name, name)) for name in reading.actions(organization_id)],
        "typed": typed,
        "problems": problems,
        "older": older,
        "zone": zone,
        "head": head(organization_id),
        "filtered": any(typed.values()),
    }


def exported(kind: str, organization_id: UUID | None, name: str, actor: str) -> StreamingHttpResponse:
    """The whole chain as a file; that somebody took it is in the log from now on."""
    if kind not in _KINDS:
        raise Http404
    lines, content_type = _KINDS[kind]
    now = timezone.now()
    record(organization_id=organization_id, actor=actor, action="audit.export", subject="audit", now=now,
           after={"kind": kind})  # fmt: skip
    events = reading.events(organization_id, Asked()).order_by("position").iterator(chunk_size=1000)
    return streamed(lines(events), content_type, f"bitacora-{name}-{now:%Y%m%d}.{kind}")


def verified(request: HttpRequest, organization_id: UUID | None, actor: str) -> None:
    """Walk the chain and say what was found on the next page."""
    breaks, end = verify_chain(organization_id), head(organization_id)
    if breaks:
        first = breaks[0]
        messages.error(
            request,
            f"La cadena está rota en {len(breaks)} lugares. El primero, el renglón {first.position}: {first.message}.",
        )
    else:
        count = end.position if end else 0
        messages.success(request, f"La cadena está completa: {count} renglones, ninguno tocado.")
    record(organization_id=organization_id, actor=actor, action="audit.verify", subject="audit", now=timezone.now(),
           after={"breaks": len(breaks)})  # fmt: skip


def _midnight(typed: str, zone: ZoneInfo, problems: list[str]) -> dt.datetime | None:
    if not typed:
        return None
    try:
        return dt.datetime.combine(dt.date.fromisoformat(typed), dt.time(), zone)
    except ValueError:
        problems.append(f"No se entiende la fecha «{typed[:40]}»: escríbala como 2026-11-22.")
        return None


def _changes(row: AuditEvent) -> list[tuple[str, str, str]]:
    """What changed, by name: before and after in words. What stayed the same is left out."""
    before, after = row.before or {}, row.after or {}
    changed = [
        name for name in dict.fromkeys([*before, *after]) if name not in before or before[name] != after.get(name)
    ]
    return [
        (
            FIELDS.get(name, name),
            value_in_words(before[name]) if name in before else "",
            value_in_words(after[name]) if name in after else "",
        )
        for name in changed
    ]

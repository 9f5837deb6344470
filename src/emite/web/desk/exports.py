"""Take the figures to a spreadsheet, and a month to the accountant."""

from __future__ import annotations

import datetime as dt
import re
import tempfile
import uuid

from django.db import transaction
from django.http import FileResponse, Http404, HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_GET

from emite.audit import record
from emite.issuers.models import Issuer
from emite.reports.month import Month, zipped
from emite.sheets.tables import Table, csv_lines, xlsx
from emite.web.access import Need, StaffRequest, staff
from emite.web.desk.dashboard import SECTIONS, lines_of, period_of
from emite.web.files import streamed

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@staff(Need.SEE)
@require_GET
def figures(request: StaffRequest, name: str, kind: str) -> HttpResponseBase:
    """One table of the dashboard as CSV or XLSX."""
    if name not in SECTIONS or kind not in ("csv", "xlsx"):
        raise Http404
    today = request.organization.local_date(timezone.now())
    period = period_of(request, today)
    title, first, counted, _ = SECTIONS[name]
    lines = lines_of(name, period, today)
    table = Table(title, (first, counted, "Importe"), [(line.label, line.count, line.total) for line in lines])
    file_name = f"{name}-{period.since:%Y%m%d}-{period.until:%Y%m%d}.{kind}"
    if kind == "csv":
        return streamed(csv_lines(table), "text/csv; charset=utf-8", file_name)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the answer once it is sent
    xlsx(table, file)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=file_name, content_type=XLSX)


@staff(Need.SEE)
@require_GET
def month(request: StaffRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The ZIP of a month of one issuer, sent while it is made."""
    issuer = Issuer.objects.select_related("organization").filter(organization=request.organization, pk=pk).first()
    first = _month(request.GET.get("mes", ""))
    if issuer is None or first is None:
        raise Http404
    with transaction.atomic():
        record(
            organization_id=request.organization.pk, actor=request.user.email, action="month.export",
            subject=f"issuer:{issuer.pk}", after={"month": f"{first:%Y-%m}"}, now=timezone.now(),
        )  # fmt: skip
    asked = Month(issuer, first)
    return streamed(zipped(asked), "application/zip", f"{asked.name}.zip")


def _month(text: str) -> dt.date | None:
    match = re.fullmatch(r"(20\d\d)-(0[1-9]|1[0-2])", text, re.ASCII)
    return dt.date(int(match[1]), int(match[2]), 1) if match else None

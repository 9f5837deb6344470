"""A factura global that is cancelled with motivo 04 and issued again: how it goes, on the page of its closing."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from emite.cancellations import rebuilding
from emite.cancellations.models import GlobalRebuild
from emite.cancellations.requesting import NotCancellable
from emite.cfdi.faults import CfdiInvalid
from emite.credits.models import LateRequest
from emite.documents.models import FiscalDocument
from emite.documents.sealing import NotReady
from emite.invoices.issuing import NotAllowed
from emite.invoices.models import Closing
from emite.web.access import Need, StaffRequest, staff


@dataclass(frozen=True, slots=True)
class Said:
    """One operation: the global, its successor if there is one, and how many sales leave it."""

    row: GlobalRebuild
    old: str
    new: str
    leaving: int

    @property
    def moves(self) -> bool:
        """Whether a machine still has something to do."""
        return self.row.state in (GlobalRebuild.State.CANCELLING, GlobalRebuild.State.STAMPING)


def of_closing(closing: Closing) -> list[Said]:
    """The operations of a closing's documents, the oldest first."""
    rows = GlobalRebuild.objects.filter(
        organization_id=closing.organization_id, original__global_document__closing=closing
    )
    found = rows.select_related("original", "rebuilt").defer("original__content", "rebuilt__content")
    return [
        Said(row, _name(row.original), _name(row.rebuilt), LateRequest.objects.filter(original=row.original).count())
        for row in found.order_by("asked_at")
    ]


def is_again(document: FiscalDocument) -> bool:
    """Whether it was to take the place of a cancelled global: `of_closing` tells of it."""
    return document.idempotency_key.startswith(rebuilding.KEY)


def _name(document: FiscalDocument | None) -> str:
    return "" if document is None else f"{document.serie or ''}{document.folio or ''}"


@staff(Need.ISSUE)
@require_POST
def again(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Once what kept the new global from its stamp is mended."""
    found = GlobalRebuild.objects.filter(organization=request.organization, pk=pk)
    made = found.select_related("original__global_document").defer("original__content").first()
    if made is None:
        raise Http404
    try:
        rebuilding.again(made, user=request.user, now=timezone.now())
    except rebuilding.NothingFree:
        messages.info(request, "Ya no hace falta: sus remisiones tienen otra factura.")
    except (NotReady, NotAllowed, NotCancellable) as error:
        messages.warning(request, f"{error} No se emitió nada.")
    except CfdiInvalid as invalid:
        messages.warning(request, f"{invalid.faults[0].code}: {invalid.faults[0].message} No se emitió nada.")
    else:
        messages.success(request, "Se está emitiendo otra vez. Puede dejar esta página.")
    return HttpResponseRedirect(reverse("desk:closing_progress", args=[made.original.global_document.closing_id]))

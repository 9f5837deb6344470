""" "Conciliación": what SAT or the PAC say otherwise than this system, each with what a person can do about it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Final

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from emite.cancellations.requesting import NotCancellable
from emite.reconciling import comparing, mending
from emite.reconciling.mending import CannotMend, NotAllowed
from emite.reconciling.models import Comparison, Difference
from emite.web.access import Need, StaffRequest, may, staff
from emite.web.errors.pages import page

#: What each kind means for whoever reads it, and how it ends.
ADVICE: Final = {
    Difference.Kind.NOT_AT_SAT: "Pasaron 72 horas desde que se timbró. Pida a su PAC que la envíe de nuevo al SAT: "
    "cuando el SAT la tenga, este renglón se quita solo.",
    Difference.Kind.CANCELLED_AT_SAT: "Alguien la canceló fuera de este sistema. Al registrarlo, sus remisiones quedan "
    "libres para facturarse; no se envía nada al SAT.",
    Difference.Kind.ALIVE_AT_SAT: "El SAT dijo antes que estaba cancelada. Descargue su acuse y aclárelo con su PAC.",
    Difference.Kind.ORPHAN: "Aquí se dio por rechazada o descartada y su remisión quedó libre. Cancélela en la página "
    "de su PAC con motivo 02: cuando el SAT la tenga cancelada, este renglón se quita solo.",
    Difference.Kind.DUPLICATE: "Cuenta como ingreso dos veces. Cancele en la página de su PAC la de este folio fiscal, "
    "con motivo 02, y después cierre el renglón.",
    Difference.Kind.UNKNOWN: "Lleva una serie de este sistema y aquí no hay ninguna con ese folio fiscal: se timbró "
    "desde otra parte o antes de un respaldo. Revise su XML; al registrarla queda como emitida aquí y toma la remisión "
    "que diga lo mismo, si hay una sin factura. Si no debe contar, cancélela en la página de su PAC.",
}


@staff(Need.ISSUE)
@require_GET
def reconciliation(request: StaffRequest) -> HttpResponse:
    """What differs now, the oldest first, and when it was last compared."""
    rows = Difference.objects.filter(organization=request.organization, closed_at=None)
    found = rows.select_related("document").defer("document__content", "xml", "raw").order_by("found_at")[:100]
    last = Comparison.objects.filter(organization=request.organization).order_by("-asked_at").first()
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "section": "solicitudes",
        "zone": request.organization.zone,
        "rows": [(row, ADVICE[Difference.Kind(row.kind)]) for row in found],
        "with_xml": set(rows.filter(xml__isnull=False).values_list("pk", flat=True)),
        "last": last,
        "may_issue": may(request.membership, Need.ISSUE),
    }
    return render(request, "desk/reconciliation.html", context)


@staff(Need.ISSUE)
@require_POST
def compare(request: StaffRequest) -> HttpResponse:
    """Compare now the days of a night."""
    now = timezone.now()
    try:
        comparing.start(request.organization, since=now - comparing.WINDOW, until=now, now=now, user=request.user)
    except comparing.AlreadyComparing:
        messages.info(request, "Ya se está comparando: vuelva a cargar la página en unos minutos.")
    else:
        messages.success(request, "Se está comparando con el SAT y el PAC. Puede dejar esta página.")
    return HttpResponseRedirect(reverse("desk:reconciliation"))


@staff(Need.ISSUE)
@require_POST
def mend(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Write here the cancellation that SAT has."""
    done = "Quedó registrada: sus remisiones ya se pueden facturar."
    return _do(request, pk, mending.register_cancellation, done=done)


@staff(Need.ISSUE)
@require_POST
def bring_in(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Write here a CFDI that the PAC holds and nobody here knew."""
    return _do(request, pk, mending.bring_in, done="Quedó registrada como emitida aquí.")


@staff(Need.ISSUE)
@require_POST
def put_aside(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Close a difference with a reason."""
    close = partial(mending.put_aside, reason=request.POST.get("reason", ""))
    return _do(request, pk, close, done="La diferencia quedó cerrada.")


@staff(Need.ISSUE)
@require_GET
def xml(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The CFDI that the PAC had and nobody expected."""
    row = Difference.objects.filter(organization=request.organization, pk=pk, xml__isnull=False).first()
    if row is None:
        raise Http404
    answer = HttpResponse(bytes(row.xml or b""), content_type="application/xml")
    answer["Content-Disposition"] = f'attachment; filename="{str(row.uuid).upper()}.xml"'
    return answer


def _do(request: StaffRequest, pk: uuid.UUID, act: Callable[..., object], *, done: str) -> HttpResponse:
    owner, now = request.organization.pk, timezone.now()
    if not Difference.objects.filter(organization_id=owner, pk=pk).exists():
        raise Http404
    try:
        act(owner, pk, user=request.user, now=now)
    except NotAllowed as refused:
        return page(request, 403, "No tiene permiso para decidirlo", str(refused))
    except (CannotMend, NotCancellable) as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, done)
    return HttpResponseRedirect(reverse("desk:reconciliation"))

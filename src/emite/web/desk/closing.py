"""The month's end: what enters the factura global and what does not, close the period, see how it goes, its files.

What enters is decided in `invoices.proposing`, closing in `invoices.closing`; here it is shown and asked.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import structlog
from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Prefetch, Q, Sum
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from emite.audit import record
from emite.cfdi import codes
from emite.cfdi.zones import local_now, zone_of
from emite.documents.models import UNSETTLED, FiscalDocument, State
from emite.invoices import closing as closings
from emite.invoices import periods, proposing
from emite.invoices.models import MOST, Closing, GlobalDocument, GlobalPolicy
from emite.invoices.periods import Period
from emite.invoices.proposing import LeftOut, Proposal, Scope
from emite.issuers.models import Issuer
from emite.organizations import branches
from emite.organizations.models import Organization
from emite.web.access import Need, StaffRequest, may, staff
from emite.web.cfdi_files import pdf_or_why, xml_of
from emite.web.desk import rebuilding
from emite.web.desk.states import Badge, invoice_badge

log = structlog.get_logger(__name__)

#: Of a closing's documents, those that count: not refused, not cancelled and issued again.
_LIVE = Q(documents__document__state__in=(*UNSETTLED, State.STAMPED))
#: Closings shown in the list.
SHOWN = 24
BADGES = {
    Closing.State.WAITING: Badge("Espera a una persona", "cost"),
    Closing.State.RUNNING: Badge("En curso", "accent"),
    Closing.State.STOPPED: Badge("Detenido", "wrong"),
    Closing.State.DONE: Badge("Cerrado", "good"),
}
#: What stays out: the reason, and what becomes of it.
REASONS = {
    "owed": ("Sin pagar por completo", "Entran en el periodo en que se terminen de pagar."),
    "asked": ("Con factura en proceso", "Si el SAT rechazara la factura, quedan libres para otra o para la global."),
    "invoiced": ("Ya facturadas", "Tienen su propia factura."),
    "anticipo": ("Con anticipo aplicado", "No caben en una global: facture cada una a su cliente."),
    "in_global": ("Ya en una factura global", "Nada se factura dos veces."),
    "void": ("Canceladas", "No hay nada que facturar."),
}


@dataclass(frozen=True, slots=True)
class Out:
    """A reason, with how many charges it keeps out and some of them."""

    title: str
    fate: str
    charges: int
    total: Any
    examples: list[LeftOut]


class PolicyForm(forms.Form):
    mode = forms.ChoiceField(
        label="Cómo se cierra",
        choices=GlobalPolicy.Mode.choices,
        help_text="Si lo confirma una persona, el inicio avisa a las 6, 12 y 20 horas de terminado el periodo.",
    )
    periodicidad = forms.ChoiceField(label="Cada cuánto")
    ceiling = forms.IntegerField(
        label="Remisiones por factura, a lo más",
        min_value=1,
        max_value=MOST,
        help_text="Arriba de este número la factura global se parte en varias.",
        error_messages={
            "required": "Escriba un número.",
            "invalid": "Escriba un número entero.",
            "min_value": "Debe ser al menos 1.",
            "max_value": f"El máximo es {MOST}: los PAC no reciben facturas más largas.",
        },
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "class": "short"}),
    )

    def __init__(self, data: Any = None, *, regimenes: set[str], **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        kinds = {kind for regimen in regimenes for kind in periods.allowed(regimen)} or set(periods.allowed(""))
        self.fields["periodicidad"].choices = [  # type: ignore[attr-defined]
            (key, name) for key, name in periods.NAMES.items() if key in kinds
        ]


@staff(Need.SEE)
@require_GET
def closing_page(request: StaffRequest) -> HttpResponse:
    """A period with what would enter and what would not."""
    issuers = _issuers(request, tell=True)
    if not issuers:
        return render(
            request,
            "desk/not_ready.html",
            {"organization": request.organization, "membership": request.membership, "section": "cierre"},
        )
    return _show(request, issuers)


def _issuers(request: StaffRequest, *, tell: bool = False) -> list[Issuer]:
    """The organization's issuers that can close; `tell` says why another cannot."""
    found = Issuer.objects.select_related("organization").filter(organization=request.organization).order_by("rfc")
    able = []
    for issuer in found:
        if codes.place(issuer.lugar_expedicion) is not None:
            able.append(issuer)
        elif tell:
            messages.warning(request, f"{issuer.rfc}: {closings.unknown_place(issuer)}")
    return able


def _show(request: StaffRequest, issuers: list[Issuer], *, policy: PolicyForm | None = None) -> HttpResponse:
    now = timezone.now()
    issuer, place, period = _chosen(request.GET, issuers, now)
    scope = Scope.of(issuer, period, place)
    today = local_now(now, scope.place).date()
    proposal = proposing.propose(scope)
    names = branches.by_place(request.organization)
    listed = _listed(request.organization, names)
    ceiling = closings.policy_of(request.organization.pk).ceiling
    row = Closing.objects.filter(
        organization=request.organization, issuer=issuer, lugar_expedicion=scope.place,
        periodicidad=period.periodicidad, first_day=period.first,
    ).first()  # fmt: skip
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "section": "cierre",
        "zone": zone_of(scope.place),
        "issuers": issuers,
        "issuer": issuer,
        "place": place,
        "places": [(each, _place_name(each, issuer, names)) for each in _places(issuer)],
        "place_name": _place_name(place, issuer, names) if len(_places(issuer)) > 1 else "",
        "period": period,
        "kinds": [(key, periods.NAMES[key]) for key in periods.allowed(issuer.regimen_fiscal)],
        "proposal": proposal,
        "documents": -(-proposal.enters.charges // ceiling),
        "outs": _outs(proposal),
        "row": row,
        "running": row is not None and row.state == Closing.State.RUNNING,
        "early": today < period.last,
        "today_is_last": today == period.last,
        "deadline": scope.ends_at + dt.timedelta(hours=24),
        "closings": listed,
        "by_place": bool(names) or any(row.lugar_expedicion != row.issuer.lugar_expedicion for row, *_ in listed),
        "policy": policy
        or PolicyForm(initial=_said(_policy(request.organization)), regimenes={i.regimen_fiscal for i in issuers}),
        "may_issue": may(request.membership, Need.ISSUE),
        "may_administer": may(request.membership, Need.ADMINISTER),
    }
    return render(request, "desk/closing.html", context, status=422 if policy else 200)


def _outs(proposal: Proposal) -> list[Out]:
    return [
        Out(title, fate, found.charges, found.total, [each for each in proposal.examples if each.why == why])
        for why, (title, fate) in REASONS.items()
        if (found := proposal.out.get(why))
    ]


def _places(issuer: Issuer) -> list[str]:
    return [each for each in proposing.places(issuer) if codes.place(each) is not None]


def _chosen(query: Any, issuers: list[Issuer], now: dt.datetime) -> tuple[Issuer, str, Period]:
    """The issuer, place and period that were asked for; otherwise the first issuer's own, in the policy's kind."""
    issuer = next((each for each in issuers if str(each.pk) == query.get("emisor")), issuers[0])
    asked_place = query.get("lugar", "")
    place = asked_place if asked_place in _places(issuer) else issuer.lugar_expedicion
    kind = query.get("tipo", "")
    asked = kind in periods.allowed(issuer.regimen_fiscal)
    if not asked:
        kind = closings.policy_of(issuer.organization_id).periodicidad
    try:
        return issuer, place, periods.containing(kind, dt.date.fromisoformat(query.get("dia", "")))
    except ValueError:
        today = local_now(now, place).date()
    if asked or kind == periods.DIARIA:
        return issuer, place, periods.containing(kind, today)
    return issuer, place, closings.last_ended(issuer, kind, now, place)


@staff(Need.ISSUE)
@require_POST
def start(request: StaffRequest) -> HttpResponse:
    """Close a period. Of two people at once one wins, and the other is told who."""
    issuers = _issuers(request)
    if not issuers:
        return HttpResponseRedirect(reverse("desk:closing"))
    issuer, place, period = _chosen(request.POST, issuers, timezone.now())
    asked = {"emisor": issuer.pk, "tipo": period.periodicidad, "dia": period.first.isoformat(), "lugar": place}
    back = f"{reverse('desk:closing')}?{urlencode(asked)}"
    try:
        started = closings.start(issuer, period, user=request.user, now=timezone.now(), place=place)
    except closings.AlreadyClosing as taken:
        messages.warning(request, _taken(taken.closing))
        return HttpResponseRedirect(reverse("desk:closing_progress", args=[taken.closing.pk]))
    except closings.NothingToClose:
        messages.info(request, "No hay remisiones pagadas y sin factura en ese periodo: no se generó nada.")
    except closings.NotYet:
        messages.warning(request, f"El periodo termina el {period.last:%d/%m/%Y}: se cierra desde ese día.")
    except closings.NotReady as error:
        messages.warning(request, f"{error} No se generó nada.")
    except closings.NotAllowed:
        messages.warning(request, "Su permiso de emitir facturas cambió: no se generó nada.")
    else:
        messages.success(request, f"Se está cerrando {period}. Puede dejar esta página.")
        return HttpResponseRedirect(reverse("desk:closing_progress", args=[started.pk]))
    return HttpResponseRedirect(back)


def _taken(closing: Closing) -> str:
    who = closing.asked_by.name if closing.asked_by else "otra persona"
    verb = "lo está cerrando" if closing.state == Closing.State.RUNNING else "ya lo cerró"
    return f"{who} {verb}: su solicitud no generó nada."


def _place_name(place: str, issuer: Issuer, names: dict[str, str]) -> str:
    """As people know it: its branches, or what it is to the issuer."""
    return names.get(place) or ("Emisor" if place == issuer.lugar_expedicion else "Lugar anterior del emisor")


def _listed(organization: Organization, names: dict[str, str]) -> list[tuple[Closing, Badge, str]]:
    rows = (
        Closing.objects.filter(organization=organization)
        .select_related("issuer", "asked_by")
        .annotate(parts=Count("documents", filter=_LIVE), total=Sum("documents__document__total", filter=_LIVE))
        .order_by("-last_day", "-first_day")[:SHOWN]
    )
    return [
        (row, BADGES[Closing.State(row.state)], _place_name(row.lugar_expedicion, row.issuer, names)) for row in rows
    ]


@staff(Need.SEE)
@require_GET
def progress(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """How a closing goes: built, stamped, refused; its files."""
    return render(request, "desk/closing_progress.html", _progress(request, pk))


@staff(Need.SEE)
@require_GET
def progress_piece(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The same without the page, which htmx asks for while something moves."""
    return render(request, "desk/pieces/closing.html", _progress(request, pk))


def _progress(request: StaffRequest, pk: uuid.UUID) -> dict[str, Any]:
    documents = GlobalDocument.objects.select_related("document").defer("document__content").order_by("number")
    closing = (
        Closing.objects.filter(organization=request.organization, pk=pk)
        .select_related("issuer", "asked_by")
        .prefetch_related(Prefetch("documents", queryset=documents))
        .first()
    )
    if closing is None:
        raise Http404
    rows = list(closing.documents.all())
    states = [row.document.state for row in rows]
    building = closing.state == Closing.State.RUNNING
    rebuilds = rebuilding.of_closing(closing)
    return {
        "organization": request.organization,
        "membership": request.membership,
        "section": "cierre",
        "zone": request.organization.zone,
        "closing": closing,
        "badge": BADGES[Closing.State(closing.state)],
        "rows": [(row, _badge(row.document)) for row in rows],
        "rebuilds": rebuilds,
        "stamped": states.count(State.STAMPED),
        "parts": len(rows) - states.count(State.CANCELLED),
        "refused": [
            row for row in rows if row.document.state == State.REJECTED and not rebuilding.is_again(row.document)
        ],
        "building": building,
        "moving": building
        or any(each.moves for each in rebuilds)
        or any(state in UNSETTLED and state != State.HELD for state in states),
        "may_issue": may(request.membership, Need.ISSUE),
    }


def _badge(document: FiscalDocument) -> Badge:
    return Badge("Timbrada", "good") if document.state == State.STAMPED else invoice_badge(document)


@staff(Need.SEE)
@require_GET
def xml(request: StaffRequest, pk: uuid.UUID, number: int) -> HttpResponse:
    return xml_of(_stamped(request, pk, number))


@staff(Need.SEE)
@require_GET
def pdf(request: StaffRequest, pk: uuid.UUID, number: int) -> HttpResponse:
    return pdf_or_why(request, _stamped(request, pk, number))


def _stamped(request: StaffRequest, pk: uuid.UUID, number: int) -> FiscalDocument:
    row = (
        GlobalDocument.objects.filter(organization=request.organization, closing_id=pk, number=number)
        .select_related("document__organization")
        .defer("document__content")
        .first()
    )
    if row is None or row.document.state not in (State.STAMPED, State.CANCELLED):
        raise Http404
    return row.document


@staff(Need.ADMINISTER)
@require_POST
def policy(request: StaffRequest) -> HttpResponse:
    """How the organization closes its periods; audited."""
    row = _policy(request.organization)
    before = _said(row)
    issuers = _issuers(request)
    form = PolicyForm(request.POST, regimenes={issuer.regimen_fiscal for issuer in issuers})
    if not form.is_valid():
        return _show(request, issuers, policy=form) if issuers else HttpResponseRedirect(reverse("desk:closing"))
    with transaction.atomic():
        GlobalPolicy.objects.update_or_create(organization=request.organization, defaults=form.cleaned_data)
        record(
            organization_id=request.organization.pk,
            actor=request.user.email,
            action="closing.policy",
            subject=f"organization:{request.organization.pk}",
            before=before,
            after=form.cleaned_data,
            now=timezone.now(),
        )
    messages.success(request, "Quedó guardado cómo se cierran los periodos.")
    return HttpResponseRedirect(reverse("desk:closing"))


def _policy(organization: Organization) -> GlobalPolicy:
    found = GlobalPolicy.objects.filter(organization=organization).first()
    return found or GlobalPolicy(organization=organization)


def _said(row: GlobalPolicy) -> dict[str, Any]:
    return {"mode": row.mode, "periodicidad": row.periodicidad, "ceiling": row.ceiling}

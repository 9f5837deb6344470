"""What needs somebody after the stamp: cancellations and substitutions that stand still, and what SAT says otherwise.

Only finds and says; each entry leads to the page where a person can act.
"""

from __future__ import annotations

import datetime as dt

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from emite.cancellations.models import CancellationRequest, GlobalRebuild, ReceivedCancellation, State, Substitution
from emite.credits import paying_out
from emite.credits.models import CreditNote
from emite.documents.models import State as DocumentState
from emite.organizations.models import Organization
from emite.reconciling.models import Difference
from emite.web.desk.attention import LIMIT, REFUSED_SINCE, Entry, Road, credit_roads
from emite.web.desk.cancel_states import CODES

#: The PAC gave SAT's acuse so long ago and SAT still has it alive: somebody should ask.
SILENT = dt.timedelta(hours=24)


def endings(organization: Organization, now: dt.datetime) -> list[Entry]:
    """Credit notes, substitutions (two may be live), cancellations. One query where there is nothing, nearly always."""
    roads: list[Road] = [
        *credit_roads(organization, now),
        (_substitutions(organization, now), _substitution),
        (_cancellations(organization, now), _cancellation),
        (paying_out.owed(organization.pk).select_related("charge", "register").order_by("created_at"), _owed),
        (_differences(organization), _difference),
        (_rebuilds(organization), _rebuild),
        (_received(organization), _asked_of_us),
    ]
    some = Organization.objects.filter(pk=organization.pk).values_list(*(Exists(rows) for rows, _ in roads)).get()
    return [said(row) for (rows, said), any_ in zip(roads, some, strict=True) if any_ for row in rows[:LIMIT]]


def _substitutions(organization: Organization, now: dt.datetime) -> QuerySet[Substitution]:
    later = Substitution.objects.filter(original=OuterRef("original"), asked_at__gt=OuterRef("asked_at"))
    return (
        Substitution.objects.filter(
            Q(state=Substitution.State.REFUSED)
            | Q(state=Substitution.State.STAMPING, substitute__state=DocumentState.HELD)
            | Q(state=Substitution.State.FAILED, finished_at__gte=now - REFUSED_SINCE)
            & Q(original__state=DocumentState.STAMPED),
            organization=organization,
        )
        .exclude(Exists(later))
        .select_related("original", "substitute")
        .defer("original__content", "substitute__content")
        .order_by("asked_at")
    )


def _substitution(row: Substitution) -> Entry:
    title = f"Corrección de {row.original.serie or ''}{row.original.folio or ''}"
    address = reverse("desk:cancellation", args=[row.original_id])
    if row.state == Substitution.State.REFUSED:
        words = "No se pudo cancelar la anterior y hay dos facturas vivas: decida cuál queda."
        return Entry("wrong", title, words, address, row.asked_at)
    if row.state == Substitution.State.FAILED:
        why = f"({row.substitute.last_code}) {row.substitute.last_text}"
        return Entry(
            "cost", title, f"La nueva no se timbró {why} Nada cambió: corrija los datos.", address, row.asked_at
        )
    address = reverse("desk:resolve", args=[row.substitute_id])
    return Entry("wrong", title, "La nueva está detenida: la revisa una persona.", address, row.asked_at)


def _cancellations(organization: Organization, now: dt.datetime) -> QuerySet[CancellationRequest]:
    later = CancellationRequest.objects.filter(document=OuterRef("document"), asked_at__gt=OuterRef("asked_at"))
    open_one = Substitution.objects.filter(original=OuterRef("document"), state__in=Substitution.OPEN_STATES)
    return (
        CancellationRequest.objects.filter(
            Q(state__in=(State.REJECTED, State.REFUSED), finished_at__gte=now - REFUSED_SINCE)
            | Q(state=State.REQUESTED, estado="Vigente", first_sent_at__lt=now - SILENT)
            | Q(refused_at__isnull=False, finished_at=None),
            organization=organization,
            document__state=DocumentState.STAMPED,
        )
        .exclude(Exists(later))
        .exclude(Exists(open_one))
        .select_related("document")
        .defer("document__content")
        .order_by("asked_at")
    )


def _cancellation(row: CancellationRequest) -> Entry:
    match row.state:
        case State.REJECTED:
            words = "El receptor la rechazó: la factura sigue viva. Pídala otra vez o emita una nota de crédito."
        case State.REFUSED:
            words = CODES.get(row.last_code, f"El SAT no la admitió ({row.last_code}): {row.last_text}")
        case State.REQUESTED:
            words = "El PAC tiene el acuse y el SAT todavía la da por vigente después de un día: pregunte a su PAC."
        case _:
            words = "Un envío quedó en duda y otro no se admitió: se pregunta al SAT hasta 72 horas."
    title = f"Cancelación de {row.document.serie or ''}{row.document.folio or ''}"
    tone = "wrong" if row.state in (State.REJECTED, State.REFUSED) else "cost"
    return Entry(tone, title, words, reverse("desk:cancellation", args=[row.document_id]), row.asked_at)


def _owed(row: CreditNote) -> Entry:
    assert row.charge is not None  # only a charge's note gives money back
    detail = f"La nota de crédito se timbró y su efectivo no ha salido de la caja {row.register}: entréguelo o avise."
    title = f"Faltan ${row.total:,.2f} en efectivo de {row.charge.folio}"
    address = f"{reverse('desk:charge', args=[row.charge_id])}#notas-de-credito"
    return Entry("cost", title, detail, address, row.created_at)


def _rebuilds(organization: Organization) -> QuerySet[GlobalRebuild]:
    rows = GlobalRebuild.objects.filter(organization=organization, state=GlobalRebuild.State.STOPPED)
    return rows.select_related("original__global_document").defer("original__content").order_by("asked_at")


def _rebuild(row: GlobalRebuild) -> Entry:
    title = f"Falta emitir otra vez la global {row.original.serie or ''}{row.original.folio or ''}"
    detail = f"El SAT la canceló y la que la sustituye no se timbró: {row.last_text}"
    address = reverse("desk:closing_progress", args=[row.original.global_document.closing_id])
    return Entry("wrong", title, detail, address, row.asked_at)


def _differences(organization: Organization) -> QuerySet[Difference]:
    rows = Difference.objects.filter(organization=organization, closed_at=None).select_related("document")
    return rows.defer("document__content", "xml", "raw").order_by("found_at")


def _difference(row: Difference) -> Entry:
    title = "Hay un timbre que no está aquí"
    if row.document is not None:
        title = f"{row.document.serie or ''}{row.document.folio or ''} no coincide"
    return Entry("wrong", title, f"{row.get_kind_display()}.", reverse("desk:reconciliation"), row.found_at)


def _received(organization: Organization) -> QuerySet[ReceivedCancellation]:
    rows = ReceivedCancellation.objects.filter(organization=organization, state=ReceivedCancellation.State.PENDING)
    return rows.order_by("due")


def _asked_of_us(row: ReceivedCancellation) -> Entry:
    folio = str(row.uuid).upper()
    detail = f"Folio fiscal {folio}. Conteste a más tardar el {row.due:%d/%m/%Y}: el silencio la acepta."
    return Entry("cost", "Piden cancelar una factura recibida", detail, reverse("desk:answers"), row.first_seen_at)

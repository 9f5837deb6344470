"""Payment complements as pages, for whoever has them: the practice (W25-W28) and the hospital's accounts on credit.

What a complement may be is decided in `settlements.complementing`; each audience hangs these views in its own shell.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from emite.cfdi import intake
from emite.cfdi.faults import CfdiInvalid, Severity
from emite.charges.allowing import NotAllowed
from emite.documents.sealing import NotReady
from emite.settlements import complementing, following, paying
from emite.settlements.complementing import ComplementRefused
from emite.settlements.models import PaymentComplement, Receivable, ReceivedPayment
from emite.web.access import Need, StaffRequest, View
from emite.web.cfdi_files import foreign_pdf_or_why, pdf_or_why, xml_of
from emite.web.complement_standing import life_of
from emite.web.files import attachment

#: From so many days before the last one, the task is told as urgent.
SOON: Final = 3
PAGE: Final = 50
_CATCH_UP: Final = 50
State = PaymentComplement.State


@dataclass(frozen=True, slots=True)
class Place:
    """Where the pages hang: their addresses' namespace, the shell, and what the shell asks for."""

    namespace: str
    shell: str
    context: Callable[[StaffRequest], dict[str, Any]]

    def url(self, name: str, *args: object) -> str:
        return reverse(f"{self.namespace}:{name}", args=args)

    def render(self, request: StaffRequest, name: str, status: int = 200, **more: Any) -> HttpResponse:
        context = {**self.context(request), "shell": self.shell, "place": self, "zone": request.organization.zone}
        return render(request, f"complements/{name}.html", context | more, status=status)


@dataclass(frozen=True, slots=True)
class Task:
    """A payment with its complement, and how long is left for it."""

    complement: PaymentComplement
    days: int

    @property
    def tone(self) -> str:
        if self.complement.state != State.DUE:
            return "good" if self.complement.is_delivered else "accent"
        return "wrong" if self.days < 0 else "cost" if self.days <= SOON else ""

    @property
    def words(self) -> str:
        """What the list says of it."""
        if self.complement.state == State.DUE:
            return "Complemento pendiente"
        if self.complement.state == State.ASKED:
            return "Timbrándose"
        return "Complemento Cargado" if self.complement.is_delivered else "Complemento timbrado, falta entregarlo"

    @property
    def left(self) -> str:
        if self.complement.state != State.DUE:
            return ""
        if self.days < 0:
            return f"Venció hace {-self.days} día{'s' if self.days != -1 else ''}"
        return "Vence hoy" if self.days == 0 else f"Quedan {self.days} día{'s' if self.days != 1 else ''}"

    @property
    def names(self) -> str:
        """The invoices that the payment settles."""
        shares = self.complement.payment.shares.all()
        return ", ".join(sorted(str(share.receivable) for share in shares)[:5]) + ("…" if len(shares) > 5 else "")


class MailForm(forms.Form):
    email = forms.EmailField(
        label="Correo electrónico",
        error_messages={
            "required": "Escriba el correo.",
            "invalid": "El correo no está completo: debe ser como nombre@ejemplo.com.",
        },
    )


class ExternalForm(forms.Form):
    xml = forms.FileField(
        label="XML del complemento",
        help_text="El que devolvió el PAC, con su timbre. El PDF no sirve: es sólo su impresión.",
        widget=forms.FileInput(attrs={"accept": ".xml,text/xml,application/xml"}),
        error_messages={"required": "Elija el archivo XML.", "empty": "El archivo está vacío."},
    )

    def clean_xml(self) -> bytes:
        upload = self.cleaned_data["xml"]
        if upload.size > intake.MAX_BYTES:
            raise forms.ValidationError("El archivo es demasiado grande: el XML de un complemento no pasa de 8 MB.")
        content: bytes = upload.read()
        return content


class UndoForm(forms.Form):
    reason = forms.CharField(
        label="¿Por qué se deshace?",
        max_length=paying.REASON_LIMIT,
        error_messages={"required": "Escriba por qué se deshace el pago."},
    )


def tasks_of(complements: list[PaymentComplement], today: dt.date) -> list[Task]:
    return [Task(each, each.days_left(today)) for each in complements]


def listing(request: StaffRequest, place: Place) -> HttpResponse:
    """Every payment with its complement: what is due first, then the rest."""
    following.catch_up(now=timezone.now(), limit=_CATCH_UP, organization_id=request.organization.pk)
    rows = (
        PaymentComplement.objects.filter(organization=request.organization)
        .exclude(state=State.CANCELLED)
        .select_related("payment__issuer")
        .prefetch_related("payment__shares__receivable")
    )
    today = request.organization.local_date(timezone.now())
    waiting = list(rows.filter(state=State.DUE).order_by("due_on", "created_at")[:200])
    page = Paginator(rows.exclude(state=State.DUE).order_by("-payment__paid_at", "-pk"), PAGE).get_page(
        request.GET.get("pagina")
    )
    return place.render(request, "list", waiting=tasks_of(waiting, today), page=page, done=tasks_of(list(page), today))


def receivable(request: StaffRequest, place: Place, pk: uuid.UUID) -> HttpResponse:
    """What an invoice is owed and every payment of it, by its folio fiscal: where "vista" leads."""
    following.catch_up(now=timezone.now(), limit=_CATCH_UP, organization_id=request.organization.pk)
    found = get_object_or_404(Receivable, organization=request.organization, cfdi_uuid=pk)
    shares = found.shares.filter(payment__undone_at=None).select_related("payment").order_by("number")
    live = {
        each.payment_id: each
        for each in PaymentComplement.objects.filter(
            organization=request.organization, payment__in=[share.payment_id for share in shares]
        )
        .exclude(state=State.CANCELLED)
        .select_related("payment__issuer")
        .prefetch_related("payment__shares__receivable")
    }
    today = request.organization.local_date(timezone.now())
    rows = [(share, Task(live[share.payment_id], live[share.payment_id].days_left(today))) for share in shares]
    return place.render(
        request,
        "receivable",
        receivable=found,
        rows=rows,
        pending=[task for _, task in rows if task.complement.state == State.DUE],
        finished=bool(rows) and found.balance == 0 and all(task.complement.is_delivered for _, task in rows),
    )


def payment(
    request: StaffRequest,
    place: Place,
    pk: uuid.UUID,
    *,
    problem: str = "",
    mail: MailForm | None = None,
    external: ExternalForm | None = None,
    undo: UndoForm | None = None,
) -> HttpResponse:
    """One payment: before, the complement that would be issued; after, its files and who has it."""
    found, live = payment_of(request, pk)
    today = request.organization.local_date(timezone.now())
    bound = [form for form in (mail, external, undo) if form is not None]
    return place.render(
        request,
        "payment",
        status=422 if problem or bound else 200,
        payment=found,
        complement=live,
        task=Task(live, live.days_left(today)),
        life=life_of(live),
        comprobante=complementing.preview(found, now=timezone.now()) if live.state == State.DUE else None,
        shares=found.shares.select_related("receivable").order_by("receivable__issued_at"),
        problem=problem or (live.failure if live.state == State.DUE else ""),
        mail=mail or MailForm(),
        external=external or ExternalForm(),
        undo=undo or UndoForm(),
        bound=bound[0] if bound else None,
    )


def issue(request: StaffRequest, place: Place, pk: uuid.UUID) -> HttpResponse:
    """The confirmation: asked once or twice, it is one CFDI."""
    found, _ = payment_of(request, pk)
    try:
        complementing.issue(
            found, user=request.user, now=timezone.now(), key=request.POST.get("key", "")[:64] or uuid.uuid4().hex
        )
    except (ComplementRefused, NotAllowed, NotReady) as error:
        return payment(request, place, pk, problem=str(error))
    except CfdiInvalid as invalid:
        return payment(request, place, pk, problem=" ".join(f"{each.message} ({each.code})" for each in invalid.faults))
    return HttpResponseRedirect(place.url("complement", pk))


def progress(request: StaffRequest, place: Place, pk: uuid.UUID) -> HttpResponse:
    """The piece that asks again by itself while it is stamped; then the whole page comes."""
    found, live = payment_of(request, pk)
    if live.state != State.ASKED:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return place.render(request, "pieces/progress", payment=found)


def mail(request: StaffRequest, place: Place, pk: uuid.UUID) -> HttpResponse:
    _, live = payment_of(request, pk)
    form = MailForm(request.POST)
    if form.is_valid():
        address = form.cleaned_data["email"]
        try:
            complementing.mail(live, address, now=timezone.now(), user=request.user)
        except ComplementRefused as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, f"Se envía a {address}.{' Complemento Cargado.' if live.is_delivered else ''}")
            return HttpResponseRedirect(place.url("complement", pk))
    return payment(request, place, pk, mail=form)


def deliver(request: StaffRequest, place: Place, pk: uuid.UUID) -> HttpResponse:
    """A person says that the payer has it, by another way."""
    _, live = payment_of(request, pk)
    try:
        complementing.handed_over(live, user=request.user, now=timezone.now())
    except ComplementRefused as refused:
        return payment(request, place, pk, problem=refused.message)
    messages.success(request, "Complemento Cargado.")
    return HttpResponseRedirect(place.url("complement", pk))


def external(request: StaffRequest, place: Place, pk: uuid.UUID) -> HttpResponse:
    """ "Cargar complemento externo", with every finding when it is not taken."""
    found, _ = payment_of(request, pk)
    form = ExternalForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            complementing.load_external(found, form.cleaned_data["xml"], user=request.user, now=timezone.now())
        except (ComplementRefused, NotAllowed) as refused:
            form.add_error(None, str(refused))
        except CfdiInvalid as invalid:
            for fault in invalid.faults[:20]:
                if fault.severity is Severity.ERROR:
                    form.add_error("xml", f"{fault.message} ({fault.code})")
        else:
            messages.success(request, "Complemento externo cargado.")
            return HttpResponseRedirect(place.url("complement", pk))
    return payment(request, place, pk, external=form)


def undo(request: StaffRequest, place: Place, pk: uuid.UUID) -> HttpResponse:
    found, _ = payment_of(request, pk)
    form = UndoForm(request.POST)
    if form.is_valid():
        try:
            paying.undo(found, reason=form.cleaned_data["reason"], user=request.user, now=timezone.now())
        except (paying.PaymentRefused, NotAllowed) as refused:
            form.add_error("reason", str(refused))
        else:
            messages.success(request, "Pago deshecho: los saldos de sus facturas volvieron a ser los de antes.")
            return HttpResponseRedirect(place.url("complements"))
    return payment(request, place, pk, undo=form)


def xml(request: StaffRequest, place: Place, pk: uuid.UUID) -> HttpResponse:
    _, live = payment_of(request, pk)
    if live.external is not None:
        return attachment(bytes(live.external.xml), "application/xml", f"{str(live.external.uuid).upper()}.xml")
    if live.document is None or live.document.uuid is None:
        raise Http404
    return xml_of(live.document)


def pdf(request: StaffRequest, place: Place, pk: uuid.UUID) -> HttpResponse:
    _, live = payment_of(request, pk)
    if live.external is not None:
        return foreign_pdf_or_why(request, bytes(live.external.xml), live.external.uuid, "El complemento")
    if live.document is None or live.document.uuid is None:
        raise Http404
    return pdf_or_why(request, live.document, "El complemento")


def payment_of(request: StaffRequest, pk: uuid.UUID) -> tuple[ReceivedPayment, PaymentComplement]:
    """The payment with its live complement, brought up to what became of its document. 404 once it is undone."""
    found = get_object_or_404(
        ReceivedPayment.objects.select_related("issuer"), organization=request.organization, pk=pk, undone_at=None
    )
    live = complementing.live_of(found)
    if live is not None and live.document_id is not None and live.state == State.ASKED:
        following.settle(live.document_id, now=timezone.now())
        live = complementing.live_of(found)
    if live is None:
        raise Http404
    return found, live


#: Name, end of the address, who may, how it is asked, what it does.
Page = tuple[str, str, Need, Callable[[View], View], View]
_PAGES: Final[tuple[Page, ...]] = (
    ("complements", "", Need.SEE, require_GET, listing),
    ("receivable", "facturas/<uuid:pk>/", Need.SEE, require_GET, receivable),
    ("complement", "<uuid:pk>/", Need.SEE, require_GET, payment),
    ("complement_issue", "<uuid:pk>/generar/", Need.ISSUE, require_POST, issue),
    ("complement_progress", "<uuid:pk>/avance/", Need.SEE, require_GET, progress),
    ("complement_mail", "<uuid:pk>/correo/", Need.ISSUE, require_POST, mail),
    ("complement_deliver", "<uuid:pk>/entregado/", Need.ISSUE, require_POST, deliver),
    ("complement_external", "<uuid:pk>/externo/", Need.ISSUE, require_POST, external),
    ("complement_undo", "<uuid:pk>/deshacer/", Need.COLLECT, require_POST, undo),
    ("complement_xml", "<uuid:pk>/complemento.xml", Need.SEE, require_GET, xml),
    ("complement_pdf", "<uuid:pk>/complemento.pdf", Need.SEE, require_GET, pdf),
)


def addresses(place: Place, at: str, allowed: Callable[[Need], Callable[[View], View]]) -> list[URLPattern]:
    """These pages for one audience: under `at`, and through its own door."""
    return hung(_PAGES, place, at, allowed)


def hung(
    pages: Sequence[Page], place: Place, at: str, allowed: Callable[[Need], Callable[[View], View]]
) -> list[URLPattern]:
    """Pages of a place as addresses."""
    return [
        path(f"{at}{end}", allowed(need)(method(_there(view, place))), name=name)
        for name, end, need, method, view in pages
    ]


def _there(view: View, place: Place) -> View:
    @wraps(view)
    def page(request: StaffRequest, **ids: uuid.UUID) -> HttpResponseBase:
        return view(request, place, **ids)

    return page

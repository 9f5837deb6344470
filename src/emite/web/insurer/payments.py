"""What the payer paid: a transfer over many invoices, the complements that are missing, how old its debts are."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from emite.cfdi import plazos
from emite.reviews import paying
from emite.reviews.allowing import Refused
from emite.reviews.models import OWED, Notice, PayerPayment, ReceivedComplement, ReceivedInvoice
from emite.settlements.paying import FORMS
from emite.web.amounts import read_amount
from emite.web.insurer.access import Need, StaffRequest, payer
from emite.web.insurer.inbox import context_of
from emite.web.once import key_of

PAGE: Final = 50
#: Invoices of one supplier that the page of a transfer lists; a file takes many more.
LISTED: Final = 200
ALREADY: Final = "Ya estaba registrado: no se registró otra vez. Si es otro pago, abra la página de nuevo."
#: Nobody knows at what hour a transfer arrived: noon, as the SAT's guide to the complement says.
NOON: Final = dt.time(12)
#: Days since they were received, as the columns of the ageing.
AGES: Final = ((30, "Hasta 30 días"), (60, "31 a 60"), (90, "61 a 90"), (100_000, "Más de 90"))


class PaymentForm(forms.Form):
    """When, how and with what reference; the amounts stand beside each invoice."""

    day = forms.DateField(
        label="Fecha del pago",
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": "Escriba la fecha del pago.", "invalid": "Escriba la fecha completa."},
    )
    forma_pago = forms.ChoiceField(label="Forma de pago", choices=list(FORMS.items()))
    operation = forms.CharField(label="Referencia de la transferencia", max_length=100, required=False)
    key = forms.CharField(widget=forms.HiddenInput)

    def moment(self, request: StaffRequest, now: dt.datetime) -> dt.datetime:
        """The payment's moment: noon of that day, or now if noon has not come."""
        noon = dt.datetime.combine(self.cleaned_data["day"], NOON, request.organization.zone)
        today = request.organization.local_date(now)
        return min(noon, now) if self.cleaned_data["day"] == today else noon


@payer(Need.SEE)
@require_GET
def payments(request: StaffRequest) -> HttpResponse:
    """The newest first, each with its complements or the day until which the supplier has to send it."""
    rows = PayerPayment.objects.filter(organization=request.organization)
    page = Paginator(rows.order_by("-paid_at", "-pk"), PAGE).get_page(request.GET.get("pagina"))
    keys = [row.pk for row in page]
    counted = Count("complements", filter=Q(complements__cancelled_at=None))
    counts = dict(PayerPayment.objects.filter(pk__in=keys).annotate(n=counted).values_list("pk", "n"))
    names = {
        row.payments_pk: row
        for row in ReceivedInvoice.objects.filter(shares__payment__in=keys)
        .annotate(payments_pk=F("shares__payment"))
        .only("supplier_name", "nombre_emisor", "control_number")
    }
    today = request.organization.local_date(timezone.now())
    untold = set(Notice.objects.filter(payment__in=keys, tries__gte=2).exclude(next_at=None).values_list("payment"))
    listed = [
        (row, names.get(row.pk), counts.get(row.pk, 0), _due(request, row, today), (row.pk,) in untold) for row in page
    ]
    standing = rows.filter(undone_at=None)
    alive = ReceivedComplement.objects.filter(payment=OuterRef("pk"), cancelled_at=None)
    missing = standing.filter(~Exists(alive))
    context = context_of(
        request,
        "pagos",
        page=page,
        payments=listed,
        missing=missing.count(),
        missing_amount=missing.aggregate(all=Sum("amount"))["all"] or Decimal(0),
        total=standing.aggregate(all=Sum("amount"))["all"] or Decimal(0),
        filters="?",
    )
    return render(request, "insurer/payments.html", context)


def _due(request: StaffRequest, payment: PayerPayment, today: dt.date) -> tuple[dt.date, int]:
    due = plazos.complement_due(request.organization.local_date(payment.paid_at))
    return due, (due - today).days


@payer(Need.PAY)
@require_http_methods(["GET", "POST"])
def register(request: StaffRequest) -> HttpResponse:
    """Choose the supplier, then its approved invoices and how much of each; prefilled with what is owed."""
    rows = _payable(request)
    suppliers = list(
        rows.values("rfc_emisor", "nombre_emisor").annotate(n=Count("pk"), due=Sum(OWED)).order_by("nombre_emisor")
    )
    wanted = request.GET.get("proveedor", "") or (suppliers[0]["rfc_emisor"] if len(suppliers) == 1 else "")
    theirs = rows.filter(rfc_emisor=wanted)
    invoices = list(theirs.order_by("scheduled_on", "received_at", "pk")[:LISTED]) if wanted else []
    now = timezone.now()
    if request.method == "GET":
        form = PaymentForm(initial={"day": request.organization.local_date(now), "key": str(uuid.uuid4())})
        return _page(request, suppliers, wanted, invoices, form)
    form = PaymentForm(request.POST)
    if was_registered(request):
        messages.info(request, ALREADY)
        return HttpResponseRedirect(reverse("insurer:payments"))
    problems: list[str] = []
    shares = _shares(request, theirs, problems)
    if form.is_valid() and not problems:
        try:
            made = paying.register(
                request.organization.pk,
                shares,
                paid_at=form.moment(request, now),
                forma_pago=form.cleaned_data["forma_pago"],
                operation=form.cleaned_data["operation"],
                user=request.user,
                now=now,
                key=key_of(form.cleaned_data["key"]),
            )
        except Refused as refused:
            field = {"paid_at": "day"}.get(refused.field, refused.field)
            if field in form.fields:
                form.add_error(field, refused.message)
            else:
                problems.append(refused.message)
        else:
            messages.success(request, f"Se registró el pago de ${made.amount:,.2f}. Su proveedor recibe el aviso.")
            return HttpResponseRedirect(reverse("insurer:payments"))
    return _page(request, suppliers, wanted, invoices, form, problems)


def was_registered(request: StaffRequest) -> bool:
    """The button was pressed twice: what it asked for is done."""
    key = key_of(request.POST.get("key", ""))
    return PayerPayment.objects.filter(organization=request.organization, idempotency_key__startswith=key).exists()


def key_in(typed: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(typed)
    except ValueError:
        return None


def _payable(request: StaffRequest) -> QuerySet[ReceivedInvoice]:
    rows = ReceivedInvoice.objects.filter(organization=request.organization, state=ReceivedInvoice.State.APPROVED)
    return rows.annotate(due=OWED).filter(due__gt=0).defer("xml", "findings")


def _shares(
    request: StaffRequest, payable: QuerySet[ReceivedInvoice], problems: list[str]
) -> list[tuple[uuid.UUID, Decimal]]:
    """The ticked ones with their amounts; what cannot be read is said by invoice."""
    ticked = {key for each in request.POST.getlist("factura") if (key := key_in(each))}
    found = list(payable.filter(pk__in=ticked)) if len(ticked) <= paying.MOST_TOGETHER else []
    shares = []
    for each in found:
        try:
            shares.append((each.pk, read_amount(request.POST.get(f"monto-{each.pk}", ""))))
        except ValueError as error:
            problems.append(f"Factura {each}: {error}")
    if len(found) < len(ticked):
        problems.append("Una de las facturas elegidas ya no está por pagar: revise la lista y elija otra vez.")
    if not ticked:
        problems.append("Elija al menos una factura.")
    return shares


def _page(
    request: StaffRequest,
    suppliers: Sequence[Mapping[str, Any]],
    wanted: str,
    invoices: list[ReceivedInvoice],
    form: PaymentForm,
    problems: list[str] | None = None,
) -> HttpResponse:
    ticked, now = set(request.POST.getlist("factura")), timezone.now()
    rows = [
        (
            each,
            request.POST.get(f"monto-{each.pk}", f"{each.owed:.2f}"),
            not form.is_bound or str(each.pk) in ticked,
            each.doubt(now),
        )
        for each in invoices
    ]
    context = context_of(
        request,
        "pagos",
        suppliers=suppliers,
        wanted=wanted,
        rows=rows,
        doubts=sum(bool(row[3]) for row in rows),
        owed=sum((each["due"] for each in suppliers if each["rfc_emisor"] == wanted), Decimal(0)),
        more=sum(each["n"] for each in suppliers if each["rfc_emisor"] == wanted) - len(invoices),
        form=form,
        problems=problems or [],
    )
    return render(request, "insurer/pay.html", context, status=422 if form.is_bound else 200)


@payer(Need.SEE)
@require_GET
def ageing(request: StaffRequest) -> HttpResponse:
    """What is approved or under review and not paid, by supplier and by days since it arrived."""
    today = request.organization.local_date(timezone.now())
    found: dict[str, list[Any]] = {}
    rows = (
        ReceivedInvoice.objects.filter(
            organization=request.organization, state__in=(*ReceivedInvoice.OPEN, ReceivedInvoice.State.APPROVED)
        )
        .annotate(due=OWED)
        .filter(due__gt=0)
    )
    for name, rfc, at, due in rows.values_list("nombre_emisor", "rfc_emisor", "received_at", "due"):
        sums = found.setdefault(rfc, [name, *([Decimal(0)] * len(AGES))])
        days = (today - request.organization.local_date(at)).days
        sums[1 + next(index for index, (most, _) in enumerate(AGES) if days <= most)] += due
    table = [
        (sums[0], rfc, sums[1:], sum(sums[1:], Decimal(0)))
        for rfc, sums in sorted(found.items(), key=lambda one: -sum(one[1][1:], Decimal(0)))
    ]
    totals = [sum((row[2][index] for row in table), Decimal(0)) for index in range(len(AGES))]
    context = context_of(
        request,
        "antiguedad",
        ages=[label for _, label in AGES],
        table=table,
        totals=totals,
        total=sum(totals, Decimal(0)),
    )
    return render(request, "insurer/ageing.html", context)

"""One transfer of an insurer without an account: its invoices ticked or pasted, each difference with its reason."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from emite.care.models import InsurerInvoice, Payer
from emite.cfdi.money import total
from emite.evidence import pasted, transferring
from emite.evidence.models import ShortPayment, TransferEvidence
from emite.evidence.proof import Refused
from emite.evidence.transferring import Line
from emite.settlements import paying
from emite.settlements.models import PaymentComplement, PaymentShare, Receivable, ReceivedPayment
from emite.settlements.paying import PaymentRefused
from emite.web.amounts import AmountField, read_amount
from emite.web.once import key_of
from emite.web.practice.access import Need, StaffRequest, practice
from emite.web.practice.filters import filters_of
from emite.web.practice.finance import context_of
from emite.web.practice.payer_side import ProofForm, file_of

_NOON = dt.time(12)
#: In which an insurer pays; the SAT's list has more.
CURRENCIES: Final = [
    ("MXN", "Pesos mexicanos"), ("USD", "Dólares de EE. UU. (USD)"), ("EUR", "Euros (EUR)"),
    ("CAD", "Dólares canadienses (CAD)"), ("GBP", "Libras esterlinas (GBP)"), ("CHF", "Francos suizos (CHF)"),
]  # fmt: skip


class TransferForm(ProofForm):
    paid_on = forms.DateField(
        label="Fecha del pago",
        help_text="El día en que el dinero llegó a su cuenta.",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"required": "Escriba la fecha del pago.", "invalid": "Esa fecha no existe."},
    )
    forma_pago = forms.ChoiceField(label="Forma de pago", choices=list(paying.FORMS.items()))
    amount = AmountField(
        label="Monto de la transferencia", error_messages={"required": "Escriba cuánto llegó a su cuenta."}
    )
    currency = forms.ChoiceField(
        label="Moneda", choices=CURRENCIES, required=False, help_text="En la que llegó. Las facturas siguen en pesos."
    )
    exchange_rate = AmountField(
        label="Tipo de cambio", required=False, help_text="Pesos por uno de esa moneda, el día del pago: 17.3512."
    )
    operation = forms.CharField(
        label="Referencia", required=False, max_length=paying.OPERATION_LIMIT,
        error_messages={"max_length": f"La referencia lleva {paying.OPERATION_LIMIT} letras o menos."},
    )  # fmt: skip
    folios = forms.CharField(
        label="Pegar folios",
        required=False,
        help_text="Uno por renglón: No de Control Interno, folio o folio fiscal, y después, si quiere, lo que se pagó.",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
    )
    field_order = (
        "paid_on", "forma_pago", "amount", "operation", "currency", "exchange_rate", "folios", "note", "file",
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        data["currency"] = data.get("currency") or paying.PESOS
        abroad, rate = data["currency"] != paying.PESOS, data.get("exchange_rate")
        if abroad and not rate and "exchange_rate" not in self.errors:
            self.add_error("exchange_rate", f"Escriba cuántos pesos vale un {data['currency']} el día del pago.")
        elif not abroad and rate is not None and rate != 1:
            self.add_error("exchange_rate", "El pago está en pesos: deje vacío el tipo de cambio, o elija la moneda.")
        return data


@dataclass(slots=True)
class Row:
    """One invoice on the page, as typed."""

    receivable: Receivable
    number: str
    ticked: bool = False
    typed: str = ""
    why: str = ""
    amount: Decimal | None = None

    @property
    def missing(self) -> Decimal:
        return self.receivable.balance - self.amount if self.ticked and self.amount is not None else Decimal(0)


@practice(Need.COLLECT)
@require_http_methods(["GET", "POST"])
def register(request: StaffRequest) -> HttpResponse:
    """The insurer, its invoices that are owed, and the transfer. "Revisar" counts; "Registrar pago" registers."""
    key = key_of(request.POST.get("llave", ""))
    earlier = ReceivedPayment.objects.filter(organization=request.organization, idempotency_key=key).first()
    if earlier is not None:  # sent twice
        return HttpResponseRedirect(reverse("practice:transfer", args=[earlier.pk]))
    payer = _payer(request)
    posted = request.method == "POST"
    form = TransferForm(
        request.POST if posted else None,
        request.FILES if posted else None,
        initial={"paid_on": request.organization.local_date(timezone.now())},
    )
    rows = _rows(payer)
    problems = _read(request, rows, form.data.get("folios", "")) if form.is_bound else []
    if payer and form.is_valid() and not problems and request.POST.get("accion") == "registrar":
        payment = _registered(request, payer, form, rows, problems, key)
        if payment is not None:
            messages.success(request, "Pago registrado: ahora toca su complemento de pago.")
            return HttpResponseRedirect(reverse("practice:transfer", args=[payment.pk]))
    applied = [row.amount for row in rows if row.ticked and row.amount is not None]
    money = form.cleaned_data if form.is_bound and form.is_valid() else {}
    currency, rate = money.get("currency", paying.PESOS), money.get("exchange_rate") or paying.ONE
    left = transferring.beside(money["amount"], applied, currency, rate) if money else None
    context = context_of(
        request, "facturas", filters=filters_of(request), form=form, payer=payer, rows=rows, problems=problems,
        payers=_payers(request).order_by("name"), applied=total(applied), left=left, currency=currency,
        abroad=currency != paying.PESOS or "exchange_rate" in form.errors,
        reviewed=form.is_bound, ticked=sum(row.ticked for row in rows), key=key,
        whys=ShortPayment.Why.choices, owed=total(row.receivable.balance for row in rows),
        zone=request.organization.zone,
    )  # fmt: skip
    wrong = form.is_bound and bool(problems or form.errors)
    return render(request, "practice/transfer.html", context, status=422 if wrong else 200)


def _registered(
    request: StaffRequest, payer: Payer, form: TransferForm, rows: Sequence[Row], problems: list[str], key: str
) -> ReceivedPayment | None:
    """The payment; None when it was refused, which the form or `problems` then says."""
    data = form.cleaned_data
    try:
        return transferring.register(
            payer,
            [Line(row.receivable, row.amount, row.why) for row in rows if row.ticked and row.amount is not None],
            paid_on=_moment(data["paid_on"], request),
            forma_pago=data["forma_pago"],
            amount=data["amount"],
            currency=data["currency"],
            exchange_rate=paying.ONE if data["exchange_rate"] is None else data["exchange_rate"],
            operation=" ".join(data["operation"].split()),
            proof=form.proof(),
            user=request.user,
            now=timezone.now(),
            key=key,
        )
    except (Refused, PaymentRefused) as refused:
        field = _FIELDS.get(refused.field, refused.field)
        if field in form.fields:
            form.add_error(field, refused.message)
        else:
            problems.append(refused.message)
    return None


#: Where what `settlements` refuses is cured on this page.
_FIELDS = {"paid_at": "paid_on"}


def _payers(request: StaffRequest) -> QuerySet[Payer]:
    """Those that do not say by themselves what they pay."""
    return Payer.objects.filter(organization=request.organization, active=True, account=None)


def _payer(request: StaffRequest) -> Payer | None:
    payers = _payers(request)
    typed = request.POST.get("aseguradora") or request.GET.get("aseguradora", "")
    try:
        return payers.filter(pk=uuid.UUID(typed)).first()
    except ValueError:
        return payers.first() if payers.count() == 1 else None


def _moment(day: dt.date, request: StaffRequest) -> dt.datetime:
    """Noon of that day, as complements say it; of today, now when noon is still to come."""
    now, noon = timezone.now(), dt.datetime.combine(day, _NOON, request.organization.zone)
    return min(noon, now) if day == request.organization.local_date(now) else noon


def _rows(payer: Payer | None) -> list[Row]:
    owed = list(transferring.owed_by(payer)) if payer else []
    numbers = transferring.control_numbers(owed)
    return [Row(each, numbers.get(each.cfdi_uuid, str(each))) for each in owed]


def _read(request: StaffRequest, rows: Sequence[Row], folios: str) -> list[str]:
    """Write into the rows what was ticked, typed and pasted; what cannot be read is answered in words."""
    reasons = set(ShortPayment.Why.values)
    ticked = set(request.POST.getlist("factura"))
    for row in rows:
        key = str(row.receivable.pk)
        row.ticked, row.typed = key in ticked, request.POST.get(f"monto-{key}", "").strip()
        why = request.POST.get(f"por-{key}", "")
        row.why = why if why in reasons else ""
    found = pasted.read(folios, pasted.index(_names(rows)))
    problems = list(found.problems)
    for row in rows:
        key = str(row.receivable.pk)
        if key in found.amounts:
            given = found.amounts[key]
            row.ticked, row.typed = True, "" if given is None else f"{given:.2f}"
        if not row.ticked:
            continue
        try:
            row.amount = read_amount(row.typed) if row.typed else row.receivable.balance
        except ValueError as error:
            problems.append(f"Factura {row.number}: {error}")
            continue
        if row.amount <= 0 or row.amount > row.receivable.balance:
            problems.append(
                f"Factura {row.number}: escriba entre $0.01 y lo que se debe, ${row.receivable.balance:,.2f}."
            )
    return problems


def _names(rows: Sequence[Row]) -> list[tuple[str, str]]:
    return [
        (name, str(row.receivable.pk))
        for row in rows
        for name in {row.number, str(row.receivable), row.receivable.folio, str(row.receivable.cfdi_uuid)}
    ]


@practice(Need.SEE)
@require_GET
def transfer(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """What it paid, what was short and why, its proof, and the way to its complement (where it is undone too)."""
    payment = _payment_or_404(request, pk)
    shares = list(payment.shares.select_related("receivable").order_by("receivable__issued_at", "pk"))
    numbers = transferring.control_numbers([share.receivable for share in shares])
    short = {each.receivable_id: each for each in ShortPayment.objects.filter(payment=payment)}
    glosable: dict[uuid.UUID | None, uuid.UUID] = dict(
        InsurerInvoice.objects.filter(
            organization=request.organization, document__in=[share.receivable.document_id for share in shares]
        ).values_list("document_id", "pk")
    )
    lines: list[dict[str, Any]] = [
        {
            "number": numbers.get(share.receivable.cfdi_uuid, str(share.receivable)),
            "share": share,
            "short": short.get(share.receivable_id),
            "invoice": glosable.get(share.receivable.document_id) if _is_glosa(short, share) else None,
        }
        for share in shares
    ]
    kept = TransferEvidence.objects.filter(organization=request.organization, payment=payment).defer("file").first()
    context = context_of(
        request, "facturas", filters=filters_of(request), payment=payment, lines=lines, evidence=kept,
        forma=paying.FORMS.get(payment.forma_pago, payment.forma_pago), zone=request.organization.zone,
        complement=payment.complements.exclude(state=PaymentComplement.State.CANCELLED).first(),
    )  # fmt: skip
    return render(request, "practice/transfer_done.html", context)


def _is_glosa(short: Mapping[uuid.UUID, ShortPayment], share: PaymentShare) -> bool:
    """Whether what was missing was kept by the payer and is still owed."""
    kept = short.get(share.receivable_id)
    return kept is not None and kept.why == ShortPayment.Why.GLOSA and share.receivable.is_open


@practice(Need.SEE)
@require_GET
def transfer_file(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    payment = _payment_or_404(request, pk)
    kept = TransferEvidence.objects.filter(organization=request.organization, payment=payment).first()
    return file_of(kept, "comprobante")


def _payment_or_404(request: StaffRequest, pk: uuid.UUID) -> ReceivedPayment:
    found = ReceivedPayment.objects.filter(organization=request.organization, pk=pk).select_related("issuer").first()
    if found is None:
        raise Http404
    return found

"""What an insurer without an account said of an invoice, written down by the practice with its evidence."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from emite.evidence import hearing
from emite.evidence.models import PayerWord
from emite.evidence.proof import MAX_BYTES, NOTE_LIMIT, SUFFIXES, Proof, Refused, proof
from emite.web.files import attachment
from emite.web.practice import stages
from emite.web.practice.access import Need, StaffRequest, practice
from emite.web.practice.filters import filters_of
from emite.web.practice.finance import context_of
from emite.web.practice.registering import invoice_or_404


class ProofForm(forms.Form):
    """The evidence: a note, a file, or both."""

    note = forms.CharField(
        label="Nota",
        required=False,
        max_length=NOTE_LIMIT,
        help_text="Por ejemplo: «Lo confirmó Cuentas por Pagar por teléfono, con Laura, a las 12:40».",
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"max_length": f"La nota lleva {NOTE_LIMIT} letras o menos."},
    )
    file = forms.FileField(
        label="Archivo de evidencia",
        required=False,
        help_text="PDF, PNG o JPEG de 2 MB o menos: el acuse, el correo o el comprobante del banco.",
        widget=forms.FileInput(attrs={"accept": ".pdf,.png,.jpg,.jpeg"}),
        error_messages={"empty": "El archivo está vacío: elija otro."},
    )

    def proof(self) -> Proof:
        """Raises Refused."""
        upload = self.cleaned_data["file"]
        if upload is not None and upload.size > MAX_BYTES:
            raise Refused("El archivo pesa más de 2 MB: guárdelo más pequeño.", "file")
        return proof(self.cleaned_data["note"], upload.read() if upload is not None else None)


class WordForm(ProofForm):
    said = forms.ChoiceField(label="Qué dijo", error_messages={"required": "Elija qué dijo la aseguradora."})
    said_on = forms.DateField(
        label="Qué día lo dijo",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"required": "Escriba el día.", "invalid": "Esa fecha no existe."},
    )
    reason = forms.CharField(
        label="Motivo del rechazo",
        required=False,
        max_length=hearing.REASON_LIMIT,
        help_text="Solo si la rechazó.",
        error_messages={"max_length": f"El motivo lleva {hearing.REASON_LIMIT} letras o menos."},
    )
    field_order = ("said", "said_on", "reason", "note", "file")

    def __init__(self, *args: Any, may: tuple[PayerWord.Said, ...], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["said"].choices = [(each.value, each.label) for each in may]  # type: ignore[attr-defined]


@practice(Need.SEE)
@require_http_methods(["GET", "POST"])
def word(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """What was heard so far, and the form of the next word for whoever may write it."""
    invoice = invoice_or_404(request, pk)
    may = hearing.may_be_heard(invoice)
    form = WordForm(
        request.POST if request.method == "POST" else None,
        request.FILES if request.method == "POST" else None,
        may=may,
        initial={"said_on": request.organization.local_date(timezone.now())},
    )
    if form.is_valid():
        data = form.cleaned_data
        try:
            heard = hearing.hear(
                invoice, data["said"], said_on=data["said_on"], reason=data["reason"], proof=form.proof(),
                user=request.user, now=timezone.now(),
            )  # fmt: skip
        except Refused as refused:
            form.add_error(refused.field if refused.field in form.fields else None, refused.message)
        else:
            messages.success(request, f"Quedó registrado: {heard.get_said_display().lower()}.")
            return HttpResponseRedirect(reverse("practice:invoice", args=[invoice.pk]))
    context = context_of(
        request, "facturas", filters=filters_of(request), invoice=invoice, form=form, may=may,
        words=hearing.words_of(invoice), stage=stages.stage_of(invoice), zone=request.organization.zone,
    )  # fmt: skip
    return render(request, "practice/payer_word.html", context, status=422 if form.is_bound else 200)


@practice(Need.SEE)
@require_GET
def word_file(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return file_of(PayerWord.objects.filter(organization=request.organization, pk=pk).first(), "evidencia")


def file_of(kept: Any, name: str) -> HttpResponse:
    """The file of a piece of evidence, to be kept by whoever asks; 404 when it has none."""
    if kept is None or kept.file is None:
        raise Http404
    return attachment(bytes(kept.file), kept.file_type, f"{name}.{SUFFIXES[kept.file_type]}")

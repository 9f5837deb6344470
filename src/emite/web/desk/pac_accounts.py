""" "Proveedor de certificación (PAC)": the account with which invoices are stamped. Only administrators.

What an account must be lives in `issuers.pac_accounts`, what moves with it in `documents.rerouting`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emite.documents.pacing import pace_of
from emite.documents.rerouting import under_way, use
from emite.issuers import pac_manifests
from emite.issuers.models import Issuer, PacAccount
from emite.issuers.pac_accounts import AccountRefused, Wanted, ask_test, change_password
from emite.issuers.pac_manifests import MAX_PDF, ManifestRefused
from emite.issuers.pac_stamps import runs_short
from emite.pac.connect import ADDRESSES, PROVIDERS
from emite.pac.port import Dedup
from emite.web.access import Need, StaffRequest, staff

_DEDUP = (
    ("", "Como lo hace este PAC normalmente"),
    (Dedup.CONTENT.value, "Por el documento"),
    (Dedup.KEY.value, "Por una clave nuestra"),
    (Dedup.NONE.value, "No los reconoce"),
)
#: A worker answers in a second or two; after this long it is not running, and the page says so.
PATIENCE = dt.timedelta(minutes=1)


def _secret(label: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        strip=False,
        max_length=256,
        help_text="Se guarda cifrada, solo la abre el programa que timbra, y no se vuelve a mostrar.",
        error_messages={"required": "Escriba la contraseña.", "max_length": "Use a lo más 256 caracteres."},
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class AccountForm(forms.Form):
    """A new account: the first one, or the one that takes the place of another."""

    provider = forms.ChoiceField(
        label="PAC", choices=tuple(PROVIDERS.items()), error_messages={"required": "Elija el PAC."}
    )
    base_url = forms.CharField(
        label="Dirección del servicio",
        max_length=200,
        help_text="; ".join(f"{PROVIDERS[name]}: {address}" for name, address in ADDRESSES.items()) + ".",
        error_messages={"required": "Escriba la dirección.", "max_length": "La dirección es demasiado larga."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "url", "spellcheck": "false"}),
    )
    user = forms.CharField(
        label="Usuario",
        max_length=120,
        error_messages={"required": "Escriba el usuario de la cuenta.", "max_length": "Use a lo más 120 letras."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    password = _secret("Contraseña")
    dedup = forms.ChoiceField(
        label="Cómo reconoce duplicados",
        choices=_DEDUP,
        required=False,
        help_text="Cámbielo solo si el contrato con el PAC lo dice: de esto depende cuándo es seguro reenviar.",
    )
    visible_after = forms.IntegerField(
        label="Segundos hasta que muestra un timbre",
        required=False,
        min_value=0,
        max_value=3600,
        error_messages={"invalid": "Escriba un número de segundos.", "max_value": "A lo más 3600 segundos."},
    )
    max_processing = forms.IntegerField(
        label="Minutos que puede tardar en timbrar",
        required=False,
        min_value=1,
        max_value=120,
        error_messages={
            "invalid": "Escriba un número de minutos.",
            "min_value": "Al menos un minuto.",
            "max_value": "A lo más 120 minutos.",
        },
    )

    def wanted(self) -> Wanted:
        data = self.cleaned_data
        seconds, minutes = data["visible_after"], data["max_processing"]
        return Wanted(
            data["provider"],
            data["base_url"],
            data["user"],
            data["password"],
            dedup=data["dedup"],
            visible_after=None if seconds is None else dt.timedelta(seconds=seconds),
            max_processing=None if minutes is None else dt.timedelta(minutes=minutes),
        )


class PasswordForm(forms.Form):
    new_password = _secret("Contraseña nueva")


class ManifestForm(forms.Form):
    """The evidence that the carta manifiesto was signed on the PAC's page."""

    signed_on = forms.DateField(
        label="Fecha de la firma",
        error_messages={"required": "Escriba la fecha de la carta.", "invalid": "Escriba una fecha, como 2026-11-23."},
        widget=forms.DateInput(attrs={"type": "date", "autocomplete": "off"}, format="%Y-%m-%d"),
    )
    pdf = forms.FileField(
        label="Carta firmada (PDF)",
        allow_empty_file=True,
        help_text="El PDF que da el PAC al terminar. Aquí nunca se pide la e.firma.",
        error_messages={"required": "Elija el PDF de la carta."},
        widget=forms.FileInput(attrs={"accept": ".pdf", "data-max-bytes": MAX_PDF}),
    )


@sensitive_post_parameters("password")
@staff(Need.ADMINISTER)
@require_http_methods(["GET", "POST"])
def pac(request: StaffRequest) -> HttpResponse:
    """The account in use, and the form of the one that takes its place."""
    issuer = Issuer.objects.filter(organization=request.organization).order_by("created_at").first()
    if request.method == "GET" or issuer is None:
        return _page(request, issuer)
    form = AccountForm(request.POST)
    if form.is_valid() and _use(request, issuer, form):
        return HttpResponseRedirect(reverse("desk:pac"))
    return _page(request, issuer, form=form, status=422)


@sensitive_variables("form")
def _use(request: StaffRequest, issuer: Issuer, form: AccountForm) -> bool:
    now = timezone.now()
    try:
        done = use(issuer, form.wanted(), user=request.user, now=now)
    except AccountRefused as refused:
        form.add_error(refused.field, refused.message)
        return False
    ask_test(done.account, user=request.user, now=now)
    words = "Cuenta guardada. Se está probando la conexión."
    if done.moved:
        words += f" {_invoices(done.moved)} sin enviar pasan a ella."
    if done.pinned:
        words += f" {_invoices(done.pinned)} se aclaran con la anterior, que es donde se enviaron."
    messages.success(request, words)
    return True


def _invoices(count: int) -> str:
    return "1 factura" if count == 1 else f"{count:,} facturas"


@sensitive_post_parameters("new_password")
@staff(Need.ADMINISTER)
@require_POST
def password(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Another password for the same account, also for one that was replaced and still settles what was sent to it."""
    account, form = _account_or_404(request, pk), PasswordForm(request.POST)
    if not form.is_valid():
        return _page(request, account.issuer, password_form=form, status=422)
    now = timezone.now()
    change_password(account, form.cleaned_data["new_password"], user=request.user, now=now)
    ask_test(account, user=request.user, now=now)
    messages.success(request, "Contraseña guardada. Se está probando la conexión.")
    return HttpResponseRedirect(reverse("desk:pac"))


@staff(Need.ADMINISTER)
@require_POST
def manifest(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """ "Carta manifiesto": keep the evidence for this account's RFC and PAC."""
    account = _account_or_404(request, pk)
    form = ManifestForm(request.POST, request.FILES)
    if form.is_valid() and _signed(request, account, form):
        messages.success(request, "Carta registrada. Lo que esperaba por ella se timbra en unos minutos.")
        return HttpResponseRedirect(reverse("desk:pac"))
    return _page(request, account.issuer, manifest_form=form, status=422)


def _signed(request: StaffRequest, account: PacAccount, form: ManifestForm) -> bool:
    given = form.cleaned_data["pdf"]
    try:
        pac_manifests.sign(
            account.issuer,
            account.provider,
            signed_on=form.cleaned_data["signed_on"],
            pdf=given.read(MAX_PDF + 1),
            user=request.user,
            now=timezone.now(),
        )
    except ManifestRefused as refused:
        form.add_error(refused.field, refused.message)
        return False
    return True


@staff(Need.ADMINISTER)
@require_POST
def test(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """ "Probar conexión": the worker asks the PAC, and the page shows what it said."""
    ask_test(_account_or_404(request, pk), user=request.user, now=timezone.now())
    return HttpResponseRedirect(f"{reverse('desk:pac')}#prueba")


@staff(Need.ADMINISTER)
@require_GET
def test_piece(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """How the try went, which htmx asks for until it is known."""
    account = _account_or_404(request, pk)
    return render(request, "desk/pieces/pac_test.html", {**_tested(account), "zone": request.organization.zone})


def _tested(account: PacAccount | None) -> dict[str, Any]:
    now = timezone.now()
    asked = account.test_asked_at if account and account.is_being_tested else None
    return {
        "account": account,
        "testing": asked is not None and now - asked < PATIENCE,
        "no_worker": asked is not None and now - asked >= PATIENCE,
        "away": account is not None and account.open_until is not None and account.open_until > now,
    }


def _page(
    request: StaffRequest,
    issuer: Issuer | None,
    *,
    form: AccountForm | None = None,
    password_form: PasswordForm | None = None,
    manifest_form: ManifestForm | None = None,
    status: int = 200,
) -> HttpResponse:
    rows = PacAccount.objects.select_related("issuer").filter(organization=request.organization, issuer=issuer)
    accounts = list(rows.order_by("-active", "-pk")) if issuer else []
    active = accounts[0] if accounts and accounts[0].active else None
    former = [(each, under_way(each)) for each in accounts if not each.active]
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "section": "pac",
        "zone": request.organization.zone,
        "issuer": issuer,
        "provider": PROVIDERS.get(active.provider, active.provider) if active else "",
        "dedup": dict(_DEDUP)[active.dedup] if active else "",
        "waiting": under_way(active) if active else 0,
        "pace": pace_of(active) if active else 0,
        "former": [(each, count) for each, count in former if count],
        "form": form or AccountForm(),
        "opened": form is not None or active is None,
        "password_form": password_form or PasswordForm(),
        **_tested(active),
        **_manifest(active, manifest_form),
    }
    return render(request, "desk/pac_accounts.html", context, status=status)


def _manifest(account: PacAccount | None, form: ManifestForm | None) -> dict[str, Any]:
    if account is None:
        return {}
    return {
        "manifest": pac_manifests.standing(account),
        "evidence": pac_manifests.evidence(account),
        "manifest_page": pac_manifests.PAGES.get(account.provider, ""),
        "manifest_form": form or ManifestForm(),
        "runs_short": runs_short(account),
    }


def _account_or_404(request: StaffRequest, pk: uuid.UUID) -> PacAccount:
    account = PacAccount.objects.select_related("issuer").filter(organization=request.organization, pk=pk).first()
    if account is None:
        raise Http404
    return account

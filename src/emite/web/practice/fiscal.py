"""Datos fiscales: the practice's RFCs; of each, fiscal address and banks, and the tab "Llave" with the Manifiesto."""

from __future__ import annotations

import uuid
from typing import Any

import structlog
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emite.cfdi import codes
from emite.cfdi.authorities import known
from emite.cfdi.check import own_trust
from emite.cfdi.clabe import bank_of
from emite.cfdi.csd import CsdRefused
from emite.cfdi.rfc import Rfc
from emite.documents.rendering import branding
from emite.invoices.insurer_building import RESICO
from emite.issuers import fiscal, manifest
from emite.issuers.fiscal import ADDRESS, FiscalRefused
from emite.issuers.keys import load_csd
from emite.issuers.models import BankAccount, FiscalAddress, Issuer, PacAccount, StoredCsd
from emite.typeset.data import Venue
from emite.typeset.printing import typesetter
from emite.typeset.proof_page import ProofPrint
from emite.web.client import address
from emite.web.errors.pages import page
from emite.web.files import attachment
from emite.web.issuer_forms import FISCAL_FIELDS, MAX_REQUEST, CsdForm, IssuerForm
from emite.web.practice.access import Need, StaffRequest, practice
from emite.web.practice.settings import context_of

log = structlog.get_logger(__name__)


class AddressForm(forms.Form):
    """The rest of the domicilio fiscal. The state follows from the postal code."""

    street = forms.CharField(label="Calle", max_length=120, error_messages={"required": "Escriba la calle."})
    number = forms.CharField(
        label="Número exterior", max_length=20, error_messages={"required": "Escriba el número, o S/N."}
    )
    inside = forms.CharField(label="Número interior", max_length=20, required=False)
    colonia = forms.CharField(label="Colonia", max_length=120, error_messages={"required": "Escriba la colonia."})
    municipio = forms.CharField(
        label="Municipio o alcaldía", max_length=120, error_messages={"required": "Escriba el municipio o la alcaldía."}
    )
    estado = forms.ChoiceField(label="Estado", error_messages={"required": "Elija el estado."})

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["estado"].choices = [("", "El del código postal"), *_states()]  # type: ignore[attr-defined]
        self.fields["estado"].required = False
        for name in self.fields:
            self.fields[name].widget.attrs["autocomplete"] = "off"


class AccountForm(forms.Form):
    clabe = forms.CharField(
        label="CLABE",
        max_length=30,
        help_text="Los 18 números de la cuenta donde recibe las transferencias. El banco sale de ellos.",
        error_messages={"required": "Escriba la CLABE."},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    holder = forms.CharField(
        label="Titular", max_length=200, error_messages={"required": "Escriba el nombre del titular de la cuenta."}
    )


def _states() -> list[tuple[str, str]]:
    """The states of Mexico: those where a postal code is."""
    mexican = {"AGU", "BCN", "BCS", "CAM", "CHH", "CHP", "CMX", "COA", "COL", "DUR", "GRO", "GUA", "HID", "JAL", "MEX",
               "MIC", "MOR", "NAY", "NLE", "OAX", "PUE", "QUE", "ROO", "SIN", "SLP", "SON", "TAB", "TAM", "TLA", "VER",
               "YUC", "ZAC"}  # fmt: skip
    return [(key, label) for key, label in codes.labels("c_Estado") if key in mexican]


@practice(Need.SEE)
@require_GET
def issuers(request: StaffRequest) -> HttpResponse:
    """The RFCs of the practice, each with what it still lacks."""
    now = timezone.now()
    rows = (
        Issuer.objects.select_related("organization").filter(organization=request.organization).order_by("created_at")
    )
    listed = [(row, manifest.missing(row, now)) for row in rows]
    return render(request, "practice/issuers.html", context_of(request, "fiscales", issuers=listed))


@practice(Need.ADMINISTER)
@require_http_methods(["GET", "POST"])
def add(request: StaffRequest) -> HttpResponse:
    form = IssuerForm(request.POST or None, issuer=None, initial={"serie": "C"})
    if request.method == "POST" and form.is_valid():
        try:
            made = fiscal.create(request.organization, form.cleaned_data, user=request.user, now=timezone.now())
        except FiscalRefused as refused:
            form.add_error(refused.field or None, refused.message)
        else:
            messages.success(request, f"{made.rfc} dado de alta. Falta su dirección, su llave y el Manifiesto.")
            return HttpResponseRedirect(reverse("practice:issuer", args=[made.pk]))
    context = context_of(request, "fiscales", form=form)
    return render(request, "practice/issuer_new.html", context, status=422 if form.is_bound else 200)


@practice(Need.ADMINISTER)
@require_http_methods(["GET", "POST"])
def issuer(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The tab "Datos Fiscales": what the SAT holds of the RFC, where it is, and its banks."""
    found = _issuer(request, pk)
    form, where = _forms(request, found)
    if request.method == "POST" and form.is_valid() & where.is_valid():
        data = {name: form.cleaned_data[name] for name in FISCAL_FIELDS}
        place = codes.place(data["postal_code"])
        told = {name: where.cleaned_data[name] for name in ADDRESS}
        told["estado"] = told["estado"] or (place.estado if place else "")
        try:
            fiscal.change(found, data, told, user=request.user, now=timezone.now(), moved=form.cleaned_data["moved"])
        except FiscalRefused as refused:
            (form if refused.field in form.fields else where).add_error(refused.field or None, refused.message)
        else:
            messages.success(request, "Datos fiscales guardados.")
            return HttpResponseRedirect(reverse("practice:issuer", args=[found.pk]))
    return _page(request, found, form, where, AccountForm(), status=422 if form.is_bound else 200)


def _forms(request: StaffRequest, found: Issuer, *, posted: bool = True) -> tuple[IssuerForm, AddressForm]:
    data = (request.POST or None) if posted else None
    row = FiscalAddress.objects.filter(organization=request.organization, issuer=found).first()
    place = codes.place(found.postal_code)
    start = {name: getattr(row, name) for name in ADDRESS} if row else {"estado": place.estado if place else ""}
    form = IssuerForm(data, issuer=found, initial={name: getattr(found, name) for name in FISCAL_FIELDS})
    return form, AddressForm(data, initial=start)


def _page(
    request: StaffRequest, found: Issuer, form: IssuerForm, where: AddressForm, account: AccountForm, *, status: int
) -> HttpResponse:
    accounts = BankAccount.objects.filter(organization=request.organization, issuer=found, active=True)
    context = context_of(
        request, "fiscales", issuer=found, inner="datos", form=form, where=where, account=account,
        is_resico=found.regimen_fiscal == RESICO and Rfc.parse(found.rfc).is_persona_fisica,
        accounts=[(row, bank_of(row.clabe)) for row in accounts.order_by("created_at")],
        missing=manifest.missing(found, timezone.now()),
    )  # fmt: skip
    return render(request, "practice/issuer.html", context, status=status)


@practice(Need.ADMINISTER)
@require_POST
def add_account(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    found, form = _issuer(request, pk), AccountForm(request.POST)
    if form.is_valid():
        try:
            made = fiscal.add_account(found, **form.cleaned_data, user=request.user, now=timezone.now())
        except FiscalRefused as refused:
            form.add_error(refused.field or None, refused.message)
        else:
            messages.success(request, f"Cuenta {bank_of(made.clabe)} terminada en {made.clabe[-4:]} agregada.")
            return HttpResponseRedirect(reverse("practice:issuer", args=[found.pk]))
    return _page(request, found, *_forms(request, found, posted=False), form, status=422)


@practice(Need.ADMINISTER)
@require_POST
def retire_account(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    rows = BankAccount.objects.select_related("organization", "issuer")
    found = rows.filter(organization=request.organization, pk=pk).first()
    if found is None:
        raise Http404
    fiscal.retire_account(found, user=request.user, now=timezone.now())
    messages.success(request, f"Cuenta terminada en {found.clabe[-4:]} retirada.")
    return HttpResponseRedirect(reverse("practice:issuer", args=[found.issuer_id]))


@practice(Need.ADMINISTER)
@require_POST
def withholding(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    found = _issuer(request, pk)
    fiscal.withhold(found, isr="resico_isr" in request.POST, user=request.user, now=timezone.now())
    messages.success(request, "Retención de ISR guardada. Vale para las facturas que se emitan desde ahora.")
    return HttpResponseRedirect(reverse("practice:issuer", args=[found.pk]))


@practice(Need.ADMINISTER)
@require_GET
def key(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    return _key_page(request, _issuer(request, pk), CsdForm())


def _key_page(
    request: StaffRequest, found: Issuer, form: CsdForm, *, problem: str = "", status: int = 200
) -> HttpResponse:
    """The tab "Llave"."""
    now = timezone.now()
    csd = StoredCsd.objects.filter(organization=request.organization, issuer=found, active=True).first()
    context = context_of(
        request, "fiscales", issuer=found, inner="llave", form=form, csd=csd,
        days=(csd.not_after - now).days if csd else None, accepted=manifest.accepted(found), text=manifest.TEXT,
        version=manifest.VERSION, missing=manifest.missing(found, now), problem=problem,
        account=PacAccount.objects.filter(organization=request.organization, issuer=found, active=True).first(),
    )  # fmt: skip
    return render(request, "practice/key.html", context, status=status)


@csrf_exempt  # checked in _upload, once the size is known to be small
@require_POST
def upload(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Refuse by its length what no CSD has, before anything is parsed or written to disk."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > MAX_REQUEST:
        return page(
            request,
            413,
            "Los archivos son demasiado grandes",
            "El .cer y el .key del SAT pesan unos 2 KB. Regrese y elija los originales, sin comprimir ni convertir.",
        )
    return _upload(request, pk)


@sensitive_post_parameters("password")
@sensitive_variables("form")
@csrf_protect
@practice(Need.ADMINISTER)
def _upload(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    found, form = _issuer(request, pk), CsdForm(request.POST, request.FILES)
    if form.is_valid():
        data = form.cleaned_data
        own, _signers = own_trust(settings.PAC_TRUST_DIR)
        try:
            stored = load_csd(
                found, data["cer"].read(), data["key"].read(), data["password"], authorities=known(own),
                user=request.user, now=timezone.now(),
            )  # fmt: skip
        except CsdRefused as refused:
            log.info("csd_refused", code=refused.code)
            form.add_error(refused.field, refused.message)
        else:
            messages.success(request, f"Certificado {stored.no_certificado} cargado.")
            return HttpResponseRedirect(reverse("practice:key", args=[found.pk]))
    return _key_page(request, found, form, status=422)


@practice(Need.ADMINISTER)
@require_POST
def accept(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Acepto el Manifiesto: ticked on purpose, or nothing happens."""
    found = _issuer(request, pk)
    if "acepto" not in request.POST:
        return _key_page(request, found, CsdForm(), problem="Marque la casilla para aceptar el Manifiesto.", status=422)
    manifest.accept(found, user=request.user, address=address(request), now=timezone.now())
    messages.success(request, "Manifiesto aceptado.")
    return HttpResponseRedirect(reverse("practice:key", args=[found.pk]))


@practice(Need.ADMINISTER)
@require_GET
def proof(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """What was accepted, by whom and when, as a PDF."""
    found = _issuer(request, pk)
    accepted = manifest.accepted(found)
    if accepted is None:
        raise Http404
    drawn = typesetter().proof(
        ProofPrint(
            branding=branding(found.organization),
            venue=Venue(found.nombre, found.rfc),
            title="Constancia de aceptación del Manifiesto",
            version=accepted.version,
            at=accepted.accepted_at.astimezone(found.organization.zone),
            facts=(
                ("RFC", found.rfc),
                ("Nombre", found.nombre),
                ("Aceptó", f"{accepted.accepted_by.name}, {accepted.accepted_by.email}"),
                ("Huella del texto (SHA-256)", accepted.sha256),
                ("Huella de la dirección de red", accepted.from_hash),
            ),
            text=manifest.TEXT,
        )
    )
    return attachment(drawn, "application/pdf", f"manifiesto-{found.rfc}.pdf")


def _issuer(request: StaffRequest, pk: uuid.UUID) -> Issuer:
    found = Issuer.objects.select_related("organization").filter(organization=request.organization, pk=pk).first()
    if found is None:
        raise Http404
    return found


_HERE = "consultorio/configuracion/datos-fiscales/"
addresses: list[URLPattern] = [
    path(_HERE, issuers, name="issuers"),
    path(f"{_HERE}nuevo/", add, name="issuer_add"),
    path(f"{_HERE}<uuid:pk>/", issuer, name="issuer"),
    path(f"{_HERE}<uuid:pk>/retencion/", withholding, name="withholding"),
    path(f"{_HERE}<uuid:pk>/cuentas/", add_account, name="account_add"),
    path(f"{_HERE}cuentas/<uuid:pk>/retirar/", retire_account, name="account_retire"),
    path(f"{_HERE}<uuid:pk>/llave/", key, name="key"),
    path(f"{_HERE}<uuid:pk>/llave/certificado/", upload, name="csd"),
    path(f"{_HERE}<uuid:pk>/llave/manifiesto/", accept, name="manifest"),
    path(f"{_HERE}<uuid:pk>/llave/manifiesto/constancia.pdf", proof, name="manifest_proof"),
]

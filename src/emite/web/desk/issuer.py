"""The issuer's fiscal data and its seal certificate (CSD). Only administrators.

What makes a CSD acceptable is decided in `cfdi.csd`; the password passes through and is kept nowhere.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import structlog
from django import forms
from django.conf import settings
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from emite.audit import record
from emite.cfdi import codes
from emite.cfdi.authorities import known
from emite.cfdi.check import own_trust
from emite.cfdi.csd import MAX_BYTES, CsdRefused
from emite.cfdi.rfc import Rfc, RfcInvalid
from emite.issuers.keys import load_csd
from emite.issuers.models import Issuer, PacAccount, Series, StoredCsd
from emite.web.access import Need, StaffRequest, staff
from emite.web.errors.pages import page
from emite.web.fiscal import legal_name, person_of, regimen_choices

log = structlog.get_logger(__name__)

#: Two files of SAT, a password and the form around them: anything above is refused before a byte is read.
MAX_REQUEST = 4 * MAX_BYTES
_FIELDS = ("nombre", "regimen_fiscal", "postal_code", "lugar_expedicion")


class IssuerForm(forms.Form):
    """The data that SAT holds of the RFC that issues. The RFC itself is written once."""

    rfc = forms.CharField(label="RFC", max_length=20, error_messages={"required": "Escriba el RFC."})
    nombre = forms.CharField(
        label="Nombre o razón social",
        max_length=300,
        help_text="Como está en la Constancia de Situación Fiscal, sin S.A. de C.V. ni otro régimen de capital.",
        error_messages={"required": "Escriba el nombre o razón social."},
    )
    regimen_fiscal = forms.ChoiceField(label="Régimen fiscal", error_messages={"required": "Elija el régimen."})
    postal_code = forms.CharField(
        label="Código postal del domicilio fiscal",
        max_length=5,
        error_messages={"required": "Escriba el código postal."},
    )
    lugar_expedicion = forms.CharField(
        label="Código postal del lugar de expedición",
        max_length=5,
        help_text="Donde se atiende. De él sale la hora que llevan las facturas.",
        error_messages={"required": "Escriba el código postal."},
    )
    serie = forms.RegexField(
        r"^[A-Za-z0-9]{1,10}$",
        label="Serie de folios",
        help_text="Letras o números que van antes del folio, por ejemplo R.",
        error_messages={"required": "Escriba la serie.", "invalid": "Use de 1 a 10 letras o números, sin espacios."},
    )

    def __init__(self, data: Any = None, *, issuer: Issuer | None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.issuer = issuer
        if issuer is not None:
            del self.fields["rfc"], self.fields["serie"]
        rfc = issuer.rfc if issuer else str(self.data.get("rfc", ""))
        self.person = person_of(rfc)
        self.fields["regimen_fiscal"].choices = [("", "Elija…"), *regimen_choices(self.person)]  # type: ignore[attr-defined]
        for name in self.fields:
            self.fields[name].widget.attrs["autocomplete"] = "off"

    def clean_rfc(self) -> str:
        try:
            rfc = Rfc.parse(self.cleaned_data["rfc"])
        except RfcInvalid as error:
            raise forms.ValidationError(error.message) from error
        if rfc.is_generic:
            raise forms.ValidationError("Un RFC genérico no puede emitir facturas: escriba el de la organización.")
        return str(rfc)

    def clean_nombre(self) -> str:
        return legal_name(self.cleaned_data["nombre"])

    def _postal_code(self, name: str) -> str:
        cp = str(self.cleaned_data[name]).strip()
        if not codes.contains("c_CodigoPostal", cp):
            raise forms.ValidationError(f"El SAT no tiene el código postal {cp}: revíselo.")
        return cp

    def clean_postal_code(self) -> str:
        return self._postal_code("postal_code")

    def clean_lugar_expedicion(self) -> str:
        return self._postal_code("lugar_expedicion")

    def clean_serie(self) -> str:
        return str(self.cleaned_data["serie"]).upper()


class CsdForm(forms.Form):
    """The two files and their password. Sizes are looked at before the files are read."""

    cer = forms.FileField(
        label="Certificado (.cer)",
        allow_empty_file=True,
        error_messages={"required": "Elija el archivo .cer."},
        widget=forms.FileInput(attrs={"accept": ".cer", "data-max-bytes": MAX_BYTES}),
    )
    key = forms.FileField(
        label="Llave privada (.key)",
        allow_empty_file=True,
        error_messages={"required": "Elija el archivo .key."},
        widget=forms.FileInput(attrs={"accept": ".key", "data-max-bytes": MAX_BYTES}),
    )
    password = forms.CharField(
        label="Contraseña de la llave privada",
        strip=False,
        max_length=256,
        help_text="Se usa una vez, ahora, y no se guarda.",
        error_messages={"required": "Escriba la contraseña de la llave."},
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    def _small(self, name: str) -> Any:
        upload = self.cleaned_data[name]
        if upload.size > MAX_BYTES:
            raise forms.ValidationError(
                f"El archivo pesa {upload.size:,} bytes y los del SAT no pasan de {MAX_BYTES:,}: elija el original."
            )
        return upload

    def clean_cer(self) -> Any:
        return self._small("cer")

    def clean_key(self) -> Any:
        return self._small("key")


@staff(Need.ADMINISTER)
@require_http_methods(["GET", "POST"])
def issuer_page(request: StaffRequest) -> HttpResponse:
    """Fiscal data: written the first time, corrected afterwards."""
    issuer = _issuer(request)
    initial = {name: getattr(issuer, name) for name in _FIELDS} if issuer else {"serie": "R"}
    form = IssuerForm(request.POST or None, issuer=issuer, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            _save(request, issuer, form)
        except IntegrityError:
            form.add_error(None, "Otra persona guardó un emisor con ese RFC al mismo tiempo: vuelva a abrir la página.")
        else:
            messages.success(request, "Datos fiscales guardados.")
            return HttpResponseRedirect(reverse("desk:issuer"))
    return _page(request, issuer, form, CsdForm(), status=422 if form.is_bound else 200)


def _save(request: StaffRequest, issuer: Issuer | None, form: IssuerForm) -> None:
    data, now = form.cleaned_data, timezone.now()
    after = {name: data[name] for name in _FIELDS}
    before = {name: getattr(issuer, name) for name in _FIELDS} if issuer else None
    with transaction.atomic():
        if issuer is None:
            issuer = Issuer.objects.create(organization=request.organization, rfc=data["rfc"], **after)
            Series.objects.create(organization=request.organization, issuer=issuer, name=data["serie"])
            after["rfc"] = issuer.rfc
        else:
            Issuer.objects.filter(pk=issuer.pk).update(**after)
        if before != after:
            record(
                organization_id=request.organization.pk,
                actor=request.user.email,
                action="issuer.create" if before is None else "issuer.change",
                subject=f"issuer:{issuer.pk}",
                before=before,
                after=after,
                now=now,
            )


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
@csrf_protect
@staff(Need.ADMINISTER)
def _upload(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    issuer = Issuer.objects.filter(organization=request.organization, pk=pk).first()
    if issuer is None:
        raise Http404
    form = CsdForm(request.POST, request.FILES)
    if form.is_valid() and _load(request, issuer, form, timezone.now()):
        return HttpResponseRedirect(reverse("desk:issuer"))
    blank = IssuerForm(None, issuer=issuer, initial={name: getattr(issuer, name) for name in _FIELDS})
    return _page(request, issuer, blank, form, status=422)


@sensitive_variables("form")
def _load(request: StaffRequest, issuer: Issuer, form: CsdForm, now: dt.datetime) -> bool:
    data = form.cleaned_data
    own, _signers = own_trust(settings.PAC_TRUST_DIR)
    try:
        stored = load_csd(
            issuer,
            data["cer"].read(),
            data["key"].read(),
            data["password"],
            authorities=known(own),
            user=request.user,
            now=now,
        )
    except CsdRefused as refused:
        log.info("csd_refused", code=refused.code)
        form.add_error(refused.field, refused.message)
        return False
    messages.success(request, f"Certificado {stored.no_certificado} cargado: ya se puede facturar con él.")
    return True


def _issuer(request: StaffRequest) -> Issuer | None:
    return Issuer.objects.filter(organization=request.organization).order_by("created_at").first()


def _page(
    request: StaffRequest, issuer: Issuer | None, form: IssuerForm, csd_form: CsdForm, *, status: int
) -> HttpResponse:
    now = timezone.now()
    csds = list(StoredCsd.objects.filter(organization=request.organization, issuer=issuer).order_by("-uploaded_at")[:5])
    account = PacAccount.objects.filter(organization=request.organization, issuer=issuer, active=True).first()
    context = {
        "organization": request.organization,
        "membership": request.membership,
        "section": "emisor",
        "zone": request.organization.zone,
        "issuer": issuer,
        "series": Series.objects.filter(organization=request.organization, issuer=issuer).order_by("name"),
        "form": form,
        "csd_form": csd_form,
        "csds": [(csd, (csd.not_after - now).days) for csd in csds],
        "account": account,
        "pac_away": account is not None and account.open_until is not None and account.open_until > now,
    }
    return render(request, "desk/issuer.html", context, status=status)

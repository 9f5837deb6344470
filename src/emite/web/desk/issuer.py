"""The issuer's fiscal data and its seal certificate (CSD). Only administrators.

What makes a CSD acceptable is decided in `cfdi.csd`; the password passes through and is kept nowhere.
"""

from __future__ import annotations

import datetime as dt
import uuid

import structlog
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from emite.cfdi.authorities import known
from emite.cfdi.check import own_trust
from emite.cfdi.csd import CsdRefused
from emite.issuers import fiscal
from emite.issuers.fiscal import FiscalRefused
from emite.issuers.keys import load_csd
from emite.issuers.models import Issuer, PacAccount, Series, StoredCsd
from emite.web.access import Need, StaffRequest, staff
from emite.web.errors.pages import page
from emite.web.issuer_forms import FISCAL_FIELDS, MAX_REQUEST, CsdForm, IssuerForm

log = structlog.get_logger(__name__)


@staff(Need.ADMINISTER)
@require_http_methods(["GET", "POST"])
def issuer_page(request: StaffRequest) -> HttpResponse:
    """Fiscal data: written the first time, corrected afterwards."""
    issuer = _issuer(request)
    initial = {name: getattr(issuer, name) for name in FISCAL_FIELDS} if issuer else {"serie": "R"}
    form = IssuerForm(request.POST or None, issuer=issuer, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            _save(request, issuer, form)
        except FiscalRefused as refused:
            form.add_error(refused.field or None, refused.message)
        else:
            messages.success(request, "Datos fiscales guardados.")
            return HttpResponseRedirect(reverse("desk:issuer"))
    return _page(request, issuer, form, CsdForm(), status=422 if form.is_bound else 200)


def _save(request: StaffRequest, issuer: Issuer | None, form: IssuerForm) -> None:
    data, now = form.cleaned_data, timezone.now()
    if issuer is None:
        fiscal.create(request.organization, data, user=request.user, now=now)
    else:
        said = {name: data[name] for name in FISCAL_FIELDS}
        fiscal.change(issuer, said, None, user=request.user, now=now, moved=data["moved"])


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
    blank = IssuerForm(None, issuer=issuer, initial={name: getattr(issuer, name) for name in FISCAL_FIELDS})
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

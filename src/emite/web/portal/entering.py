"""Coming in by code or by QR, and going out without leaving anything behind.

The code is never in an address of ours after the first redirect, nor in a log.
"""

from __future__ import annotations

import hashlib

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from emite.database import tenancy
from emite.database.kept import Given, Kept
from emite.organizations.models import Organization
from emite.web.portal import guarding, visit
from emite.web.portal.forms import CodeForm
from emite.web.portal.words import wait

#: Unknown, revoked and another hospital's: one answer for all.
UNKNOWN = "No encontramos ese código en {name}. Revísalo letra por letra: viene al final de tu ticket."

LOGO_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "jpg": "image/jpeg", "svg": "image/svg+xml"}
LOGO_AGE = "public, max-age=3600"

_BY_SLUG = Kept(lambda: Organization.objects.defer("logo").filter(slug=Given("slug")), of_nobody=True)


@csrf_exempt
def from_qr(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    """The QR's address: straight to the charge under a clean address. Any method answers alike, nothing is shown."""
    organization = _BY_SLUG.first(slug=slug)
    target = reverse("portal:code", args=[slug])
    if organization is not None:
        tenancy.enter(organization.pk)
        now = timezone.now()
        charge, _ = guarding.find(request, organization, code, now)
        if charge is None:
            target += "?codigo=no"
        else:
            visit.begin(request, charge, now)
            target = reverse("portal:charge", args=[slug])
    response = HttpResponseRedirect(target, status=303)
    response["Referrer-Policy"] = "no-referrer"
    return response


def with_slash(request: HttpRequest, slug: str) -> HttpResponse:
    """The link as printed, without its last stroke."""
    return HttpResponseRedirect(reverse("portal:code", args=[slug]))


@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest, slug: str) -> HttpResponse:
    """First screen: the code."""
    organization = _BY_SLUG.first(slug=slug)
    if organization is None:
        raise Http404
    request.organization = organization  # type: ignore[attr-defined]
    tenancy.enter(organization.pk)
    form = CodeForm(request.POST or None)
    status = 200
    retry_after = 0
    if request.method == "POST":
        status = 422
        if form.is_valid():
            now = timezone.now()
            charge, verdict = guarding.find(request, organization, form.cleaned_data["codigo"], now)
            if charge is not None:
                visit.begin(request, charge, now)
                return HttpResponseRedirect(reverse("portal:charge", args=[slug]), status=303)
            message = UNKNOWN.format(name=organization.name)
            if not verdict.allowed:
                status, retry_after = 429, int(verdict.retry_after.total_seconds()) + 1
                message += f" Desde este lugar ya hubo varios intentos: espera {wait(retry_after)} o ve a caja."
            form.add_error("codigo", message)
    elif request.GET.get("codigo") == "no":
        form = CodeForm({})
        form.full_clean()
        form.errors.clear()
        form.add_error("codigo", UNKNOWN.format(name=organization.name))
    context = {
        "organization": organization,
        "form": form,
        "lost": request.GET.get("sesion") == "no",
        "finished": request.GET.get("fin") == "si",
        "step": 1,
    }
    response = render(request, "portal/code.html", context, status=status)
    if retry_after:
        response["Retry-After"] = str(retry_after)
    return response


@require_POST
def finish(request: HttpRequest, slug: str) -> HttpResponse:
    """ "Terminar": the session ends in the server, so that a copied cookie is worth nothing."""
    visit.end(request)
    return HttpResponseRedirect(f"{reverse('portal:code', args=[slug])}?fin=si", status=303)


@require_safe
def logo(request: HttpRequest, slug: str) -> HttpResponse:
    """The hospital's logo, the same for everybody."""
    organization = get_object_or_404(Organization.objects.only("logo", "logo_type"), slug=slug)
    kind = LOGO_TYPES.get(organization.logo_type.rpartition("/")[2].partition("+")[0])
    if not organization.logo or kind is None:
        raise Http404("sin logo")
    body = bytes(organization.logo)
    response = HttpResponse(body, content_type=kind)
    response["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    response["Cache-Control"] = LOGO_AGE
    return response

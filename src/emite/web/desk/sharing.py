"""A charge's code without paper: large on the cashier's screen, by mail, by a link to share; another for a lost ticket.

The code may stand in a link. A person never does: not in the link, not in the message.
"""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import quote

import structlog
from django import forms
from django.contrib import messages
from django.core.mail import BadHeaderError
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emite.audit import record
from emite.charges.charging import ChargeInUse, code_of, renew_code, revoke_code
from emite.charges.models import Charge
from emite.mailing.composing import compose
from emite.mailing.sending import MailRefused, MailUnavailable, send
from emite.typeset.qr import qr_svg
from emite.web.access import Need, StaffRequest, staff
from emite.web.desk.charge_page import charge_or_404
from emite.web.printing.tickets import invoicing_of

log = structlog.get_logger(__name__)


class LinkMailForm(forms.Form):
    email = forms.EmailField(
        label="Correo",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "placeholder": "nombre@ejemplo.com"}),
        error_messages=dict.fromkeys(("required", "invalid"), "Escriba un correo como nombre@ejemplo.com."),
    )


@staff(Need.COLLECT)
@require_GET
def code_page(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Code and QR, over the whole screen, for the patient to read. Nothing on it says who was treated."""
    charge = charge_or_404(request.organization, pk)
    if _is_useless(charge):
        return HttpResponseRedirect(reverse("desk:charge", args=[charge.pk]))
    return render(request, "desk/code.html", _base(request, charge))


@staff(Need.COLLECT)
@require_http_methods(["GET", "POST"])
def share(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The link to copy, to share, or to send by mail."""
    charge = charge_or_404(request.organization, pk)
    if _is_useless(charge) or not request.organization.portal_is_on():
        return HttpResponseRedirect(reverse("desk:charge", args=[charge.pk]))
    form = LinkMailForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            _send(request, charge, form.cleaned_data["email"])
        except (MailRefused, BadHeaderError):
            form.add_error("email", "El servidor de correo no acepta esa dirección: revísela.")
        except MailUnavailable as error:
            log.warning("link_not_mailed", error=type(error).__name__)
            form.add_error(
                None, "El correo no salió en este momento. Comparta el enlace de otra forma, o intente de nuevo."
            )
        else:
            messages.success(request, "El enlace salió por correo.")
            return HttpResponseRedirect(reverse("desk:charge", args=[charge.pk]))
    context = _base(request, charge) | {"form": form}
    words = f"Para hacer su factura de {request.organization.name}: {context['way'].url}"
    context |= {
        "words": words,
        "whatsapp": f"https://wa.me/?text={quote(words)}",
        "mailto": f"mailto:?subject={quote('Su factura en línea')}&body={quote(words)}",
    }
    return render(request, "desk/share.html", context, status=422 if form.is_bound else 200)


def _send(request: StaffRequest, charge: Charge, address: str) -> None:
    """No network inside a transaction: the mail first, then who sent it. The address is not kept."""
    way = invoicing_of(charge, code_of(charge))
    organization = request.organization
    context = {"organization": organization, "way": way, "total": charge.total, "is_paid": charge.is_paid}
    send(compose("desk/mails/link", context, to=address, reply_to=organization.support_email))
    record(
        organization_id=organization.pk,
        actor=request.user.email,
        action="charge.mail_link",
        subject=f"charge:{charge.pk}",
        now=timezone.now(),
    )


@staff(Need.COLLECT)
@require_http_methods(["GET", "POST"])
def revoke(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Make a lost ticket useless. It cannot be undone: the page says so before, and offers another code."""
    charge = charge_or_404(request.organization, pk)
    if request.method == "POST":
        revoke_code(charge, user=request.user, now=timezone.now())
        messages.success(request, "El código quedó anulado: el ticket ya no abre el portal. Se puede facturar en caja.")
        return HttpResponseRedirect(reverse("desk:charge", args=[charge.pk]))
    return render(request, "desk/revoke.html", _page(request, charge))


@staff(Need.COLLECT)
@require_POST
def renew(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Another code for whoever lost the ticket: the old one is unknown from now on."""
    charge = charge_or_404(request.organization, pk)
    try:
        renew_code(charge, user=request.user, now=timezone.now())
    except ChargeInUse as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request, "La remisión tiene un código nuevo y el anterior ya no sirve. Imprima otra vez el ticket."
        )
    return HttpResponseRedirect(reverse("desk:charge", args=[charge.pk]))


def _is_useless(charge: Charge) -> bool:
    return bool(charge.code_revoked_at) or charge.state == Charge.State.VOID


def _page(request: StaffRequest, charge: Charge) -> dict[str, Any]:
    return {"organization": request.organization, "membership": request.membership, "charge": charge}


def _base(request: StaffRequest, charge: Charge) -> dict[str, Any]:
    way = invoicing_of(charge, code_of(charge))
    drawn = mark_safe(qr_svg(way.url)) if way.url else ""  # our own drawing of our own address
    return _page(request, charge) | {"way": way, "qr": drawn}

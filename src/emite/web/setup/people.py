"""People of the organization: who they are, what they may do, who is invited."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from emite.accounts.models import Authenticator
from emite.care.payer_accounts import PAYING
from emite.organizations import members, portal
from emite.organizations.models import Invitation, Membership, Organization
from emite.organizations.permissions import Role
from emite.organizations.refusals import SetupRefused
from emite.web.access import Need, StaffRequest, proved_lately, staff

ROLE_HELP = "Administrador: configura y cobra. Facturador y cajero: cobran. Consulta: solo ve."
#: At an insurer or administrator, which issues nothing.
PAYER_ROLE_HELP = (
    "Administrador: todo. Facturador: aprueba y rechaza facturas. Cajero: registra pagos. Consulta: solo ve."
)


class RoleForm(forms.Form):
    role = forms.ChoiceField(label="Papel", choices=Role.choices, help_text=ROLE_HELP)
    can_issue = forms.BooleanField(
        label="Puede emitir facturas",
        required=False,
        help_text="Sin este permiso nadie timbra a su nombre: ni en caja, ni por la API, ni el portal.",
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("can_issue") and data.get("role") == Role.CONSULTA:
            self.add_error("can_issue", "Quien solo consulta no emite facturas: elija otro papel.")
        data.setdefault("can_issue", False)
        return data

    def at(self, organization: Organization) -> None:
        """Ask only what there is to choose at that organization."""
        if organization.kind in PAYING:
            del self.fields["can_issue"]
            self.fields["role"].help_text = PAYER_ROLE_HELP


class InviteForm(RoleForm):
    email = forms.EmailField(
        label="Correo electrónico",
        max_length=254,
        error_messages={"required": "Escriba el correo.", "invalid": "El correo no está completo."},
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    field_order = ("email", "role", "can_issue")


@staff(Need.ADMINISTER)
@require_http_methods(["GET", "POST"])
def people(request: StaffRequest) -> HttpResponse:
    organization, now = request.organization, timezone.now()
    form = InviteForm(request.POST if request.method == "POST" else None, initial={"role": Role.CAJERO})
    form.at(organization)
    if form.is_bound and form.is_valid():
        try:
            made = members.invite(organization, **form.cleaned_data, by=request.user, now=now)
        except SetupRefused as refused:
            form.add_error(refused.field or None, refused.message)
        else:
            messages.success(
                request, f"Invitación enviada a {made.email}. Vence en {members.INVITATION_LIFE.days} días."
            )
            return HttpResponseRedirect(reverse("setup:people"))
    rows = Membership.objects.select_related("user").filter(organization=organization).order_by("user__name")
    of_here = Authenticator.objects.filter(user__memberships__organization=organization)
    protected = set(of_here.exclude(confirmed_at=None).values_list("user_id", flat=True))
    link = portal.link_of(organization)
    invitations = Invitation.objects.filter(organization=organization, accepted_at=None, revoked_at=None)
    context = {
        **_shell(request),
        "zone": organization.zone,
        "form": form,
        "people": [
            (row, row.user_id in protected, link is not None and link.user_id == row.user_id)
            for row in rows
            if row.deactivated_at is None
        ],
        "gone": [row for row in rows if row.deactivated_at is not None],
        "invitations": [(row, row.is_open(now)) for row in invitations.order_by("created_at")],
    }
    return render(request, "setup/people.html", context, status=422 if form.is_bound else 200)


@staff(Need.ADMINISTER)
@require_http_methods(["GET", "POST"])
def person(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """One person: role and permission, and the way out."""
    found = Membership.objects.select_related("user").filter(organization=request.organization, pk=pk)
    row = found.filter(deactivated_at=None).first()
    if row is None:
        raise Http404
    form = RoleForm(
        request.POST if request.method == "POST" else None, initial={"role": row.role, "can_issue": row.can_issue}
    )
    form.at(request.organization)
    if form.is_bound and form.is_valid():
        try:
            members.change(request.organization, pk, **form.cleaned_data, by=request.user, now=timezone.now())
        except SetupRefused as refused:
            form.add_error("role", refused.message)
        else:
            messages.success(request, f"Cambios de {row.user.name} guardados.")
            return HttpResponseRedirect(reverse("setup:people" if row.user_id != request.user.pk else "setup:home"))
    link = portal.link_of(request.organization)
    context = {
        **_shell(request),
        "form": form,
        "row": row,
        "linked": link is not None and link.user_id == row.user_id,
        "has_second_step": Authenticator.objects.filter(user=row.user).exclude(confirmed_at=None).exists(),
    }
    return render(request, "setup/person.html", context, status=422 if form.is_bound else 200)


@staff(Need.ADMINISTER)
@require_POST
def deactivate(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    _of_here(request, Membership, pk)
    return _do(request, lambda: members.deactivate(request.organization, pk, by=request.user, now=timezone.now()),
               "Persona dada de baja: sus sesiones terminaron.")  # fmt: skip


@staff(Need.ADMINISTER)
@require_POST
@proved_lately
def forget(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    _of_here(request, Membership, pk)

    def act() -> bool:
        return members.forget_second_step(request.organization, pk, by=request.user, now=timezone.now())

    return _do(request, act, "Segundo paso quitado: lo activa otra vez al entrar.")


@staff(Need.ADMINISTER)
@require_POST
def resend(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    _of_here(request, Invitation, pk)
    return _do(request, lambda: members.resend(request.organization, pk, by=request.user, now=timezone.now()),
               "Invitación reenviada: el enlace anterior ya no sirve.")  # fmt: skip


@staff(Need.ADMINISTER)
@require_POST
def revoke(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    _of_here(request, Invitation, pk)
    return _do(request, lambda: members.revoke(request.organization, pk, by=request.user, now=timezone.now()),
               "Invitación retirada: su enlace ya no sirve.")  # fmt: skip


def _shell(request: StaffRequest) -> dict[str, Any]:
    """What stands around the page: the sections of whoever opens it."""
    paying = request.organization.kind in PAYING
    return {
        "organization": request.organization,
        "membership": request.membership,
        "section": "personas",
        "paying": paying,
        "shell": "insurer/base.html" if paying else "desk/base.html",
    }


def _of_here(request: StaffRequest, model: type[Membership] | type[Invitation], pk: uuid.UUID) -> None:
    """What another organization has is as unknown as what never was."""
    if not model._default_manager.filter(organization=request.organization, pk=pk).exists():
        raise Http404


def _do(request: StaffRequest, act: Callable[[], object], done: str) -> HttpResponse:
    try:
        act()
    except SetupRefused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, done)
    return HttpResponseRedirect(reverse("setup:people"))

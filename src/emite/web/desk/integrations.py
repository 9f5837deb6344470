"""Keys of other systems and the addresses that are told what happens: add, take away, send an event again.

A secret is shown once, in the answer to the form that made it, and kept nowhere that can show it again.
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
from django.views.decorators.http import require_GET, require_POST

from emite.accounts.models import User
from emite.integrations.keys import KeyRefused, create_key, revoke_key
from emite.integrations.models import ApiKey, Scope, WebhookDelivery, WebhookEndpoint
from emite.integrations.notifying import EndpointRefused, add_endpoint, remove_endpoint, replay
from emite.integrations.publishing import EVENTS
from emite.organizations.models import Membership, Organization
from emite.web.access import Need, StaffRequest, staff

LIVES = [("90", "90 días"), ("180", "180 días"), ("366", "Un año")]
#: Events shown; older ones stay in the database.
LATEST = 50


class KeyForm(forms.Form):
    name = forms.CharField(
        label="Para qué sistema es",
        max_length=60,
        error_messages={"required": "Escriba qué sistema la va a usar."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    user = forms.ChoiceField(
        label="A nombre de quién",
        help_text="La llave nunca puede más que esta persona.",
        error_messages={"required": "Elija a la persona."},
    )
    scopes = forms.MultipleChoiceField(
        label="Qué puede hacer",
        choices=Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Elija al menos un permiso."},
    )
    life = forms.ChoiceField(label="Cuánto dura", choices=LIVES)

    def __init__(self, data: Any = None, *, organization: Organization, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        members = Membership.objects.active().select_related("user").filter(organization=organization)
        people = [(str(one.user_id), f"{one.user.name} ({one.get_role_display()})") for one in members]
        self.fields["user"].choices = [("", "Elegir…"), *sorted(people, key=lambda pair: pair[1])]  # type: ignore[attr-defined]


class EndpointForm(forms.Form):
    url = forms.CharField(
        label="Dirección de su sistema",
        max_length=500,
        help_text="Por ejemplo https://his.hospital.mx/avisos",
        error_messages={"required": "Escriba la dirección."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "url", "spellcheck": "false"}),
    )
    events = forms.MultipleChoiceField(
        label="Qué se le avisa",
        choices=list(EVENTS.items()),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Elija al menos un aviso."},
    )


@staff(Need.ADMINISTER)
@require_GET
def integrations(request: StaffRequest) -> HttpResponse:
    return _page(request)


@staff(Need.ADMINISTER)
@require_POST
def add_key(request: StaffRequest) -> HttpResponse:
    """Make a key and show it, this once."""
    form = KeyForm(request.POST, organization=request.organization)
    if form.is_valid():
        data = form.cleaned_data
        try:
            key, token = create_key(
                request.organization,
                name=data["name"],
                user=User.objects.get(pk=data["user"]),
                scopes=data["scopes"],
                life=dt.timedelta(days=int(data["life"])),
                by=request.user,
                now=timezone.now(),
            )
        except KeyRefused as refused:
            form.add_error(refused.field, refused.message)
        else:
            return _page(request, shown={"what": f"Llave de {key.name}", "secret": token})
    return _page(request, key_form=form, status=422)


@staff(Need.ADMINISTER)
@require_POST
def drop_key(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    key = ApiKey.objects.filter(organization=request.organization, pk=pk).first()
    if key is None:
        raise Http404
    revoke_key(key, by=request.user, now=timezone.now())
    messages.success(request, f"La llave de {key.name} ya no abre nada.")
    return _back()


@staff(Need.ADMINISTER)
@require_POST
def add_address(request: StaffRequest) -> HttpResponse:
    """Add an address and show the secret that signs what it gets, this once."""
    form = EndpointForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        try:
            endpoint, secret = add_endpoint(
                request.organization,
                url=data["url"].strip(),
                events=data["events"],
                by=request.user,
                now=timezone.now(),
            )
        except EndpointRefused as refused:
            form.add_error(refused.field, refused.message)
        else:
            return _page(request, shown={"what": f"Secreto de {endpoint.url}", "secret": secret})
    return _page(request, endpoint_form=form, status=422)


@staff(Need.ADMINISTER)
@require_POST
def drop_address(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    endpoint = WebhookEndpoint.objects.filter(organization=request.organization, pk=pk).first()
    if endpoint is None:
        raise Http404
    remove_endpoint(endpoint, by=request.user, now=timezone.now())
    messages.success(request, f"Ya no se avisa a {endpoint.url}.")
    return _back()


@staff(Need.ADMINISTER)
@require_POST
def send_again(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    delivery = WebhookDelivery.objects.filter(organization=request.organization, pk=pk).first()
    if delivery is None:
        raise Http404
    if replay(delivery, by=request.user, now=timezone.now()):
        messages.success(request, "El aviso se envía otra vez.")
    else:
        messages.error(request, "Esa dirección ya no recibe avisos.")
    return _back()


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse("desk:integrations"))


def _page(
    request: StaffRequest,
    *,
    key_form: KeyForm | None = None,
    endpoint_form: EndpointForm | None = None,
    shown: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    organization, now = request.organization, timezone.now()
    keys = ApiKey.objects.select_related("user").filter(organization=organization).order_by("-created_at")
    deliveries = WebhookDelivery.objects.select_related("endpoint").filter(organization=organization)
    context = {
        "organization": organization,
        "membership": request.membership,
        "zone": organization.zone,
        "section": "integraciones",
        "keys": [(key, key.is_live(now), [Scope(scope).label for scope in key.scopes]) for key in keys],
        "endpoints": [
            (one, [EVENTS[event] for event in one.events])
            for one in WebhookEndpoint.objects.filter(organization=organization, active=True).order_by("-created_at")
        ],
        "deliveries": deliveries.order_by("-created_at")[:LATEST],
        "key_form": key_form or KeyForm(organization=organization, initial={"life": "180"}),
        "endpoint_form": endpoint_form or EndpointForm(),
        "shown": shown,
    }
    return render(request, "desk/integrations.html", context, status=status)

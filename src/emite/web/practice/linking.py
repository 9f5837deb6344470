"""Vinculación de servicios: the code system, the code, "Vincular", the SAT key, "Aceptar". Also several at once.

A link holds from its day on: `chargemaster.linking` keeps what was invoiced before.
"""

from __future__ import annotations

import uuid
from typing import Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emite.care.models import CareService, CodeSystem, Physician
from emite.cfdi import codes
from emite.cfdi.taxes import Treatment
from emite.chargemaster import linking, offering
from emite.chargemaster.linking import LinkRefused
from emite.chargemaster.models import TREATMENT_CHOICES, TREATMENT_LABELS, ServiceLink
from emite.chargemaster.offering import Offer
from emite.issuers.models import Issuer
from emite.lookup import search
from emite.web.practice.access import Need, StaffRequest, practice
from emite.web.practice.settings import context_of

#: Codes of services that one page of proposals holds.
MOST: Final = 200


class LinkForm(forms.Form):
    label = forms.CharField(
        label="Descripción en la factura",
        max_length=200,
        help_text="Con sus palabras, sin diagnóstico ni nombre del paciente.",
        error_messages={"required": "Escriba cómo se llama el servicio."},
    )
    clave_prod_serv = forms.CharField(
        label="Clave SAT",
        max_length=100,
        help_text="La clave de 8 números, o palabras: «consulta médica».",
        error_messages={"required": "Escriba la clave SAT, o palabras para buscarla."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    treatment = forms.ChoiceField(
        label="Tratamiento de IVA",
        choices=[("", "Elija…"), *TREATMENT_CHOICES],
        help_text="Los servicios médicos de una persona física con título están exentos; confírmelo con su contador.",
        error_messages={"required": "Elija el tratamiento de IVA: no se supone ninguno."},
    )


@practice(Need.SEE)
@require_GET
def choose(request: StaffRequest) -> HttpResponse:
    """The only RFC there is, or the list of them."""
    rows = list(Issuer.objects.filter(organization=request.organization).order_by("created_at")[:2])
    if len(rows) == 1:
        return HttpResponseRedirect(reverse("practice:linking", args=[rows[0].pk]))
    return HttpResponseRedirect(reverse("practice:issuers"))


@practice(Need.SEE)
@require_GET
def links(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The code system, the search of a code (the exact one first), and what is linked already."""
    issuer = _issuer(request, pk)
    system = request.GET.get("sistema", "")
    system = system if system in CodeSystem.values else CodeSystem.CPT4
    text = request.GET.get("q", "").replace("\x00", "").strip()[:40]
    today = request.organization.local_date(timezone.now())
    in_force = ServiceLink.objects.filter(organization=request.organization, issuer=issuer, system=system, until=None)
    held = {row.code: row for row in in_force.order_by("code")}
    used = _used(request, issuer, system)
    context = context_of(
        request, "vinculacion", issuer=issuer, systems=CodeSystem.choices, system=system, text=text,
        found=[(offer, held.get(offer.code)) for offer in _found(system, text, _kinds(request), used)],
        links=[(row, TREATMENT_LABELS[Treatment(row.treatment)]) for row in held.values()],
        waiting=[
            (code, _proposal(code))
            for system_, code in linking.unlinked(issuer, {(system, code) for code in used}, today)
        ],
        treatments=TREATMENT_CHOICES,
    )  # fmt: skip
    return render(request, "practice/linking.html", context)


def _found(system: str, text: str, kinds: set[str], used: list[str]) -> list[Offer]:
    """Codes to choose from: what we offer for CPT4, those of the services, and the very one that was typed."""
    found = offering.offers(text, kinds) if system == CodeSystem.CPT4 else []
    known = {offer.code for offer in found}
    others = [code for code in used if code not in known and (not text or code.startswith(text))]
    if text and text not in known and text not in others and text.replace("-", "").isalnum() and len(text) <= 20:
        others.insert(0, text)
    made = [Offer(code, "", ()) for code in others]
    exact = [offer for offer in made if offer.code == text]
    return (exact + found + [offer for offer in made if offer.code != text])[:20]


def _used(request: StaffRequest, issuer: Issuer, system: str) -> list[str]:
    """Codes of this RFC's services, by their number of services."""
    rows = CareService.objects.filter(
        organization=request.organization, issuer=issuer, system=system, state=CareService.State.RENDERED
    )
    return sorted(set(rows.values_list("code", flat=True).distinct()[:MOST]))


def _kinds(request: StaffRequest) -> set[str]:
    """Those of the physicians who attend here."""
    return set(Physician.objects.filter(organization=request.organization, active=True).values_list("kind", flat=True))


def _proposal(code: str) -> dict[str, str]:
    offer = offering.offer_of(code)
    key = offer.keys[0] if offer else ""
    return {
        "label": offer.label if offer else "",
        "key": key,
        "text": (codes.label("c_ClaveProdServ", key) or "") if key else "",
    }


@practice(Need.PRICE)
@require_http_methods(["GET", "POST"])
def link(request: StaffRequest, pk: uuid.UUID, system: str, code: str) -> HttpResponse:
    """One code: SAT keys found by number or words, the result taken, "Aceptar"."""
    issuer, now = _issuer(request, pk), timezone.now()
    if system not in CodeSystem.values or len(code) > 20:
        raise Http404
    held = linking.link_of(issuer, system, code, request.organization.local_date(now))
    action, _, picked = request.POST.get("accion", "").partition("=")
    if request.method == "GET" or action in ("buscar", "clave"):
        start = (
            _start(held, code)
            if request.method == "GET"
            else {n: request.POST.get(n, "") for n in LinkForm.base_fields}
        )
        if action == "clave":
            start["clave_prod_serv"] = picked[:8]
        return _link_page(request, issuer, system, code, held, LinkForm(initial=start))
    form = LinkForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        try:
            linking.link(
                issuer, system, code, clave_prod_serv=data["clave_prod_serv"].strip(),
                treatment=Treatment(data["treatment"]), label=data["label"], user=request.user, now=now,
            )  # fmt: skip
        except LinkRefused as refused:
            form.add_error(refused.field if refused.field in form.fields else None, refused.message)
        else:
            messages.success(request, f"{code} quedó vinculado con {data['clave_prod_serv']}. Vale desde hoy.")
            return HttpResponseRedirect(f"{reverse('practice:linking', args=[issuer.pk])}?sistema={system}")
    return _link_page(request, issuer, system, code, held, form, status=422)


def _start(held: ServiceLink | None, code: str) -> dict[str, str]:
    if held is not None:
        return {"label": held.label, "clave_prod_serv": held.clave_prod_serv, "treatment": held.treatment}
    proposed = _proposal(code)
    return {"label": proposed["label"], "clave_prod_serv": proposed["key"]}


def _link_page(
    request: StaffRequest, issuer: Issuer, system: str, code: str, held: ServiceLink | None, form: LinkForm,
    *, status: int = 200,
) -> HttpResponse:  # fmt: skip
    typed = str(form["clave_prod_serv"].value() or "")[:100].strip()
    offer = offering.offer_of(code)
    proposed = [key for key in (offer.keys if offer else ()) if key != typed]
    entries = search("c_ClaveProdServ", typed) if typed else []
    chosen = codes.label("c_ClaveProdServ", typed) if typed.isdigit() else None
    context = context_of(
        request, "vinculacion", issuer=issuer, system=system, code=code, held=held, form=form,
        label=CodeSystem(system).label, chosen=chosen,
        entries=[entry for entry in entries if entry.key not in (typed, *proposed)],
        proposed=[(key, codes.label("c_ClaveProdServ", key)) for key in proposed],
        before=ServiceLink.objects.filter(
            organization=request.organization, issuer=issuer, system=system, code=code
        ).exclude(until=None).order_by("-since", "-linked_at")[:10],
    )  # fmt: skip
    return render(request, "practice/link.html", context, status=status)


@practice(Need.PRICE)
@require_POST
def link_many(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """The ticked proposals, each with the key that is shown beside it and one treatment for all."""
    issuer, system = _issuer(request, pk), request.POST.get("sistema", "")
    treatment, ticked = request.POST.get("treatment", ""), request.POST.getlist("codigo")[:MOST]
    back = HttpResponseRedirect(f"{reverse('practice:linking', args=[issuer.pk])}?sistema={system}")
    proposed = {code: _proposal(code) for code in ticked if system == CodeSystem.CPT4}
    proposed = {code: offer for code, offer in proposed.items() if offer["key"]}
    if not proposed or treatment not in TREATMENT_LABELS:
        messages.error(request, "Marque al menos un código y elija el tratamiento de IVA.")
        return back
    try:
        for code, offer in proposed.items():
            linking.link(
                issuer, system, code, clave_prod_serv=offer["key"], treatment=Treatment(treatment),
                label=offer["label"], user=request.user, now=timezone.now(),
            )  # fmt: skip
    except LinkRefused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, f"{len(proposed)} códigos quedaron vinculados desde hoy.")
    return back


def _issuer(request: StaffRequest, pk: uuid.UUID) -> Issuer:
    found = Issuer.objects.select_related("organization").filter(organization=request.organization, pk=pk).first()
    if found is None:
        raise Http404
    return found


_HERE = "consultorio/configuracion/vinculacion/"
addresses: list[URLPattern] = [
    path(_HERE, choose, name="linking_home"),
    path(f"{_HERE}<uuid:pk>/", links, name="linking"),
    path(f"{_HERE}<uuid:pk>/varios/", link_many, name="link_many"),
    path(f"{_HERE}<uuid:pk>/<slug:system>/<str:code>/", link, name="link_code"),
]

"""Lista de precios: find, add, change, put out of use. Files of it are in `importing`."""

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

from emite.cfdi.taxes import Treatment
from emite.chargemaster.keeping import ItemInput, ItemRefused, keep, price_history
from emite.chargemaster.models import TREATMENT_CHOICES, TREATMENT_LABELS, ChargeItem
from emite.lookup import Entry, search
from emite.lookup.words import distance, plain, stem, words
from emite.organizations.models import Organization
from emite.organizations.permissions import Need
from emite.web.access import StaffRequest, staff
from emite.web.amounts import AmountField

PAGE = 100
_KEYS = {"clave_prod_serv": "c_ClaveProdServ", "clave_unidad": "c_ClaveUnidad"}


class ItemForm(forms.Form):
    """One service. SAT's keys may be typed as words: what they may mean is offered below."""

    code = forms.CharField(label="Código propio", max_length=40, error_messages={"required": "Escriba el código."})
    description = forms.CharField(
        label="Descripción",
        max_length=200,
        help_text="Como saldrá en el ticket y en la factura, sin diagnóstico ni nombre del paciente.",
        error_messages={"required": "Escriba la descripción."},
    )
    clave_prod_serv = forms.CharField(
        label="Clave SAT del servicio o producto",
        max_length=100,
        help_text="La clave de 8 números, o palabras: «consulta médica».",
        error_messages={"required": "Escriba la clave, o palabras para buscarla."},
    )
    clave_unidad = forms.CharField(
        label="Clave de unidad",
        max_length=100,
        help_text="E48 es «unidad de servicio», H87 es «pieza».",
        error_messages={"required": "Escriba la clave de unidad, o palabras para buscarla."},
    )
    unit_price = AmountField(label="Precio sin IVA", error_messages={"required": "Escriba el precio."})
    treatment = forms.ChoiceField(
        label="Tratamiento de IVA",
        choices=[("", "Elija…"), *TREATMENT_CHOICES],
        help_text="Lo decide su contador: de él salen el impuesto y el objeto de impuesto de la factura.",
        error_messages={"required": "Elija el tratamiento de IVA: no se supone ninguno."},
    )
    active = forms.BooleanField(label="En uso", required=False, help_text="Fuera de uso ya no se ofrece al cobrar.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.fields:
            self.fields[name].widget.attrs["autocomplete"] = "off"
        for name in _KEYS:
            self.fields[name].widget.attrs |= {
                "hx-get": reverse("desk:price_keys"),
                "hx-trigger": "input changed delay:200ms",
                "hx-target": f"#propuestas-{name}",
            }

    def item(self) -> ItemInput:
        data = self.cleaned_data
        return ItemInput(**{**data, "clave_unidad": data["clave_unidad"].upper()})

    def proposals(self) -> dict[str, list[Entry]]:
        """What the words typed as a key may mean; nothing for a key that is one."""
        typed = {name: str(self[name].value() or "").strip() for name in _KEYS}
        found = {name: search(_KEYS[name], text) for name, text in typed.items()}
        return {
            name: [] if entries and entries[0].key == typed[name].upper() else entries
            for name, entries in found.items()
        }


@staff(Need.PRICE)
@require_GET
def price_list(request: StaffRequest) -> HttpResponse:
    text = request.GET.get("q", "").replace("\x00", "").strip()[:100]
    shown = "fuera" if request.GET.get("ver") == "fuera" else ""
    rows = found_in(request.organization, text, active=not shown)
    start = _number(request.GET.get("desde", ""))
    context = _base(request) | {
        "text": text,
        "shown": shown,
        "rows": [(row, TREATMENT_LABELS[Treatment(row.treatment)]) for row in rows[start : start + PAGE]],
        "next": start + PAGE if len(rows) > start + PAGE else None,
        "count": len(rows),
    }
    return render(request, "desk/price_list.html", context)


def found_in(organization: Organization, text: str, *, active: bool) -> list[ChargeItem]:
    """Services whose code begins with the text or whose description sounds like its words; typos are forgiven."""
    rows = list(ChargeItem.objects.filter(organization=organization, active=active).order_by("code"))
    if not text:
        return rows
    asked = [stem(word) for word in words(text)]

    def fits(row: ChargeItem) -> bool:
        if plain(row.code).startswith(plain(text)):
            return True
        has = [stem(word) for word in words(f"{row.code} {row.description}")]
        return all(any(_alike(one, other) for other in has) for one in asked)

    return [row for row in rows if fits(row)]


def _alike(typed: str, other: str) -> bool:
    most = 0 if len(typed) < 4 else 1 if len(typed) < 7 else 2
    return other.startswith(typed) or (most > 0 and distance(typed, other, most) <= most)


@staff(Need.PRICE)
@require_http_methods(["GET", "POST"])
def add(request: StaffRequest) -> HttpResponse:
    return _edit(request, None)


@staff(Need.PRICE)
@require_http_methods(["GET", "POST"])
def change(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    row = ChargeItem.objects.filter(organization=request.organization, pk=pk).first()
    if row is None:
        raise Http404
    return _edit(request, row)


def _edit(request: StaffRequest, row: ChargeItem | None) -> HttpResponse:
    if request.method == "GET":
        return _form_page(request, row, ItemForm(initial=_initial(row)))
    data = request.POST.copy()
    action, _, chosen = request.POST.get("accion", "").partition("=")
    if action == "buscar" or action in _KEYS:
        if chosen:
            data[action] = chosen
        typed = {name: data.get(name, "") for name in ItemForm.base_fields}
        return _form_page(request, row, ItemForm(initial=typed))
    form = ItemForm(data)
    if form.is_valid():
        try:
            kept = keep(
                request.organization, form.item(), pk=row.pk if row else None, user=request.user, now=timezone.now()
            )
        except ItemRefused as refused:
            for name, words_ in refused.faults.items():
                form.add_error(name, words_)
        else:
            messages.success(request, f"{kept.code} guardado. Lo que ya se cobró conserva su precio.")
            return HttpResponseRedirect(reverse("desk:prices"))
    return _form_page(request, row, form, status=422)


@staff(Need.PRICE)
@require_GET
def keys(request: StaffRequest) -> HttpResponse:
    """The piece with what the words typed as a key may mean. SAT's catalogue has no tenant."""
    name = next((each for each in _KEYS if each in request.GET), "clave_prod_serv")
    typed = request.GET.get(name, "")[:100]
    entries = search(_KEYS[name], typed)
    if entries and entries[0].key == typed.strip().upper():
        entries = []
    return render(request, "desk/pieces/proposals.html", {"entries": entries, "prefix": f"{name}="})


def _initial(row: ChargeItem | None) -> dict[str, Any]:
    if row is None:
        return {"active": True}
    said = {name: getattr(row, name) for name in ItemForm.base_fields}
    return said | {"unit_price": f"{row.unit_price.normalize():f}"}


def _form_page(request: StaffRequest, row: ChargeItem | None, form: ItemForm, *, status: int = 200) -> HttpResponse:
    proposals = form.proposals()
    context = _base(request) | {
        "form": form,
        "row": row,
        "claves": proposals["clave_prod_serv"],
        "unidades": proposals["clave_unidad"],
        "history": price_history(row) if row else [],
        "zone": request.organization.zone,
    }
    return render(request, "desk/price_item.html", context, status=status)


def _number(typed: str) -> int:
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 7 else 0


def _base(request: StaffRequest) -> dict[str, Any]:
    return {"organization": request.organization, "membership": request.membership, "section": "precios"}

"""Write a remisión: rows from the price list or free, the sum as one types, and nothing lost after an error.

Works without scripts: "Agregar línea" and "Actualizar" post the same form. What a row is lives in `lines`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emite.charges.charging import charge as create_charge
from emite.charges.pricing import LineRefused
from emite.issuers.models import Issuer
from emite.organizations.models import Branch
from emite.web.access import Need, StaffRequest, staff
from emite.web.desk.branches import BranchField, branch_of_register, offer_branches
from emite.web.desk.claves import offered, picked
from emite.web.desk.lines import Sheet, demand_a_line, empty_sheet, read_sheet, search_items
from emite.web.once import key_of

#: Services of the list that are one press away.
PICKS = 8


class HeadForm(forms.Form):
    """What is said once of the whole remisión."""

    patient_name = forms.CharField(
        label="Paciente",
        required=False,
        max_length=200,
        help_text="Solo lo ve el personal: no sale en el ticket ni en el portal.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"max_length": "Use a lo más 200 letras."},
    )
    issuer = forms.ChoiceField(label="Emisor", required=False)
    branch = BranchField(help_text="Su código postal es el lugar de expedición de la factura.")

    def __init__(self, data: Any = None, *, issuers: list[Issuer], register: str | None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.branches = offer_branches(self, issuers[0].organization_id)
        if "branch" in self.fields:
            self.fields["branch"].initial = branch_of_register(issuers[0].organization_id, register)
        self.issuers = {str(issuer.pk): issuer for issuer in issuers}
        if len(issuers) < 2:
            del self.fields["issuer"]
        else:
            self.fields["issuer"].required = True
            self.fields["issuer"].choices = [("", "Elija…"), *((pk, str(row)) for pk, row in self.issuers.items())]  # type: ignore[attr-defined]
            self.fields["issuer"].error_messages["required"] = "Elija con qué RFC se va a facturar."

    def chosen_branch(self) -> Branch | None:
        """Only after is_valid()."""
        return self.branches.get(self.cleaned_data.get("branch", ""))

    def chosen_issuer(self) -> Issuer:
        """Only after is_valid()."""
        return (
            self.issuers[self.cleaned_data["issuer"]] if "issuer" in self.fields else next(iter(self.issuers.values()))
        )


@staff(Need.COLLECT)
@require_http_methods(["GET", "POST"])
def new_charge(request: StaffRequest) -> HttpResponse:
    issuers = list(Issuer.objects.filter(organization=request.organization).order_by("created_at"))
    if not issuers:
        return render(request, "desk/not_ready.html", _base(request))
    if request.method == "GET":
        return _page(request, HeadForm(issuers=issuers, register=request.session.get("register")), empty_sheet(), {})
    action = request.POST.get("accion", "")
    if not picked(action):
        action, _, number = action.partition("-")
    if action == "elegir":
        sheet = read_sheet(request.organization, pick(request.POST, number))
        head = HeadForm(initial=_typed(request), issuers=issuers, register=None)
        return _page(request, head, sheet, request.POST, focus="guardar", quiet=True)
    if action in ("agregar", "quitar", "actualizar") or picked(action):
        without = int(number) if action == "quitar" and number.isascii() and number.isdigit() else None
        data = _with_picked(request.POST)
        sheet = read_sheet(request.organization, data, without=without, extra=1 if action == "agregar" else 0)
        head = HeadForm(initial=_typed(request), issuers=issuers, register=None)
        return _page(request, head, sheet, request.POST, focus=_focus(action, sheet), quiet=True)
    return _save(request, HeadForm(request.POST, issuers=issuers, register=None))


def _typed(request: StaffRequest) -> dict[str, str]:
    return {name: request.POST.get(name, "") for name in HeadForm.base_fields}


def pick(posted: QueryDict, code: str) -> dict[str, str]:
    """The same rows with this service of the list in the first empty one, or in one more."""
    data = {name: str(posted.get(name, "")) for name in posted}
    rows = int(data["filas"]) if data.get("filas", "").isdigit() else 0
    empty = (row for row in range(rows) if not data.get(f"l{row}-code") and not data.get(f"l{row}-description"))
    row = next(empty, rows)
    return data | {f"l{row}-code": code[:40], "filas": str(max(rows, row + 1))}


def _save(request: StaffRequest, head: HeadForm) -> HttpResponse:
    sheet = read_sheet(request.organization, request.POST)
    if head.is_valid() and sheet.complete:
        try:
            created = create_charge(
                request.organization,
                head.chosen_issuer(),
                sheet.lines,
                user=request.user,
                now=timezone.now(),
                patient_name=head.cleaned_data["patient_name"],
                idempotency_key=key_of(str(request.POST.get("clave_envio", ""))),
                branch=head.chosen_branch(),
            )
        except LineRefused as refused:
            filled = [row for row in sheet.rows if row.line]
            filled[refused.position - 1].form.add_error(refused.field, refused.message)
        else:
            messages.success(request, f"Remisión {created.folio} creada.")
            return HttpResponseRedirect(reverse("desk:charge", args=[created.pk]))
    if not sheet.lines and not any(row.form.errors for row in sheet.rows):
        demand_a_line(sheet)
    return _page(request, head, sheet, request.POST, status=422)


@staff(Need.COLLECT)
@require_POST
def calculate(request: StaffRequest) -> HttpResponse:
    """The piece that htmx puts in place: sums, or the rows when a service was picked (`filas=1` in the address)."""
    sheet = read_sheet(request.organization, _with_picked(request.POST))
    name = "desk/pieces/sheet.html" if request.GET.get("todo") else "desk/pieces/sums.html"
    return render(request, name, {"sheet": sheet, "quiet": True, "live": True})


@staff(Need.COLLECT)
@require_GET
def items(request: StaffRequest) -> HttpResponse:
    """Options for the list of services, as one types."""
    typed = _ending(request, "-code")
    return render(request, "desk/pieces/items.html", {"items": search_items(request.organization, typed[:100])})


@staff(Need.COLLECT)
@require_GET
def claves(request: StaffRequest) -> HttpResponse:
    """SAT's keys for what is typed in a row, words or the beginning of a key. SAT's catalogue has no tenant."""
    field, typed = next(iter(request.GET.items()), ("", ""))
    post = f"{reverse('desk:calculate')}?todo=1"
    context = {"entries": offered(field, str(typed)), "prefix": f"{field}=", "post": post}
    return render(request, "desk/pieces/proposals.html", context)


def _with_picked(posted: QueryDict) -> QueryDict:
    """What was posted, with the key of the button that was pressed in its field."""
    chosen = picked(posted.get("accion", ""))
    if chosen is None:
        return posted
    data = posted.copy()
    data[chosen[0]] = chosen[1]
    return data


def _ending(request: StaffRequest, name: str) -> str:
    """The value of the first parameter with that ending: rows are numbered."""
    return next((str(value) for key, value in request.GET.items() if key.endswith(name)), "")


def _page(
    request: StaffRequest,
    head: HeadForm,
    sheet: Sheet,
    data: Mapping[str, Any],
    *,
    focus: str = "",
    quiet: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = _base(request) | {
        "head": head,
        "sheet": sheet,
        "key": key_of(str(data.get("clave_envio", ""))),
        "focus": focus,
        "items": search_items(request.organization, "", limit=50),
        "picks": search_items(request.organization, "", limit=PICKS),
        "quiet": quiet,
        "problems": [] if quiet else _problems(head, sheet),
    }
    return render(request, "desk/new_charge.html", context, status=status)


def _problems(head: HeadForm, sheet: Sheet) -> list[tuple[str, str]]:
    """Every error as (anchor, words), for the summary on top."""
    found = [(head[name].id_for_label, str(text)) for name, texts in head.errors.items() for text in texts]
    for number, row in enumerate(sheet.rows, 1):
        for name, texts in row.form.errors.items():
            field = row.form[name] if name in row.form.fields else row.form["description"]
            found += [(field.id_for_label, f"Línea {number}: {text}") for text in texts]
    return found


def _focus(action: str, sheet: Sheet) -> str:
    """After "Agregar línea", the next thing to type is the new line's service."""
    return sheet.rows[-1].form["code"].id_for_label if action == "agregar" else ""


def _base(request: StaffRequest) -> dict[str, Any]:
    return {"organization": request.organization, "membership": request.membership, "section": "nueva"}

"""Who receives an invoice at the counter: somebody with an RFC, a foreigner, or the public with a name.

The generic receptors need only a name (and a country): SAT fixes the rest. Source: CFDI40149, 40151-40155, 40159.
"""

from __future__ import annotations

from typing import Any, Final

from django import forms

from emite.cfdi import codes
from emite.cfdi.comprobante import Receptor
from emite.cfdi.rfc import EXTRANJERO, PUBLICO_EN_GENERAL, Rfc
from emite.cfdi.rules.informacion_global import NOMBRE_PUBLICO
from emite.web.fiscal import FiscalDataForm

WITH_RFC, FOREIGN, PUBLIC = "rfc", "extranjero", "publico"
WHO: Final = (
    (WITH_RFC, "Con RFC"),
    (FOREIGN, "Extranjero sin RFC"),
    (PUBLIC, "Público en general, con nombre"),
)
_GENERIC: Final = {FOREIGN: EXTRANJERO, PUBLIC: PUBLICO_EN_GENERAL}
#: What SAT fixes for a generic receptor.
_REGIMEN, _USO = "616", "S01"
_NAMES: Final = {
    FOREIGN: ("Nombre del extranjero", "Como está en su pasaporte o documento."),
    PUBLIC: ("Nombre del paciente", "Sin RFC, esta factura no sirve para deducir: dígaselo antes de generarla."),
}


class CounterForm(FiscalDataForm):
    """The form of fiscal data with the question that comes before it; a generic receptor is asked less."""

    quien = forms.ChoiceField(
        label="¿A quién se factura?",
        choices=WHO,
        widget=forms.RadioSelect,
        error_messages={"required": "Elija a quién se factura.", "invalid_choice": "Elija una de las tres opciones."},
    )
    pais = forms.ChoiceField(
        label="País de residencia fiscal",
        help_text="El SAT pide el país. El registro tributario no se escribe: solo va con comercio exterior.",
        error_messages={"required": "Elija el país.", "invalid_choice": "Elija un país de la lista."},
    )
    field_order = ("quien", "pais", "rfc", "nombre", "domicilio_fiscal", "regimen_fiscal", "uso_cfdi", "email")

    def __init__(self, data: Any = None, *, place: str, **kwargs: Any) -> None:
        if data is not None and not data.get("quien"):
            data = {**data.dict(), "quien": WITH_RFC}
        super().__init__(data, generic_allowed=True, **kwargs)
        self.place = place
        self.initial.setdefault("quien", WITH_RFC)
        self.who = self._typed("quien")
        if self.who in _GENERIC:
            for name in ("rfc", "domicilio_fiscal", "regimen_fiscal", "uso_cfdi"):
                del self.fields[name]
            self.fields["nombre"].label, self.fields["nombre"].help_text = _NAMES[self.who]
            self.fields["nombre"].error_messages["required"] = "Escriba el nombre."
        if self.who == FOREIGN:
            countries = sorted(codes.labels("c_Pais"), key=lambda pair: pair[1])
            self.fields["pais"].choices = [  # type: ignore[attr-defined]
                ("", "Elija…"), *((key, text) for key, text in countries if key not in ("MEX", "ZZZ"))
            ]  # fmt: skip
        else:
            del self.fields["pais"]

    def clean_rfc(self) -> Rfc:
        rfc = super().clean_rfc()
        for who, label in WHO:
            if _GENERIC.get(who) == rfc:
                raise forms.ValidationError(f"{rfc} es un RFC genérico: elija arriba «{label}».")
        return rfc

    def clean_nombre(self) -> str:
        name = super().clean_nombre()
        if self.who in _GENERIC and " ".join(name.replace("Ú", "U").split()) == NOMBRE_PUBLICO:
            raise forms.ValidationError(
                "Escriba el nombre de la persona: PUBLICO EN GENERAL es solo para la factura global."
            )
        return name

    def receptor(self) -> Receptor:
        if self.who not in _GENERIC:
            return super().receptor()
        return Receptor(
            rfc=_GENERIC[self.who],
            nombre=self.cleaned_data["nombre"],
            domicilio_fiscal=self.place,
            regimen_fiscal=_REGIMEN,
            uso_cfdi=_USO,
            residencia_fiscal=self.cleaned_data.get("pais") or None,
        )

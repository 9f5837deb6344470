"""The form of fiscal data: who receives an invoice. One for the portal and the desk; each has its own page around it.

Asks only what the law lets one ask. What SAT's rules say of the answers is decided in `cfdi.rules`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from django import forms

from emite.cfdi import codes
from emite.cfdi.codes import Person
from emite.cfdi.comprobante import Receptor
from emite.cfdi.faults import Fault, Severity
from emite.cfdi.rfc import Rfc, RfcInvalid

#: The régimenes of most people who pay a hospital, first in their list.
COMMON: Final[dict[Person, tuple[str, ...]]] = {"F": ("605", "612", "626", "616"), "M": ("601", "626", "603")}
#: Attribute of the Receptor at the end of a fault's xpath, and the field where a person can cure it.
FIELD_OF: Final = {
    "@Rfc": "rfc",
    "@Nombre": "nombre",
    "@DomicilioFiscalReceptor": "domicilio_fiscal",
    "@RegimenFiscalReceptor": "regimen_fiscal",
    "@UsoCFDI": "uso_cfdi",
}
#: Unicode's categories of emoji, modifiers, control and invisible characters.
_NO_NAME_HAS: Final = ("So", "Sk", "Cc", "Cf", "Cs", "Co", "Cn")
_QUOTES: Final = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "´": "'", "–": "-", "—": "-"})


def legal_name(typed: str) -> str:
    """A name as SAT registers them: capitals, plain quotes, single spaces. Raises ValidationError."""
    name = " ".join(unicodedata.normalize("NFC", typed).translate(_QUOTES).split()).upper()
    strange = sorted({char for char in name if char in "|<>" or unicodedata.category(char) in _NO_NAME_HAS})
    if strange:
        raise forms.ValidationError(f"El nombre no puede llevar {' '.join(strange)}: el SAT no lo registra así.")
    return name


class FiscalDataForm(forms.Form):
    """RFC, nombre, CP, régimen and uso; mail and the patient's name only at the payer's wish.

    The lists of régimenes and usos follow from what was typed so far, so a page can ask step by step or all at once.
    `warnings` holds what will not stop the invoice but deserves a look, by field.
    """

    rfc = forms.CharField(label="RFC", max_length=20, error_messages={"required": "Falta el RFC."})
    nombre = forms.CharField(
        label="Nombre o razón social",
        max_length=300,
        error_messages={
            "required": "Falta el nombre, como está en la Constancia de Situación Fiscal.",
            "max_length": "El nombre tiene más de 300 letras: el SAT no admite tantas.",
        },
    )
    domicilio_fiscal = forms.CharField(
        label="Código postal",
        max_length=10,
        error_messages={"required": "Falta el código postal del domicilio fiscal."},
    )
    regimen_fiscal = forms.ChoiceField(label="Régimen fiscal", error_messages={"required": "Falta elegir el régimen."})
    uso_cfdi = forms.ChoiceField(label="Uso de la factura", error_messages={"required": "Falta elegir el uso."})
    email = forms.EmailField(
        label="Correo electrónico",
        required=False,
        max_length=254,
        error_messages={
            "invalid": "El correo no está completo: debe ser como nombre@ejemplo.com.",
            "max_length": "El correo es demasiado largo: tiene a lo más 254 letras.",
        },
    )
    with_patient = forms.BooleanField(label="Escribir el nombre del paciente en la factura", required=False)

    def __init__(
        self,
        data: Any = None,
        *,
        generic_allowed: bool = False,
        usos_offered: Sequence[str] | None = None,
        offer_patient: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(data, **kwargs)
        self.generic_allowed = generic_allowed
        self.warnings: dict[str, list[str]] = {}
        if not offer_patient:
            del self.fields["with_patient"]
        self.person = person_of(self._typed("rfc"))
        self.usos_offered = usos_offered
        self.offer_choices()
        for name, token in (("rfc", "characters"), ("nombre", "characters"), ("email", "off")):
            self.fields[name].widget.attrs |= {"autocapitalize": token, "autocomplete": "off", "spellcheck": "false"}
        self.fields["domicilio_fiscal"].widget.attrs |= {"inputmode": "numeric", "autocomplete": "off"}

    def offer_choices(self) -> None:
        """Fill the lists with what goes with the answers so far."""
        self.fields["regimen_fiscal"].choices = [("", "Elegir…"), *regimen_choices(self.person)]  # type: ignore[attr-defined]
        usos = uso_choices(self.person, self._typed("regimen_fiscal"), self.usos_offered)
        self.fields["uso_cfdi"].choices = [("", "Elegir…"), *usos]  # type: ignore[attr-defined]

    def _typed(self, name: str) -> str:
        source = self.data if self.is_bound else self.initial
        return str(source.get(self.add_prefix(name) if self.is_bound else name, "") or "").strip()

    def clean_rfc(self) -> Rfc:
        try:
            rfc = Rfc.parse(self.cleaned_data["rfc"])
        except RfcInvalid as error:
            raise forms.ValidationError(error.message) from error
        if rfc.is_generic and not self.generic_allowed:
            raise forms.ValidationError(
                f"{rfc} es un RFC genérico: aquí se necesita el de quien va a recibir la factura."
            )
        if not rfc.check_digit_ok:
            self.warnings.setdefault("rfc", []).append(
                "El último carácter no corresponde con los demás. Vale la pena compararlo con la Constancia."
            )
        return rfc

    def clean_nombre(self) -> str:
        return legal_name(self.cleaned_data["nombre"])

    def clean_domicilio_fiscal(self) -> str:
        cp = "".join(str(self.cleaned_data["domicilio_fiscal"]).split())
        if len(cp) != 5 or not (cp.isascii() and cp.isdigit()):
            raise forms.ValidationError("El código postal son cinco números, por ejemplo 06700.")
        if not codes.contains("c_CodigoPostal", cp):
            raise forms.ValidationError(f"El SAT no tiene el código postal {cp}: hay que revisarlo en la Constancia.")
        return cp

    def receptor(self) -> Receptor:
        """What was typed, as the CFDI takes it. Only after is_valid()."""
        data = self.cleaned_data
        return Receptor(
            rfc=str(data["rfc"]),
            nombre=data["nombre"],
            domicilio_fiscal=data["domicilio_fiscal"],
            regimen_fiscal=data["regimen_fiscal"],
            uso_cfdi=data["uso_cfdi"],
        )

    def add_faults(self, faults: Iterable[Fault], words: Callable[[Fault], str] = lambda fault: fault.message) -> None:
        """Put each fault beside the field that cures it; what no field cures goes on top. An AVISO only warns."""
        for fault in faults:
            name = FIELD_OF.get(fault.xpath.rpartition("/")[2]) if "Receptor" in fault.xpath else None
            if fault.severity is Severity.AVISO:
                self.warnings.setdefault(name or "", []).append(words(fault))
            else:
                self.add_error(name, words(fault))


def person_of(typed: str) -> Person | None:
    """The kind of person of an RFC as far as it was typed well; None while it is not an RFC."""
    try:
        rfc = Rfc.parse(typed)
    except RfcInvalid:
        return None
    return "F" if rfc.is_persona_fisica else "M"


def regimen_choices(person: Person | None) -> list[tuple[str, str]]:
    """Régimenes of that person, the common ones first; of both persons while it is not known."""
    persons: tuple[Person, ...] = (person,) if person else ("F", "M")
    keys: list[str] = []
    for kind in persons:
        keys += [*COMMON[kind], *codes.regimenes(kind)]
    return [(key, f"{codes.label('c_RegimenFiscal', key)} ({key})") for key in dict.fromkeys(keys)]


def uso_choices(person: Person | None, regimen: str, offered: Sequence[str] | None = None) -> list[tuple[str, str]]:
    """Usos that this person with this régimen may choose, the likely one first; every uso while that is not known.

    `offered` narrows the list to what the organization offers, unless nothing would be left.
    """
    if person and regimen:
        keys = codes.usos(person, regimen)
    else:
        keys = ["D01", "G03", "S01", *sorted(codes.keys("c_UsoCFDI") - {"CP01", "CN01", "D01", "G03", "S01"})]
    narrowed = [key for key in keys if key in offered] if offered else keys
    return [(key, f"{codes.label('c_UsoCFDI', key)} ({key})") for key in narrowed or keys]

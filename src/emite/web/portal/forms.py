"""The forms of the portal: the code, the fiscal data in words for a patient, the RFC of an invoice, a mail.

What is valid is decided by `web.fiscal` and `cfdi`; here it is said, and what deserves a second look is asked once.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import uuid
from collections.abc import Callable, Sequence
from functools import cache, cached_property, lru_cache
from typing import Any, Final

from django import forms

from emite.cfdi import codes
from emite.cfdi.faults import Fault
from emite.cfdi.rfc import Rfc, RfcInvalid
from emite.charges.code import LENGTH
from emite.web.errors.sat_codes import Mender, advice
from emite.web.fiscal import FiscalDataForm, regimen_choices, uso_choices
from emite.web.portal.words import USO_MEANS, cost_of

#: How companies end their names on paper, but not in SAT's register; without spaces and dots.
_REGIMEN_DE_CAPITAL: Final = frozenset(
    (
        *("SA", "SADECV", "SAPI", "SAPIDECV", "SAB", "SABDECV", "SAS", "SASDECV", "SDERL", "SDERLDECV", "SDERLMI"),
        *("SC", "SCDERL", "SCDERLDECV", "SCP", "SCS", "AC", "ABP", "IAP", "SNC", "SPRDERL", "SPRDERLDECV"),
    )
)
ODD_DIGIT: Final = "El último carácter de este RFC no corresponde con los demás. Compáralo con tu Constancia."
_KEY: Final = re.compile(r"[0-9a-f]{32}")

#: (key, label) or (name of a group, its choices), as Django's widgets take them.
Choices = tuple[tuple[str, Any], ...]


class CodeForm(forms.Form):
    """The code as printed or as somebody types it."""

    codigo = forms.CharField(
        label="Código de tu ticket",
        max_length=60,
        help_text="Son 16 letras y números. Da igual si usas mayúsculas, espacios o guiones.",
        error_messages={
            "required": "Escribe el código de tu ticket.",
            "max_length": "El código tiene 16 letras y números: escribiste más.",
        },
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "inputmode": "text",
                "placeholder": "XXXX-XXXX-XXXX-XXXX",
                "data-groups": "4",
            }
        ),
    )

    def clean_codigo(self) -> str:
        typed = self.cleaned_data["codigo"]
        count = sum(character.isalnum() for character in typed)
        if count != LENGTH:
            raise forms.ValidationError(f"El código tiene 16 letras y números: escribiste {count}.")
        return str(typed)


class DatosForm(FiscalDataForm):
    """ "Tus datos". Every list validates on its own words, so a choice of another person is answered by name."""

    llave = forms.CharField(required=False, widget=forms.HiddenInput)
    ticket = forms.CharField(required=False, widget=forms.HiddenInput)
    # A found ticket must not tell who was treated: whoever wants the name in the invoice has to know it.
    paciente = forms.CharField(required=False, max_length=200)
    revisado = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Any = None, *, forma_pago: Callable[[], str], patient_name: str = "", **kwargs: Any
    ) -> None:
        super().__init__(data, **kwargs)
        self.forma_pago = forma_pago
        self.patient_name = patient_name
        if not patient_name:
            del self.fields["paciente"]
        for name, label, help_text in _FIELDS:
            if name in self.fields:
                self.fields[name].label, self.fields[name].help_text = label, help_text
        for name, key, message in _MESSAGES:
            self.fields[name].error_messages[key] = message
        self.fields["rfc"].widget.attrs |= {"class": "capitals"}
        self.fields["nombre"].widget.attrs |= {"class": "capitals"}
        self.fields["domicilio_fiscal"].widget.attrs |= {"class": "short"}
        self.fields["email"].widget.attrs |= {"inputmode": "email", "autocapitalize": "none"}
        for name in ("nombre", "rfc", "domicilio_fiscal"):
            self.fields[name].widget.attrs.pop("maxlength", None)  # said, never cut
        for field in self.fields.values():
            field.widget.attrs["autocomplete"] = "off"
            field.widget.use_required_attribute = lambda initial: False

    def offer_choices(self) -> None:
        regimen, uso = self._typed("regimen_fiscal"), self._typed("uso_cfdi")
        regimenes = grouped_regimenes(self.person)
        usos = grouped_usos(self.person, regimen, tuple(self.usos_offered or ()))
        if self.is_bound:  # an error keeps what was sent; a list that is only being refreshed does not
            regimenes = _keeping(regimen, regimenes, "c_RegimenFiscal")
            usos = _keeping(uso, usos, "c_UsoCFDI")
        # Any key of SAT's passes here: what does not go together is answered in clean(), with the reason.
        self.fields["regimen_fiscal"] = _select(self, "regimen_fiscal", regimenes)
        self.fields["uso_cfdi"] = _select(self, "uso_cfdi", usos)

    def clean_rfc(self) -> Rfc:
        typed = self.cleaned_data["rfc"]
        try:
            rfc = Rfc.parse(typed)
        except RfcInvalid as error:
            raise forms.ValidationError(rfc_problem(typed)) from error
        if rfc.is_generic:
            raise forms.ValidationError(
                f"{rfc} es un RFC genérico, que no es de nadie. Escribe el tuyo; si no tienes o vives en el "
                "extranjero, en caja te hacen la factura."
            )
        if not rfc.check_digit_ok:
            self.warnings.setdefault("rfc", []).append(ODD_DIGIT)
        return rfc

    def clean_paciente(self) -> str:
        typed = str(self.cleaned_data["paciente"]).strip()
        if typed and _folded(typed) != _folded(self.patient_name):
            raise forms.ValidationError(
                "No es el nombre que tiene el hospital. Revísalo, o déjalo vacío: la factura vale igual."
            )
        return typed

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        rfc, regimen, uso = data.get("rfc"), data.get("regimen_fiscal"), data.get("uso_cfdi")
        if rfc and regimen and not codes.regimen_admits(regimen, _person(rfc)):
            self.add_error("regimen_fiscal", advice("40158").message)
        elif rfc and regimen and uso and not codes.uso_allowed(uso, _person(rfc), regimen):
            self.add_error("uso_cfdi", advice("40161").message)
        self.shorter_name = ""
        if rfc and data.get("nombre") and rfc.is_persona_moral:
            self.shorter_name = without_regimen_de_capital(data["nombre"])
            if self.shorter_name:
                self.warnings.setdefault("nombre", []).append(
                    "El SAT registra a las empresas sin su régimen de capital («SA de CV» y similares)."
                )
        return data

    @property
    def names_patient(self) -> bool:
        return "paciente" in self.fields and bool(self._typed("paciente"))

    def hush_patient(self) -> None:
        """Tried too often: whether this name is right is not told."""
        self.errors.pop("paciente", None)
        self.add_error(
            "paciente", "Se probaron demasiados nombres con este ticket. Déjalo vacío, o espera una hora y vuelve."
        )

    @property
    def needs_a_look(self) -> bool:
        """Valid, but with something odd that has not been confirmed: asked once, never a second time."""
        return bool(self.warnings) and self.cleaned_data.get("revisado") != self.fingerprint

    @property
    def fingerprint(self) -> str:
        """Of what is odd, so that a new oddity is asked about again."""
        text = f"{self.cleaned_data.get('rfc')}|{self.cleaned_data.get('nombre')}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def form_key(self) -> str:
        """The key of this very form, the same when it is sent twice."""
        typed = self.cleaned_data.get("llave", "")
        return typed if _KEY.fullmatch(typed) else uuid.uuid4().hex

    def say_faults(self, faults: Sequence[Fault]) -> Mender:
        """Put each fault beside the field that cures it, in a patient's words; who can mend them all."""
        mender = Mender.PATIENT
        for fault in faults:
            told = advice(fault.code)
            if told.field and told.mender is Mender.PATIENT:
                self.add_error(told.field, told.message)
            elif "Receptor" in fault.xpath:
                self.add_faults([fault])
            else:
                mender = Mender.DESK
                self.add_error(None, told.message)
        return mender

    def say_refusal(self, code: str) -> Mender:
        """The same for the code of a PAC's refusal."""
        told = advice(code)
        self.add_error(told.field or None, told.message)
        return told.mender

    @cached_property
    def rfc_says(self) -> tuple[str, str]:
        """While it is being typed: ("wrong" | "cost" | "good", a line about the RFC), or two empty texts."""
        typed = self._typed("rfc")
        if not typed:
            return "", ""
        try:
            rfc = Rfc.parse(typed)
        except RfcInvalid:
            return "wrong", rfc_problem(typed)
        if not rfc.is_generic and not rfc.check_digit_ok:
            return "cost", ODD_DIGIT
        return "good", "RFC de una persona física." if rfc.is_persona_fisica else "RFC de una empresa (persona moral)."

    @property
    def uso_means(self) -> str:
        return USO_MEANS.get(self._chosen("uso_cfdi"), "")

    @cached_property
    def cost(self) -> str:
        """What of this choice will not be deductible."""
        return cost_of(self._chosen("uso_cfdi"), self._chosen("regimen_fiscal"), self.forma_pago())

    def _chosen(self, name: str) -> str:
        typed = self._typed(name)
        return typed or str(self.fields[name].initial or "")


class RfcForm(forms.Form):
    """The RFC that opens an invoice already made."""

    rfc = forms.CharField(
        label="RFC con el que se facturó",
        max_length=40,
        help_text="Escríbelo completo para ver y descargar la factura.",
        error_messages={"required": "Escribe el RFC con el que se hizo la factura."},
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "class": "capitals"}
        ),
    )
    use_required_attribute = False


class MailForm(forms.Form):
    """Where to send the XML and the PDF."""

    email = forms.EmailField(
        label="Correo electrónico",
        max_length=254,
        help_text="Mandamos el XML y el PDF. No lo usamos para nada más.",
        error_messages={
            "required": "Escribe el correo al que la enviamos.",
            "invalid": "Ese correo no está completo: debe ser como nombre@ejemplo.com.",
            "max_length": "Ese correo es demasiado largo: revísalo.",
        },
        widget=forms.EmailInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    use_required_attribute = False


def rfc_problem(typed: str) -> str:
    """Why a text is not an RFC, for whoever typed it."""
    rfc = re.sub(r"[\s\-_.]+", "", typed).upper()
    if not re.fullmatch(r"[A-Z0-9&Ñ]*", rfc):
        return "Un RFC solo lleva letras, números, & y Ñ: revisa el que escribiste."
    if len(rfc) not in (12, 13):
        return (
            f"Un RFC tiene 13 caracteres (12 si es de una empresa) y escribiste {len(rfc)}: revisa que esté completo."
        )
    letters = "cuatro" if len(rfc) == 13 else "tres"
    if re.fullmatch(r"[A-Z&Ñ]{3,4}\d{6}[A-Z0-9]{2}[0-9A]", rfc):
        date = rfc[-9:-3]
        return f"La fecha de ese RFC ({date[4:]}-{date[2:4]}-{date[:2]}, día-mes-año) no existe: revisa los números."
    return f"Un RFC así lleva {letters} letras, seis números de fecha y tres de homoclave: revisa el que escribiste."


def without_regimen_de_capital(nombre: str) -> str:
    """The name without "SA DE CV" and the like; "" when there is nothing to take away."""
    words = nombre.split()
    for count in range(min(7, len(words) - 1), 0, -1):
        if re.sub(r"[.,\s]", "", "".join(words[-count:])) in _REGIMEN_DE_CAPITAL:
            return " ".join(words[:-count]).rstrip(" ,.")
    return ""


@cache
def grouped_regimenes(person: codes.Person | None) -> Choices:
    """Choices of régimen: those of the person, or of both persons under their names while nobody knows."""
    if person:
        return (("", "Elige tu régimen"), *_key_first(regimen_choices(person)))
    return (
        ("", "Elige tu régimen"),
        ("Personas físicas (RFC de 13 caracteres)", _key_first(regimen_choices("F"))),
        ("Empresas (RFC de 12 caracteres)", _key_first(regimen_choices("M"))),
    )


@lru_cache(maxsize=512)
def grouped_usos(person: codes.Person | None, regimen: str, offered: tuple[str, ...]) -> Choices:
    """Choices of uso: the valid ones, the likely one first; all of them in groups while the régimen is not known."""
    if person and regimen and codes.regimen_admits(regimen, person):
        return _key_first(uso_choices(person, regimen, offered))
    every = _key_first(uso_choices(None, "", offered))
    common = tuple(choice for choice in every if choice[0] in ("D01", "G03", "S01"))
    personal = tuple(choice for choice in every if choice[0].startswith("D") and choice not in common)
    business = tuple(choice for choice in every if choice not in common and choice not in personal)
    named = (("Los más comunes", common), ("Declaración anual de una persona", personal), ("Negocios", business))
    return (("", "Elige el uso"), *((name, choices) for name, choices in named if choices))


def _key_first(choices: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """`605 Sueldos y Salarios…`: a phone cuts the end of a choice, and people know theirs by its number."""
    return tuple((key, f"{key} {label.removesuffix(f' ({key})')}") for key, label in choices)


def _keeping(typed: str, choices: Choices, catalogue: str) -> Choices:
    """The same choices, and what was typed even if it is none of them: nothing changes behind anybody's back."""
    flat = [key for key, label in choices if isinstance(label, str)]
    flat += [key for _, group in choices if not isinstance(group, str) for key, _ in group]
    label = codes.label(catalogue, typed) if typed and typed not in flat else None
    return (*choices, (typed, f"{typed} {label}")) if label else choices


def _select(form: DatosForm, name: str, choices: Choices) -> forms.CharField:
    """A select that shows `choices` and takes any key; one typed before stays chosen while it is still shown."""
    before = form.fields[name]
    select = forms.CharField(
        label=before.label,
        help_text=before.help_text,
        error_messages=before.error_messages,
        widget=forms.Select(choices=choices),
        max_length=3,
    )
    select.initial = choices[0][0] if choices and choices[0][0] else ""
    return select


def _folded(name: str) -> str:
    """A name without accents, case or extra spaces, for comparing what two people wrote."""
    plain = unicodedata.normalize("NFD", name)
    return " ".join("".join(char for char in plain if not unicodedata.combining(char)).upper().split())


def _person(rfc: Rfc) -> codes.Person:
    return "F" if rfc.is_persona_fisica else "M"


_FIELDS: Final = (
    ("rfc", "RFC", "De quien va a recibir la factura."),
    (
        "nombre",
        "Nombre o razón social",
        "Como viene en tu Constancia de Situación Fiscal; si es empresa, sin «SA de CV».",
    ),
    (
        "domicilio_fiscal",
        "Código postal",
        "El de tu domicilio fiscal, el de tu Constancia. No el de tu casa si es otro.",
    ),
    ("regimen_fiscal", "Régimen fiscal", "El de tu Constancia. Con sueldo suele ser 605; sin obligaciones, 616."),
    ("uso_cfdi", "Uso de la factura", ""),
    ("email", "Correo", "Para mandarte el XML y el PDF. Puedes dejarlo vacío: aquí mismo los descargas."),
    (
        "paciente",
        "Nombre del paciente",
        "Solo si quieres que la factura lo diga, por ejemplo para deducir el gasto de un familiar. "
        "Escríbelo como lo dieron en el hospital.",
    ),
)
_MESSAGES: Final = (
    ("rfc", "required", "Escribe el RFC de quien va a recibir la factura."),
    ("rfc", "max_length", "Un RFC tiene 13 caracteres (12 si es de una empresa): escribiste más."),
    ("domicilio_fiscal", "max_length", "El código postal son cinco números, por ejemplo 06700."),
    ("nombre", "required", "Escribe el nombre tal como viene en tu Constancia de Situación Fiscal."),
    ("domicilio_fiscal", "required", "Escribe el código postal de tu domicilio fiscal."),
    ("regimen_fiscal", "required", "Elige tu régimen fiscal: viene en tu Constancia."),
    ("uso_cfdi", "required", "Elige para qué vas a usar la factura."),
    (
        "email",
        "invalid",
        "Ese correo no está completo: debe ser como nombre@ejemplo.com. O déjalo vacío.",
    ),
)

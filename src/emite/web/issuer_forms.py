"""Forms of who issues: the data that SAT holds of the RFC, and its seal certificate. Desk and practice show them.

What makes a CSD acceptable is decided in `cfdi.csd`.
"""

from __future__ import annotations

from typing import Any

from django import forms

from emite.cfdi import codes
from emite.cfdi.csd import MAX_BYTES
from emite.cfdi.rfc import Rfc, RfcInvalid
from emite.issuers.models import Issuer
from emite.web.fiscal import legal_name, person_of, regimen_choices

#: Two files of SAT, a password and the form around them: anything above is refused before a byte is read.
MAX_REQUEST = 4 * MAX_BYTES
#: What is corrected afterwards. The RFC is written once.
FISCAL_FIELDS = ("nombre", "regimen_fiscal", "postal_code", "lugar_expedicion")
MOVED = {"mudanza": True, "correccion": False}


class IssuerForm(forms.Form):
    """The data that SAT holds of the RFC that issues. The RFC itself is written once."""

    rfc = forms.CharField(label="RFC", max_length=20, error_messages={"required": "Escriba el RFC."})
    nombre = forms.CharField(
        label="Nombre o razón social",
        max_length=300,
        help_text="Como está en la Constancia de Situación Fiscal, sin S.A. de C.V. ni otro régimen de capital.",
        error_messages={"required": "Escriba el nombre o razón social."},
    )
    regimen_fiscal = forms.ChoiceField(label="Régimen fiscal", error_messages={"required": "Elija el régimen."})
    postal_code = forms.CharField(
        label="Código postal del domicilio fiscal",
        max_length=5,
        error_messages={"required": "Escriba el código postal."},
    )
    lugar_expedicion = forms.CharField(
        label="Código postal del lugar de expedición",
        max_length=5,
        help_text="Donde se atiende. De él sale la hora que llevan las facturas.",
        error_messages={"required": "Escriba el código postal."},
    )
    moved = forms.ChoiceField(
        label="Si cambia el lugar de expedición",
        required=False,
        choices=[
            ("", "Elija…"),
            ("mudanza", "Nos mudamos: lo cobrado hasta ahora se factura con el código anterior"),
            ("correccion", "Estaba mal escrito: lo que falta por facturar lleva el nuevo"),
        ],
    )
    serie = forms.RegexField(
        r"^[A-Za-z0-9]{1,10}$",
        label="Serie de folios",
        help_text="Letras o números que van antes del folio, por ejemplo R.",
        error_messages={"required": "Escriba la serie.", "invalid": "Use de 1 a 10 letras o números, sin espacios."},
    )

    def __init__(self, data: Any = None, *, issuer: Issuer | None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.issuer = issuer
        if issuer is not None:
            del self.fields["rfc"], self.fields["serie"]
        else:
            del self.fields["moved"]
        rfc = issuer.rfc if issuer else str(self.data.get("rfc", ""))
        self.person = person_of(rfc)
        self.fields["regimen_fiscal"].choices = [("", "Elija…"), *regimen_choices(self.person)]  # type: ignore[attr-defined]
        for name in self.fields:
            self.fields[name].widget.attrs["autocomplete"] = "off"

    def clean_rfc(self) -> str:
        try:
            rfc = Rfc.parse(self.cleaned_data["rfc"])
        except RfcInvalid as error:
            raise forms.ValidationError(error.message) from error
        if rfc.is_generic:
            raise forms.ValidationError("Un RFC genérico no puede emitir facturas: escriba el de la organización.")
        return str(rfc)

    def clean_nombre(self) -> str:
        return legal_name(self.cleaned_data["nombre"])

    def _postal_code(self, name: str) -> str:
        cp = str(self.cleaned_data[name]).strip()
        if not codes.contains("c_CodigoPostal", cp):
            raise forms.ValidationError(f"El SAT no tiene el código postal {cp}: revíselo.")
        return cp

    def clean_postal_code(self) -> str:
        return self._postal_code("postal_code")

    def clean_lugar_expedicion(self) -> str:
        return self._postal_code("lugar_expedicion")

    def clean_moved(self) -> bool | None:
        return MOVED.get(self.cleaned_data["moved"])

    def clean_serie(self) -> str:
        return str(self.cleaned_data["serie"]).upper()


class CsdForm(forms.Form):
    """The two files and their password. Sizes are looked at before the files are read."""

    cer = forms.FileField(
        label="Certificado (.cer)",
        allow_empty_file=True,
        error_messages={"required": "Elija el archivo .cer."},
        widget=forms.FileInput(attrs={"accept": ".cer", "data-max-bytes": MAX_BYTES}),
    )
    key = forms.FileField(
        label="Llave privada (.key)",
        allow_empty_file=True,
        error_messages={"required": "Elija el archivo .key."},
        widget=forms.FileInput(attrs={"accept": ".key", "data-max-bytes": MAX_BYTES}),
    )
    password = forms.CharField(
        label="Contraseña de la llave privada",
        strip=False,
        max_length=256,
        help_text="Se usa una vez, ahora, y no se guarda.",
        error_messages={"required": "Escriba la contraseña de la llave."},
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    def _small(self, name: str) -> Any:
        upload = self.cleaned_data[name]
        if upload.size > MAX_BYTES:
            raise forms.ValidationError(
                f"El archivo pesa {upload.size:,} bytes y los del SAT no pasan de {MAX_BYTES:,}: elija el original."
            )
        return upload

    def clean_cer(self) -> Any:
        return self._small("cer")

    def clean_key(self) -> Any:
        return self._small("key")

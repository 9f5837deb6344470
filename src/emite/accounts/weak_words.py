"""Refuses a password made of the words that everybody around this program knows, dressed in digits and signs."""

from __future__ import annotations

import re
import unicodedata

from django.core.exceptions import ValidationError

from emite.accounts.models import User

#: What a stranger would try first here. The person's own name and address are Django's to compare.
WORDS = (
    "aseguradora", "caja", "cajero", "cfdi", "clave", "clinica", "consultorio", "contrasena", "doctor", "emite",
    "enfermeria", "factura", "facturacion", "facturas", "hospital", "medico", "mexico", "paciente", "password",
    "portal", "recepcion", "remision", "sat", "soporte",
)  # fmt: skip
_LEET = str.maketrans("013457@$", "oieastas")


class ContextWordsValidator:
    """For AUTH_PASSWORD_VALIDATORS."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raises ValidationError when nothing but those words is left once digits and signs are taken away."""
        plain = unicodedata.normalize("NFD", password.lower()).encode("ascii", "ignore").decode()
        spelt = re.sub(r"^[^a-z]+|[^a-z]+$", "", plain).translate(_LEET)
        for letters in (re.sub(r"[^a-z]", "", plain), re.sub(r"[^a-z]", "", spelt)):
            if letters and re.fullmatch(f"(?:{'|'.join(WORDS)}|de|del|el|la|mi)+", letters):
                raise ValidationError(
                    "Esa contraseña es de las primeras que alguien probaría aquí: use palabras que no sean del oficio.",
                    code="password_context",
                )

    def get_help_text(self) -> str:
        return "No use sólo palabras del oficio, como «hospital» o «factura»."

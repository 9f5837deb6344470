"""Codes of outpatient care that one links first, in our own words, and the SAT keys that fit them.

Only the numbers are those of CPT; its texts belong to others and are not here. Nothing is linked by itself.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

PRIMARY, SPECIALTY = "85121502", "85121600"


@dataclass(frozen=True, slots=True)
class Offer:
    """A code, what we call it, and the SAT keys proposed for it, the likeliest first."""

    code: str
    label: str
    keys: tuple[str, ...]


#: code: label, keys.
_OFFERS: Final = tuple(
    Offer(code, label, keys)
    for code, label, keys in (
        ("99202", "Consulta, paciente nuevo, breve", (PRIMARY, SPECIALTY)),
        ("99203", "Consulta, paciente nuevo", (SPECIALTY, PRIMARY)),
        ("99204", "Consulta, paciente nuevo, amplia", (SPECIALTY, PRIMARY)),
        ("99205", "Consulta, paciente nuevo, muy amplia", (SPECIALTY, PRIMARY)),
        ("99211", "Seguimiento por enfermería", (PRIMARY,)),
        ("99212", "Consulta de seguimiento, breve", (PRIMARY, SPECIALTY)),
        ("99213", "Consulta de seguimiento", (SPECIALTY, PRIMARY)),
        ("99214", "Consulta de seguimiento, amplia", (SPECIALTY, PRIMARY)),
        ("99215", "Consulta de seguimiento, muy amplia", (SPECIALTY, PRIMARY)),
        ("99381", "Revisión preventiva, lactante", (PRIMARY,)),
        ("99396", "Revisión preventiva, adulto", (PRIMARY,)),
        ("90834", "Psicoterapia individual", ("85121608",)),
        ("92004", "Revisión de la vista, paciente nuevo", (SPECIALTY,)),
        ("93000", "Electrocardiograma", (SPECIALTY,)),
        ("36415", "Toma de muestra de sangre", ("85121800",)),
        ("85025", "Biometría hemática", ("85121800",)),
    )
)
#: The pair that the insurers' guide names for each kind of physician; the keys are those of `Physician.Kind`.
FIRST: Final = {"primer_contacto": ("99202", "99212"), "especialista": ("99203", "99213")}


def offer_of(code: str) -> Offer | None:
    return next((offer for offer in _OFFERS if offer.code == code), None)


def offers(text: str = "", kinds: Collection[str] = ()) -> list[Offer]:
    """Codes that fit what was typed, the exact one first; without it, the pairs of those kinds of physician first."""
    typed = text.strip().casefold()
    if not typed:
        first = {code for kind in kinds for code in FIRST[kind]}
        return sorted(_OFFERS, key=lambda offer: (offer.code not in first, offer.code))
    found = [offer for offer in _OFFERS if offer.code.startswith(typed) or typed in offer.label.casefold()]
    return sorted(found, key=lambda offer: (offer.code != typed, offer.code))

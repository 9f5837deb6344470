"""Fiscal data as a stranger with a found ticket may see it: enough to recognise one's own, too little to learn."""

from __future__ import annotations

from dataclasses import dataclass

from emite.cfdi import codes
from emite.cfdi.comprobante import Receptor
from emite.cfdi.rfc import Rfc

DOTS = "••••"


@dataclass(frozen=True, slots=True)
class ShownReceptor:
    """The receptor of an invoice in words, whole or masked."""

    rfc: str
    nombre: str
    cp: str
    regimen: str
    uso: str


def shown(receptor: Receptor, *, masked: bool) -> ShownReceptor:
    """Masked: the RFC without its date, initials, the first two digits of the CP. Every mask has the same length."""
    regimen = codes.label("c_RegimenFiscal", receptor.regimen_fiscal) or ""
    uso = codes.label("c_UsoCFDI", receptor.uso_cfdi) or ""
    if not masked:
        rfc, nombre, cp = receptor.rfc, receptor.nombre, receptor.domicilio_fiscal
    else:
        rfc = Rfc(receptor.rfc).masked
        nombre = " ".join(word[0] + DOTS for word in receptor.nombre.split())
        cp = receptor.domicilio_fiscal[:2] + "•••"
    return ShownReceptor(rfc, nombre, cp, f"{receptor.regimen_fiscal} {regimen}", f"{receptor.uso_cfdi} {uso}")

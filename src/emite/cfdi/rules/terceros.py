"""Rules on ACuentaTerceros, InformacionAduanera and Parte of a concept: CFDI40188, 40191, 40195-40200, CFDI140223.

Whether SAT knows the third party, and the numbers of customs, are for the PAC to say.
"""

from __future__ import annotations

import re
from typing import Final

from emite.cfdi.rules.comprobante import in_catalogue
from emite.cfdi.rules.conceptos import importe_limits
from emite.cfdi.rules.numbers import not_positive
from emite.cfdi.rules.registry import Finding, rule
from emite.cfdi.rules.view import Documento, Parte, Pedimento, Tercero

PLATAFORMA_EXTRANJERA: Final = "EXT990101NI1"

_PEDIMENTO: Final = re.compile(r"[0-9]{2}  [0-9]{2}  [0-9]{4}  [0-9]{7}")


@rule("CFDI40188", each="tercero", at="/@RfcACuentaTerceros")
def tercero_distinto(d: Documento, tercero: Tercero) -> Finding:
    """The third party is neither the issuer nor the receptor."""
    rfc = tercero.rfc.strip()
    if rfc and rfc in (d.emisor.get("Rfc", "").strip(), d.receptor.get("Rfc", "").strip()):
        return (
            "El campo RfcACuentaTerceros debe ser distinto del RFC del emisor y del receptor: escriba el del tercero."
        )
    return None


@rule("CFDI40191", each="tercero", at="/@RegimenFiscalACuentaTerceros")
def tercero_regimen_en_catalogo(d: Documento, tercero: Tercero) -> Finding:
    """RegimenFiscalACuentaTerceros is in c_RegimenFiscal."""
    return in_catalogue("RegimenFiscalACuentaTerceros", tercero.regimen, "c_RegimenFiscal")


@rule("CFDI140223", each="tercero", at="/@RegimenFiscalACuentaTerceros")
def tercero_plataforma(d: Documento, tercero: Tercero) -> Finding:
    """The RFC of foreign platforms has régimen 616."""
    if tercero.rfc.strip() == PLATAFORMA_EXTRANJERA and (tercero.regimen or "").strip() != "616":
        return f"Con el RFC {PLATAFORMA_EXTRANJERA} el campo RegimenFiscalACuentaTerceros debe ser 616."
    return None


@rule("CFDI40195", each="aduana", at="/@NumeroPedimento")
def pedimento_sobra(d: Documento, pedimento: Pedimento) -> Finding:
    """NumeroPedimento does not exist in a document with Comercio Exterior."""
    return _no_pedimento(d)


@rule("CFDI40196", each="parte", at="/@ClaveProdServ")
def parte_clave(d: Documento, parte: Parte) -> Finding:
    """ClaveProdServ of a Parte is in c_ClaveProdServ."""
    return in_catalogue("ClaveProdServ de la parte", parte.clave, "c_ClaveProdServ")


@rule("CFDI40197", each="parte", at="/@ValorUnitario")
def parte_valor(d: Documento, parte: Parte) -> Finding:
    """ValorUnitario of a Parte, when written, is greater than zero."""
    if not_positive(parte.valor_unitario):
        return "El campo ValorUnitario de la parte debe ser mayor que cero: escriba el precio o quite el campo."
    return None


@rule("CFDI40198", each="parte", at="/@Importe")
def parte_importe(d: Documento, parte: Parte) -> Finding:
    """Importe of a Parte is within the limits that Cantidad and ValorUnitario allow."""
    return importe_limits(parte.cantidad, parte.valor_unitario, parte.importe)


@rule("CFDI40199", each="parte_aduana", at="/@NumeroPedimento")
def parte_pedimento(d: Documento, pedimento: Pedimento) -> Finding:
    """NumeroPedimento of a Parte has SAT's shape: year, customs, patent and number, two blanks between them."""
    if pedimento.numero is None or _PEDIMENTO.fullmatch(pedimento.numero):
        return None
    return (
        "El campo NumeroPedimento debe llevar 2 dígitos del año, 2 de la aduana, 4 de la patente y 7 del número, "
        "separados por dos espacios: 15  48  3009  0001234."
    )


@rule("CFDI40200", each="parte_aduana", at="/@NumeroPedimento")
def parte_pedimento_sobra(d: Documento, pedimento: Pedimento) -> Finding:
    """NumeroPedimento of a Parte does not exist in a document with Comercio Exterior."""
    return _no_pedimento(d)


def _no_pedimento(d: Documento) -> Finding:
    if d.comercio_exterior:
        return (
            "El campo NumeroPedimento no debe existir en un comprobante con complemento de Comercio Exterior: quítelo."
        )
    return None

"""Rows to cfdi.comprobante: the door of language and of privacy.

Only what the fiscal rule asks crosses: no diagnosis, and the patient's name only when the payer asks for it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from emite.cfdi.comprobante import Comprobante, Emisor, Receptor
from emite.cfdi.taxes import Treatment
from emite.cfdi.zones import local_now
from emite.charges.collecting import largest_form
from emite.charges.finding import lines_of
from emite.charges.models import Charge
from emite.charges.pricing import LineInput, conceptos
from emite.issuers.models import Issuer

#: What the concept says before the patient's name, when the payer wants it for a deduction (LISR 151-I).
PATIENT_PREFIX = "Paciente: "
DESCRIPTION_LIMIT = 1000


def line_inputs(charge: Charge, *, patient: str = "") -> list[LineInput]:
    """The charge's lines as they were priced; with `patient`, the name of who was treated in each concept."""
    name = " ".join("".join(each if each.isprintable() and each != "|" else " " for each in patient).split())
    suffix = f". {PATIENT_PREFIX}{name}" if name else ""
    return [
        LineInput(
            description=line.description[: DESCRIPTION_LIMIT - len(suffix)] + suffix,
            clave_prod_serv=line.clave_prod_serv,
            clave_unidad=line.clave_unidad,
            treatment=Treatment(line.treatment),
            quantity=line.quantity,
            unit_price=line.unit_price,
            discount=line.discount,
            code=line.code,
        )
        for line in lines_of(charge)
    ]


def comprobante(
    charges: Sequence[Charge], receptor: Receptor, *, issuer: Issuer, now: dt.datetime, patient: str = ""
) -> Comprobante:
    """The CFDI of type I for charges that are paid: PUE with the form of the largest amount.

    Source: RMF 2.7.1.29 and 2.7.1.32; Guía de llenado del Anexo 20. Folio and date come when it is sealed.
    """
    lines = [line for charge in charges for line in line_inputs(charge, patient=patient)]
    return Comprobante(
        tipo="I",
        fecha=local_now(now, issuer.lugar_expedicion),
        lugar_expedicion=issuer.lugar_expedicion,
        emisor=Emisor(rfc=issuer.rfc, nombre=issuer.nombre, regimen_fiscal=issuer.regimen_fiscal),
        receptor=receptor,
        conceptos=conceptos(lines),
        forma_pago=largest_form(charges[0]),
        metodo_pago="PUE",
    )

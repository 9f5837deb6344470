"""Rows to cfdi.comprobante: the door of language and of privacy.

Only what the fiscal rule asks crosses: no diagnosis, and the patient's name only when the payer asks for it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from emite.cfdi.comprobante import Comprobante, Emisor, Receptor
from emite.cfdi.egresos import CannotSplit
from emite.cfdi.zones import local_now
from emite.charges.charging import input_of
from emite.charges.collecting import ANTICIPO, largest, paid_in
from emite.charges.finding import lines_of
from emite.charges.models import Charge
from emite.charges.pricing import LineInput, conceptos
from emite.invoices import remnant
from emite.invoices.deposits import applied_to, related
from emite.issuers.models import Issuer

#: What the concept says before the patient's name, when the payer wants it for a deduction (LISR 151-I).
PATIENT_PREFIX = "Paciente: "
DESCRIPTION_LIMIT = 1000
#: FormaPago of what is paid later (CFDI40105).
TO_BE_DEFINED = "99"


def line_inputs(charge: Charge, *, with_folio: bool = False, with_patient: bool = False) -> list[LineInput]:
    """The charge's lines as they were priced; in each description the folio, and who was treated, when asked for."""
    if charge.kind == Charge.Kind.ANTICIPO:  # SAT prescribes the words
        return [input_of(line) for line in lines_of(charge)]
    suffix = f" ({charge.folio})" if with_folio else ""
    name = printable(charge.patient_name) if with_patient else ""
    suffix += f". {PATIENT_PREFIX}{name}" if name else ""
    return [
        replace(input_of(line), description=line.description[: DESCRIPTION_LIMIT - len(suffix)] + suffix)
        for line in lines_of(charge)
    ]


def lines_of_all(charges: Sequence[Charge], *, with_patient: bool = False) -> list[LineInput]:
    """The lines of one invoice of these charges; of several, each says which one it is of."""
    several = len(charges) > 1
    return [line for charge in charges for line in line_inputs(charge, with_folio=several, with_patient=with_patient)]


def printable(name: str) -> str:
    """One line that a CFDI can carry."""
    return " ".join("".join(each if each.isprintable() and each != "|" else " " for each in name).split())


def comprobante(
    charges: Sequence[Charge],
    receptor: Receptor,
    *,
    issuer: Issuer,
    now: dt.datetime,
    with_patient: bool = False,
    on_credit: bool = False,
) -> Comprobante:
    """The CFDI of type I for charges that are paid: PUE with the form of the largest amount over all of them.

    `on_credit`: they are not paid, or not wholly: PPD, and each payment has its complement.
    All are of one place of issue (`issuing.invoiceable`).
    Of several charges each Concepto says which one it is of. What deposits paid is related to their CFDI.
    Source: RMF 2.7.1.29 and 2.7.1.32; Guía de llenado del Anexo 20. Folio and date come when it is sealed.
    """
    place = charges[0].lugar_expedicion or issuer.place_at(charges[0].issued_at)
    paid = paid_in(*charges)
    lines = lines_of_all(charges, with_patient=with_patient)
    # What is not paid goes by path A, where the guide has the complements of the rest: B is for a remnant received.
    if ANTICIPO in paid and not on_credit and remnant.applies(charges[0].organization, paid):
        # Where no discount comes to that very cent, the account goes by path A.
        with suppress(CannotSplit):
            lines = remnant.lessened(lines, remnant.taken_by(applied_to(charges)))
    return Comprobante(
        tipo="I",
        fecha=local_now(now, place),
        lugar_expedicion=place,
        emisor=Emisor(rfc=issuer.rfc, nombre=issuer.nombre, regimen_fiscal=issuer.regimen_fiscal),
        receptor=receptor,
        conceptos=conceptos(lines),
        forma_pago=TO_BE_DEFINED if on_credit else largest(paid),
        metodo_pago="PPD" if on_credit else "PUE",
        relacionados=related(charges, receptor) if ANTICIPO in paid else (),
    )

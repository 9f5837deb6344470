"""Services of a period to the CFDI that a physician sends an insurer: pure, and the second door of privacy.

What crosses of a patient is a code, a neutral name of the service, its date and the payer's own reference; the name of
who was treated only when the payer asks for it and the practice agreed. Source: LISR 106 and 113-J, LIVA 1-A, RLIVA 3.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from emite.cfdi import money
from emite.cfdi.comprobante import Comprobante, Emisor, Receptor, Totals
from emite.cfdi.rfc import Rfc
from emite.cfdi.taxes import ISR, ISR_HONORARIOS, ISR_RESICO, IVA, IVA_DOS_TERCIOS, RetencionRate, Treatment, concepto
from emite.invoices.building import DESCRIPTION_LIMIT, PATIENT_PREFIX, printable

HONORARIOS: Final = "612"
RESICO: Final = "626"
#: Two thirds of the 8 % of the border.
_IVA_DOS_TERCIOS_8: Final = RetencionRate(IVA, Decimal("0.053333"))
#: The pair that an invoice to be paid later has, and that nothing may break.
METODO, FORMA = "PPD", "99"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A service as the invoice needs it: what the payer owes for it before taxes, and how SAT names and taxes it."""

    code: str
    description: str
    rendered_on: dt.date
    amount: Decimal
    clave_prod_serv: str
    clave_unidad: str
    treatment: Treatment
    reference: str = ""
    patient: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """What the payer asks to read: how it calls the reference. Empty: it asks for none."""

    reference_label: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """What the physician sees before it is issued. `iva` is None when everything is exempt or out of the tax."""

    sub_total: Decimal
    iva: Decimal | None
    isr: Decimal
    iva_withheld: Decimal
    total: Decimal

    @property
    def withheld(self) -> Decimal:
        return self.isr + self.iva_withheld


def withheld_by(receptor_rfc: str, *, emisor_rfc: str, regimen: str, resico_isr: bool) -> tuple[RetencionRate, ...]:
    """What a company withholds from a person's fees: ISR by the régimen, and two thirds of the IVA where there is any.

    None between companies, nor between persons. `resico_isr` is the SAT's mark of the issuer's RFC (140224, 140225).
    """
    if not Rfc.parse(emisor_rfc).is_persona_fisica or Rfc.parse(receptor_rfc).is_persona_fisica:
        return ()
    if regimen == HONORARIOS:
        return ISR_HONORARIOS, IVA_DOS_TERCIOS
    if regimen == RESICO:
        return (ISR_RESICO, IVA_DOS_TERCIOS) if resico_isr else (IVA_DOS_TERCIOS,)
    return ()


def comprobante(
    services: Sequence[Rendered],
    receptor: Receptor,
    *,
    emisor: Emisor,
    lugar_expedicion: str,
    fecha: dt.datetime,
    resico_isr: bool = True,
    profile: Profile = Profile(),
) -> Comprobante:
    """The CFDI of type I, to be paid later: one Concepto per service. `fecha` is local; the folio is the draft's."""
    rates = withheld_by(receptor.rfc, emisor_rfc=emisor.rfc, regimen=emisor.regimen_fiscal, resico_isr=resico_isr)
    return Comprobante(
        tipo="I",
        fecha=fecha,
        lugar_expedicion=lugar_expedicion,
        emisor=emisor,
        receptor=receptor,
        conceptos=tuple(
            concepto(
                clave_prod_serv=service.clave_prod_serv,
                clave_unidad=service.clave_unidad,
                descripcion=described(service, profile),
                cantidad=Decimal(1),
                valor_unitario=service.amount,
                treatment=service.treatment,
                retenciones=_of(rates, service.treatment),
                no_identificacion=service.code,
            )
            for service in services
        ),
        forma_pago=FORMA,
        metodo_pago=METODO,
    )


def described(service: Rendered, profile: Profile) -> str:
    """What the line says: the service's neutral name, its day, the payer's reference, and who was treated if asked."""
    parts = [f"{printable(service.description)}, {service.rendered_on:%d/%m/%Y}"]
    if reference := printable(service.reference):
        parts.append(f"{printable(profile.reference_label) or 'Referencia'}: {reference}")
    if patient := printable(service.patient):
        parts.append(f"{PATIENT_PREFIX}{patient}")
    return ". ".join(parts)[:DESCRIPTION_LIMIT]


def summary(totals: Totals) -> Summary:
    """The sums that the invoice will carry, in the words of who is paid."""
    held = {each.impuesto: each.importe for each in totals.retenciones}
    return Summary(
        sub_total=totals.sub_total,
        iva=totals.total_trasladados,
        isr=held.get(ISR, money.ZERO),
        iva_withheld=held.get(IVA, money.ZERO),
        total=totals.total,
    )


def _of(rates: tuple[RetencionRate, ...], treatment: Treatment) -> tuple[RetencionRate, ...]:
    if treatment is not Treatment.IVA8:
        return rates
    return tuple(_IVA_DOS_TERCIOS_8 if rate.impuesto == IVA else rate for rate in rates)

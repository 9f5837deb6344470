"""Services to the CFDI that an insurer receives: what crosses, what is withheld, and the sums before it is issued."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from emite.cfdi.comprobante import Comprobante, Emisor, Receptor
from emite.cfdi.taxes import Treatment
from emite.documents.sealing import check, errors
from emite.invoices.insurer_building import Profile, Rendered, Summary, comprobante, summary, withheld_by

PHYSICIAN = Emisor("CACX7605101P8", "XOCHILT CASAS CHAVEZ", "612")
RESICO = Emisor("CACX7605101P8", "XOCHILT CASAS CHAVEZ", "626")
INSURER = Receptor("EKU9003173C9", "ESCUELA KEMPER URGATE", "42501", "601", "G03")


def service(**over: Any) -> Rendered:
    fields: dict[str, Any] = {
        "code": "99213",
        "description": "Consulta de seguimiento",
        "rendered_on": dt.date(2026, 11, 3),
        "amount": Decimal("10000.00"),
        "clave_prod_serv": "85121600",
        "clave_unidad": "E48",
        "treatment": Treatment.EXENTO,
    }
    return Rendered(**(fields | over))


def built(*services: Rendered, emisor: Emisor = PHYSICIAN, **over: Any) -> Comprobante:
    made = comprobante(
        services, INSURER, emisor=emisor, lugar_expedicion="06700", fecha=dt.datetime(2026, 11, 22, 12), **over
    )
    assert errors(check(made)) == []
    assert (made.tipo, made.metodo_pago, made.forma_pago) == ("I", "PPD", "99")
    return made


def test_the_worked_examples_of_the_guide_to_the_digit() -> None:
    money = Decimal
    # A: exempt fees of a person with honorarios; its RESICO variant, with the SAT's mark and without it.
    assert summary(built(service()).totals) == Summary(
        money("10000.00"), None, money("1000.00"), money("0"), money("9000.00")
    )
    assert summary(built(service(), emisor=RESICO).totals).total == money("9875.00")
    assert summary(built(service(), emisor=RESICO, resico_isr=False).totals).total == money("10000.00")
    # C: taxed fees: two thirds of the IVA are withheld too.
    taxed = built(service(treatment=Treatment.IVA16, clave_prod_serv="85121608"))
    assert summary(taxed.totals) == Summary(
        money("10000.00"), money("1600.00"), money("1000.00"), money("1066.67"), money("9533.33")
    )


def test_at_the_border_two_thirds_of_what_is_charged() -> None:
    assert summary(built(service(treatment=Treatment.IVA8)).totals).iva_withheld == Decimal("533.33")


@pytest.mark.parametrize(
    ("receptor", "emisor", "regimen"),
    [("MISC491214B86", "CACX7605101P8", "612"), ("EKU9003173C9", "HST150101AA6", "601")],
    ids=["a patient", "a company that issues"],
)
def test_nothing_is_withheld_from(receptor: str, emisor: str, regimen: str) -> None:
    assert withheld_by(receptor, emisor_rfc=emisor, regimen=regimen, resico_isr=True) == ()


def test_a_line_says_code_day_and_reference_and_the_patient_only_when_asked() -> None:
    line = service(reference="S-77|\x01", amount=Decimal("850.50"))
    concepto = built(line, profile=Profile("Siniestro")).conceptos[0]
    assert (concepto.no_identificacion, concepto.descripcion) == (
        "99213",
        "Consulta de seguimiento, 03/11/2026. Siniestro: S-77",
    )
    named = built(service(patient="Ana |Torres")).conceptos[0]
    assert named.descripcion == "Consulta de seguimiento, 03/11/2026. Paciente: Ana Torres"


def test_mixed_lines_add_up_to_the_services_before_taxes() -> None:
    made = built(
        *(service(amount=Decimal(cents) / 100) for cents in (1, 33333, 99999)),
        service(treatment=Treatment.IVA16, amount=Decimal("0.01")),
    )
    assert summary(made.totals).sub_total == Decimal("1333.34")

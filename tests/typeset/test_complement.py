"""The page of a payment complement: what SAT asks of it is on it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal as D

from emite.cfdi import cobranza, xml
from emite.cfdi.cobranza import Accounts, Group, Settled
from emite.cfdi.comprobante import Emisor, Receptor
from emite.cfdi.representation import representation
from emite.typeset import InvoicePrint, invoice_pdf
from tests.typeset import make
from tests.typeset.reading import Pdf

SECOND = "6FB2822E-396D-4725-8521-CDC4BDD20CCF"
#: The worked examples A and D: an exempt fee with ISR, and two rates of IVA.
FEE = (
    Group("retencion", "001", "Tasa", D("0.100000"), D("4444.444444")),
    Group("traslado", "002", "Exento", None, D("4444.444444")),
)
RATES = (
    Group("traslado", "002", "Tasa", D("0.000000"), D("886.524823")),
    Group("traslado", "002", "Tasa", D("0.160000"), D("3546.099291")),
)


def complement() -> bytes:
    """One transfer over two invoices, stamped."""
    settled = [
        Settled(make.EARLIER, "A", "17", "MXN", 1, D("9000.00"), D("4000.00"), FEE),
        Settled(SECOND, "", "HM-2201", "MXN", 3, D("11280.00"), D("5000.00"), RATES),
    ]
    accounts = Accounts("T-884213", "BBA830831LJ2", "012180001234567897", "BMN930209927", "072180009876543217")
    paid = cobranza.pago(
        settled, fecha=dt.datetime(2026, 10, 28, 12), forma_pago="03", monto=D("9000.00"), accounts=accounts
    )
    return make.stamped(
        cobranza.comprobante(
            [paid],
            emisor=Emisor("CACX7605101P8", "XOCHILT CASAS CHAVEZ", "612"),
            receptor=Receptor("EKU9003173C9", "ESCUELA KEMPER URGATE", "42501", "601", "G03"),
            lugar_expedicion="44160",
            fecha=dt.datetime(2026, 11, 22, 14, 5, 33),
            replaces=SECOND,
        )
    )


def test_everything_that_was_paid_is_on_the_page() -> None:
    data = complement()
    pdf = Pdf(invoice_pdf(InvoicePrint(representation(xml.parse(data)), branding=make.branding()), data))
    text = pdf.text()
    for expected in (
        "Complemento de pago",
        "28 oct 2026, 12:00",
        "03 Transferencia electrónica de fondos",
        "CP01 Pagos",
        "Factura A-17",
        "Factura HM-2201",
        SECOND,
        "9,000.00 4,000.00 5,000.00",
        "11,280.00 5,000.00 6,280.00",
        "Número de operación T-884213",
        "BBA830831LJ2 012180001234567897",
        "ISR retenido −$444.444444",
        "IVA exento sobre $4,444.444444 —",
        "IVA 16 % sobre $3,546.099291 $567.375887",
        "Monto total de pagos $9,000.00",
        "NUEVE MIL PESOS 00/100 M.N.",
        "CFDI relacionados: 04",
        "Este documento es una representación impresa de un CFDI",
        make.UUID,
    ):
        assert expected in text, expected

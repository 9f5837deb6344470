"""For each code of the Pagos 2.0 matrix: a document that obeys it and documents that break it, by one change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.cfdi.rules.cases import C, Case, accepts, refuses
from tests.cfdi.rules.documents import add, put

PAGOS: Final = "cfdi:Complemento/pago20:Pagos"
TOTALES: Final = f"{PAGOS}/pago20:Totales"
P1, P2 = f"{PAGOS}/pago20:Pago[1]", f"{PAGOS}/pago20:Pago[2]"
D1, D2 = f"{P1}/pago20:DoctoRelacionado[1]", f"{P1}/pago20:DoctoRelacionado[2]"
D3, D4 = f"{P2}/pago20:DoctoRelacionado[1]", f"{P2}/pago20:DoctoRelacionado[2]"
RDR: Final = f"{D1}/pago20:ImpuestosDR/pago20:RetencionesDR/pago20:RetencionDR"
EXENTO: Final = f"{D1}/pago20:ImpuestosDR/pago20:TrasladosDR/pago20:TrasladoDR"
TDR: Final = f"{D2}/pago20:ImpuestosDR/pago20:TrasladosDR/pago20:TrasladoDR"
RP: Final = f"{P1}/pago20:ImpuestosP/pago20:RetencionesP/pago20:RetencionP"
TP: Final = f"{P1}/pago20:ImpuestosP/pago20:TrasladosP"
TP1, TP2, TP3 = (f"{TP}/pago20:TrasladoP[{place}]" for place in (1, 2, 3))


def _sobre() -> Iterator[Case]:
    for number in (*range(20101, 20124), 20264, 20267, 20273):
        yield accepts(f"CRP{number}", "cobro")
    # "301": what Pagos forbids, the schema of CFDI 4.0 may know on its own account.
    yield refuses("CRP20101", "cobro", put(".", TipoDeComprobante="I"))
    yield refuses("CRP20102", "cobro", put(".", Exportacion="03"))
    yield refuses("CRP20103", "cobro", put(".", SubTotal="0.00"))
    yield refuses("CRP20104", "cobro", put(".", Moneda="MXN"))
    yield refuses("CRP20105", "cobro", put(".", FormaPago="03"))
    yield refuses("CRP20106", "cobro", put(".", MetodoPago="PUE"))
    yield refuses("CRP20107", "cobro", put(".", CondicionesDePago="30 días"))
    yield refuses("CRP20108", "cobro", put(".", Descuento="0"))
    yield refuses("CRP20109", "cobro", put(".", TipoCambio="1"))
    yield refuses("CRP20110", "cobro", put(".", Total="0.00"))
    second = (
        '<cfdi:Concepto ClaveProdServ="84111506" Cantidad="1" ClaveUnidad="ACT" Descripcion="Pago" ValorUnitario="0"'
        ' Importe="0" ObjetoImp="01"/>'
    )
    yield refuses("CRP20111", "cobro", add("cfdi:Conceptos", second))
    yield refuses("CRP20112", "cobro", add(C, '<cfdi:CuentaPredial Numero="15956011002"/>'))
    yield refuses("CRP20113", "cobro", put(C, ClaveProdServ="01010101"))
    yield refuses("CRP20114", "cobro", put(C, NoIdentificacion="1"))
    for cantidad in ("1.0", "2"):
        yield refuses("CRP20115", "cobro", put(C, Cantidad=cantidad))
    yield refuses("CRP20116", "cobro", put(C, ClaveUnidad="E48"))
    yield refuses("CRP20117", "cobro", put(C, Unidad="Actividad"))
    yield refuses("CRP20118", "cobro", put(C, Descripcion="PAGO"))
    yield refuses("CRP20119", "cobro", put(C, ValorUnitario="0.00"))
    yield refuses("CRP20120", "cobro", put(C, Importe="0.00"))
    yield refuses("CRP20121", "cobro", put(C, Descuento="0"))
    yield refuses("CRP20122", "cobro", put(C, ObjetoImp="03"))
    summary = (
        '<cfdi:Impuestos><cfdi:Traslados><cfdi:Traslado Base="1" Impuesto="002" TipoFactor="Exento"/></cfdi:Traslados>'
        "</cfdi:Impuestos>"
    )
    yield refuses("CRP20123", "cobro", add(".", summary, at=3))


def _totales() -> Iterator[Case]:
    for code, field in (
        ("CRP20201", "TotalRetencionesIVA"),
        ("CRP20203", "TotalRetencionesIEPS"),
        ("CRP20206", "TotalTrasladosBaseIVA8"),
        ("CRP20207", "TotalTrasladosImpuestoIVA8"),
    ):
        yield accepts(code, "cobro", put(TOTALES, **{field: "0.00"}))
        yield refuses(code, "cobro", put(TOTALES, **{field: "0.01"}))
    for code, field, wrong in (
        ("CRP20202", "TotalRetencionesISR", "444.45"),
        ("CRP20204", "TotalTrasladosBaseIVA16", "3546.10"),
        ("CRP20205", "TotalTrasladosImpuestoIVA16", "727.37"),
        ("CRP20208", "TotalTrasladosBaseIVA0", "886.53"),
        ("CRP20209", "TotalTrasladosImpuestoIVA0", "0.01"),
        ("CRP20210", "TotalTrasladosBaseIVAExento", "4444.45"),
        ("CRP20211", "MontoTotalPagos", "9100.00"),
    ):
        yield accepts(code, "cobro")
        yield refuses(code, "cobro", put(TOTALES, **{field: wrong}))
    yield refuses("CRP20209", "cobro", put(TOTALES, TotalTrasladosImpuestoIVA0=None))
    yield refuses("CRP20264", "cobro", put(TOTALES, TotalRetencionesISR=None), also=("CRP20202",))
    bases = dict.fromkeys(("TotalTrasladosBaseIVA16", "TotalTrasladosBaseIVA0", "TotalTrasladosBaseIVAExento"), None)
    yield refuses("CRP20267", "cobro", put(TOTALES, **bases), also=("CRP20204", "CRP20208", "CRP20210"))
    charged = dict.fromkeys(("TotalTrasladosImpuestoIVA16", "TotalTrasladosImpuestoIVA0"), None)
    yield refuses("CRP20273", "cobro", put(TOTALES, **charged), also=("CRP20205", "CRP20209"))


def _pago() -> Iterator[Case]:
    for number in (20212, 20213, 20214, 20215, 20217, 20218, 20219, 20225, 20276, *range(20221, 20236)):
        yield accepts(f"CRP{number}", "cobro")
    yield refuses("CRP20212", "cobro", put(P2, FormaDePagoP="99"))
    yield refuses("CRP20213", "pago", put(f"{PAGOS}/pago20:Pago", MonedaP="XXX"), also=("CRP20219",))
    yield refuses("CRP20214", "cobro", put(P2, TipoCambioP=None))
    for rate in ("1.000000", None):
        yield refuses("CRP20215", "pago", put(f"{PAGOS}/pago20:Pago", TipoCambioP=rate))
    yield refuses("CRP20217", "cobro", put(P1, Monto="8999.99"), also=("CRP20211",))
    yield refuses("CRP20218", "pago", put(f"{PAGOS}/pago20:Pago", Monto="0.00"), also=("CRP20211", "CRP20217"))
    yield refuses("CRP20219", "cobro", put(P1, Monto="9000.000"))
    cash = {"TipoCadPago": None, "CertPago": None, "CadPago": None, "SelloPago": None}
    accounts = ("RfcEmisorCtaOrd", "CtaOrdenante", "RfcEmisorCtaBen", "CtaBeneficiario")
    for code, field in zip(("CRP20221", "CRP20224", "CRP20227", "CRP20228"), accounts, strict=True):
        none = {name: None for name in accounts if name != field}
        yield refuses(code, "cobro", put(P1, FormaDePagoP="01", **none, **cash))
    yield refuses("CRP20223", "cobro", put(P1, RfcEmisorCtaOrd="XEXX010101000"))
    yield refuses("CRP20225", "cobro", put(P1, CtaOrdenante="012345678901"))
    yield refuses("CRP20226", "cobro", put(P1, CtaBeneficiario="0123456789012345"))
    yield refuses("CRP20229", "cobro", put(P1, FormaDePagoP="02"))
    for code, field in (("CRP20230", "CertPago"), ("CRP20232", "CadPago"), ("CRP20234", "SelloPago")):
        yield refuses(code, "cobro", put(P1, **{field: None}))
    for code, field in (("CRP20231", "CertPago"), ("CRP20233", "CadPago"), ("CRP20235", "SelloPago")):
        yield refuses(code, "cobro", put(P2, **{field: "AA=="}))
    # 58.00 + 42.00: settled in dollars; a cent less may be rounding, four cents may not.
    yield accepts("CRP20276", "cobro", put(P2, Monto="99.99"), put(TOTALES, MontoTotalPagos="10999.80"))
    yield refuses("CRP20276", "cobro", put(P2, Monto="99.90"), put(TOTALES, MontoTotalPagos="10998.00"))


def _documento() -> Iterator[Case]:
    for number in (*range(20236, 20262), 20278, 20279):
        yield accepts(f"CRP{number}", "cobro")
    yield refuses(
        "CRP20236", "cobro", put(D4, MonedaDR="XXX", EquivalenciaDR="2"), also=("CRP20240", "CRP20242", "CRP20243")
    )
    yield refuses("CRP20237", "cobro", put(D3, EquivalenciaDR=None))
    for written in ("1.0", "1.0000000000", None):
        yield refuses("CRP20238", "cobro", put(D1, EquivalenciaDR=written))
    zero = put(D4, ImpSaldoAnt="0.00", ImpPagado="0.00", ImpSaldoInsoluto="0.00")
    yield refuses("CRP20239", "cobro", zero, also=("CRP20241",))
    yield refuses("CRP20241", "cobro", put(D4, ImpPagado="0.00", ImpSaldoInsoluto="42.00"))
    yield refuses("CRP20240", "cobro", put(D1, ImpSaldoAnt="9000.000"))
    yield refuses("CRP20242", "cobro", put(D1, ImpPagado="4000.000"))
    yield refuses("CRP20243", "cobro", put(D1, ImpSaldoInsoluto="5000.000"))
    yield refuses("CRP20244", "cobro", put(D1, ImpSaldoInsoluto="5000.01"))
    yield refuses("CRP20244", "cobro", put(D4, ImpSaldoAnt="41.00", ImpSaldoInsoluto="0.00"))
    yield refuses("CRP20245", "cobro", put(D4, ObjetoImpDR="09"))
    yield refuses("CRP20246", "cobro", put(D4, ObjetoImpDR="02"))
    yield refuses("CRP20247", "cobro", put(D1, ObjetoImpDR="01"))
    yield refuses("CRP20278", "cobro", put(D1, ObjetoImpDR="06"))
    yield refuses("CRP20279", "cobro", put(D4, ObjetoImpDR="07"))
    yield refuses("CRP20248", "cobro", add(D4, "<pago20:ImpuestosDR/>"), put(D4, ObjetoImpDR="02"))
    for value in ("0.000000", "-1.00"):
        yield refuses("CRP20249", "cobro", put(RDR, BaseDR=value), also=("CRP20254",) if value[0] == "0" else ())
    yield refuses("CRP20250", "cobro", put(RDR, ImpuestoDR="004"), also=("CRP20265",))
    yield refuses("CRP20251", "cobro", put(RDR, TipoFactorDR="Otro"))
    yield refuses("CRP20252", "cobro", put(RDR, TipoFactorDR="Exento"))
    yield refuses("CRP20253", "cobro", put(RDR, TasaOCuotaDR="0.400000"))
    yield refuses("CRP20254", "cobro", put(RDR, ImporteDR="444.444446"), put(RP, ImporteP="444.444446"))
    yield refuses("CRP20255", "cobro", put(EXENTO, BaseDR="0.000000"), also=("CRP20269",))
    yield refuses("CRP20256", "cobro", put(EXENTO, ImpuestoDR="009"), also=("CRP20269",))
    yield refuses("CRP20257", "cobro", put(EXENTO, TipoFactorDR="Nada"), also=("CRP20269",))
    yield refuses("CRP20258", "cobro", put(EXENTO, ImporteDR="0.00"))
    yield refuses(
        "CRP20259", "cobro", put(f"{D3}/pago20:ImpuestosDR/pago20:TrasladosDR/pago20:TrasladoDR", ImporteDR=None)
    )
    yield refuses("CRP20260", "cobro", put(TDR, TasaOCuotaDR="0.150000"), also=("CRP20268", "CRP20274"))
    yield refuses("CRP20261", "cobro", put(TDR, ImporteDR="567.375889"), put(TP2, ImporteP="567.375889"))


def _impuestos() -> Iterator[Case]:
    for number in (20262, 20263, 20265, 20266, 20268, 20269, 20270, 20271, 20272, 20274):
        yield accepts(f"CRP{number}", "cobro")
    yield refuses("CRP20262", "cobro", put(RP, ImpuestoP="004"), also=("CRP20202", "CRP20265"))
    again = '<pago20:RetencionP ImpuestoP="001" ImporteP="444.444444"/>'
    yield refuses("CRP20263", "cobro", add(f"{P1}/pago20:ImpuestosP/pago20:RetencionesP", again), also=("CRP20202",))
    yield refuses("CRP20265", "cobro", put(RP, ImporteP="444.44"))
    yield refuses("CRP20266", "cobro", put(TP1, ImporteP="0.00"))
    yield refuses("CRP20268", "cobro", put(TP2, BaseP="3546.10"))
    yield refuses(
        "CRP20268",
        "cobro",
        put(f"{P2}/pago20:ImpuestosP/pago20:TrasladosP/pago20:TrasladoP", BaseP="50.01"),
        put(TOTALES, TotalTrasladosBaseIVA16="4546.30"),
    )
    yield refuses("CRP20269", "cobro", put(TP1, BaseP="4444.440000"))
    yield refuses("CRP20270", "cobro", put(TP1, ImpuestoP="009"), also=("CRP20210", "CRP20269"))
    zero = '<pago20:TrasladoP BaseP="0.000001" ImpuestoP="002" TipoFactorP="Exento"/>'
    yield refuses("CRP20271", "cobro", add(TP, zero), also=("CRP20269",))
    yield refuses("CRP20272", "cobro", put(TP3, TasaOCuotaP="0.010000"), also=("CRP20208", "CRP20268"))
    yield refuses("CRP20274", "cobro", put(TP2, ImporteP="567.38"))


CASES: Final = (*_sobre(), *_totales(), *_pago(), *_documento(), *_impuestos())

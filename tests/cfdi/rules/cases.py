"""For each code of the matrix: a document that obeys it and documents that break it, by one change to a sound one.

`only`: the codes that the whole check must give, exactly; by default the code alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.cfdi.rules.documents import Spoil, add, both, drop, nothing, put

C: Final = "cfdi:Conceptos/cfdi:Concepto"
C2: Final = "cfdi:Conceptos/cfdi:Concepto[2]"
C3: Final = "cfdi:Conceptos/cfdi:Concepto[3]"
T: Final = f"{C}/cfdi:Impuestos/cfdi:Traslados/cfdi:Traslado"
T2: Final = f"{C2}/cfdi:Impuestos/cfdi:Traslados/cfdi:Traslado"
T3: Final = f"{C3}/cfdi:Impuestos/cfdi:Traslados/cfdi:Traslado"
R2: Final = f"{C2}/cfdi:Impuestos/cfdi:Retenciones/cfdi:Retencion"
S: Final = "cfdi:Impuestos"
ST: Final = f"{S}/cfdi:Traslados/cfdi:Traslado"
SR: Final = f"{S}/cfdi:Retenciones/cfdi:Retencion"
EMISOR: Final = "cfdi:Emisor"
RECEPTOR: Final = "cfdi:Receptor"
GLOBAL: Final = "cfdi:InformacionGlobal"
TERCERO: Final = f"{C}/cfdi:ACuentaTerceros"
PARTE: Final = f"{C}/cfdi:Parte"
PEDIMENTO: Final = '<cfdi:InformacionAduanera NumeroPedimento="15  48  3009  0001234"/>'
LOCALES: Final = (
    '<cfdi:Complemento><implocal:ImpuestosLocales version="1.0" TotaldeRetenciones="0.00" TotaldeTraslados="24.00">'
    '<implocal:TrasladosLocales ImpLocTrasladado="ISH" TasadeTraslado="3.00" Importe="24.00"/>'
    "</implocal:ImpuestosLocales></cfdi:Complemento>"
)
IEPS: Final = (
    '<cfdi:Impuestos><cfdi:Traslados><cfdi:Traslado Base="800.00" Impuesto="003" TipoFactor="Tasa"'
    ' TasaOCuota="0.080000" Importe="64.00"/></cfdi:Traslados></cfdi:Impuestos>'
)


@dataclass(frozen=True)
class Case:
    """One document, changed: `code` is expected, or must not be there when `accepts`."""

    code: str
    base: str
    spoil: Spoil
    also: tuple[str, ...] = ()
    accepts: bool = False


def refuses(code: str, base: str, *spoils: Spoil, also: tuple[str, ...] = ()) -> Case:
    return Case(code, base, both(*spoils), also)


def accepts(code: str, base: str, *changes: Spoil) -> Case:
    """A sound document, changed into one that is sound too and that the rule `code` looks at."""
    return Case(code, base, both(*changes) if changes else nothing, accepts=True)


def _comprobante() -> Iterator[Case]:
    yield accepts("CFDI40101", "factura", put(".", Fecha="2026-02-28T23:59:59"))
    for fecha in (
        "2026-03-05",
        "2026-03-05 10:15:00",
        "2026-03-05T10:15:00Z",
        "2026-02-30T10:15:00",
        "2026-03-05T24:00:00",
    ):
        yield refuses("CFDI40101", "factura", put(".", Fecha=fecha))
    yield refuses("CFDI40101", "factura", put(".", Fecha="2026-03-05T10:15:00.5"))
    yield refuses("CFDI40101", "factura", put(".", Fecha="2009-03-05T10:15:00"))
    yield accepts("CFDI40103", "pago")
    yield refuses("CFDI40103", "pago", put(".", FormaPago="03"))
    yield refuses("CFDI40103", "traslado", put(".", FormaPago="01"))
    yield accepts("CFDI40104", "factura", put(".", FormaPago="31"))
    for forma in ("77", "07", "98", "1", "", "PUE"):
        yield refuses("CFDI40104", "factura", put(".", FormaPago=forma))
    yield accepts("CFDI40105", "factura", put(".", MetodoPago="PPD", FormaPago="99"))
    yield refuses("CFDI40105", "factura", put(".", MetodoPago="PPD"))
    yield refuses("CFDI40105", "factura", put(".", MetodoPago="PPD", FormaPago=None))
    yield accepts("CFDI40107", "factura", put(".", SubTotal="1350.2"), put(C, Importe="250.21"))
    yield refuses("CFDI40107", "factura", put(".", SubTotal="1350.240"))
    yield accepts(
        "CFDI40108",
        "factura",
        put(C3, ValorUnitario="33.331667", Importe="99.995000"),
        put(".", SubTotal="1350.25", Total="1278.40"),
    )
    yield refuses("CFDI40108", "factura", put(".", SubTotal="1350.25"))
    yield refuses("CFDI40108", "factura", put(".", SubTotal="1350.25", Total="1278.40"))
    yield refuses("CFDI40108", "egreso", put(".", SubTotal="99.99"))
    yield accepts("CFDI40109", "traslado", put(".", SubTotal="0.00"))
    yield refuses("CFDI40109", "pago", put(".", SubTotal="1"))
    yield refuses("CFDI40109", "traslado", put(".", SubTotal="10"), put(".", Total="10"))
    yield accepts("CFDI40110", "egreso", put(C, Descuento="100.00"), put(".", Descuento="100.00", Total="16.00"))
    yield refuses("CFDI40110", "factura", put(".", Descuento="1350.25"), also=("CFDI40111",))
    yield accepts("CFDI40111", "factura", put(C, Descuento="10.254", Importe="250.250"))
    yield refuses("CFDI40111", "factura", put(".", Descuento="10.26"))
    yield refuses("CFDI40111", "factura", put(".", Descuento=None))
    yield refuses("CFDI40111", "egreso", put(".", Descuento="0.00"))
    yield refuses("CFDI40111", "pago", put(C, Descuento="0"))
    yield accepts("CFDI40112", "factura", put(".", Descuento="10.25"))
    yield refuses("CFDI40112", "factura", put(".", Descuento="10.250"))
    yield accepts("CFDI40113", "factura", put(".", Moneda="EUR", TipoCambio="19.5"))
    for moneda in ("MXP", "mxn", "", "XYZ"):
        yield refuses("CFDI40113", "factura", put(".", Moneda=moneda))
    yield accepts("CFDI40114", "factura", put(".", TipoCambio="1"))
    yield refuses("CFDI40114", "factura", put(".", TipoCambio="17.52"))
    yield accepts("CFDI40115", "extranjero")
    yield refuses("CFDI40115", "factura", put(".", Moneda="USD"))
    yield accepts("CFDI40116", "pago")
    yield refuses("CFDI40116", "pago", put(".", TipoCambio="1"))
    yield accepts("CFDI40117", "extranjero", put(".", TipoCambio="17.523412"))
    for tipo in ("17,52", "-17.5", "+17.5", "17.5234121", "1234567890123456789"):
        yield refuses("CFDI40117", "extranjero", put(".", TipoCambio=tipo))
    yield accepts("CFDI40121", "egreso")
    for tipo in ("X", "i", "", "Ingreso"):
        yield refuses("CFDI40121", "paciente", put(".", TipoDeComprobante=tipo))
    yield accepts("CFDI40122", "extranjero")
    yield refuses("CFDI40122", "factura", put(".", Exportacion="02"))
    yield accepts("CFDI40123", "factura", put(".", Exportacion="04"))
    for exportacion in ("05", "1", ""):
        yield refuses("CFDI40123", "factura", put(".", Exportacion=exportacion))
    yield accepts("CFDI40124", "factura")
    for metodo in ("PAGO", "pue", ""):
        yield refuses("CFDI40124", "factura", put(".", MetodoPago=metodo))
    yield accepts("CFDI40125", "traslado")
    yield refuses("CFDI40125", "pago", put(".", MetodoPago="PUE"))
    yield refuses("CFDI40125", "traslado", put(".", MetodoPago="PPD"))
    yield accepts("CFDI40126", "factura", put(".", LugarExpedicion="22000"))
    for lugar in ("00001", "6400", ""):
        yield refuses("CFDI40126", "factura", put(".", LugarExpedicion=lugar))
    yield refuses("CFDI40126", "global", put(".", LugarExpedicion="00001"))
    yield accepts("CFDI40222", "factura", put(".", Exportacion="03"))
    yield refuses("CFDI40222", "extranjero", put(".", Exportacion="01"))
    yield refuses("CFDI40222", "extranjero", put(".", Exportacion="03"))


def _total() -> Iterator[Case]:
    yield accepts("CFDI40119", "paciente", add(".", LOCALES), put(".", Total="824.00"))
    yield refuses("CFDI40119", "paciente", add(".", LOCALES))
    for total in ("1278.40", "1378.39", "1278.391", "0"):
        yield refuses("CFDI40119", "factura", put(".", Total=total))
    yield refuses("CFDI40119", "pago", put(".", Total="500"))


def _global() -> Iterator[Case]:
    yield accepts("CFDI40130", "global")
    yield accepts("CFDI40130", "global", drop(GLOBAL), put(RECEPTOR, Nombre="CECILIA MIRANDA"))
    yield refuses("CFDI40130", "global", drop(GLOBAL))
    yield accepts("CFDI40131", "global", put(GLOBAL, Periodicidad="01"))
    for periodicidad in ("06", "4", ""):
        yield refuses("CFDI40131", "global", put(GLOBAL, Periodicidad=periodicidad))
    incorporacion = put(EMISOR, Rfc="CACX7605101P8", Nombre="XOCHILT CASAS CHAVEZ", RegimenFiscal="621")
    yield accepts("CFDI40132", "global", incorporacion, put(GLOBAL, Periodicidad="05", Meses="13"))
    yield refuses("CFDI40132", "global", put(GLOBAL, Periodicidad="05", Meses="13"))
    yield accepts("CFDI40133", "global", put(GLOBAL, Meses="12"))
    for meses in ("19", "00", "1", "enero"):
        yield refuses("CFDI40133", "global", put(GLOBAL, Meses=meses))
    yield accepts("CFDI40134", "global", put(GLOBAL, Meses="01"))
    yield refuses("CFDI40134", "global", put(GLOBAL, Meses="13"))
    yield accepts("CFDI40135", "global", incorporacion, put(GLOBAL, Periodicidad="05", Meses="18"))
    yield refuses("CFDI40135", "global", incorporacion, put(GLOBAL, Periodicidad="05", Meses="12"))
    yield accepts("CFDI40136", "global", put(GLOBAL, Año="2021"))
    for year in ("2027", "2020", "2018", "1999", "40000"):
        yield refuses("CFDI40136", "global", put(GLOBAL, Año=year))
    yield accepts("CFDI40137", "egreso", put("cfdi:CfdiRelacionados", TipoRelacion="03"))
    for tipo in ("08", "09", "10", "1", ""):
        yield refuses("CFDI40137", "egreso", put("cfdi:CfdiRelacionados", TipoRelacion=tipo))


def _people() -> Iterator[Case]:
    yield accepts("CFDI40140", "factura", put(EMISOR, RegimenFiscal="626"))
    for regimen in ("600", "609", "628", "", "61"):
        yield refuses("CFDI40140", "factura", put(EMISOR, RegimenFiscal=regimen))
    yield accepts("CFDI40141", "egreso", put(EMISOR, RegimenFiscal="626"))
    yield refuses("CFDI40141", "factura", put(EMISOR, RegimenFiscal="601"))
    yield refuses("CFDI40141", "egreso", put(EMISOR, RegimenFiscal="612"))
    yield accepts("CFDI40146", "global")
    yield refuses("CFDI40146", "paciente", put(RECEPTOR, Nombre="PUBLICO EN GENERAL"))
    yield accepts("CFDI40149", "global")
    yield accepts("CFDI40149", "extranjero")
    yield refuses("CFDI40149", "global", put(RECEPTOR, DomicilioFiscalReceptor="01010"))
    yield refuses("CFDI40149", "extranjero", put(RECEPTOR, DomicilioFiscalReceptor="01010"))
    yield accepts("CFDI40150", "extranjero", put(RECEPTOR, ResidenciaFiscal="ESP"))
    for pais in ("US", "XXX", "usa", ""):
        yield refuses("CFDI40150", "extranjero", put(RECEPTOR, ResidenciaFiscal=pais))
    yield accepts("CFDI40151", "extranjero")
    yield refuses("CFDI40151", "factura", put(RECEPTOR, ResidenciaFiscal="USA"))
    yield refuses("CFDI40151", "global", put(RECEPTOR, ResidenciaFiscal="USA"))
    yield accepts("CFDI40152", "extranjero", put(RECEPTOR, ResidenciaFiscal="CAN"))
    yield refuses("CFDI40152", "extranjero", put(RECEPTOR, ResidenciaFiscal="MEX"))
    without_trade = both(drop("cfdi:Complemento"), put(".", Exportacion="01"))
    yield accepts("CFDI40153", "extranjero", without_trade, put(RECEPTOR, NumRegIdTrib=None, ResidenciaFiscal=None))
    yield refuses("CFDI40153", "extranjero", put(RECEPTOR, ResidenciaFiscal=None))
    yield accepts("CFDI40154", "extranjero")
    yield refuses("CFDI40154", "factura", put(RECEPTOR, NumRegIdTrib="121585958"))
    yield refuses("CFDI40154", "global", put(RECEPTOR, NumRegIdTrib="121585958"))
    yield accepts("CFDI40155", "extranjero", without_trade, put(RECEPTOR, NumRegIdTrib=None))
    yield refuses("CFDI40155", "extranjero", put(RECEPTOR, NumRegIdTrib=None))
    yield refuses("CFDI40155", "extranjero", without_trade)
    yield accepts("CFDI40157", "paciente", put(RECEPTOR, RegimenFiscalReceptor="612"))
    for regimen in ("600", "629", "630", "", "6O5"):
        yield refuses("CFDI40157", "paciente", put(RECEPTOR, RegimenFiscalReceptor=regimen))
    yield accepts("CFDI40158", "paciente", put(RECEPTOR, RegimenFiscalReceptor="611"))
    yield refuses("CFDI40158", "paciente", put(RECEPTOR, RegimenFiscalReceptor="601"))
    yield refuses("CFDI40158", "factura", put(RECEPTOR, RegimenFiscalReceptor="612"))
    yield refuses("CFDI40158", "factura", put(RECEPTOR, RegimenFiscalReceptor="605"))
    yield accepts("CFDI40159", "global")
    yield refuses("CFDI40159", "global", put(RECEPTOR, RegimenFiscalReceptor="612"))
    yield refuses("CFDI40159", "extranjero", put(RECEPTOR, RegimenFiscalReceptor="601"))
    yield refuses("CFDI40159", "extranjero", put(RECEPTOR, RegimenFiscalReceptor="610"))
    yield accepts("CFDI40160", "factura", put(RECEPTOR, UsoCFDI="I08"))
    for uso in ("P01", "G04", "g03", "", "D11"):
        yield refuses("CFDI40160", "factura", put(RECEPTOR, UsoCFDI=uso))
    yield accepts("CFDI40161", "paciente", put(RECEPTOR, RegimenFiscalReceptor="616", UsoCFDI="S01"))
    for regimen, uso in (("616", "D01"), ("626", "D01"), ("605", "G03"), ("616", "G03"), ("605", "CN01")):
        case = refuses if uso != "CN01" else accepts
        yield case("CFDI40161", "paciente", put(RECEPTOR, RegimenFiscalReceptor=regimen, UsoCFDI=uso))
    yield refuses("CFDI40161", "factura", put(RECEPTOR, UsoCFDI="D01"))
    yield refuses("CFDI40161", "global", put(RECEPTOR, UsoCFDI="G03"))


def _conceptos() -> Iterator[Case]:
    yield accepts("CFDI40162", "factura", put(C, ClaveProdServ="85101501"))
    for clave in ("85121500", "99999999", "8512180", ""):
        yield refuses("CFDI40162", "factura", put(C, ClaveProdServ=clave))
    yield accepts("CFDI40165", "factura", put(C, ClaveUnidad="DAY"))
    for unidad in ("ZZZZ", "e48", "", "PIEZA"):
        yield refuses("CFDI40165", "factura", put(C, ClaveUnidad=unidad))
    yield accepts("CFDI40166", "pago")
    yield refuses("CFDI40166", "factura", put(C2, ValorUnitario="0"), also=("CFDI40167", "EMI108"))
    yield refuses("CFDI40166", "egreso", put(C, ValorUnitario="-100.00"))
    yield accepts("CFDI40167", "factura", put(C, Importe="255.27"), put(".", SubTotal="1355.26", Total="1283.41"))
    yield refuses("CFDI40167", "factura", put(C, Importe="255.28"), put(".", SubTotal="1355.27", Total="1283.42"))
    yield refuses("CFDI40167", "factura", put(C, Importe="245.22"), put(".", SubTotal="1345.21", Total="1273.36"))
    yield accepts("CFDI40168", "factura", put(C, Importe="250.2500", Descuento="10.2500"))
    yield refuses("CFDI40168", "factura", put(C, Descuento="10.250"))
    yield accepts("CFDI40169", "egreso", put(C, Descuento="100.00"), put(".", Descuento="100.00", Total="16.00"))
    yield refuses("CFDI40169", "factura", put(C3, Descuento="100.00"), put(".", Descuento="110.25", Total="1178.39"))
    yield accepts("CFDI40170", "pago", put(C, ObjetoImp="03"))
    yield accepts("CFDI40170", "pago", put(".", Fecha="2024-12-13T00:00:00"), put(C, ObjetoImp="06"))
    for objeto in ("09", "2", "", "00"):
        yield refuses("CFDI40170", "factura", put(C, ObjetoImp=objeto))
    yield refuses("CFDI40170", "pago", put(".", Fecha="2024-12-12T23:59:59"), put(C, ObjetoImp="08"))
    yield refuses("CFDI40170", "pago", put(".", Fecha="2022-10-06T10:00:00"), put(C, ObjetoImp="04"))
    yield refuses("CFDI40170", "pago", put(".", Fecha="2023-12-05T10:00:00"), put(C, ObjetoImp="05"))
    yield accepts("CFDI40171", "paciente")
    yield refuses("CFDI40171", "pago", put(C, ObjetoImp="02"))
    yield refuses("CFDI40171", "paciente", drop(f"{C}/cfdi:Impuestos"), drop(S))
    for objeto in ("01", "03", "04", "05"):
        yield accepts("CFDI40172", "paciente", put(C, ObjetoImp=objeto), drop(f"{C}/cfdi:Impuestos"), drop(S))
        yield refuses("CFDI40172", "factura", put(C2, ObjetoImp=objeto))
    yield accepts("CFDI40173", "factura")
    empty = both(drop(f"{C}/cfdi:Impuestos/cfdi:Traslados"), drop(S))
    yield refuses("CFDI40173", "paciente", empty)
    for objeto in ("06", "08"):
        yield accepts("CFDI140226", "paciente", put(C, ObjetoImp=objeto), drop(f"{C}/cfdi:Impuestos"), drop(S))
        yield refuses("CFDI140226", "factura", put(C, ObjetoImp=objeto))
    ieps = both(
        drop(f"{C}/cfdi:Impuestos"), drop(S), add(C, IEPS), add(".", IEPS), put(S, TotalImpuestosTrasladados="64.00"),
        put(".", Total="864.00"),
    )  # fmt: skip
    yield accepts("CFDI140227", "paciente", ieps, put(C, ObjetoImp="07"))
    yield refuses("CFDI140227", "paciente", put(C, ObjetoImp="07"))
    yield refuses("CFDI140227", "pago", put(C, ObjetoImp="07"))


def _concepto_taxes() -> Iterator[Case]:
    yield accepts("CFDI40174", "factura", put(T3, Base="99.990000"))
    for base in ("0", "0.00", "-240.00"):
        yield refuses("CFDI40174", "paciente", put(T, Base=base), also=() if base[0] == "-" else ("CFDI40216",))
    yield accepts("CFDI40175", "factura")
    for impuesto in ("004", "IVA", "", "2"):
        yield refuses("CFDI40175", "factura", put(T, Impuesto=impuesto))
    yield accepts("CFDI40176", "factura")
    for factor in ("tasa", "Porcentaje", ""):
        yield refuses("CFDI40176", "factura", put(T, TipoFactor=factor))
    yield accepts("CFDI40177", "paciente")
    yield refuses("CFDI40177", "paciente", put(T, TasaOCuota="0.000000"))
    yield refuses("CFDI40177", "factura", put(T2, Importe="0.00"))
    yield refuses("CFDI40177", "factura", put(T3, TipoFactor="Exento"))
    yield accepts("CFDI40178", "factura", put(T3, Importe="0"))
    yield refuses("CFDI40178", "factura", put(T, TasaOCuota=None))
    yield refuses("CFDI40178", "factura", put(T, Importe=None))
    yield refuses("CFDI40178", "factura", put(T2, TipoFactor="Tasa"))
    yield accepts("CFDI40179", "factura", put(T, TasaOCuota="0.16"))
    for tasa in ("0.150000", "0.110000", "16.000000", "-0.160000", "0.106667"):
        yield refuses("CFDI40179", "factura", put(T, TasaOCuota=tasa))
    yield refuses("CFDI40179", "factura", put(T, Impuesto="001"))
    yield refuses("CFDI40179", "factura", put(T, TipoFactor="Cuota"))
    yield accepts(
        "CFDI40180",
        "factura",
        put(T, Importe="38.41"),
        put(ST, Importe="38.41"),
        put(S, TotalImpuestosTrasladados="38.41"),
        put(".", Total="1278.40"),
    )
    for importe, total in (("38.42", "1278.41"), ("38.38", "1278.37"), ("384.00", "1623.99")):
        change = both(put(T, Importe=importe), put(ST, Importe=importe), put(S, TotalImpuestosTrasladados=importe))
        yield refuses("CFDI40180", "factura", change, put(".", Total=total))
    yield refuses("CFDI40180", "factura", put(T, Importe="40.00"), also=("CFDI40221",))
    yield accepts("CFDI40181", "factura")
    for base in ("0", "0.000000", "-1"):
        yield refuses("CFDI40181", "factura", put(R2, Base=base), also=() if base == "-1" else ("CFDI40186",))
    yield accepts("CFDI40182", "factura")
    for impuesto in ("004", "ISR", ""):
        yield refuses("CFDI40182", "factura", put(R2, Impuesto=impuesto))
    yield accepts("CFDI40183", "factura")
    for factor in ("TASA", ""):
        yield refuses("CFDI40183", "factura", put(R2, TipoFactor=factor))
    yield accepts("CFDI40184", "factura")
    yield refuses("CFDI40184", "factura", put(R2, TipoFactor="Exento"))
    resico = both(
        put(R2, TasaOCuota="0.012500", Importe="12.50"),
        put(SR, Importe="12.50"),
        put(S, TotalImpuestosRetenidos="12.50"),
    )
    yield accepts("CFDI40185", "factura", resico, put(".", Total="1365.89"))
    for tasa in ("0.350001", "0.500000", "10.000000"):
        yield refuses("CFDI40185", "factura", put(R2, TasaOCuota=tasa))
    yield refuses("CFDI40185", "factura", put(R2, Impuesto="002", TasaOCuota="0.200000"))
    yield accepts("CFDI40186", "factura", put(R2, Importe="100.000000"))
    yield refuses("CFDI40186", "factura", put(R2, Importe="101.00"), also=("CFDI40211",))


def _third_parties() -> Iterator[Case]:
    yield accepts("CFDI40188", "importado")
    yield refuses("CFDI40188", "importado", put(TERCERO, RfcACuentaTerceros="EKU9003173C9"))
    yield refuses("CFDI40188", "importado", put(TERCERO, RfcACuentaTerceros="URE180429TM6"))
    yield accepts("CFDI40191", "importado", put(TERCERO, RegimenFiscalACuentaTerceros="603"))
    for regimen in ("600", "609", ""):
        yield refuses("CFDI40191", "importado", put(TERCERO, RegimenFiscalACuentaTerceros=regimen))
    yield accepts("CFDI140223", "extranjero")
    yield refuses("CFDI140223", "extranjero", put(TERCERO, RegimenFiscalACuentaTerceros="601"))
    yield accepts("CFDI40195", "importado")
    yield refuses("CFDI40195", "extranjero", add(C, PEDIMENTO, at=1))
    yield accepts("CFDI40196", "importado", put(PARTE, ClaveProdServ="51101500"))
    for clave in ("85121500", ""):
        yield refuses("CFDI40196", "importado", put(PARTE, ClaveProdServ=clave))
    yield accepts("CFDI40197", "importado", put(PARTE, ValorUnitario=None))
    yield refuses("CFDI40197", "importado", put(PARTE, ValorUnitario="-10.00"))
    yield refuses("CFDI40197", "importado", put(PARTE, ValorUnitario="0", Importe="0"))
    yield accepts("CFDI40198", "importado", put(PARTE, Importe=None))
    yield refuses("CFDI40198", "importado", put(PARTE, Importe="200.00"))
    yield accepts("CFDI40199", "importado")
    for numero in ("15 48 3009 0001234", "154830090001234", "15  48  3009  000123A"):
        yield refuses("CFDI40199", "importado", put(f"{PARTE}/cfdi:InformacionAduanera", NumeroPedimento=numero))
    yield accepts("CFDI40200", "importado")
    yield refuses("CFDI40200", "extranjero", add(PARTE, PEDIMENTO))


def _summary() -> Iterator[Case]:
    yield accepts("CFDI40201", "pago")
    zero = '<cfdi:Impuestos TotalImpuestosTrasladados="0"/>'
    yield refuses("CFDI40201", "pago", add(".", zero, at=3))
    yield refuses("CFDI40201", "traslado", add(".", zero))
    yield accepts("CFDI40202", "factura", put(S, TotalImpuestosRetenidos="100"))
    yield refuses("CFDI40202", "factura", put(S, TotalImpuestosRetenidos="100.000"))
    yield accepts("CFDI40203", "paciente", put(S, TotalImpuestosRetenidos="0.00"))
    yield refuses("CFDI40203", "factura", put(S, TotalImpuestosRetenidos="100.01"))
    yield refuses("CFDI40203", "factura", put(S, TotalImpuestosRetenidos="90.00"), put(".", Total="1288.39"))
    yield accepts("CFDI40204", "factura", put(S, TotalImpuestosTrasladados="38.4"))
    yield refuses("CFDI40204", "factura", put(S, TotalImpuestosTrasladados="38.400"))
    yield accepts("CFDI40205", "factura")
    yield refuses("CFDI40205", "factura", put(S, TotalImpuestosTrasladados="38.41"))
    yield refuses("CFDI40205", "factura", put(S, TotalImpuestosTrasladados="38.41"), put(".", Total="1278.40"))
    yield accepts("CFDI40206", "factura")
    yield refuses("CFDI40206", "factura", put(S, TotalImpuestosRetenidos=None), also=("CFDI40209",))
    yield accepts("CFDI40209", "factura")
    yield refuses("CFDI40209", "factura", put(S, TotalImpuestosRetenidos=None), also=("CFDI40206",))
    yield accepts("CFDI40207", "factura")
    for impuesto in ("004", "ISR"):
        yield refuses("CFDI40207", "factura", put(SR, Impuesto=impuesto))
    yield accepts("CFDI40208", "factura")
    twice = add(f"{S}/cfdi:Retenciones", '<cfdi:Retencion Impuesto="001" Importe="40.00"/>')
    yield refuses("CFDI40208", "factura", put(SR, Importe="60.00"), twice)
    yield accepts("CFDI40210", "factura", put(SR, Importe="100.0"))
    yield refuses("CFDI40210", "factura", put(SR, Importe="100.000"))
    yield accepts("CFDI40211", "factura")
    yield refuses("CFDI40211", "factura", put(SR, Importe="100.01"))
    wrong = both(put(SR, Importe="99.00"), put(S, TotalImpuestosRetenidos="99.00"), put(".", Total="1279.39"))
    yield refuses("CFDI40211", "factura", wrong)
    yield refuses("CFDI40211", "factura", drop(f"{S}/cfdi:Retenciones"))
    yield accepts("CFDI40212", "paciente")
    yield refuses("CFDI40212", "factura", put(S, TotalImpuestosTrasladados=None))
    yield accepts("CFDI40213", "paciente")
    yield refuses("CFDI40213", "paciente", put(ST, TasaOCuota="0.000000"))
    yield refuses("CFDI40213", "paciente", put(ST, Importe="0.00"))
    yield refuses("CFDI40213", "paciente", put(S, TotalImpuestosTrasladados="0.00"))
    yield accepts("CFDI40214", "factura", put(ST, Base="240"))
    yield refuses("CFDI40214", "factura", put(ST, Base="240.000"))
    yield accepts("CFDI40215", "factura", put(T, Base="240.001"))
    yield refuses("CFDI40215", "factura", put(ST, Base="240.01"))
    yield refuses("CFDI40215", "factura", put(f"{ST}[3]", Base="999.99"), also=("CFDI40216",))
    yield accepts("CFDI40216", "paciente", put(T, Base="800.004"))
    yield refuses("CFDI40216", "paciente", put(ST, Base="800.01"))
    yield refuses("CFDI40216", "paciente", drop(S))
    yield accepts("CFDI40217", "factura")
    for impuesto in ("005", "IVA"):
        yield refuses("CFDI40217", "factura", put(ST, Impuesto=impuesto))
    yield accepts("CFDI40218", "factura")
    again = add(
        f"{S}/cfdi:Traslados",
        '<cfdi:Traslado Base="40.00" Impuesto="002" TipoFactor="Tasa" TasaOCuota="0.160000" Importe="6.40"/>',
    )
    yield refuses("CFDI40218", "factura", put(ST, Base="200.00", Importe="32.00"), again)
    yield accepts("CFDI40219", "factura", put(ST, TasaOCuota="0.16"))
    for tasa in ("0.150000", "1.160000", "-0.160000"):
        yield refuses("CFDI40219", "factura", put(ST, TasaOCuota=tasa))
    yield refuses("CFDI40219", "factura", put(ST, TasaOCuota=None))
    yield accepts("CFDI40220", "factura", put(ST, Importe="38.4"))
    yield refuses("CFDI40220", "factura", put(ST, Importe="38.400"))
    yield accepts("CFDI40221", "factura")
    yield refuses("CFDI40221", "factura", put(ST, Importe="38.41"))
    wrong = both(put(ST, Importe="39.00"), put(S, TotalImpuestosTrasladados="39.00"), put(".", Total="1278.99"))
    yield refuses("CFDI40221", "factura", wrong)
    yield refuses("CFDI40221", "factura", drop(f"{ST}[1]"))
    yield refuses("CFDI40221", "factura", put(ST, Importe=None))


CASES: Final = tuple(
    case
    for part in (_comprobante, _total, _global, _people, _conceptos, _concepto_taxes, _third_parties, _summary)
    for case in part()
)

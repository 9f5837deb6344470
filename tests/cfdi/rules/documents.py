"""Sound CFDI 4.0 of every shape, unsealed, and the tools to spoil one thing of them.

They are written as text on purpose: a fault of the builder cannot hide behind itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lxml import etree

NAMESPACES: Final = {
    "cfdi": "http://www.sat.gob.mx/cfd/4",
    "cce20": "http://www.sat.gob.mx/ComercioExterior20",
    "implocal": "http://www.sat.gob.mx/implocal",
    "pago20": "http://www.sat.gob.mx/Pagos20",
}
_C: Final = f"{{{NAMESPACES['cfdi']}}}"
_DECLARED: Final = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
_SEAL: Final = 'Sello="" NoCertificado="" Certificado=""'

Spoil = Callable[[etree._Element], None]

_FACTURA: Final = f"""
<cfdi:Comprobante {_DECLARED} Version="4.0" Serie="HM" Folio="101" Fecha="2026-03-05T10:15:00" FormaPago="03" {_SEAL}
 SubTotal="1350.24" Descuento="10.25" Moneda="MXN" Total="1278.39" TipoDeComprobante="I" Exportacion="01"
 MetodoPago="PUE" LugarExpedicion="64000">
 <cfdi:Emisor Rfc="CACX7605101P8" Nombre="XOCHILT CASAS CHAVEZ" RegimenFiscal="612"/>
 <cfdi:Receptor Rfc="EKU9003173C9" Nombre="ESCUELA KEMPER URGATE" DomicilioFiscalReceptor="42501"
  RegimenFiscalReceptor="601" UsoCFDI="G03"/>
 <cfdi:Conceptos>
  <cfdi:Concepto ClaveProdServ="85121800" NoIdentificacion="LAB-1" Cantidad="2.5" ClaveUnidad="E48" Unidad="Servicio"
   Descripcion="Estudios de laboratorio" ValorUnitario="100.10" Importe="250.25" Descuento="10.25" ObjetoImp="02">
   <cfdi:Impuestos><cfdi:Traslados>
    <cfdi:Traslado Base="240.00" Impuesto="002" TipoFactor="Tasa" TasaOCuota="0.160000" Importe="38.40"/>
   </cfdi:Traslados></cfdi:Impuestos>
  </cfdi:Concepto>
  <cfdi:Concepto ClaveProdServ="85121600" Cantidad="1" ClaveUnidad="E48" Descripcion="Consulta de especialidad"
   ValorUnitario="1000.00" Importe="1000.00" ObjetoImp="02">
   <cfdi:Impuestos><cfdi:Traslados>
    <cfdi:Traslado Base="1000.00" Impuesto="002" TipoFactor="Exento"/>
   </cfdi:Traslados><cfdi:Retenciones>
    <cfdi:Retencion Base="1000.00" Impuesto="001" TipoFactor="Tasa" TasaOCuota="0.100000" Importe="100.00"/>
   </cfdi:Retenciones></cfdi:Impuestos>
  </cfdi:Concepto>
  <cfdi:Concepto ClaveProdServ="51101500" Cantidad="3" ClaveUnidad="H87" Descripcion="Medicamento"
   ValorUnitario="33.33" Importe="99.99" ObjetoImp="02">
   <cfdi:Impuestos><cfdi:Traslados>
    <cfdi:Traslado Base="99.99" Impuesto="002" TipoFactor="Tasa" TasaOCuota="0.000000" Importe="0.00"/>
   </cfdi:Traslados></cfdi:Impuestos>
  </cfdi:Concepto>
 </cfdi:Conceptos>
 <cfdi:Impuestos TotalImpuestosRetenidos="100.00" TotalImpuestosTrasladados="38.40">
  <cfdi:Retenciones><cfdi:Retencion Impuesto="001" Importe="100.00"/></cfdi:Retenciones>
  <cfdi:Traslados>
   <cfdi:Traslado Base="240.00" Impuesto="002" TipoFactor="Tasa" TasaOCuota="0.160000" Importe="38.40"/>
   <cfdi:Traslado Base="99.99" Impuesto="002" TipoFactor="Tasa" TasaOCuota="0.000000" Importe="0.00"/>
   <cfdi:Traslado Base="1000.00" Impuesto="002" TipoFactor="Exento"/>
  </cfdi:Traslados>
 </cfdi:Impuestos>
</cfdi:Comprobante>"""

_PACIENTE: Final = f"""
<cfdi:Comprobante {_DECLARED} Version="4.0" Fecha="2026-03-05T10:15:00" FormaPago="04" {_SEAL} SubTotal="800.00"
 Moneda="MXN" Total="800.00" TipoDeComprobante="I" Exportacion="01" MetodoPago="PUE" LugarExpedicion="06700">
 <cfdi:Emisor Rfc="EKU9003173C9" Nombre="ESCUELA KEMPER URGATE" RegimenFiscal="601"/>
 <cfdi:Receptor Rfc="MISC491214B86" Nombre="CECILIA MIRANDA SANCHEZ" DomicilioFiscalReceptor="01010"
  RegimenFiscalReceptor="605" UsoCFDI="D01"/>
 <cfdi:Conceptos>
  <cfdi:Concepto ClaveProdServ="85121600" Cantidad="1" ClaveUnidad="E48" Descripcion="Consulta"
   ValorUnitario="800.00" Importe="800.00" ObjetoImp="02">
   <cfdi:Impuestos><cfdi:Traslados>
    <cfdi:Traslado Base="800.00" Impuesto="002" TipoFactor="Exento"/>
   </cfdi:Traslados></cfdi:Impuestos>
  </cfdi:Concepto>
 </cfdi:Conceptos>
 <cfdi:Impuestos><cfdi:Traslados>
  <cfdi:Traslado Base="800.00" Impuesto="002" TipoFactor="Exento"/>
 </cfdi:Traslados></cfdi:Impuestos>
</cfdi:Comprobante>"""

_GLOBAL: Final = f"""
<cfdi:Comprobante {_DECLARED} Version="4.0" Fecha="2026-02-01T00:15:00" FormaPago="01" {_SEAL} SubTotal="300.00"
 Moneda="MXN" Total="348.00" TipoDeComprobante="I" Exportacion="01" MetodoPago="PUE" LugarExpedicion="06700">
 <cfdi:InformacionGlobal Periodicidad="04" Meses="01" Año="2026"/>
 <cfdi:Emisor Rfc="EKU9003173C9" Nombre="ESCUELA KEMPER URGATE" RegimenFiscal="601"/>
 <cfdi:Receptor Rfc="XAXX010101000" Nombre="PUBLICO EN GENERAL" DomicilioFiscalReceptor="06700"
  RegimenFiscalReceptor="616" UsoCFDI="S01"/>
 <cfdi:Conceptos>
  <cfdi:Concepto ClaveProdServ="01010101" NoIdentificacion="T-1" Cantidad="1" ClaveUnidad="ACT" Descripcion="Venta"
   ValorUnitario="300.00" Importe="300.00" ObjetoImp="02">
   <cfdi:Impuestos><cfdi:Traslados>
    <cfdi:Traslado Base="300.00" Impuesto="002" TipoFactor="Tasa" TasaOCuota="0.160000" Importe="48.00"/>
   </cfdi:Traslados></cfdi:Impuestos>
  </cfdi:Concepto>
 </cfdi:Conceptos>
 <cfdi:Impuestos TotalImpuestosTrasladados="48.00"><cfdi:Traslados>
  <cfdi:Traslado Base="300.00" Impuesto="002" TipoFactor="Tasa" TasaOCuota="0.160000" Importe="48.00"/>
 </cfdi:Traslados></cfdi:Impuestos>
</cfdi:Comprobante>"""

_EGRESO: Final = f"""
<cfdi:Comprobante {_DECLARED} Version="4.0" Fecha="2026-03-09T09:00:00" FormaPago="03" {_SEAL} SubTotal="100.00"
 Moneda="MXN" Total="116.00" TipoDeComprobante="E" Exportacion="01" MetodoPago="PUE" LugarExpedicion="06700">
 <cfdi:CfdiRelacionados TipoRelacion="01">
  <cfdi:CfdiRelacionado UUID="5FB2822E-396D-4725-8521-CDC4BDD20CCF"/>
 </cfdi:CfdiRelacionados>
 <cfdi:Emisor Rfc="EKU9003173C9" Nombre="ESCUELA KEMPER URGATE" RegimenFiscal="601"/>
 <cfdi:Receptor Rfc="URE180429TM6" Nombre="UNIVERSIDAD ROBOTICA ESPAÑOLA" DomicilioFiscalReceptor="86991"
  RegimenFiscalReceptor="601" UsoCFDI="G02"/>
 <cfdi:Conceptos>
  <cfdi:Concepto ClaveProdServ="84111506" Cantidad="1" ClaveUnidad="ACT" Descripcion="Descuento sobre factura"
   ValorUnitario="100.00" Importe="100.00" ObjetoImp="02">
   <cfdi:Impuestos><cfdi:Traslados>
    <cfdi:Traslado Base="100.00" Impuesto="002" TipoFactor="Tasa" TasaOCuota="0.160000" Importe="16.00"/>
   </cfdi:Traslados></cfdi:Impuestos>
  </cfdi:Concepto>
 </cfdi:Conceptos>
 <cfdi:Impuestos TotalImpuestosTrasladados="16.00"><cfdi:Traslados>
  <cfdi:Traslado Base="100.00" Impuesto="002" TipoFactor="Tasa" TasaOCuota="0.160000" Importe="16.00"/>
 </cfdi:Traslados></cfdi:Impuestos>
</cfdi:Comprobante>"""

_PAGO: Final = f"""
<cfdi:Comprobante {_DECLARED} Version="4.0" Fecha="2026-04-03T09:00:00" {_SEAL} SubTotal="0" Moneda="XXX" Total="0"
 TipoDeComprobante="P" Exportacion="01" LugarExpedicion="64000">
 <cfdi:Emisor Rfc="CACX7605101P8" Nombre="XOCHILT CASAS CHAVEZ" RegimenFiscal="612"/>
 <cfdi:Receptor Rfc="EKU9003173C9" Nombre="ESCUELA KEMPER URGATE" DomicilioFiscalReceptor="42501"
  RegimenFiscalReceptor="601" UsoCFDI="CP01"/>
 <cfdi:Conceptos>
  <cfdi:Concepto ClaveProdServ="84111506" Cantidad="1" ClaveUnidad="ACT" Descripcion="Pago" ValorUnitario="0"
   Importe="0" ObjetoImp="01"/>
 </cfdi:Conceptos>
 <cfdi:Complemento><pago20:Pagos Version="2.0">
  <pago20:Totales MontoTotalPagos="500.00"/>
  <pago20:Pago FechaPago="2026-03-20T12:00:00" FormaDePagoP="03" MonedaP="MXN" TipoCambioP="1" Monto="500.00">
   <pago20:DoctoRelacionado IdDocumento="5FB2822E-396D-4725-8521-CDC4BDD20CCF" MonedaDR="MXN" EquivalenciaDR="1"
    NumParcialidad="1" ImpSaldoAnt="500.00" ImpPagado="500.00" ImpSaldoInsoluto="0.00" ObjetoImpDR="01"/>
  </pago20:Pago>
 </pago20:Pagos></cfdi:Complemento>
</cfdi:Comprobante>"""

_COBRO: Final = f"""
<cfdi:Comprobante {_DECLARED} Version="4.0" Fecha="2026-04-03T09:00:00" {_SEAL} SubTotal="0" Moneda="XXX" Total="0"
 TipoDeComprobante="P" Exportacion="01" LugarExpedicion="64000">
 <cfdi:Emisor Rfc="CACX7605101P8" Nombre="XOCHILT CASAS CHAVEZ" RegimenFiscal="612"/>
 <cfdi:Receptor Rfc="EKU9003173C9" Nombre="ESCUELA KEMPER URGATE" DomicilioFiscalReceptor="42501"
  RegimenFiscalReceptor="601" UsoCFDI="CP01"/>
 <cfdi:Conceptos>
  <cfdi:Concepto ClaveProdServ="84111506" Cantidad="1" ClaveUnidad="ACT" Descripcion="Pago" ValorUnitario="0"
   Importe="0" ObjetoImp="01"/>
 </cfdi:Conceptos>
 <cfdi:Complemento><pago20:Pagos Version="2.0">
  <pago20:Totales TotalRetencionesISR="444.44" TotalTrasladosBaseIVA16="4546.10" TotalTrasladosImpuestoIVA16="727.38"
   TotalTrasladosBaseIVA0="886.52" TotalTrasladosImpuestoIVA0="0.00" TotalTrasladosBaseIVAExento="4444.44"
   MontoTotalPagos="11000.00"/>
  <pago20:Pago FechaPago="2026-03-20T12:00:00" FormaDePagoP="03" MonedaP="MXN" TipoCambioP="1" Monto="9000.00"
   NumOperacion="T-1" RfcEmisorCtaOrd="BBA830831LJ2" CtaOrdenante="012345678901234567"
   RfcEmisorCtaBen="BBA830831LJ2" CtaBeneficiario="012345678901234567" TipoCadPago="01" CertPago="AA==" CadPago="x"
   SelloPago="AA==">
   <pago20:DoctoRelacionado IdDocumento="5FB2822E-396D-4725-8521-CDC4BDD20CCF" MonedaDR="MXN" EquivalenciaDR="1"
    NumParcialidad="1" ImpSaldoAnt="9000.00" ImpPagado="4000.00" ImpSaldoInsoluto="5000.00" ObjetoImpDR="02">
    <pago20:ImpuestosDR><pago20:RetencionesDR>
     <pago20:RetencionDR BaseDR="4444.444444" ImpuestoDR="001" TipoFactorDR="Tasa" TasaOCuotaDR="0.100000"
      ImporteDR="444.444444"/>
    </pago20:RetencionesDR><pago20:TrasladosDR>
     <pago20:TrasladoDR BaseDR="4444.444444" ImpuestoDR="002" TipoFactorDR="Exento"/>
    </pago20:TrasladosDR></pago20:ImpuestosDR>
   </pago20:DoctoRelacionado>
   <pago20:DoctoRelacionado IdDocumento="6FB2822E-396D-4725-8521-CDC4BDD20CCF" MonedaDR="MXN" EquivalenciaDR="1"
    NumParcialidad="1" ImpSaldoAnt="11280.00" ImpPagado="5000.00" ImpSaldoInsoluto="6280.00" ObjetoImpDR="02">
    <pago20:ImpuestosDR><pago20:TrasladosDR>
     <pago20:TrasladoDR BaseDR="3546.099291" ImpuestoDR="002" TipoFactorDR="Tasa" TasaOCuotaDR="0.160000"
      ImporteDR="567.375887"/>
     <pago20:TrasladoDR BaseDR="886.524823" ImpuestoDR="002" TipoFactorDR="Tasa" TasaOCuotaDR="0.000000"
      ImporteDR="0.000000"/>
    </pago20:TrasladosDR></pago20:ImpuestosDR>
   </pago20:DoctoRelacionado>
   <pago20:ImpuestosP><pago20:RetencionesP>
    <pago20:RetencionP ImpuestoP="001" ImporteP="444.444444"/>
   </pago20:RetencionesP><pago20:TrasladosP>
    <pago20:TrasladoP BaseP="4444.444444" ImpuestoP="002" TipoFactorP="Exento"/>
    <pago20:TrasladoP BaseP="3546.099291" ImpuestoP="002" TipoFactorP="Tasa" TasaOCuotaP="0.160000"
     ImporteP="567.375887"/>
    <pago20:TrasladoP BaseP="886.524823" ImpuestoP="002" TipoFactorP="Tasa" TasaOCuotaP="0.000000"
     ImporteP="0.000000"/>
   </pago20:TrasladosP></pago20:ImpuestosP>
  </pago20:Pago>
  <pago20:Pago FechaPago="2026-03-25T12:00:00" FormaDePagoP="01" MonedaP="USD" TipoCambioP="20.000000" Monto="100.00">
   <pago20:DoctoRelacionado IdDocumento="7FB2822E-396D-4725-8521-CDC4BDD20CCF" MonedaDR="MXN"
    EquivalenciaDR="20.0000000000" NumParcialidad="2" ImpSaldoAnt="1160.00" ImpPagado="1160.00" ImpSaldoInsoluto="0.00"
    ObjetoImpDR="02">
    <pago20:ImpuestosDR><pago20:TrasladosDR>
     <pago20:TrasladoDR BaseDR="1000.000000" ImpuestoDR="002" TipoFactorDR="Tasa" TasaOCuotaDR="0.160000"
      ImporteDR="160.000000"/>
    </pago20:TrasladosDR></pago20:ImpuestosDR>
   </pago20:DoctoRelacionado>
   <pago20:DoctoRelacionado IdDocumento="8FB2822E-396D-4725-8521-CDC4BDD20CCF" MonedaDR="USD" EquivalenciaDR="1"
    NumParcialidad="1" ImpSaldoAnt="42.00" ImpPagado="42.00" ImpSaldoInsoluto="0.00" ObjetoImpDR="01"/>
   <pago20:ImpuestosP><pago20:TrasladosP>
    <pago20:TrasladoP BaseP="50.000000" ImpuestoP="002" TipoFactorP="Tasa" TasaOCuotaP="0.160000" ImporteP="8.000000"/>
   </pago20:TrasladosP></pago20:ImpuestosP>
  </pago20:Pago>
 </pago20:Pagos></cfdi:Complemento>
</cfdi:Comprobante>"""

_TRASLADO: Final = f"""
<cfdi:Comprobante {_DECLARED} Version="4.0" Fecha="2026-03-05T10:15:00" {_SEAL} SubTotal="0" Moneda="XXX" Total="0"
 TipoDeComprobante="T" Exportacion="01" LugarExpedicion="64000">
 <cfdi:Emisor Rfc="EKU9003173C9" Nombre="ESCUELA KEMPER URGATE" RegimenFiscal="601"/>
 <cfdi:Receptor Rfc="EKU9003173C9" Nombre="ESCUELA KEMPER URGATE" DomicilioFiscalReceptor="42501"
  RegimenFiscalReceptor="601" UsoCFDI="S01"/>
 <cfdi:Conceptos>
  <cfdi:Concepto ClaveProdServ="51101500" Cantidad="10" ClaveUnidad="H87" Descripcion="Medicamento" ValorUnitario="0"
   Importe="0" ObjetoImp="01"/>
 </cfdi:Conceptos>
</cfdi:Comprobante>"""

_EXTRANJERO: Final = f"""
<cfdi:Comprobante {_DECLARED} Version="4.0" Fecha="2026-03-05T10:15:00" FormaPago="03" {_SEAL} SubTotal="50.00"
 Moneda="USD" TipoCambio="17.523400" Total="50.00" TipoDeComprobante="I" Exportacion="02" MetodoPago="PUE"
 LugarExpedicion="64000">
 <cfdi:Emisor Rfc="EKU9003173C9" Nombre="ESCUELA KEMPER URGATE" RegimenFiscal="601"/>
 <cfdi:Receptor Rfc="XEXX010101000" Nombre="JOHN SMITH" DomicilioFiscalReceptor="64000" ResidenciaFiscal="USA"
  NumRegIdTrib="121585958" RegimenFiscalReceptor="616" UsoCFDI="S01"/>
 <cfdi:Conceptos>
  <cfdi:Concepto ClaveProdServ="42311500" NoIdentificacion="V-1" Cantidad="5" ClaveUnidad="H87" Descripcion="Vendas"
   ValorUnitario="10.00" Importe="50.00" ObjetoImp="01">
   <cfdi:ACuentaTerceros RfcACuentaTerceros="EXT990101NI1" NombreACuentaTerceros="PLATAFORMA"
    RegimenFiscalACuentaTerceros="616" DomicilioFiscalACuentaTerceros="64000"/>
   <cfdi:Parte ClaveProdServ="42311500" Cantidad="2.0" Descripcion="Venda" ValorUnitario="5.00" Importe="10.00"/>
  </cfdi:Concepto>
 </cfdi:Conceptos>
 <cfdi:Complemento>
  <cce20:ComercioExterior Version="2.0" ClaveDePedimento="A1" CertificadoOrigen="0" Incoterm="FOB"
   TipoCambioUSD="17.523400" TotalUSD="50.00">
   <cce20:Emisor><cce20:Domicilio Calle="HIDALGO" Estado="NLE" Pais="MEX" CodigoPostal="64000"/></cce20:Emisor>
   <cce20:Receptor><cce20:Domicilio Calle="MAIN ST" Estado="TX" Pais="USA" CodigoPostal="78040"/></cce20:Receptor>
   <cce20:Mercancias><cce20:Mercancia NoIdentificacion="V-1" ValorDolares="50.00"/></cce20:Mercancias>
  </cce20:ComercioExterior>
 </cfdi:Complemento>
</cfdi:Comprobante>"""

_IMPORTADO: Final = f"""
<cfdi:Comprobante {_DECLARED} Version="4.0" Fecha="2026-03-05T10:15:00" FormaPago="03" {_SEAL} SubTotal="100.00"
 Moneda="MXN" TipoCambio="1" Total="116.00" TipoDeComprobante="I" Exportacion="01" MetodoPago="PUE"
 LugarExpedicion="64000">
 <cfdi:Emisor Rfc="EKU9003173C9" Nombre="ESCUELA KEMPER URGATE" RegimenFiscal="601"/>
 <cfdi:Receptor Rfc="URE180429TM6" Nombre="UNIVERSIDAD ROBOTICA ESPAÑOLA" DomicilioFiscalReceptor="86991"
  RegimenFiscalReceptor="601" UsoCFDI="G01"/>
 <cfdi:Conceptos>
  <cfdi:Concepto ClaveProdServ="42311500" Cantidad="1" ClaveUnidad="XBX" Descripcion="Caja de vendas"
   ValorUnitario="100.00" Importe="100.00" ObjetoImp="02">
   <cfdi:Impuestos><cfdi:Traslados>
    <cfdi:Traslado Base="100.00" Impuesto="002" TipoFactor="Tasa" TasaOCuota="0.160000" Importe="16.00"/>
   </cfdi:Traslados></cfdi:Impuestos>
   <cfdi:ACuentaTerceros RfcACuentaTerceros="JES900109Q90" NombreACuentaTerceros="JIMENEZ ESTRADA SALAS"
    RegimenFiscalACuentaTerceros="601" DomicilioFiscalACuentaTerceros="37161"/>
   <cfdi:InformacionAduanera NumeroPedimento="15  48  3009  0001234"/>
   <cfdi:Parte ClaveProdServ="42311500" Cantidad="10" Descripcion="Venda" ValorUnitario="10.00" Importe="100.00">
    <cfdi:InformacionAduanera NumeroPedimento="15  48  3009  0001234"/>
   </cfdi:Parte>
  </cfdi:Concepto>
 </cfdi:Conceptos>
 <cfdi:Impuestos TotalImpuestosTrasladados="16.00"><cfdi:Traslados>
  <cfdi:Traslado Base="100.00" Impuesto="002" TipoFactor="Tasa" TasaOCuota="0.160000" Importe="16.00"/>
 </cfdi:Traslados></cfdi:Impuestos>
</cfdi:Comprobante>"""

DOCUMENTS: Final = {
    "factura": _FACTURA,
    "paciente": _PACIENTE,
    "global": _GLOBAL,
    "egreso": _EGRESO,
    "pago": _PAGO,
    "cobro": _COBRO,
    "traslado": _TRASLADO,
    "extranjero": _EXTRANJERO,
    "importado": _IMPORTADO,
}


def document(name: str) -> etree._Element:
    """A fresh tree of one of the sound documents."""
    return etree.fromstring(DOCUMENTS[name].strip().encode())


def find(root: etree._Element, path: str) -> etree._Element:
    """The element at `path` (prefixes of NAMESPACES, from the root); fails when there is none."""
    found = root if path == "." else root.find(path, NAMESPACES)
    assert found is not None, path
    return found


def put(path: str, **attributes: str | None) -> Spoil:
    """Writes attributes at `path`; None takes one away."""

    def spoil(root: etree._Element) -> None:
        node = find(root, path)
        for name, value in attributes.items():
            if value is None:
                del node.attrib[name]
            else:
                node.set(name, value)

    return spoil


def drop(path: str) -> Spoil:
    """Takes away the node at `path`."""

    def spoil(root: etree._Element) -> None:
        node = find(root, path)
        parent = node.getparent()
        assert parent is not None
        parent.remove(node)

    return spoil


def add(path: str, xml: str, *, at: int | None = None) -> Spoil:
    """Puts a child, written with the prefixes of NAMESPACES, into the node at `path`: last, or at a position."""

    def spoil(root: etree._Element) -> None:
        node = find(root, path)
        child = etree.fromstring(f"<x {_DECLARED}>{xml}</x>")[0]
        node.insert(len(node) if at is None else at, child)

    return spoil


def both(*spoils: Spoil) -> Spoil:
    """Several changes as one."""

    def spoil(root: etree._Element) -> None:
        for each in spoils:
            each(root)

    return spoil


def nothing(root: etree._Element) -> None:
    """Leaves the document as it is."""

"""Codes outside of the matrices: SAT's generic ones, those of an acuse, the PACs' own, and ours.

Sources: SAT's numbers as every PAC publishes them (docs/operacion/pac.md); Finkok: its wiki's tables of incidencias and
of cancellation; SW: developers.sw.com.mx, "Códigos de error"; ours: docs/sat/reglas.md.
"""

from __future__ import annotations

from typing import Final

from emite.cfdi.meanings.base import ACCOUNT, BUILT, CONSTANCIA, CSD, DATA, ISSUER, SAT, WAIT, Cure, Meaning, Who

_Rows = tuple[tuple[str, str, str, Cure], ...]

CREDITS: Final = Cure("Compre timbres al PAC: lo que espera se timbra solo en cuanto haya.", Who.ADMINISTRATOR)
MANIFEST: Final = Cure(
    "Firme la carta manifiesto con la e.firma del emisor en la página del PAC y anótelo en «Proveedor de certificación "
    "(PAC)». Aquí nunca se pide la e.firma.",
    Who.TAXPAYER,
)
BEFORE_AGAIN: Final = Cure("Consulte cómo está en el SAT antes de pedir otra cancelación.", Who.DESK)
FIRST_OTHERS: Final = Cure("Cancele primero los documentos que lo nombran y vuelva a pedirla.", Who.DESK)
ELSEWHERE: Final = Cure("Compruebe el archivo con quien lo emitió: así no se puede recibir.", Who.DESK)
SAME: Final = Cure("Use el RFC del anticipo, o corrija antes la factura del anticipo.", Who.RECEPTOR)
LOOK: Final = Cure("Revíselo: ningún PAC lo rechaza, pero suele ser un error.", Who.DESK)


def _table(rows: _Rows) -> dict[str, Meaning]:
    return {code: cure.of(what, field) for code, field, what, cure in rows}


GENERIC: Final[dict[str, Meaning]] = _table(
    (
        ("301", "", "El documento no cumple el esquema del SAT", BUILT),
        ("302", "Sello", "El sello no se pudo comprobar", BUILT),
        ("303", "Certificado", "El certificado no es del emisor", CSD),
        ("304", "Certificado", "El certificado de sello está revocado o caduco", CSD),
        ("305", "Certificado", "La fecha está fuera de la vigencia del certificado", CSD),
        ("306", "Certificado", "El certificado no es de sello digital (CSD)", CSD),
        ("307", "", "El PAC ya lo había timbrado", WAIT),
        ("308", "Certificado", "El certificado no lo expidió el SAT", CSD),
        ("310", "Certificado", "El certificado con que se firmó no sirve para cancelar", CSD),
        ("401", "Fecha", "La fecha tiene más de 72 horas o está en el futuro", WAIT),
        ("402", "Emisor Rfc", "El emisor no está en la lista del SAT (LCO)", SAT),
        ("403", "Fecha", "La fecha es anterior a 2011", BUILT),
        ("404", "Fecha", "La fecha va adelante del reloj del PAC", WAIT),
    )
)

ACUSE: Final[dict[str, Meaning]] = _table(
    (
        ("201", "", "El SAT recibió la solicitud de cancelación", WAIT),
        ("202", "", "La cancelación ya se había pedido", WAIT),
        ("203", "RfcEmisor", "El comprobante es de otro emisor", DATA),
        ("204", "", "El SAT dice que no es cancelable: otro comprobante vivo lo nombra", FIRST_OTHERS),
        ("205", "UUID", "El SAT todavía no encuentra el comprobante", WAIT),
        ("206", "UUID", "El comprobante no es del sector primario", BUILT),
        ("207", "Motivo", "El motivo no vale para el SAT", DATA),
        ("208", "FolioSustitucion", "El comprobante que sustituye no es válido para el SAT", DATA),
        ("209", "FolioSustitucion", "Sobra el comprobante que sustituye", DATA),
        ("210", "", "Ya pasó el plazo para cancelarlo", SAT),
        ("211", "", "Se pasó el límite de cancelaciones de la factura global", SAT),
        ("212", "FolioSustitucion", "El comprobante nuevo no está relacionado con el que sustituye", DATA),
        ("708", "", "El PAC no pudo hablar con el SAT", WAIT),
        ("711", "Certificado", "El PAC no pudo usar el certificado de la solicitud", CSD),
        ("NOCANCELA", "", "El SAT lo tiene como «No cancelable»: otro comprobante vivo depende de él", FIRST_OTHERS),
        ("798", "", "Ya hay una solicitud de cancelación; otra se puede pedir a las 72 horas", BEFORE_AGAIN),
        ("799", "", "Se usaron las cinco solicitudes de cancelación de este comprobante", SAT),
    )
)

FINKOK: Final[dict[str, Meaning]] = _table(
    (
        ("300", "", "Finkok no aceptó el usuario o la contraseña", ACCOUNT),
        ("603", "", "Finkok no tiene un timbre de este documento", WAIT),
        ("701", "Emisor Rfc", "El RFC emisor está suspendido en la cuenta de Finkok", ACCOUNT),
        ("702", "Emisor Rfc", "El RFC emisor no está registrado en la cuenta de Finkok", ACCOUNT),
        ("703", "", "La cuenta de Finkok está suspendida", ACCOUNT),
        ("705", "", "Finkok no acepta la estructura del documento", BUILT),
        ("707", "", "El documento ya lleva un timbre", BUILT),
        ("709", "", "Finkok no pudo crear el sello en ese momento", WAIT),
        ("712", "NoCertificado", "El número de certificado no es el del certificado", BUILT),
        ("718", "", "La cuenta de Finkok no tiene timbres", CREDITS),
        ("719", "NoCertificado", "El certificado no es del RFC emisor en Finkok", ACCOUNT),
        ("720", "NoCertificado", "El RFC emisor no tiene certificado activo en Finkok", ACCOUNT),
        ("738", "", "Finkok no acepta los espacios de nombres del documento", BUILT),
        ("740", "", "Finkok no tiene la carta manifiesto firmada de este RFC", MANIFEST),
    )
)

SWSAPIEN: Final[dict[str, Meaning]] = _table(
    (
        ("AU2000", "", "SW no aceptó el usuario o la contraseña", ACCOUNT),
        ("AU2003", "", "SW no tiene la carta manifiesto firmada de este RFC", MANIFEST),
        ("AU4000", "", "SW no reconoció la sesión", WAIT),
        ("AU4101", "", "SW no recibió la sesión", WAIT),
        ("CFDI3307", "", "La clave ya se usó con otro documento", BUILT),
        ("CO1000", "", "SW tuvo un error que no describe", WAIT),
        ("CO1001", "Complemento", "SW no reconoce un complemento", BUILT),
        ("CO1002", "Complemento", "A un complemento le falta su espacio de nombres", BUILT),
        ("CO1003", "Complemento", "A un complemento le falta su esquema", BUILT),
        ("CO1004", "Complemento", "El espacio de nombres de un complemento está fuera de lugar", BUILT),
        ("CO1005", "Complemento", "El esquema de un complemento está fuera de lugar", BUILT),
        ("CC2001", "Complemento", "Un complemento no está vigente", BUILT),
        ("CC3001", "schemaLocation", "El esquema del comprobante falta o no es válido", BUILT),
        ("CC3002", "xmlns:cfdi", "El espacio de nombres no es el de la versión", BUILT),
    )
)

OWN: Final[dict[str, Meaning]] = _table(
    (
        ("EMI-ACUSE", "", "El acuse recibido no corresponde a la solicitud", WAIT),
        ("EMI-CUARENTENA", "", "Se restauró un respaldo y todavía no se timbra", WAIT),
        ("EMI-FALTA", "", "Falta algo para poder sellar", ISSUER),
        ("EMI-MANIFIESTO", "", "Falta registrar la carta manifiesto del emisor con el PAC", MANIFEST),
        ("EMI-TFD", "", "El timbre recibido no corresponde al documento", WAIT),
        ("EMI001", "", "Un dato lleva un carácter que no cabe en un CFDI", DATA),
        ("EMI002", "", "Un importe o una cantidad no tiene la forma debida", DATA),
        ("EMI003", "NoCertificado", "El número no es el del certificado", BUILT),
        ("EMI004", "Rfc", "El anticipo de esta cuenta se facturó a otro RFC", SAME),
        ("EMI101", "Rfc", "El dígito verificador del RFC no concuerda", LOOK),
        ("EMI102", "Nombre", "El nombre termina en un régimen de capital", CONSTANCIA),
        ("EMI103", "Nombre", "El nombre lleva minúsculas", CONSTANCIA),
        ("EMI104", "Nombre", "«PUBLICO EN GENERAL» no está escrito así", LOOK),
        ("EMI105", "InformacionGlobal", "Trae información global y no es al público en general", LOOK),
        ("EMI106", "FormaPago", "Pagada (PUE) con forma de pago 99", LOOK),
        ("EMI107", "MetodoPago", "Falta la forma o el método de pago", LOOK),
        ("EMI108", "Importe", "El importe no es cantidad por valor unitario, aunque cabe en los límites", LOOK),
        ("EMI109", "Impuestos", "Falta la parte exenta en el resumen", LOOK),
        ("EMI110", "TipoRelacion", "Esa relación es de otro tipo de comprobante", LOOK),
        ("EMI120", "Complemento", "Trae un complemento que no se revisa aquí", LOOK),
        ("EMI201", "Complemento", "El timbre está incompleto, repetido o fuera de lugar", ELSEWHERE),
        ("EMI202", "SelloCFD", "El timbre no es de este sello", ELSEWHERE),
        ("EMI203", "SelloSAT", "El sello del SAT no se comprueba", ELSEWHERE),
        ("EMI210", "", "El archivo pasa de 8 MB", ELSEWHERE),
        ("EMI211", "", "El archivo no tiene timbre", ELSEWHERE),
        ("EMI212", "NoCertificadoSAT", "No se conoce el certificado del PAC que lo timbró", LOOK),
        ("EMI213", "TipoDeComprobante", "El CFDI no es una factura de ingreso", ELSEWHERE),
        ("EMI214", "Emisor Rfc", "El CFDI es de otro emisor", ELSEWHERE),
        ("EMI215", "Receptor Rfc", "El CFDI es para otro receptor", ELSEWHERE),
        ("EMI216", "Moneda", "El CFDI no está en pesos", ELSEWHERE),
        ("EMI217", "MetodoPago", "El CFDI no es por pagar (PPD, 99)", ELSEWHERE),
        ("EMI218", "Total", "Los importes no son los de los servicios", ELSEWHERE),
        ("EMI219", "Folio", "El folio no es el número de control acordado", LOOK),
        ("EMI220", "", "El SAT dice que el CFDI está cancelado", ELSEWHERE),
        ("EMI221", "", "El SAT no confirmó que el CFDI está vigente", WAIT),
        ("EMI222", "UUID", "Ese CFDI ya está registrado aquí", ELSEWHERE),
        ("EMI230", "", "Falta un dato que pide el pagador en cada servicio", DATA),
        ("EMI231", "Emisor Rfc", "El complemento es de otro emisor", ELSEWHERE),
        ("EMI232", "Receptor Rfc", "El complemento es para otro RFC", ELSEWHERE),
        ("EMI233", "DoctoRelacionado", "El complemento no paga lo que se registró", ELSEWHERE),
        ("EMI234", "TipoDeComprobante", "El archivo no es un complemento de pago (tipo P)", ELSEWHERE),
    )
)

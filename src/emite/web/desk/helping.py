"""Help of each page, short: what it is for and what to do when something is missing. By the section's name."""

from __future__ import annotations

from typing import Final

HELP: Final[dict[str, tuple[str, ...]]] = {
    "inicio": (
        "Aquí está lo que necesita a alguien hoy y, debajo, las remisiones. Busque por folio, paciente, importe, "
        "fecha o los últimos dígitos de la tarjeta; la tecla / lleva al buscador.",
        "Una remisión sin factura se puede facturar en línea con el código del ticket, o aquí en caja.",
    ),
    "nueva": (
        "Elija un servicio de la lista de precios o escriba uno libre con su clave del SAT y su impuesto. "
        "Al guardar puede cobrar e imprimir.",
        "El ticket lleva al final el enlace, el código y el QR con que el paciente se factura solo.",
    ),
    "anticipo": (
        "Un anticipo es dinero que se deja antes de saber qué se va a prestar o cuánto va a costar. Tiene su propia "
        "factura; luego paga parte de la cuenta y, ya facturada, una nota lo descuenta sola.",
        "Si el precio ya se conoce no es un anticipo sino un pago: cóbrelo en la remisión.",
    ),
    "importar": (
        "Las remisiones que otro sistema ya cobró, en un archivo: «Revisar» dice renglón por renglón qué corregir y "
        "cuánto suman, sin cambiar nada.",
        "Al importar se pueden imprimir sus tickets, para que cada paciente se facture con su código.",
    ),
    "complementos": (
        "Cada pago de una factura «por pagar después» (PPD) necesita su complemento, a más tardar el día 5 del mes "
        "siguiente. Aquí están los que faltan, el más urgente primero.",
        "Lo que se cobra en las cajas de una de esas facturas aparece solo; el complemento se ve antes de timbrarlo.",
    ),
    "cierre": (
        "Lo que se pagó y nadie pidió facturar va en la factura global, a más tardar 24 horas después del cierre.",
        "Una remisión que un paciente está facturando en ese momento no entra; tampoco una que debe dinero.",
    ),
    "lista": (
        "Cada punto dice si ya está y, si falta, qué hacer y en qué página. Cuando todos los indispensables están en "
        "verde, el hospital puede timbrar y sus pacientes facturarse solos.",
        "Los ámbar no impiden trabajar, pero conviene resolverlos.",
    ),
    "activacion": (
        "El portal empieza apagado. Un administrador solicita la activación y soporte la aprueba o explica por qué no; "
        "a los dos les llega un correo y todo queda en la bitácora.",
        "Sin portal se sigue facturando en caja y por la API.",
    ),
    "vinculo": (
        "El usuario facturador confirma una vez su contraseña y desde entonces el portal emite en su nombre. "
        "El portal no guarda esa contraseña: solo quién la confirmó y cuándo.",
        "Si esa persona pierde el permiso o se va, el portal se detiene hasta que otra lo vincule.",
    ),
    "personas": (
        "El administrador configura; el facturador y el cajero cobran; consulta solo ve. Emitir facturas es un permiso "
        "aparte, que se da a cada quien.",
        "Quien se da de baja pierde el acceso en ese momento. Siempre queda al menos un administrador.",
    ),
    "cajas": (
        "Una caja con «Facturación web» solo lleva el control de lo que facturan los pacientes en el portal: no recibe "
        "pagos ni tiene apertura, cierre o arqueo, y no detiene al portal.",
        "Las demás cajas reciben los pagos.",
    ),
    "emisor": (
        "Los datos fiscales, tal como están en la Constancia de Situación Fiscal, y el certificado de sello (CSD). "
        "No es la e.firma: el CSD se tramita en el portal del SAT con Certifica.",
        "La contraseña de la llave se usa una vez y no se guarda.",
    ),
    "pac": (
        "El PAC es quien timbra las facturas ante el SAT. Con la cuenta de pruebas nada tiene valor fiscal; con la "
        "real, los administradores entran con su segundo paso.",
        "«Probar conexión» pregunta al PAC si acepta la cuenta, sin timbrar nada.",
    ),
    "portal": (
        "Lo que facturaron los pacientes solos, registrado en la caja de facturación web: desde aquí se consulta, se "
        "reenvía y se cancela.",
    ),
    "precios": (
        "Cada servicio lleva su clave y unidad del SAT y su impuesto: lo que se cobra con él sale así en la factura. "
        "Un cambio de precio vale desde la siguiente remisión.",
        "Un archivo se importa completo o no se importa: antes de guardar se ve renglón por renglón qué corregir.",
    ),
    "solicitudes": (
        "Lo que un paciente o un sistema no pudo terminar: plazo vencido, rechazo del SAT, datos que no coinciden. "
        "Cada una dice por qué y desde cuándo; «Facturar» lleva a la factura con lo ya escrito.",
    ),
    "cortes": (
        "Una caja se abre con su fondo y se cierra contando lo que hay. La diferencia queda escrita, no se corrige.",
        "La caja de facturación web no se abre ni se cierra.",
    ),
    "mejoras": (
        "Los días cuentan desde la emisión de la remisión: 0 es ese mismo día, 3 hasta el final del tercer día "
        "siguiente, y vacío apaga el portal. Pasado el plazo se factura en caja.",
        "El logo pesa a lo más 20 KB para que el portal abra rápido en cualquier teléfono.",
    ),
    "integraciones": (
        "Si otro sistema cobra, con una llave puede enviar sus remisiones y recibir enlace, código y QR.",
        "Dé a cada sistema su propia llave, con los permisos que usa y nada más.",
    ),
    "avisos": (
        "Son los mismos que llegan por correo a quienes administran: qué pasa, desde cuándo y cómo se arregla.",
        "No se cierran a mano: se quitan solos unos minutos después de que el problema queda resuelto.",
    ),
    "bitacora": (
        "Quién hizo qué y cuándo. Nada se borra ni se cambia: cada renglón lleva la huella del anterior, así que "
        "quitar o alterar uno rompe la cadena y «Verificar» dice dónde.",
        "Guarde de vez en cuando la última huella: con ella se prueba que tampoco falta el final.",
    ),
    "tablero": (
        "Las cifras de los días y la caja que elija. Lo pagado y sin facturar está por el tiempo que le queda en el "
        "portal: lo que nadie pida entra en la factura global.",
        "Cada tabla se descarga para Excel. «Descargar el mes» da al contador todos los XML y PDF con su índice.",
    ),
    "segundo-paso": (
        "Además de la contraseña se pide un código de seis números que cambia cada medio minuto en su teléfono. "
        "Sirve cualquier aplicación de códigos (TOTP).",
        "Guarde los códigos de recuperación fuera del teléfono: cada uno sirve una vez.",
    ),
    "soporte": (
        "Aquí se aprueban las activaciones de los hospitales, se dan de alta organizaciones y se lee la bitácora de "
        "todas. Lo que decida lo lee el hospital, con su motivo.",
    ),
}

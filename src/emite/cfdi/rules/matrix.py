"""SAT's lists of codes for CFDI 4.0 and Pagos 2.0, and which of them only a PAC can judge, with the reason.

The rules themselves are in the modules beside this one; a test proves that no code is forgotten.
"""

from __future__ import annotations

from typing import Final

# Source: SAT, "Matriz de errores CFDI 4.0", 13 December 2024: rows 1-122 are numbered without gaps, rows 123-127 carry
# SAT's odd prefix CFDI140, and row 128 is the unclassified error.
MATRIX: Final[tuple[str, ...]] = (
    *(f"CFDI{number}" for number in range(40101, 40223)),
    *(f"CFDI{number}" for number in range(140223, 140228)),
    "CFDI40999",
    # Source: SAT, "Matriz de errores CRP 2.0 revisión B", 15 December 2023: 23 of the envelope, 79 of the complement.
    *(f"CRP{number}" for number in range(20101, 20124)),
    *(f"CRP{number}" for number in range(20201, 20280)),
    "CRP20999",
)

_LRFC: Final = "Necesita la lista de RFC inscritos no cancelados (LRFC), que solo el SAT y los PAC consultan completa."
_LCO: Final = "Necesita la lista de contribuyentes obligados (LCO), que solo el SAT y los PAC consultan completa."
_CONFIRMACION: Final = "El procedimiento de la clave de confirmación no está en vigor (guía de llenado del Anexo 20)."
_MARK: Final = "Necesita la marca de retención del RFC del emisor en la LRFC, que solo el SAT y los PAC conocen."

LEFT_TO_PAC: Final[dict[str, str]] = {
    "CFDI40118": f"Compara el tipo de cambio con un rango. {_CONFIRMACION}",
    "CFDI40120": f"Compara el total con un límite. {_CONFIRMACION}",
    "CFDI40127": _CONFIRMACION,
    "CFDI40128": _CONFIRMACION,
    "CFDI40129": _CONFIRMACION,
    "CFDI40138": _LRFC,
    "CFDI40139": _LRFC,
    "CFDI40142": "El número de operación lo entrega el servicio de facturación a través del adquirente.",
    "CFDI40143": _LRFC,
    "CFDI40144": _LRFC,
    "CFDI40145": _LRFC,
    "CFDI40147": _LRFC,
    "CFDI40148": _LRFC,
    "CFDI40156": "El patrón del registro tributario por país es una columna de c_Pais que no tenemos.",
    "CFDI40163": "El complemento que exige cada clave es una columna de c_ClaveProdServ que no tenemos.",
    "CFDI40164": "Los impuestos que exige cada clave son columnas de c_ClaveProdServ que no tenemos.",
    "CFDI40187": _LCO,
    "CFDI40189": _LRFC,
    "CFDI40190": _LRFC,
    "CFDI40192": _LRFC,
    "CFDI40193": _LRFC,
    "CFDI40194": "Aduanas, patentes y numeración por año son catálogos aduaneros que no tenemos.",
    "CFDI140224": _MARK,
    "CFDI140225": _MARK,
    "CFDI40999": "Es el error que el PAC usa cuando ningún otro aplica.",
    "CRP20216": f"Compara el tipo de cambio con un rango. {_CONFIRMACION}",
    "CRP20220": f"Compara el monto con un límite. {_CONFIRMACION}",
    "CRP20222": _LRFC,
    "CRP20275": "Dice cómo se calculan los límites de CRP20276: lo pagado está siempre entre los suyos.",
    "CRP20277": "Dice con qué equivalencia se calculan los límites de CRP20276: ningún campo puede incumplirla.",
    "CRP20999": "Es el error que el PAC usa cuando ningún otro aplica.",
}

"""What the portal says of each uso and régimen, in a line a patient understands. SAT's own texts: `cfdi.codes`.

Source: LISR 151-I (medical expenses a person may deduct, and never those paid in cash), guía de llenado del Anexo 20.
"""

from __future__ import annotations

from typing import Final

CASH: Final = "01"
#: Régimenes of persons who declare no personal deductions.
NO_PERSONAL_DEDUCTIONS: Final = frozenset({"616", "621", "626"})

USO_MEANS: Final[dict[str, str]] = {
    "G01": "Para mercancía que tu negocio va a vender.",
    "G02": "Para devoluciones, descuentos o bonificaciones. Casi nunca es el que se necesita aquí.",
    "G03": "Para un gasto de tu negocio o actividad.",
    "I01": "Para una inversión en construcciones.",
    "I02": "Para mobiliario y equipo de oficina de tu negocio.",
    "I03": "Para equipo de transporte de tu negocio.",
    "I04": "Para equipo de cómputo de tu negocio.",
    "I05": "Para moldes, troqueles y herramental.",
    "I06": "Para comunicaciones telefónicas.",
    "I07": "Para comunicaciones satelitales.",
    "I08": "Para otra maquinaria y equipo.",
    "D01": "Para tu declaración anual: médicos, dentistas y hospital, tuyos o de tu familia directa.",
    "D02": "Para tu declaración anual: gastos médicos por incapacidad o discapacidad.",
    "D03": "Para tu declaración anual: gastos funerarios.",
    "D04": "Para tu declaración anual: donativos. No es el de un servicio médico.",
    "D05": "Para tu declaración anual: intereses de un crédito hipotecario.",
    "D06": "Para tu declaración anual: aportaciones voluntarias al SAR.",
    "D07": "Para tu declaración anual: la prima de un seguro de gastos médicos, no el deducible ni el copago.",
    "D08": "Para tu declaración anual: transporte escolar obligatorio.",
    "D09": "Para tu declaración anual: cuentas de ahorro y planes de pensión.",
    "D10": "Para tu declaración anual: colegiaturas.",
    "S01": "Solo quieres tu comprobante: no vas a deducir este gasto.",
}


def cost_of(uso: str, regimen: str, forma_pago: str) -> str:
    """What will not be deductible and why, or "": a warning, never a reason to stop."""
    if uso.startswith("D") and forma_pago == CASH:
        return (
            "Pagaste en efectivo: el SAT no acepta como deducción personal un gasto médico pagado así. "
            "Tu factura se emite igual."
        )
    if uso == "S01" and regimen in NO_PERSONAL_DEDUCTIONS:
        return "Con este régimen el SAT no permite deducir gastos médicos personales. Tu factura se emite igual."
    return ""


def wait(seconds: int) -> str:
    """`unos segundos`, `3 minutos`, `1 hora`: how long to wait, rounded up."""
    if seconds <= 50:
        return "unos segundos"
    minutes = -(-seconds // 60)
    if minutes < 60:
        return "1 minuto" if minutes == 1 else f"{minutes} minutos"
    hours = -(-minutes // 60)
    return "1 hora" if hours == 1 else f"{hours} horas"

"""Rules on CfdiRelacionados: CFDI40137."""

from __future__ import annotations

from emite.cfdi.rules.comprobante import in_catalogue
from emite.cfdi.rules.registry import Finding, rule
from emite.cfdi.rules.view import Documento


@rule("CFDI40137", each="relacion", at="/@TipoRelacion")
def tipo_relacion_en_catalogo(d: Documento, tipo: str | None) -> Finding:
    """TipoRelacion is in c_TipoRelacion."""
    return in_catalogue("TipoRelacion", tipo, "c_TipoRelacion")

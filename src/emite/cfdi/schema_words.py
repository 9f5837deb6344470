"""The words for what libxml2 finds wrong by SAT's XSD: in Spanish, with an xpath and, if a rule owns it, its code.

Running the schema is `schema.py`'s work.
"""

from __future__ import annotations

import re
from typing import Any, Final

from lxml import etree

from emite.cfdi.faults import Fault
from emite.cfdi.rules.numbers import not_positive
from emite.cfdi.xml import CFDI

_C: Final = f"{{{CFDI}}}"
_R: Final = "/cfdi:Comprobante"
_CONCEPTO: Final = f"{_R}/cfdi:Conceptos/cfdi:Concepto"
_TRASLADO: Final = f"{_CONCEPTO}/cfdi:Impuestos/cfdi:Traslados/cfdi:Traslado"
_RETENCION: Final = f"{_CONCEPTO}/cfdi:Impuestos/cfdi:Retenciones/cfdi:Retencion"
_RESUMEN: Final = f"{_R}/cfdi:Impuestos"
_PARTE: Final = f"{_CONCEPTO}/cfdi:Parte"
_PAGO: Final = f"{_R}/cfdi:Complemento/pago20:Pagos/pago20:Pago"
_DOCTO: Final = f"{_PAGO}/pago20:DoctoRelacionado"
_RETENCION_DR: Final = f"{_DOCTO}/pago20:ImpuestosDR/pago20:RetencionesDR/pago20:RetencionDR"
_TRASLADO_DR: Final = f"{_DOCTO}/pago20:ImpuestosDR/pago20:TrasladosDR/pago20:TrasladoDR"
_RETENCION_P: Final = f"{_PAGO}/pago20:ImpuestosP/pago20:RetencionesP/pago20:RetencionP"
_TRASLADO_P: Final = f"{_PAGO}/pago20:ImpuestosP/pago20:TrasladosP/pago20:TrasladoP"

# Attributes whose bad value a rule of the matrix owns: a key out of its catalogue, or the pattern of Fecha.
_VALUE_OWNERS: Final[dict[str, str]] = {
    f"{_R}/@Fecha": "CFDI40101",
    f"{_R}/@FormaPago": "CFDI40104",
    f"{_R}/@Moneda": "CFDI40113",
    f"{_R}/@TipoDeComprobante": "CFDI40121",
    f"{_R}/@Exportacion": "CFDI40123",
    f"{_R}/@MetodoPago": "CFDI40124",
    f"{_R}/@LugarExpedicion": "CFDI40126",
    f"{_R}/cfdi:InformacionGlobal/@Periodicidad": "CFDI40131",
    f"{_R}/cfdi:InformacionGlobal/@Meses": "CFDI40133",
    f"{_R}/cfdi:CfdiRelacionados/@TipoRelacion": "CFDI40137",
    f"{_R}/cfdi:Emisor/@RegimenFiscal": "CFDI40140",
    f"{_R}/cfdi:Receptor/@ResidenciaFiscal": "CFDI40150",
    f"{_R}/cfdi:Receptor/@RegimenFiscalReceptor": "CFDI40157",
    f"{_R}/cfdi:Receptor/@UsoCFDI": "CFDI40160",
    f"{_CONCEPTO}/@ClaveProdServ": "CFDI40162",
    f"{_CONCEPTO}/@ClaveUnidad": "CFDI40165",
    f"{_CONCEPTO}/@ObjetoImp": "CFDI40170",
    f"{_TRASLADO}/@Impuesto": "CFDI40175",
    f"{_TRASLADO}/@TipoFactor": "CFDI40176",
    f"{_RETENCION}/@Impuesto": "CFDI40182",
    f"{_RETENCION}/@TipoFactor": "CFDI40183",
    f"{_CONCEPTO}/cfdi:ACuentaTerceros/@RegimenFiscalACuentaTerceros": "CFDI40191",
    f"{_PARTE}/@ClaveProdServ": "CFDI40196",
    f"{_PARTE}/cfdi:InformacionAduanera/@NumeroPedimento": "CFDI40199",
    f"{_RESUMEN}/cfdi:Retenciones/cfdi:Retencion/@Impuesto": "CFDI40207",
    f"{_RESUMEN}/cfdi:Traslados/cfdi:Traslado/@Impuesto": "CFDI40217",
    f"{_DOCTO}/@ObjetoImpDR": "CRP20245",
    f"{_RETENCION_DR}/@ImpuestoDR": "CRP20250",
    f"{_RETENCION_DR}/@TipoFactorDR": "CRP20251",
    f"{_TRASLADO_DR}/@ImpuestoDR": "CRP20256",
    f"{_TRASLADO_DR}/@TipoFactorDR": "CRP20257",
    f"{_RETENCION_P}/@ImpuestoP": "CRP20262",
    f"{_TRASLADO_P}/@ImpuestoP": "CRP20270",
}
# Amounts where a rule owns the zero or the minus sign, and nothing else.
_SIGN_OWNERS: Final[dict[str, str]] = {
    f"{_CONCEPTO}/@ValorUnitario": "CFDI40166",
    f"{_TRASLADO}/@Base": "CFDI40174",
    f"{_TRASLADO}/@TasaOCuota": "CFDI40179",
    f"{_RETENCION}/@Base": "CFDI40181",
    f"{_RETENCION}/@TasaOCuota": "CFDI40185",
    f"{_PARTE}/@ValorUnitario": "CFDI40197",
    f"{_RESUMEN}/cfdi:Traslados/cfdi:Traslado/@TasaOCuota": "CFDI40219",
    f"{_PAGO}/@Monto": "CRP20218",
    f"{_DOCTO}/@ImpSaldoAnt": "CRP20239",
    f"{_DOCTO}/@ImpPagado": "CRP20241",
    f"{_DOCTO}/@ImpSaldoInsoluto": "CRP20244",
    f"{_RETENCION_DR}/@BaseDR": "CRP20249",
    f"{_RETENCION_DR}/@TasaOCuotaDR": "CRP20253",
    f"{_TRASLADO_DR}/@BaseDR": "CRP20255",
    f"{_TRASLADO_DR}/@TasaOCuotaDR": "CRP20260",
    f"{_TRASLADO_P}/@TasaOCuotaP": "CRP20272",
}
_REFUSED: Final = "que el SAT no admite: corríjalo."
_TIPO_CAMBIO: Final = f"{_R}/@TipoCambio"
_ANIO: Final = f"{_R}/cfdi:InformacionGlobal/@Año"
# Elements that may repeat: their place is always written, even when there is one.
_REPEATED: Final = frozenset(
    f"{_C}{name}"
    for name in (
        "CfdiRelacionados",
        "CfdiRelacionado",
        "Concepto",
        "Traslado",
        "Retencion",
        "InformacionAduanera",
        "CuentaPredial",
        "Parte",
    )
)
_MESSAGE: Final = re.compile(
    r"Element '(?:\{[^}]*\})?(?P<element>[^']+)'(?:, attribute '(?P<attribute>[^']+)')?: (?P<rest>.*)", re.DOTALL
)
_NAMED: Final = re.compile(r"The attribute '([^']+)'")
_EXPECTED: Final = re.compile(r"Expected is (?:one of )?\((.*)\)")
_WANTS: Final = {
    "SCHEMAV_CVC_ENUMERATION_VALID": "que no está en el catálogo del SAT: elija una clave vigente.",
    "SCHEMAV_CVC_PATTERN_VALID": "que no tiene la forma que pide el SAT: revíselo.",
    "SCHEMAV_CVC_LENGTH_VALID": "que no tiene el número de caracteres que pide el SAT: revíselo.",
    "SCHEMAV_CVC_MINLENGTH_VALID": "que es demasiado corto: complételo o, si es opcional, quite el campo.",
    "SCHEMAV_CVC_MAXLENGTH_VALID": "que es demasiado largo: abrévielo.",
    "SCHEMAV_CVC_MININCLUSIVE_VALID": "que es menor de lo que admite el SAT: corríjalo.",
    "SCHEMAV_CVC_MAXINCLUSIVE_VALID": "que es mayor de lo que admite el SAT: corríjalo.",
    "SCHEMAV_CVC_MINEXCLUSIVE_VALID": "que es menor de lo que admite el SAT: corríjalo.",
    "SCHEMAV_CVC_FRACTIONDIGITS_VALID": "que tiene demasiados decimales: redondéelo.",
    "SCHEMAV_CVC_TOTALDIGITS_VALID": "que tiene demasiados dígitos: revíselo.",
    "SCHEMAV_CVC_AU": "y el SAT pide otro valor fijo: corríjalo.",
}


def place_of(node: etree._Element) -> str:
    """The xpath of an element, with SAT's prefixes whatever the document's are, and its place among its equals."""
    steps: list[str] = []
    step: etree._Element | None = node
    while step is not None:
        name = etree.QName(step)
        prefix = "cfdi" if name.namespace == CFDI else step.prefix
        text = f"{prefix}:{name.localname}" if prefix else name.localname
        before = sum(1 for _ in step.itersiblings(str(step.tag), preceding=True))
        alone = not before and next(step.itersiblings(str(step.tag)), None) is None
        if step.tag in _REPEATED or not alone:
            text += f"[{before + 1}]"
        steps.append(text)
        step = step.getparent()
    return "/" + "/".join(reversed(steps))


def is_owned(xpath: str) -> bool:
    """True when a rule of the matrix owns the values of that attribute."""
    return _bare(xpath) in _VALUE_OWNERS


def owner_fault(xpath: str, attribute: str, value: str) -> Fault:
    """The fault of a bad value with the code of the rule that owns the attribute."""
    return Fault(_VALUE_OWNERS[_bare(xpath)], _bad_value(attribute, value, _REFUSED), xpath)


def translate(tree: etree._Element, error: Any) -> Fault:
    """A fault from an entry of libxml2's log, for a tree that has just been validated."""
    node = _node(tree, error.path)
    match = _MESSAGE.match(error.message)
    if match is None:
        return Fault("301", "El documento no cumple el esquema del SAT: revise su estructura.", place_of(node))
    kind, rest, attribute = error.type_name, match["rest"], match["attribute"]
    if kind in ("SCHEMAV_CVC_COMPLEX_TYPE_4", "SCHEMAV_CVC_COMPLEX_TYPE_3_2_1", "SCHEMAV_CVC_COMPLEX_TYPE_3_2_2"):
        named = _NAMED.search(rest)
        attribute = named[1] if named else attribute
    xpath = place_of(node) + (f"/@{attribute}" if attribute else "")
    if kind == "SCHEMAV_CVC_COMPLEX_TYPE_4":
        return Fault("301", f"Falta el campo {attribute} en {match['element']}: es obligatorio.", xpath)
    if kind.startswith("SCHEMAV_CVC_COMPLEX_TYPE_3_2"):
        return Fault("301", f"El campo {attribute} no existe en {match['element']}: quítelo.", xpath)
    if attribute:
        return _about_value(node, attribute, xpath, kind)
    return Fault("301", _about_element(match["element"], kind, rest), xpath)


def _about_value(node: etree._Element, attribute: str, xpath: str, kind: str) -> Fault:
    value = node.get(attribute) or ""
    if code := _owner(_bare(xpath), value, node):
        return Fault(code, _bad_value(attribute, value, _WANTS.get(kind, _REFUSED)), xpath)
    wanted = _WANTS.get(kind, "que no es un valor válido: corríjalo.")
    return Fault("301", _bad_value(attribute, value, wanted), xpath)


def _owner(bare: str, value: str, node: etree._Element) -> str | None:
    if bare in _VALUE_OWNERS:
        return _VALUE_OWNERS[bare]
    if bare in _SIGN_OWNERS and not_positive(value):
        if bare == f"{_CONCEPTO}/@ValorUnitario" and node.getroottree().getroot().get("TipoDeComprobante") in (
            "T",
            "P",
        ):
            return None
        return _SIGN_OWNERS[bare]
    if bare == _TIPO_CAMBIO and not re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,6})?", value.strip()):
        return "CFDI40117"
    if bare == _ANIO and re.fullmatch(r"-?[0-9]{1,9}", value.strip()):
        return "CFDI40136"
    return None


def _about_element(element: str, kind: str, rest: str) -> str:
    expected = _EXPECTED.search(rest)
    names = _names(expected[1]) if expected else ""
    if kind == "SCHEMAV_ELEMENT_CONTENT" and rest.startswith("Missing child"):
        return f"Al nodo {element} le falta un nodo hijo{f' ({names})' if names else ''}: agréguelo."
    if kind == "SCHEMAV_ELEMENT_CONTENT":
        if names:
            return f"El nodo {element} no va en ese lugar; el SAT espera {names}: revise el orden y los nombres."
        return f"El nodo {element} no va en ese lugar o se repite: quítelo o muévalo."
    if "wildcard" in rest or "No matching global" in rest:
        return f"El nodo {element} no existe en el complemento que publica el SAT: revise su nombre."
    if "content" in rest:
        return f"El nodo {element} trae texto o nodos que no debe llevar: quítelos."
    return f"El nodo {element} no cumple el esquema del SAT: revíselo."


def _names(expected: str) -> str:
    return ", ".join(part.strip().rpartition("}")[2] for part in expected.split(",") if part.strip())


def _bad_value(attribute: str, value: str, wanted: str) -> str:
    if not value.strip():
        return f"El campo {attribute} está vacío: escriba su valor o, si es opcional, quítelo."
    shown = value if len(value) <= 40 else value[:40] + "…"
    return f"El campo {attribute} tiene «{shown}», {wanted}"


def _node(tree: etree._Element, path: str | None) -> etree._Element:
    """The element that libxml2's path names; the root when the path cannot be followed."""
    if not path:
        return tree
    prefixes: dict[str, str] = {}
    for node in tree.iter(etree.Element):
        for prefix, namespace in node.nsmap.items():
            if prefix is not None:
                prefixes.setdefault(prefix, namespace)
        if len(prefixes) > 20:
            break
    try:
        found = tree.xpath(path, namespaces=prefixes)
    except etree.XPathEvalError:
        return tree
    return found[0] if isinstance(found, list) and found and isinstance(found[0], etree._Element) else tree


def _bare(xpath: str) -> str:
    return re.sub(r"\[\d+\]", "", xpath)

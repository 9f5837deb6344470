"""The offline rules of SAT's matrices (CFDI 4.0, Pagos 2.0), run over a document: sealed or not, ours or foreign.

The schema is `cfdi/schema.py`, the seal `cfdi/seal.py`; what only a PAC can judge is named in LEFT_TO_PAC.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from lxml import etree

from emite.cfdi import seal
from emite.cfdi.comprobante import Sums
from emite.cfdi.faults import Fault, Severity
from emite.cfdi.rules import (  # noqa: F401 - importing a module declares its rules
    comprobante,
    conceptos,
    emisor,
    importes,
    impuestos,
    impuestos_concepto,
    informacion_global,
    pagos_documento,
    pagos_impuestos,
    pagos_pago,
    pagos_sobre,
    propias,
    receptor,
    relacionados,
    terceros,
)
from emite.cfdi.rules.matrix import LEFT_TO_PAC, MATRIX
from emite.cfdi.rules.pagos_view import PagoNode
from emite.cfdi.rules.registry import Aviso, declared, rules_for
from emite.cfdi.rules.view import CFDI, Concepto, Documento, read

__all__ = ["LEFT_TO_PAC", "MATRIX", "RULES", "check"]

# Each code with the functions that look for it. The seal and the certificate are checked apart, when there is a seal.
RULES: Final[dict[str, tuple[Callable[..., Any], ...]]] = {
    **{
        code: tuple(found.function for found in declared() if found.code == code)
        for code in sorted({found.code for found in declared()})
    },
    "CFDI40102": (seal.verify,),
    "CFDI40106": (seal.verify,),
}

_DOCUMENTO: Final = rules_for("documento")
_RELACION: Final = rules_for("relacion")
_CONCEPTO: Final = rules_for("concepto")
_TRASLADO: Final = rules_for("traslado")
_CONCEPTO_KIND: Final = rules_for("concepto", "kind")
_TRASLADO_KIND: Final = rules_for("traslado", "kind")
_RETENCION_KIND: Final = rules_for("retencion", "kind")
_CONCEPTO_AMOUNTS: Final = rules_for("concepto", "all")
_TRASLADO_AMOUNTS: Final = rules_for("traslado", "all")
_RETENCION: Final = rules_for("retencion")
_TERCERO: Final = rules_for("tercero")
_ADUANA: Final = rules_for("aduana")
_PARTE: Final = rules_for("parte")
_PARTE_ADUANA: Final = rules_for("parte_aduana")
_RESUMEN_TRASLADO: Final = rules_for("resumen_traslado")
_RESUMEN_RETENCION: Final = rules_for("resumen_retencion")
_PAGOS: Final = rules_for("pagos")
_PAGO: Final = rules_for("pago")
_DOCTO: Final = rules_for("docto")
_RETENCION_DR: Final = rules_for("retencion_dr")
_TRASLADO_DR: Final = rules_for("traslado_dr")
_RETENCION_P: Final = rules_for("retencion_p")
_TRASLADO_P: Final = rules_for("traslado_p")

_Rules = tuple[tuple[str, str, Callable[..., Any]], ...]


def check(
    root: etree._Element,
    *,
    tipo_check: Literal["emit", "foreign"] = "emit",
    now: datetime | None = None,
    sums: Sums | None = None,
) -> list[Fault]:
    """Every fault of a cfdi:Comprobante 4.0 that the matrix lets one find without SAT's lists, in document order.

    "emit" is for what we are about to seal; "foreign" for what others made, where a doubt of SAT's text is an AVISO.
    With `now` (aware) Fecha is also compared with the clock of its place. Never raises on a document that broke the
    XSD: what cannot be read is that fault's, and the rules that need it stay silent. `sums` are those of the document
    when `root` has but one of each kind of its concepts.
    """
    faults: list[Fault] = []
    if root.tag != f"{CFDI}Comprobante":
        return [Fault("301", "El documento no es un CFDI 4.0: su raíz debe ser cfdi:Comprobante.", "/")]
    kinds = _Kinds()
    d = read(root, kinds.check, foreign=tipo_check == "foreign", now=now)
    if sums is not None:
        d.add_up_to(sums)
    for code, at, function in _DOCUMENTO:
        finding = function(d)
        if finding:
            faults.append(_fault(code, finding, at))
    for path, tipo in d.relaciones:
        _run(_RELACION, d, tipo, path, faults)
    faults += kinds.faults
    if d.impuestos is not None:
        for tax in d.impuestos.retenciones:
            _run(_RESUMEN_RETENCION, d, tax, tax.path, faults)
        for tax in d.impuestos.traslados:
            _run(_RESUMEN_TRASLADO, d, tax, tax.path, faults)
    if d.pagos is not None:
        _run(_PAGOS, d, d.pagos, "", faults)
        for pago in d.pagos.pagos:
            _check_pago(d, pago, faults)
    return faults


def _check_pago(d: Documento, pago: PagoNode, faults: list[Fault]) -> None:
    _run(_PAGO, d, pago, pago.path, faults)
    for docto in pago.doctos:
        _run(_DOCTO, d, docto, docto.path, faults)
        _run_each(_RETENCION_DR, d, docto.retenciones, faults)
        _run_each(_TRASLADO_DR, d, docto.traslados, faults)
    for rules, taxes in ((_RETENCION_P, pago.retenciones), (_TRASLADO_P, pago.traslados)):
        for tax in taxes:
            for code, at, function in rules:
                finding = function(d, pago, tax)
                if finding:
                    faults.append(_fault(code, finding, tax.path + at))


class _Kinds:
    """The concepts of one document: what depends on their kind alone is asked once for each kind."""

    __slots__ = ("faults", "sound")

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.sound: dict[tuple[object, ...], bool] = {}

    def check(self, d: Documento, concepto: Concepto) -> None:
        kind = concepto.kind
        sound = self.sound.get(kind)
        if sound is None:
            sound = self.sound[kind] = _kind_is_sound(d, concepto)
        _check_concepto(d, concepto, self.faults, kind_is_sound=sound)


def _kind_is_sound(d: Documento, concepto: Concepto) -> bool:
    found: list[Fault] = []
    _run(_CONCEPTO_KIND, d, concepto, "", found)
    for tax in concepto.traslados:
        _run(_TRASLADO_KIND, d, tax, "", found)
    for tax in concepto.retenciones:
        _run(_RETENCION_KIND, d, tax, "", found)
    return not found


def _check_concepto(d: Documento, concepto: Concepto, faults: list[Fault], *, kind_is_sound: bool) -> None:
    for code, at, function in _CONCEPTO_AMOUNTS if kind_is_sound else _CONCEPTO:
        finding = function(d, concepto)
        if finding:
            faults.append(_fault(code, finding, concepto.path + at))
    rules = _TRASLADO_AMOUNTS if kind_is_sound else _TRASLADO
    for tax in concepto.traslados:
        for code, at, function in rules:
            finding = function(d, tax)
            if finding:
                faults.append(_fault(code, finding, tax.path + at))
    for tax in concepto.retenciones:
        _run(_RETENCION, d, tax, tax.path, faults)
    if concepto.tercero is not None:
        _run(_TERCERO, d, concepto.tercero, concepto.tercero.path, faults)
    _run_each(_ADUANA, d, concepto.pedimentos, faults)
    for parte in concepto.partes:
        _run(_PARTE, d, parte, parte.path, faults)
        _run_each(_PARTE_ADUANA, d, parte.pedimentos, faults)


def _run(rules: _Rules, d: Documento, node: object, path: str, faults: list[Fault]) -> None:
    for code, at, function in rules:
        finding = function(d, node)
        if finding:
            faults.append(_fault(code, finding, path + at))


def _run_each(rules: _Rules, d: Documento, nodes: Sequence[Any], faults: list[Fault]) -> None:
    for node in nodes:
        _run(rules, d, node, node.path, faults)


def _fault(code: str, finding: str, xpath: str) -> Fault:
    severity = Severity.AVISO if isinstance(finding, Aviso) else Severity.ERROR
    return Fault(code, str(finding), xpath, severity)

"""A CFDI that somebody else stamped, before it is relied on: what it says, and what is wrong with it.

A seal that verifies proves little: without the stamp, SAT's own word and the data that are expected it could be of
anybody. SAT's word is asked for elsewhere; here nothing is asked of anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from lxml import etree

from emite.cfdi import authorities as known_authorities
from emite.cfdi import check, seal, timbre
from emite.cfdi.authorities import Authority
from emite.cfdi.certificates import Certificate
from emite.cfdi.faults import Fault, Severity
from emite.cfdi.xml import CFDI, XmlRefused

#: An invoice of 5,000 services has 2 MB; what is larger than this is not read at all.
MAX_BYTES: Final = 8_000_000

_C: Final = f"{{{CFDI}}}"
_ROOT: Final = "/cfdi:Comprobante"


@dataclass(frozen=True, slots=True)
class Foreign:
    """What a stamped CFDI says of itself. Amounts as it writes them; `fecha` is local, without zone."""

    uuid: str
    tipo: str
    rfc_emisor: str
    rfc_receptor: str
    serie: str
    folio: str
    fecha: datetime
    lugar_expedicion: str
    sub_total: Decimal
    descuento: Decimal
    total: Decimal
    moneda: str
    metodo_pago: str
    forma_pago: str
    uso_cfdi: str
    sello: str
    root: etree._Element

    @property
    def last8(self) -> str:
        """What SAT's service asks of the seal."""
        return self.sello[-8:]


@dataclass(frozen=True, slots=True)
class Expected:
    """What the invoice of some services must say. `folio` is what was agreed; `linked` accepts another one."""

    rfc_emisor: str
    rfc_receptor: str
    sub_total: Decimal
    tolerance: Decimal
    folio: str
    linked: bool = False


def read(
    data: bytes, *, authorities: Iterable[Authority] = (), signers: Mapping[str, Certificate] | None = None
) -> tuple[Foreign | None, list[Fault]]:
    """What the bytes are and every fault of them: XML, schema, rules, seal, certificate chain, stamp.

    None when they are no stamped CFDI 4.0 at all; then there is one fault at least that is an ERROR. Stricter than
    `check.check_file`: a certificate of an unknown authority is an ERROR here, and so is a missing stamp.
    """
    known = tuple(authorities)
    if len(data) > MAX_BYTES:
        return None, [Fault("EMI210", f"El archivo es demasiado grande: el máximo son {MAX_BYTES:,} bytes.")]
    try:
        root = check.read(data)
        faults = check.check_file(data, authorities=known, signers=signers)
    except XmlRefused as refused:
        return None, [Fault("301", refused.message, "/")]
    faults = [*_of_unknown_authority(root, known), *(fault for fault in faults if fault.code != "308")]
    try:
        stamp = timbre.read(root)
    except timbre.StampInvalid:
        return None, faults  # EMI201 is among them
    if stamp is None:
        at = f"{_ROOT}/cfdi:Complemento"
        return None, [*faults, Fault("EMI211", "El CFDI no está timbrado: entregue el XML que devolvió el PAC.", at)]
    if stamp.no_certificado_sat not in (signers or {}):
        message = (
            f"El timbre es de un PAC cuyo certificado ({stamp.no_certificado_sat}) no está en esta instalación: su "
            "sello no se pudo comprobar aquí. Lo que vale es la respuesta del SAT."
        )
        faults.append(Fault("EMI212", message, f"{_ROOT}/cfdi:Complemento/tfd:TimbreFiscalDigital", Severity.AVISO))
    if any(fault.severity is Severity.ERROR for fault in faults):
        return _said_if_whole(root, stamp), faults
    return _said(root, stamp), faults


def against(foreign: Foreign, expected: Expected) -> list[Fault]:
    """What the invoice says otherwise than it was expected to: type, issuer, receiver, amount, method, folio."""
    found = [
        _unless(foreign.tipo == "I", "EMI213", "@TipoDeComprobante", "El CFDI no es de ingreso: no es una factura."),
        _unless(
            foreign.rfc_emisor == expected.rfc_emisor, "EMI214", "cfdi:Emisor/@Rfc",
            f"La factura la emitió {foreign.rfc_emisor}, y se registró como emisor a {expected.rfc_emisor}.",
        ),
        _unless(
            foreign.rfc_receptor == expected.rfc_receptor, "EMI215", "cfdi:Receptor/@Rfc",
            f"La factura es para {foreign.rfc_receptor}, y se registró como receptor a {expected.rfc_receptor}.",
        ),
        _unless(
            foreign.moneda == "MXN", "EMI216", "@Moneda", f"La factura está en {foreign.moneda}: debe estar en pesos."
        ),
        _unless(
            foreign.metodo_pago == "PPD" and foreign.forma_pago == "99", "EMI217", "@MetodoPago",
            f"La factura dice método {foreign.metodo_pago or 'vacío'} y forma {foreign.forma_pago or 'vacía'}: debe "
            "ser «Pago en parcialidades» (PPD) con «Por definir» (99).",
        ),
        _amount(foreign, expected),
        _folio(foreign, expected),
    ]  # fmt: skip
    return [fault for fault in found if fault is not None]


def names(foreign: Foreign, folio: str) -> bool:
    """Whether its series and folio are this one, written in any of the usual ways.

    A folio alone and a series alone name the same: the seal does not tell one from the other.
    """
    both = (foreign.serie, foreign.folio)
    return folio in {foreign.folio, "".join(both), "-".join(both), " ".join(both)} - {""} or folio == "".join(both)


def _amount(foreign: Foreign, expected: Expected) -> Fault | None:
    before_taxes = foreign.sub_total - foreign.descuento
    difference = before_taxes - expected.sub_total
    if abs(difference) <= expected.tolerance:
        return None
    return Fault(
        "EMI218",
        f"El SubTotal es de ${before_taxes:,.2f} y los servicios elegidos suman ${expected.sub_total:,.2f}: la "
        f"diferencia de ${abs(difference):,.2f} pasa de la tolerancia de ${expected.tolerance:,.2f}.",
        f"{_ROOT}/@SubTotal",
    )


def _folio(foreign: Foreign, expected: Expected) -> Fault | None:
    if names(foreign, expected.folio):
        return None
    written = f"{foreign.serie} {foreign.folio}".strip() or "ninguno"
    message = f"El folio de la factura es {written} y el No de Control Interno es {expected.folio}."
    if expected.linked:
        return Fault("EMI219", f"{message} Se ligaron a sabiendas.", f"{_ROOT}/@Folio", Severity.AVISO)
    return Fault("EMI219", f"{message} Si es la misma, marque que se ligan a sabiendas.", f"{_ROOT}/@Folio")


def _unless(good: bool, code: str, where: str, message: str) -> Fault | None:
    return None if good else Fault(code, message, f"{_ROOT}/{where}")


def _of_unknown_authority(root: etree._Element, known: tuple[Authority, ...]) -> list[Fault]:
    certificate = seal.certificate_of(root)
    if certificate is None or certificate.issued_by(known_authorities.known(known)):
        return []
    message = "El certificado del sello no lo expidió el SAT: no se puede confiar en esta factura."
    return [Fault("308", message, f"{_ROOT}/@Certificado")]


def _said_if_whole(root: etree._Element, stamp: timbre.Timbre) -> Foreign | None:
    """Of a document with faults: what it says if that can be read at all."""
    try:
        return _said(root, stamp)
    except (ValueError, ArithmeticError, AttributeError):
        return None


def _said(root: etree._Element, stamp: timbre.Timbre) -> Foreign:
    emisor, receptor = root.find(f"{_C}Emisor"), root.find(f"{_C}Receptor")
    if emisor is None or receptor is None:
        raise ValueError("a CFDI has an issuer and a receiver")
    return Foreign(
        uuid=stamp.uuid,
        tipo=root.get("TipoDeComprobante", ""),
        rfc_emisor=emisor.get("Rfc", ""),
        rfc_receptor=receptor.get("Rfc", ""),
        serie=root.get("Serie", ""),
        folio=root.get("Folio", ""),
        fecha=datetime.fromisoformat(root.get("Fecha", "")),
        lugar_expedicion=root.get("LugarExpedicion", ""),
        sub_total=Decimal(root.get("SubTotal", "")),
        descuento=Decimal(root.get("Descuento", "0")),
        total=Decimal(root.get("Total", "")),
        moneda=root.get("Moneda", ""),
        metodo_pago=root.get("MetodoPago", ""),
        forma_pago=root.get("FormaPago", ""),
        uso_cfdi=receptor.get("UsoCFDI", ""),
        sello=root.get("Sello", ""),
        root=root,
    )

"""The receptor's answer to a cancellation that an issuer asked for: the request signed with the receptor's CSD, and
SAT's acuse of it.

Same signature as a cancellation's (`cancelacion.py`). What a code entails is its caller's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from lxml import etree

from emite.cfdi import acuse
from emite.cfdi.acuse import AcuseInvalid
from emite.cfdi.cancelacion import CANCELA, RFC, UUID, CancelacionInvalid, enveloped, quoted, signer_of
from emite.cfdi.certificates import Certificate, Csd
from emite.cfdi.xml import XmlRefused, date_text, parse

RECEIVED: Final = "1000"
"""SAT has the answer."""
NOT_PENDING: Final = "1001"
"""Nobody asks to cancel this folio, or no longer."""
BEFORE: Final = "1002"
"""It was answered before."""
MEANINGS: Final = {
    RECEIVED: "El SAT recibió la respuesta.",
    NOT_PENDING: "El SAT no tiene una solicitud de cancelación en espera de respuesta para este folio.",
    BEFORE: "El SAT ya tenía una respuesta para esta solicitud.",
    "1003": "El certificado con que se firmó no es del RFC receptor.",
    "1004": "El SAT tiene más de una solicitud de cancelación para este folio: respóndala en su página.",
    "1005": "El folio fiscal no tiene la forma correcta.",
    "1006": "Se pasó el máximo de respuestas que el SAT admite de una vez.",
}
"""SAT's codes for each folio, as the manuals of its service for PACs list them."""

_ROOT: Final = "SolicitudAceptacionRechazo"
_ACUSE: Final = "AcuseAceptacionRechazo"
_NAMED: Final = f'<{_ACUSE} xmlns="{CANCELA}" '.encode()


class Respuesta(StrEnum):
    """SAT's two words."""

    ACCEPT = "Aceptacion"
    REJECT = "Rechazo"


@dataclass(frozen=True, slots=True)
class SolicitudRespuesta:
    """What is signed. `fecha` is the receptor's local time, without zone; `pac` the RFC of the PAC that hands it in."""

    rfc_receptor: str
    pac: str
    fecha: datetime
    uuid: str
    respuesta: str


def sign(request: SolicitudRespuesta, csd: Csd) -> bytes:
    """The signed answer. Raises CancelacionInvalid for what SAT would refuse, or a certificate of somebody else."""
    if RFC.fullmatch(request.rfc_receptor) is None or RFC.fullmatch(request.pac) is None:
        raise CancelacionInvalid("RfcReceptor or RfcPacEnviaSolicitud is no RFC")
    if UUID.fullmatch(request.uuid) is None:
        raise CancelacionInvalid("UUID is no folio fiscal in capitals")
    if request.respuesta not in set(Respuesta):
        raise CancelacionInvalid(f"there is no answer {request.respuesta!r}")
    if csd.certificate.rfc != request.rfc_receptor:
        raise CancelacionInvalid("the certificate is not the receptor's")
    body = (
        f'<{_ROOT} xmlns="{CANCELA}" Fecha="{date_text(request.fecha)}" RfcPacEnviaSolicitud={quoted(request.pac)}'
        f" RfcReceptor={quoted(request.rfc_receptor)}><Folios><UUID>{request.uuid}</UUID>"
        f"<Respuesta>{request.respuesta}</Respuesta></Folios></{_ROOT}>"
    )
    return enveloped(body.encode(), csd)


def verify(data: bytes) -> tuple[SolicitudRespuesta, Certificate]:
    """The answer and the certificate that signed it, whoever issued that. Raises CancelacionInvalid."""
    try:
        root = parse(data)
    except XmlRefused as refused:
        raise CancelacionInvalid(refused.message) from None
    folios = root.findall(f"{{{CANCELA}}}Folios")
    if root.tag != f"{{{CANCELA}}}{_ROOT}" or len(folios) != 1:
        raise CancelacionInvalid(f"the document is no {_ROOT} of one folio")
    try:
        fecha = datetime.fromisoformat(root.get("Fecha", ""))
    except ValueError:
        raise CancelacionInvalid("Fecha is no date") from None
    uuid, word = (folios[0].findtext(f"{{{CANCELA}}}{name}", "") for name in ("UUID", "Respuesta"))
    pac, rfc = root.get("RfcPacEnviaSolicitud", ""), root.get("RfcReceptor", "")
    return SolicitudRespuesta(rfc, pac, fecha, uuid.upper(), word), signer_of(root)


def read_acuse(data: bytes, asked: SolicitudRespuesta) -> Mapping[str, str]:
    """EstatusUUID by UUID (capitals) of the acuse of exactly this answer. Raises AcuseInvalid."""
    root = _acuse(data)
    if etree.QName(root).localname != _ACUSE or etree.QName(root).namespace not in (CANCELA, None):
        raise AcuseInvalid(f"the document is no {_ACUSE}")
    if root.get("RfcReceptor") != asked.rfc_receptor:
        raise AcuseInvalid("the acuse is of another receptor")
    codes = acuse.codes_of(root)
    words = {node.get("Respuesta") for node in root.iterchildren(f"{{{CANCELA}}}Folios")}
    if set(codes) != {asked.uuid} or words != {asked.respuesta}:
        raise AcuseInvalid("the acuse does not speak of what was answered")
    try:
        acuse.require_whole(root)
    except AcuseInvalid:
        # SAT seals the root in its namespace; what PACs hand on has been seen without the declaration.
        if etree.QName(root).namespace is not None:
            raise
        acuse.require_whole(_acuse(data.replace(f"<{_ACUSE} ".encode(), _NAMED, 1)))
    return codes


def build_acuse(asked: SolicitudRespuesta, fecha: datetime, code: str, secret: bytes) -> bytes:
    """An acuse as SAT makes it, signed with a secret of nobody: for the sandbox and for tests."""
    return acuse.sealed(
        f'<{_ACUSE} xmlns="{CANCELA}" CodEstatus="{RECEIVED}" Fecha="{date_text(fecha)}" RfcPac={quoted(asked.pac)}'
        f" RfcReceptor={quoted(asked.rfc_receptor)}><Folios Respuesta={quoted(asked.respuesta)}>"
        f"<UUID>{asked.uuid}</UUID><EstatusUUID>{code}</EstatusUUID></Folios></{_ACUSE}>",
        secret,
    )


def _acuse(data: bytes) -> etree._Element:
    try:
        return parse(data)
    except XmlRefused as refused:
        raise AcuseInvalid(refused.message) from None
